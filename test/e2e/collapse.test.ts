// Collapsed forwarding on the wire: one origin request for a crowd, what a crowd gets when things go wrong, and what
// nobody must get from anybody.
import { once } from 'node:events'
import { type IncomingMessage, request, type ServerResponse } from 'node:http'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type CacheBench, reply, startCacheBench } from './support/cache.ts'

let bench: CacheBench

beforeAll(async () => {
  bench = await startCacheBench({
    '/off': { collapse: 'off' },
    '/keyed': { key: { headers: ['x-tenant'] } },
    '/few': { flight: { maxReaders: 2 } },
    '/few-and-no-more': { flight: { maxReaders: 2, beyond: 'refuse' } },
    '/short': { flight: { maxWaitMs: 100 } },
    '/short-and-no-more': { flight: { maxWaitMs: 100, beyond: 'refuse' } },
    '/global': { collapse: 'global' },
    '/grace': { ttlSeconds: 0, graceSeconds: 60 },
    '/error-grace': { ttlSeconds: 0, errorGraceSeconds: 60 },
  })
})
afterAll(() => bench?.close())

const minute = { 'cache-control': 'max-age=60' }

interface Waiting {
  readonly request: IncomingMessage
  readonly response: ServerResponse
}

/** An origin that answers when it is told to. */
function stall(): Waiting[] {
  const waiting: Waiting[] = []
  bench.origin.handle = (request, response) => void waiting.push({ request, response })
  return waiting
}

const crowd = (size: number, path: string, headers: Record<string, string> = {}) =>
  Promise.all(Array.from({ length: size }, () => bench.ask(path, { headers })))

const asked = (path: string) => bench.seen.filter(({ url }) => url === path).length

/** The first request of a crowd, once all of it has had the time to arrive. */
async function first(waiting: readonly Waiting[]): Promise<Waiting> {
  await expect.poll(() => waiting.length).toBeGreaterThan(0)
  // Whoever is on the way asks the origin, or has joined, before another request has come and gone.
  await fetch(`${bench.gateway.url}/_weir/health`)
  await new Promise((resolve) => setTimeout(resolve, 50))
  return waiting[0]!
}

test.each(['', '/global'])('one origin request for a crowd, and for who comes meanwhile: %s', async (prefix) => {
  const waiting = stall()
  const path = bench.fresh(prefix)
  const early = crowd(50, path)
  const { response } = await first(waiting)
  const late = crowd(20, path)
  await new Promise((resolve) => setTimeout(resolve, 50))
  reply(response, 'for all', minute)
  const answers = [...(await early), ...(await late)]
  for (const { status, text } of answers) expect([status, text]).toEqual([200, 'for all'])
  expect(asked(path)).toBe(1)
  expect(answers.filter(({ cache }) => cache === 'weir; fwd=uri-miss; fwd-status=200; stored')).toHaveLength(1)
  const others = answers.filter(({ cache }) => cache === 'weir; fwd=uri-miss; fwd-status=200; collapsed')
  expect(others).toHaveLength(answers.length - 1)
  await expect.poll(async () => (await bench.ask(path)).cache).toContain('hit')
})

test('bytes come as the origin sends them, also to who comes late', async () => {
  const path = bench.fresh()
  const begun = Promise.withResolvers<ServerResponse>()
  bench.origin.handle = (_, response) => {
    response.writeHead(200, { ...minute, 'content-length': 10 }).write('12345')
    begun.resolve(response)
  }
  const readers = await Promise.all([fetch(bench.gateway.url + path), fetch(bench.gateway.url + path)])
  const response = await begun.promise
  const bodies = [...readers, await fetch(bench.gateway.url + path)].map(({ body }) => body!.getReader())
  for (const body of bodies) expect(new TextDecoder().decode((await body.read()).value)).toBe('12345')
  response.end('67890')
  for (const body of bodies) expect(new TextDecoder().decode((await body.read()).value)).toBe('67890')
  expect(asked(path)).toBe(1)
})

