// Collapsed forwarding where luck is bad and clients are not kind: objects that are lost, clients that leave, several
// data centres, and crowds of whom each says who it is to an origin that writes it down.
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createGzip, gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type LocalGateway, startLocalGateway } from '../../workers/cli/local-gateway.ts'
import { residentBytes, workerdProcesses } from '../bench/cpu.ts'
import { reply } from './support/cache.ts'
import { cacheStatus } from './support/gateway.ts'
import { startOrigin, type TestOrigin } from './support/origin.ts'

let origin: TestOrigin
let gateway: LocalGateway

beforeAll(async () => {
  origin = await startOrigin(() => undefined)
  const pools = ['web']
  const document = JSON.stringify({
    pools: { web: { origins: [{ id: 'a', url: origin.url }] } },
    routes: [
      { path: '/narrow/*', pools, cache: { flight: { windowBytes: 1_048_576 } } },
      { path: '/global/*', pools, cache: { collapse: 'global' } },
      { path: '/*', pools },
    ],
    hotTier: { totalBytes: 0 },
  })
  gateway = await startLocalGateway({ document, port: 0, entry: 'test/e2e/workers/losing.ts' })
})

afterAll(async () => {
  await gateway?.close()
  await origin?.close()
})

let paths = 0
const fresh = (prefix = '') => `${prefix}/${++paths}`

const minute = { 'cache-control': 'max-age=60' }

const ask = (path: string, init?: RequestInit) => fetch(gateway.url + path, init)

interface Waiting {
  readonly request: IncomingMessage
  readonly response: ServerResponse
}

/** An origin that answers when it is told to. */
function stall(): Waiting[] {
  const waiting: Waiting[] = []
  origin.handle = (request, response) => void waiting.push({ request, response })
  return waiting
}

/** The first request, once all others have had the time to join. */
async function first(waiting: readonly Waiting[]): Promise<Waiting> {
  await expect.poll(() => waiting.length).toBeGreaterThan(0)
  await ask('/_weir/health')
  await new Promise((resolve) => setTimeout(resolve, 50))
  return waiting[0]!
}

/** Its status and text; `cut` where it broke off. */
async function outcome(answer: Promise<Response>): Promise<string> {
  const response = await answer
  return response.text().then(
    (text) => `${response.status} ${text}`,
    () => 'cut',
  )
}

describe('an object is lost', () => {
  test('before the head: who waits asks by itself', async () => {
    const path = fresh()
    const waiting = stall()
    const clients = Array.from({ length: 5 }, () => outcome(ask(path)))
    await first(waiting)
    origin.handle = (_, response) => reply(response, 'right', minute)
    await ask('/_lose')
    expect(await Promise.all(clients)).toEqual(clients.map(() => '200 right'))
  })

  test.each<[string, Record<string, string>]>([
    ['of a known length', { 'content-length': '10' }],
    ['of an unknown length', {}],
  ])('midway: nobody gets what looks whole, nothing is stored, and the next one is served: %s', async (_, fields) => {
    const path = fresh()
    const waiting = stall()
    const clients = Array.from({ length: 3 }, () => ask(path))
    const { response } = await first(waiting)
    response.writeHead(200, { ...minute, ...fields }).write('12345')
    const bodies = (await Promise.all(clients)).map(({ body }) => body!.getReader())
    for (const body of bodies) expect(new TextDecoder().decode((await body.read()).value)).toBe('12345')
    await ask('/_lose')
    for (const body of bodies) await expect(body.read()).rejects.toThrow()
    origin.handle = (_, response) => reply(response, 'whole', minute)
    const next = await ask(path)
    expect([await next.text(), cacheStatus(next)]).toEqual(['whole', expect.stringContaining('fwd=uri-miss')])
  })
})

describe('the client that began it leaves', () => {
  test.each(['before the head', 'midway', 'at the end'])('%s: the others read on', async (when) => {
    const path = fresh()
    const waiting = stall()
    const controller = new AbortController()
    const leader = ask(path, { signal: controller.signal }).catch(() => undefined)
    const { response } = await first(waiting)
    const others = Array.from({ length: 3 }, () => ask(path))
    await first(waiting)
    const leave = async () => {
      controller.abort()
      await new Promise((resolve) => setTimeout(resolve, 30))
    }
    if (when === 'before the head') await leave()
    response.writeHead(200, { ...minute, 'content-length': 10 }).write('12345')
    await Promise.all([leader, ...others])
    if (when === 'midway') await leave()
    response.end('67890')
    if (when === 'at the end') await leave()
    for (const other of others) expect(await outcome(other)).toBe('200 1234567890')
    expect(waiting).toHaveLength(1)
  })
})

