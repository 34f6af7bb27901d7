// A client keeps its origin, on the wire: by a signed cookie, its address or a header; and what becomes of it when that
// origin fails, drains or is off.
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { get, type IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { afterAll, beforeAll, beforeEach, describe, expect, it, test } from 'vitest'
import { type Asked, ask, reply } from './support/cache.ts'
import { startGateway, type TestGateway } from './support/gateway.ts'
import { startOrigin, type TestOrigin } from './support/origin.ts'

const ids = ['a', 'b', 'c'] as const
type Id = (typeof ids)[number]
type Told = Record<string, string>

let origins: Record<Id, TestOrigin>
let gateway: TestGateway

/** A pool for each kind of affinity, on a path of its own; `states` by the origin's id. */
function configuration(states: Partial<Record<Id, object>> = {}): object {
  const pool = (affinity: object) => ({
    origins: ids.map((id) => ({ id, url: origins[id].url, ...states[id] })),
    policy: 'round-robin',
    affinity,
  })
  return {
    pools: {
      temporary: pool({}),
      sticky: pool({ onFailure: 'sticky' }),
      none: { ...pool({ onFailure: 'none' }), retry: { tries: 1 } },
      ip: pool({ by: 'ip' }),
      header: pool({ by: 'header:x-user', onFailure: 'none' }),
    },
    routes: [
      ...['temporary', 'sticky', 'none', 'ip', 'header'].map((name) => ({
        path: `/${name}/*`,
        pools: [name],
        cache: { mode: 'off' },
      })),
      { path: '/cached/*', pools: ['temporary'] },
      { path: '/forced/*', pools: ['temporary'], cache: { mode: 'force', ttlSeconds: 60 } },
    ],
    hotTier: { totalBytes: 0 },
  }
}

beforeAll(async () => {
  origins = Object.fromEntries(
    await Promise.all(ids.map(async (id) => [id, await startOrigin(() => undefined)])),
  ) as Record<Id, TestOrigin>
  gateway = await startGateway(configuration(), new URL('workers/places.ts', import.meta.url).pathname)
})

afterAll(async () => {
  await gateway?.close()
  await Promise.all(Object.values(origins).map((origin) => origin.close()))
})

/** The Cookie fields that have reached an origin. */
const cookies: (string | undefined)[] = []

function answerWith(fields: Told): void {
  for (const id of ids) {
    origins[id].handle = (request, response) => {
      cookies.push(request.headers.cookie)
      reply(response, id, fields)
    }
  }
}

/** All is well, and nobody knows of anything else. */
beforeEach(async () => {
  answerWith({})
  cookies.length = 0
  await gateway.configure(configuration())
})

const send = (path: string, headers: Told = {}): Promise<Asked> => ask(gateway.url + path, { headers })

/** The cookie of an answer as a client sends it back. */
const cookieOf = ({ headers }: Asked): string | undefined => headers.get('set-cookie')?.split(';')[0]

/** A new client, and the origin that keeps it. */
async function client(pool: string): Promise<{ id: Id; headers: Told }> {
  const first = await send(`/${pool}/x`)
  return { id: first.text as Id, headers: { cookie: cookieOf(first)! } }
}

async function answers(path: string, headers: Told, count = 4): Promise<string> {
  const texts = []
  for (let time = 0; time < count; time++) texts.push((await send(path, headers)).text)
  return texts.join('')
}

describe('the cookie', () => {
  it('keeps a client where it was first answered', async () => {
    const clients = []
    for (let index = 0; index < 3; index++) clients.push(await client('temporary'))
    expect(clients.map(({ id }) => id).sort()).toEqual(['a', 'b', 'c'])
    for (const { id, headers } of clients) expect(await answers('/temporary/x', headers)).toBe(id.repeat(4))
  })

  it('is for one host, out of reach of scripts, and tells nothing', async () => {
    const first = await send('/temporary/x')
    expect(first.headers.get('set-cookie')).toMatch(
      /^weir-affinity=[\w.~-]{60,100}; Path=\/; Max-Age=1800; HttpOnly; SameSite=Lax$/,
    )
    expect(first.headers.get('cache-control')).toBe('private')
    expect((await send('/temporary/x', { 'test-tls': '1' })).headers.get('set-cookie')).toMatch(
      /^__Host-weir-affinity=[\w.~-]{60,100}; Path=\/; Max-Age=1800; HttpOnly; SameSite=Lax; Secure$/,
    )
  })

  it('over TLS is heeded with its prefix alone, which no other host can set', async () => {
    const { id, headers } = await client('temporary')
    const value = headers.cookie!.split('=')[1]
    const over = (cookie: string) => answers('/temporary/x', { cookie, 'test-tls': '1' })
    expect(await over(`__Host-weir-affinity=${value}`)).toBe(id.repeat(4))
    expect(new Set(await over(`weir-affinity=${value}`)).size).toBeGreaterThan(1)
  })

  it('is set once, and reaches no origin', async () => {
    const { headers } = await client('temporary')
    const again = await send('/temporary/x', { cookie: `a=1; ${headers.cookie}; b="2,3"` })
    expect(again.headers.get('set-cookie')).toBeNull()
    await send('/temporary/x', headers)
    await send('/ip/x', headers)
    expect(cookies.slice(1)).toEqual(['a=1; b="2,3"', undefined, undefined])
  })

  it.each<[string, (cookie: string) => string]>([
    ['altered', (cookie) => cookie.replace(/.$/, (last) => (last === 'A' ? 'B' : 'A'))],
    ['made up', () => 'weir-affinity=1..P~A~zzzzzz.c2lnbmF0dXJl'],
    ['cut', (cookie) => cookie.slice(0, -10)],
    ['without a signature', (cookie) => cookie.slice(0, cookie.lastIndexOf('.'))],
    ['twice', (cookie) => `${cookie}; ${cookie}`],
    ['empty', () => 'weir-affinity='],
  ])('that is %s is ignored, and replaced', async (_, change) => {
    const { headers } = await client('temporary')
    const cookie = change(headers.cookie!)
    expect(new Set(await answers('/temporary/x', { cookie }, 3)).size).toBe(3)
    expect(cookieOf(await send('/temporary/x', { cookie }))).toMatch(/^weir-affinity=1\./)
  })

  it('of several pools is one', async () => {
    const first = await client('temporary')
    const both = await send('/sticky/x', first.headers)
    const headers = { cookie: cookieOf(both)! }
    expect(await answers('/temporary/x', headers)).toBe(first.id.repeat(4))
    expect(await answers('/sticky/x', headers)).toBe(both.text.repeat(4))
  })

  it('keeps the body of a POST, and what else it says', async () => {
    const { id, headers } = await client('temporary')
    let seen = ''
    origins[id].handle = async (request, response) => {
      for await (const piece of request) seen += piece
      reply(response, `${request.method} ${request.headers['content-length']}`, {})
    }
    const answer = await ask(`${gateway.url}/temporary/x`, { method: 'POST', headers, body: 'a=1&b=2' })
    expect([answer.text, seen]).toEqual(['POST 7', 'a=1&b=2'])
  })
})

test('a WebSocket opens at the origin that keeps its client, with a cookie for a new one', async () => {
  const sockets: Duplex[] = []
  for (const id of ids) {
    origins[id].server.removeAllListeners('upgrade').on('upgrade', (request, socket: Duplex) => {
      cookies.push(request.headers.cookie)
      const key = `${request.headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`
      const accept = createHash('sha1').update(key).digest('base64')
      socket.write(
        'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
          `Sec-WebSocket-Accept: ${accept}\r\nX-Origin: ${id}\r\n\r\n`,
      )
      // The server counts it no more, and would wait for it at the end.
      sockets.push(socket.on('error', () => undefined))
    })
  }
  const { id, headers } = await client('temporary')
  const upgrade = {
    connection: 'Upgrade',
    upgrade: 'websocket',
    'sec-websocket-version': '13',
    'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
  }
  const open = async (more: Told) => {
    const [response, socket] = (await once(
      get(`${gateway.url}/temporary/chat`, { headers: { ...upgrade, ...more } }),
      'upgrade',
    )) as [IncomingMessage, Duplex]
    socket.destroy()
    return response.headers
  }
  for (let time = 0; time < 3; time++) expect((await open(headers))['x-origin']).toBe(id)
  expect((await open({}))['set-cookie']).toHaveLength(1)
  expect(cookies.slice(1)).toEqual([undefined, undefined, undefined, undefined])
  for (const socket of sockets) socket.destroy()
})

describe('what is shared', () => {
  it('is stored without a cookie, and is a hit for who has one', async () => {
    const { headers } = await client('temporary')
    answerWith({ 'cache-control': 'max-age=60' })
    const first = await send('/cached/1', headers)
    expect(first.cache).toContain('stored')
    await expect.poll(async () => (await send('/cached/1', headers)).cache).toContain('hit')
    for (const answer of [first, await send('/cached/1'), await send('/cached/1', headers)]) {
      expect([answer.headers.get('set-cookie'), answer.headers.get('cache-control')]).toEqual([null, 'max-age=60'])
    }
  })

  it('has no cookie where a cache behind us may share it', async () => {
    answerWith({ 'cache-control': 'max-age=60' })
    expect((await send('/temporary/x')).headers.get('set-cookie')).toBeNull()
  })

  it('has none where the route alone says that it is stored', async () => {
    const answers = [await send('/forced/1'), await send('/forced/1')]
    expect(answers[0]?.cache).toContain('stored')
    for (const { headers } of answers) expect(headers.get('set-cookie')).toBeNull()
  })

  it.each<[what: string, path: string, status: number, cookies: number]>([
    ['has none where others wait for the same answer', '/forced/crowd', 200, 0],
    ['of a failure that others share, only who had begun to ask has one', '/cached/failing', 500, 1],
  ])('%s', async (_, path, status, count) => {
    const waiting = Promise.withResolvers<() => void>()
    for (const id of ids) {
      origins[id].handle = (_, response) => waiting.resolve(() => reply(response, id, {}, status))
    }
    const crowd = Array.from({ length: 10 }, () => send(path))
    const answerAll = await waiting.promise
    await new Promise((resolve) => setTimeout(resolve, 100))
    answerAll()
    const answers = await Promise.all(crowd)
    expect(answers.map((answer) => answer.status)).toEqual(crowd.map(() => status))
    expect(answers.filter(({ cache }) => cache.includes('collapsed'))).toHaveLength(9)
    expect(answers.flatMap(({ headers }) => headers.get('set-cookie') ?? [])).toHaveLength(count)
  })

  it('a route that is cached keeps its clients too, from the first answer that is their own', async () => {
    answerWith({ 'cache-control': 'private' })
    const first = await send('/cached/mine')
    const headers = { cookie: cookieOf(first)! }
    expect(first.headers.get('cache-control')).toBe('private')
    // What proved to be somebody's own is asked for alone.
    await expect.poll(async () => (await send('/cached/mine')).cache).toContain('detail=hit-for-miss')
    expect(await answers('/cached/mine', headers)).toBe(first.text.repeat(4))
  })
})

describe('its origin', () => {
  const fail = (id: Id) => (origins[id].handle = (request) => request.socket.destroy())
  const mend = (id: Id) => (origins[id].handle = (_, response) => reply(response, id, {}))

  test('temporary: another until it is back', async () => {
    const { id, headers } = await client('temporary')
    fail(id)
    const away = await answers('/temporary/x', headers, 6)
    expect(away).not.toContain(id)
    // Once it is known to fail, always the same.
    expect(new Set(away.slice(3)).size).toBe(1)
    expect(cookieOf(await send('/temporary/x', headers))).toBeUndefined()
    mend(id)
    await gateway.configure(configuration())
    expect(await answers('/temporary/x', headers)).toBe(id.repeat(4))
  })

  test('sticky: another for good', async () => {
    const { id, headers } = await client('sticky')
    fail(id)
    const other = await send('/sticky/x', headers)
    expect(other.text).not.toBe(id)
    mend(id)
    expect(await answers('/sticky/x', { cookie: cookieOf(other)! })).toBe(other.text.repeat(4))
  })

  test('none: an error, and when to come again', async () => {
    const { id, headers } = await client('none')
    fail(id)
    for (let time = 0; time < 3; time++) expect((await send('/none/x', headers)).status).toBe(503)
    const refused = await send('/none/x', headers)
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '5'])
    expect(JSON.parse(refused.text)).toMatchObject({ reason: 'affinity-origin' })
    expect((await send('/none/x')).status).toBe(200)
  })

  test.each<[pool: string, status: number]>([
    ['temporary', 200],
    ['sticky', 200],
    ['none', 503],
  ])('off, with %s', async (pool, status) => {
    const { id, headers } = await client(pool)
    await gateway.configure(configuration({ [id]: { state: 'off' } }))
    expect(await send(`/${pool}/x`, headers)).toMatchObject({ status, text: expect.not.stringMatching(`^${id}$`) })
    expect(origins[id].requests).toBeGreaterThan(0)
  })

  test('that drains keeps its clients, and gets no new ones', async () => {
    const { id, headers } = await client('temporary')
    await gateway.configure(configuration({ [id]: { state: 'drain' } }))
    expect(await answers('/temporary/x', headers)).toBe(id.repeat(4))
    expect(await answers('/temporary/x', {}, 6)).not.toContain(id)
  })

  test('that has been drained gets nothing, and its clients another for good', async () => {
    const { id, headers } = await client('temporary')
    const drained = { [id]: { state: 'drain', drainUntil: '2020-01-01T00:00:00Z' } }
    await gateway.configure(configuration(drained))
    const moved = await send('/temporary/x', headers)
    expect(moved.text).not.toBe(id)
    expect(await answers('/temporary/x', { cookie: cookieOf(moved)! })).toBe(moved.text.repeat(4))
  })
})