describe('beyond the bounds of a route', () => {
  test('who is one too many asks by itself', async () => {
    const path = bench.fresh('/few')
    const waiting = stall()
    const clients = crowd(5, path)
    await expect.poll(() => waiting.length).toBe(4)
    for (const { response } of waiting) reply(response, 'body', minute)
    for (const { status, text } of await clients) expect([status, text]).toEqual([200, 'body'])
  })

  test('or is refused', async () => {
    const path = bench.fresh('/few-and-no-more')
    const waiting = stall()
    const clients = crowd(5, path)
    const { response } = await first(waiting)
    reply(response, 'body', minute)
    const answers = await clients
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(2)
    const refused = answers.filter(({ status }) => status === 503)
    expect(refused).toHaveLength(3)
    for (const { text, headers } of refused) {
      expect([JSON.parse(text).reason, headers.get('retry-after')]).toEqual(['crowded', '1'])
    }
    expect(asked(path)).toBe(1)
  })

  test('who has waited too long asks by itself; who began it waits on', async () => {
    const path = bench.fresh('/short')
    const waiting = stall()
    const clients = crowd(3, path)
    await expect.poll(() => waiting.length).toBe(3)
    for (const { response } of waiting) reply(response, 'body', minute)
    for (const { status, text } of await clients) expect([status, text]).toEqual([200, 'body'])
  })

  test('or is refused', async () => {
    const path = bench.fresh('/short-and-no-more')
    const waiting = stall()
    const leader = bench.ask(path)
    const { response } = await first(waiting)
    for (const { status, text } of await crowd(2, path)) {
      expect([status, JSON.parse(text).reason]).toEqual([503, 'waited'])
    }
    reply(response, 'body', minute)
    expect((await leader).status).toBe(200)
    expect(asked(path)).toBe(1)
  })
})

describe('whose answer it is', () => {
  test('an uncacheable one is one client’s; the others ask at once', async () => {
    const path = bench.fresh()
    const waiting = stall()
    const clients = crowd(20, path)
    const { response } = await first(waiting)
    reply(response, 'answer 0', { 'cache-control': 'private' })
    // They are all there together, and nobody waits for anybody.
    await expect.poll(() => waiting.length).toBe(20)
    for (const [index, each] of waiting.slice(1).entries()) {
      reply(each.response, `answer ${index + 1}`, { 'cache-control': 'private' })
    }
    expect(new Set((await clients).map(({ text }) => text)).size).toBe(20)
  })

  test.each<[string, Record<string, string>]>([
    ['Authorization', { authorization: 'Basic eA==' }],
    ['cookies', { cookie: 'user=ada' }],
    ['a field that may say who asks', { 'x-api-key': 'k' }],
    ['a field that nobody knows', { debug: '1' }],
    ['no-cache', { 'cache-control': 'no-cache' }],
  ])('who says something of itself asks alone: %s', async (_, headers) => {
    const waiting = stall()
    const path = bench.fresh()
    const plain = bench.ask(path)
    await first(waiting)
    const own = crowd(2, path, headers)
    await expect.poll(() => waiting.length).toBe(3)
    for (const { response } of waiting) reply(response, 'body', minute)
    await Promise.all([plain, own])
  })

  test('what the route has chosen for the key keeps crowds apart, from the first request on', async () => {
    const path = bench.fresh('/keyed')
    const waiting = stall()
    const crowds = ['red', 'blue'].map((tenant) => crowd(5, path, { 'x-tenant': tenant }))
    await expect.poll(() => waiting.length).toBe(2)
    for (const { request, response } of waiting) reply(response, String(request.headers['x-tenant']), minute)
    const texts = (await Promise.all(crowds)).map((answers) => [...new Set(answers.map(({ text }) => text))])
    expect(texts).toEqual([['red'], ['blue']])
  })

  test('a crowd that speaks several languages gets them', async () => {
    const path = bench.fresh()
    const waiting = stall()
    const crowds = ['de', 'fr', 'it'].map((language) => crowd(5, path, { 'accept-language': language }))
    await first(waiting)
    const speak = ({ request, response }: Waiting) =>
      reply(response, request.headers['accept-language']!, { ...minute, vary: 'accept-language' })
    bench.origin.handle = (request, response) => speak({ request, response })
    for (const each of waiting) speak(each)
    const texts = (await Promise.all(crowds)).map((answers) => [...new Set(answers.map(({ text }) => text))])
    expect(texts).toEqual([['de'], ['fr'], ['it']])
  })

  test('who takes no coding gets none, though the origin does not say that it varies', async () => {
    const waiting = stall()
    const path = bench.fresh()
    const leader = bench.ask(path, { headers: { 'accept-encoding': 'gzip' } })
    const { response } = await first(waiting)
    const other = bench.ask(path, { headers: { 'accept-encoding': 'identity' } })
    await new Promise((resolve) => setTimeout(resolve, 50))
    bench.origin.handle = (_, later) => reply(later, 'plain', minute)
    response.writeHead(200, { ...minute, 'content-encoding': 'gzip' }).end(gzipSync('coded'))
    expect((await leader).text).toBe('coded')
    const { text, headers } = await other
    expect([text, headers.get('content-encoding')]).toEqual(['plain', null])
  })

  test('what a POST has changed meanwhile is asked for anew', async () => {
    const waiting = stall()
    const path = bench.fresh()
    const early = bench.ask(path)
    const before = await first(waiting)
    bench.origin.handle = (request, response) =>
      request.method === 'POST' ? response.writeHead(204).end() : reply(response, 'new', minute)
    await bench.ask(path, { method: 'POST' })
    expect((await bench.ask(path)).text).toBe('new')
    reply(before.response, 'old', minute)
    expect((await early).text).toBe('old')
    expect((await bench.ask(path)).text).toBe('new')
  })
})