describe('who comes when the head is known', () => {
  /** Asks from another place, whose cache knows nothing of the responses of this one. */
  const elsewhere = (path: string, headers: Record<string, string>) =>
    ask(path, { headers: { 'test-colo': 'there', ...headers } })

  test.each(['while it comes', 'just after it has landed'])(
    'gets the response that its fields select: %s',
    async (when) => {
      const path = fresh('/global')
      const waiting = stall()
      const speak = ({ request, response }: Waiting, isWhole: boolean) => {
        const language = request.headers['accept-language']!
        response.writeHead(200, { ...minute, vary: 'accept-language', 'content-length': 4 }).write(language)
        if (isWhole) response.end(language)
      }
      const german = ask(path, { headers: { 'accept-language': 'de' } })
      const leader = await first(waiting)
      origin.handle = (request, response) => speak({ request, response }, true)
      speak(leader, false)
      await german
      if (when !== 'while it comes') {
        leader.response.end('de')
        await outcome(german)
      }
      const french = outcome(elsewhere(path, { 'accept-language': 'fr' }))
      const more = outcome(elsewhere(path, { 'accept-language': 'de' }))
      await new Promise((resolve) => setTimeout(resolve, 50))
      leader.response.end('de')
      expect(await french).toBe('200 frfr')
      expect(await more).toBe('200 dede')
    },
  )
})

describe('an error', () => {
  test.each<[string, Record<string, string | string[]>]>([
    ['with a cookie', { 'set-cookie': 'sid=1' }],
    ['that is private', { 'cache-control': 'private' }],
    ['that is not to be stored', { 'cache-control': 'no-store' }],
  ])('%s is one client’s', async (_, fields) => {
    const path = fresh()
    const waiting = stall()
    const clients = Array.from({ length: 5 }, () => outcome(ask(path)))
    const { response } = await first(waiting)
    let count = 0
    const fail = (response: ServerResponse) =>
      response.writeHead(500, { 'content-length': 1, ...fields }).end(String(count++))
    origin.handle = (_, response) => fail(response)
    for (const each of waiting) if (each.response !== response) fail(each.response)
    fail(response)
    expect(new Set(await Promise.all(clients)).size).toBe(5)
  })
})

test('what is to be validated each time is nobody else’s either', async () => {
  const path = fresh()
  const waiting = stall()
  const clients = Array.from({ length: 5 }, () => outcome(ask(path)))
  const { response } = await first(waiting)
  let count = 0
  const answer = (response: ServerResponse) =>
    reply(response, String(count++), { 'cache-control': 'no-cache', etag: `"${count}"` })
  origin.handle = (_, response) => answer(response)
  answer(response)
  expect(new Set(await Promise.all(clients)).size).toBe(5)
})

describe('a large body, and one of five who reads slowly', () => {
  const size = 8 * 1_048_576
  const type = { 'content-type': 'application/octet-stream' }
  const block = createHash('shake256', { outputLength: 1_048_583 }).update('seed').digest()
  /** Bytes that are nowhere the same: the block's length divides nothing. */
  const patternFrom = (offset: number, end: number) => block.subarray(offset % block.length).subarray(0, end - offset)

  async function send(response: ServerResponse, from: number): Promise<void> {
    for (let offset = from; offset < size && !response.destroyed; ) {
      const piece = patternFrom(offset, size)
      offset += piece.length
      if (!response.write(piece)) await Promise.race([once(response, 'drain'), once(response, 'close')])
    }
    response.end()
  }

  const right = (async () => {
    const hash = createHash('sha256')
    for (let offset = 0; offset < size; ) {
      const piece = patternFrom(offset, size)
      hash.update(piece)
      offset += piece.length
    }
    return hash.digest('hex')
  })()

  async function read(path: string, until?: Promise<unknown>): Promise<'right' | 'wrong' | 'cut'> {
    const response = await ask(path)
    const hash = createHash('sha256')
    try {
      for await (const piece of response.body!) {
        hash.update(piece)
        await until
      }
    } catch {
      return 'cut'
    }
    return hash.digest('hex') === (await right) ? 'right' : 'wrong'
  }

  /** What became of the slow one, and of the others. */
  async function fiveReaders(path: string) {
    const others = Promise.withResolvers<unknown>()
    const slow = read(path, others.promise)
    const fast = await Promise.all(Array.from({ length: 4 }, () => read(path)))
    others.resolve(undefined)
    return { slow: await slow, fast }
  }

  // How much of it lies between the two, in buffers, is the system's choice.
  test.each<[string, Record<string, string | number>, slow: string[]]>([
    ['it goes on by itself', { etag: '"1"', 'content-length': size }, ['right']],
    ['it is cut where nobody knows the version', {}, ['cut', 'right']],
  ])('the others finish in bounded memory, and %s', async (_, fields, slow) => {
    origin.handle = (request, response) => {
      const from = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0)
      const part = { 'content-range': `bytes ${from}-${size - 1}/${size}`, 'content-length': size - from }
      response.writeHead(from > 0 ? 206 : 200, { ...minute, ...type, ...fields, ...(from > 0 && part) })
      void send(response, from)
    }
    await fiveReaders(fresh('/narrow'))
    const before = memoryBytes()
    let peak = 0
    const watch = setInterval(() => {
      peak = Math.max(peak, memoryBytes() ?? 0)
    }, 20)
    const outcome = await fiveReaders(fresh('/narrow'))
    clearInterval(watch)
    expect(outcome.fast).toEqual(['right', 'right', 'right', 'right'])
    expect(slow).toContain(outcome.slow)
    if (before !== undefined) expect(peak - before).toBeLessThan(64 * 1_048_576)
  })

  /** Resident, of the gateway's workerd; undefined where there is no /proc. */
  function memoryBytes(): number | undefined {
    const [id] = workerdProcesses()
    return id === undefined ? undefined : residentBytes(id)
  }
})