describe('without a cookie', () => {
  const ofAddress = (index: number) => ({ 'cf-connecting-ip': `192.0.2.${index}` })

  it('by address', async () => {
    const kept = []
    for (let index = 0; index < 12; index++) {
      const first = await send('/ip/x', ofAddress(index))
      expect(first.headers.get('set-cookie')).toBeNull()
      expect(await answers('/ip/x', ofAddress(index), 2)).toBe(first.text.repeat(2))
      kept.push(first.text)
    }
    expect(new Set(kept).size).toBe(3)
  })

  it('by a header; where it is absent, by none', async () => {
    const first = await send('/header/x', { 'x-user': 'ada' })
    expect(await answers('/header/x', { 'x-user': 'ada' })).toBe(first.text.repeat(4))
    expect(new Set(await answers('/header/x', {}, 3)).size).toBe(3)
  })

  it('an origin that goes moves its own clients alone', async () => {
    const before = []
    for (let index = 0; index < 12; index++) before.push((await send('/ip/x', ofAddress(index))).text)
    await gateway.configure(configuration({ b: { state: 'drain' } }))
    for (const [index, id] of before.entries()) {
      const { text } = await send('/ip/x', ofAddress(index))
      if (id === 'b') expect(text).not.toBe('b')
      else expect(text).toBe(id)
    }
  })
})