test('a refresh behind a response is a flight, which others join', async () => {
  bench.origin.handle = (_, response) => reply(response, 'old', {})
  const path = bench.fresh('/grace')
  await bench.ask(path)
  const waiting = stall()
  await expect.poll(async () => (await bench.ask(path)).cache).toContain('grace')
  await first(waiting)
  const others = crowd(5, path, { 'cache-control': 'min-fresh=1' })
  await new Promise((resolve) => setTimeout(resolve, 50))
  reply(waiting[0]!.response, 'new', minute)
  for (const { text, cache } of await others) {
    expect([text, cache]).toEqual(['new', 'weir; fwd=stale; fwd-status=200; collapsed'])
  }
  expect(asked(path)).toBe(2)
})

describe('what goes wrong', () => {
  test('the first client leaves: nothing happens to the others', async () => {
    const waiting = stall()
    const path = bench.fresh()
    const controller = new AbortController()
    const leader = fetch(bench.gateway.url + path, { signal: controller.signal }).catch(() => 'left')
    const { response } = await first(waiting)
    const others = crowd(5, path)
    await new Promise((resolve) => setTimeout(resolve, 50))
    controller.abort()
    expect(await leader).toBe('left')
    reply(response, 'for the others', minute)
    for (const { text } of await others) expect(text).toBe('for the others')
    expect(asked(path)).toBe(1)
  })

  test.each<[string, Record<string, string>]>([
    ['is private', { 'cache-control': 'private', 'set-cookie': 'session=of-the-first' }],
    ['says again what only the first has said', minute],
  ])('the first client leaves, and the answer %s: nobody gets it', async (_, headers) => {
    const waiting = stall()
    const path = bench.fresh()
    const leader = request(bench.gateway.url + path, { headers: { 'user-agent': 'browser-of-the-first' } })
    const left = new Promise((resolve) => leader.on('error', resolve).end())
    const { response } = await first(waiting)
    const others = crowd(3, path)
    await new Promise((resolve) => setTimeout(resolve, 50))
    leader.socket?.resetAndDestroy()
    await left
    await new Promise((resolve) => setTimeout(resolve, 100))
    bench.origin.handle = (_, later) => reply(later, 'of another', { 'cache-control': 'private' })
    reply(response, 'hello, browser-of-the-first', { 'content-type': 'text/html', ...headers })
    for (const { text, headers: got } of await others) {
      expect([text, got.get('set-cookie')]).toEqual(['of another', null])
    }
    expect((await bench.ask(path)).text).toBe('of another')
  })

  test('the last client leaves: the origin is let go', async () => {
    const path = bench.fresh()
    const closed = Promise.withResolvers<void>()
    bench.origin.handle = (_, response) => {
      response.writeHead(200, minute)
      const timer = setInterval(() => response.write('x'.repeat(10_000)), 10)
      response.on('close', () => {
        clearInterval(timer)
        closed.resolve()
      })
    }
    const controller = new AbortController()
    const { signal } = controller
    const clients = await Promise.all([1, 2].map(() => fetch(bench.gateway.url + path, { signal })))
    for (const { body } of clients) await body!.getReader().read()
    controller.abort()
    await closed.promise
  })

  test('the origin fails before there is a head: everybody gets the same reasoned error, and no herd is let loose', async () => {
    bench.origin.handle = (_, response) => response.socket?.destroy()
    const path = bench.fresh()
    const answers = await crowd(20, path)
    for (const { status, text } of answers)
      expect([status, JSON.parse(text).reason]).toEqual([503, 'origin-connection'])
    const flights = answers.filter(({ cache }) => cache === 'weir; fwd=uri-miss').length
    expect(answers.filter(({ cache }) => cache === 'weir; fwd=uri-miss; collapsed')).toHaveLength(20 - flights)
    expect(asked(path)).toBe(2 * flights)
    expect(flights).toBeLessThan(3)
  })

  test('a client alone costs the origin no more than the pool allows', async () => {
    bench.origin.handle = (_, response) => response.socket?.destroy()
    const path = bench.fresh()
    expect((await bench.ask(path)).status).toBe(503)
    expect(asked(path)).toBeLessThanOrEqual(2)
  })

  test('a connection that the only origin has closed meanwhile is tried once more, for everybody', async () => {
    const path = bench.fresh()
    let isFirst = true
    bench.origin.handle = (_, response) => {
      if (!isFirst) return reply(response, 'here', minute)
      isFirst = false
      response.socket?.destroy()
    }
    for (const { status, text } of await crowd(10, path)) expect([status, text]).toEqual([200, 'here'])
    expect(asked(path)).toBe(2)
  })

  test('or something stale', async () => {
    bench.origin.handle = (_, response) => reply(response, 'stale', {})
    const path = bench.fresh('/error-grace')
    await bench.ask(path)
    bench.origin.handle = (_, response) => response.socket?.destroy()
    await expect.poll(async () => (await bench.ask(path)).cache).toContain('error-grace')
    for (const { status, text } of await crowd(20, path)) expect([status, text]).toEqual([200, 'stale'])
  })

  test('the origin is cut midway: nobody gets what looks whole, and nothing is stored', async () => {
    const path = bench.fresh()
    const begun = Promise.withResolvers<ServerResponse>()
    bench.origin.handle = (asking, response) => {
      response.writeHead(200, { ...minute, 'content-length': 100_000 }).write('x'.repeat(50_000))
      // What tests before this one have left behind may ask too.
      if (asking.url === path) begun.resolve(response)
    }
    const readers = await Promise.all([1, 2, 3].map(() => fetch(bench.gateway.url + path)))
    ;(await begun.promise).socket?.destroy()
    for (const reader of readers) await expect(reader.text()).rejects.toThrow()
    bench.origin.handle = (_, response) => reply(response, 'whole', minute)
    expect((await bench.ask(path)).text).toBe('whole')
  })

  test('nor where no length was announced', async () => {
    const path = bench.fresh()
    const begun = Promise.withResolvers<ServerResponse>()
    bench.origin.handle = (asking, response) => {
      response.writeHead(200, minute).write('x'.repeat(50_000))
      // What tests before this one have left behind may ask too.
      if (asking.url === path) begun.resolve(response)
    }
    const readers = await Promise.all([1, 2, 3].map(() => fetch(bench.gateway.url + path)))
    ;(await begun.promise).socket?.destroy()
    for (const reader of readers) await expect(reader.text()).rejects.toThrow()
  })
})