describe('what only the first one has said of itself', () => {
  const mallory = 'Mallory<script>alert(1)</script>'
  const html = { ...minute, 'content-type': 'text/html' }
  /** How an origin says the User-Agent of a request. */
  const echoes: Record<string, (response: ServerResponse, agent: string) => void> = {
    'at once': (response, agent) => reply(response, `<p>${agent}`, html),
    'as an error': (response, agent) => reply(response, `<p>${agent}`, html, 503),
    'in gzip': (response, agent) => {
      const body = gzipSync(`<p>${agent}`)
      response.writeHead(200, { ...html, 'content-encoding': 'gzip', 'content-length': body.byteLength }).end(body)
    },
    'in pieces': async (response, agent) => {
      response.writeHead(200, html).write('<p>')
      for (const letter of agent) {
        response.write(letter)
        await new Promise((resolve) => setTimeout(resolve, 2))
      }
      response.end()
    },
    'late, in a coding': async (response, agent) => {
      response.writeHead(200, { ...html, 'content-encoding': 'gzip' })
      const gzip = createGzip()
      gzip.on('data', (piece) => response.write(piece)).on('end', () => response.end())
      gzip.write('<p>Hello')
      gzip.flush()
      await new Promise((resolve) => setTimeout(resolve, 50))
      gzip.end(agent)
    },
  }

  test.each(Object.keys(echoes))('is not told to those who wait: %s', async (how) => {
    const path = fresh()
    const waiting = stall()
    const leader = outcome(ask(path, { headers: { 'user-agent': mallory } }))
    const { response, request } = await first(waiting)
    const others = Array.from({ length: 3 }, () => outcome(ask(path, { headers: { 'user-agent': 'somebody else' } })))
    await first(waiting)
    origin.handle = (request, response) => echoes[how]!(response, String(request.headers['user-agent']))
    echoes[how]!(response, String(request.headers['user-agent']))
    expect(await leader).toContain('Mallory')
    for (const other of others) expect(await other).not.toContain('Mallory<')
  })
})

test('text that says nothing of anybody is streamed to all', async () => {
  const path = fresh()
  const begun = Promise.withResolvers<ServerResponse>()
  origin.handle = (_, response) => {
    response.writeHead(200, { ...minute, 'content-type': 'text/html' }).write('<p>Hello ')
    begun.resolve(response)
  }
  const readers = await Promise.all(
    ['the first one', 'somebody else'].map((agent) => ask(path, { headers: { 'user-agent': agent } })),
  )
  const bodies = readers.map(({ body }) => body!.getReader())
  for (const body of bodies) expect(new TextDecoder().decode((await body.read()).value)).toBe('<p>Hello ')
  const response = await begun.promise
  response.end('world')
  for (const body of bodies) expect(new TextDecoder().decode((await body.read()).value)).toBe('world')
})

// Whom an answer is for ────────────────────────────────────────────────────────────────────────────────────────────

/** Numbers from 0 to 1, the same for the same seed (mulberry32). */
function randomOf(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** What an origin may say of its answers, and which of them may be for several. */
const sayings: readonly (readonly [fields: Record<string, string>, forSeveral: 'all' | 'failures' | 'none'])[] = [
  [{ 'cache-control': 'max-age=60' }, 'all'],
  [{ 'cache-control': 'public, max-age=60' }, 'all'],
  [{ 'cache-control': 's-maxage=60' }, 'all'],
  [{ 'cache-control': 'max-age=60', vary: 'accept-language' }, 'all'],
  [{ 'cache-control': 'public, max-age=60', vary: 'cookie, accept-language' }, 'all'],
  [{ 'cache-control': 'max-age=60', vary: '*' }, 'failures'],
  [{ 'cache-control': 'private, max-age=60' }, 'none'],
  [{ 'cache-control': 'no-store' }, 'none'],
  [{ 'cache-control': 'no-cache' }, 'failures'],
  [{ 'cache-control': 'public, max-age=60', 'set-cookie': 'sid=somebody' }, 'none'],
]

const secretFields = ['cookie', 'authorization', 'x-user', 'x-session-token', 'x-api-key', 'session-id', 'x-email']

interface Told {
  /** Of this answer, another one for each. */
  readonly nonce: number
  readonly language: string | undefined
  /** What the origin heard of who asked. */
  readonly secrets: readonly string[]
}

interface Visit {
  /** The fields of its request. */
  readonly mine: Record<string, string>
  readonly status: number
  readonly told: Told
}

/**
 * Nobody ever gets what another one has said of itself, whatever the origin declares. What the origin declares private
 * one client gets at most, errors included. A response that varies goes to those alone who select it. That a server
 * fails is told to all who wait, in whatever language.
 */
test.each([1, 2, 3, 4, 5])('nobody gets what is another one’s: seed %i', async (seed) => {
  const random = randomOf(seed)
  const pick = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)]!
  let nonce = 0
  const rules = new Map<string, Record<string, string>>()
  origin.handle = async (request, response) => {
    const fields = rules.get(request.url!)!
    const secrets = secretFields.flatMap((name) => request.headers[name] ?? [])
    const language = request.headers['accept-language']
    const text = JSON.stringify({ nonce: ++nonce, language, secrets } satisfies Told)
    const isSlow = random() < 0.5
    const length: Record<string, number> = random() < 0.7 ? { 'content-length': text.length } : {}
    await new Promise((resolve) => setTimeout(resolve, random() * 15))
    response.writeHead(pick([200, 200, 200, 404, 500, 503]), {
      'content-type': 'application/json',
      ...length,
      ...fields,
    })
    response.write(text.slice(0, 8))
    if (isSlow) await new Promise((resolve) => setTimeout(resolve, random() * 15))
    // Some are cut.
    if (random() < 0.05) response.destroy()
    else response.end(text.slice(8))
  }

  const visit = async (path: string, name: string): Promise<Visit | undefined> => {
    const mine: Record<string, string> = {
      'test-colo': pick(['here', 'there']),
      'accept-language': pick(['de', 'fr', 'it']),
    }
    if (random() < 0.4) mine[pick(secretFields)] = `sid=${name}-${crypto.randomUUID()}`
    const controller = new AbortController()
    if (random() < 0.1) setTimeout(() => controller.abort(), random() * 20)
    try {
      const response = await ask(path, { headers: mine, signal: controller.signal })
      const text = await response.text()
      // The gateway's own word for an exchange that failed.
      if (response.headers.get('content-type') !== 'application/json') return undefined
      return { mine, status: response.status, told: JSON.parse(text) }
    } catch (error) {
      // It has left, or was cut: then it got no whole answer.
      if (error instanceof SyntaxError) throw error
      return undefined
    }
  }

  for (let crowd = 0; crowd < 12; crowd++) {
    const [fields, forSeveral] = pick(sayings)
    const path = fresh(pick(['', '/global'])) + pick(['', '?q=1'])
    rules.set(path, fields)
    const visits = Array.from({ length: 12 }, async (_, index) => {
      await new Promise((resolve) => setTimeout(resolve, random() * 30))
      return visit(path, `${crowd}-${index}`)
    })
    const answers = (await Promise.all(visits)).filter((answer) => answer !== undefined)
    const told = `seed ${seed}, ${path}, ${JSON.stringify(fields)}`
    for (const {
      mine,
      status,
      told: { secrets, language },
    } of answers) {
      for (const secret of secrets) expect(Object.values(mine), told).toContain(secret)
      if (fields.vary !== undefined && status < 500) expect(language, told).toBe(mine['accept-language'])
    }
    const own = answers.filter(({ status }) => forSeveral === 'none' || (forSeveral === 'failures' && status < 500))
    const nonces = own.map(({ told: { nonce } }) => nonce)
    expect(new Set(nonces).size, told).toBe(nonces.length)
  }
})