test.each<[string, Record<string, string>]>([
  ['one whose parts could be had again', { etag: '"1"', 'accept-ranges': 'bytes' }],
  ['one of which nobody knows the version', {}],
])('a client that is slower than the origin gets all of a large body: %s', async (_, headers) => {
  const path = bench.fresh()
  const chunk = Buffer.alloc(1_048_576, 'x')
  const sent = { bytes: 0 }
  bench.origin.handle = async (_, response) => {
    response.writeHead(200, { ...minute, ...headers, 'content-length': 40 * chunk.length })
    for (let count = 0; count < 40 && !response.destroyed; count++) {
      sent.bytes += chunk.length
      if (!response.write(chunk)) await once(response, 'drain').catch(() => undefined)
    }
    response.end()
  }
  const reader = (await fetch(bench.gateway.url + path)).body!.getReader()
  let received = (await reader.read()).value!.byteLength
  // The origin is not let run ahead of a client that reads nothing.
  await new Promise((resolve) => setTimeout(resolve, 300))
  expect(sent.bytes).toBeLessThan(30 * chunk.length)
  for (let next = await reader.read(); !next.done; next = await reader.read()) received += next.value.byteLength
  expect(received).toBe(40 * chunk.length)
  expect(asked(path)).toBe(1)
})

test('what does not fit the window, and cannot be had again in parts, is nobody’s to share', async () => {
  const path = bench.fresh()
  const waiting = stall()
  const clients = crowd(3, path)
  await first(waiting)
  const large = 'x'.repeat(9_000_000)
  bench.origin.handle = (_, response) => reply(response, large, minute)
  reply(waiting[0]!.response, large, minute)
  for (const { text } of await clients) expect(text === large).toBe(true)
  expect(asked(path)).toBe(3)
})

test('a crowd that finds something stale makes one refresh', async () => {
  bench.origin.handle = (_, response) => reply(response, 'old', { etag: '"1"' })
  const path = bench.fresh('/grace')
  await bench.ask(path)
  await expect.poll(async () => (await bench.ask(path)).cache).toContain('grace')
  await expect.poll(async () => asked(path)).toBeGreaterThan(1)
  const before = asked(path)
  bench.origin.handle = (_, response) => response.writeHead(304, { etag: '"1"' }).end()
  for (const { text } of await crowd(30, path)) expect(text).toBe('old')
  expect(asked(path)).toBeLessThanOrEqual(before + 2)
})

test('off: each asks for itself', async () => {
  const waiting = stall()
  const path = bench.fresh('/off')
  const answers = crowd(3, path)
  // A refresh that an earlier test has begun may be among those who wait.
  await expect.poll(() => asked(path)).toBe(3)
  for (const { response } of waiting) reply(response, 'each', minute)
  for (const { cache } of await answers) expect(cache).not.toContain('collapsed')
})
