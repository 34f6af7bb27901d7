// Attempts: what is asked again of another origin, what is not, and how long it may take.
import { once } from 'node:events'
import { request as httpRequest } from 'node:http'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { adminToken, startGateway, type TestGateway } from './support/gateway.ts'
import { bodyOf, deadUrl, startOrigin, type TestOrigin } from './support/origin.ts'
import { sendRaw } from './support/wire.ts'

let frozen: TestOrigin
let alive: TestOrigin
let gateway: TestGateway

const totalMs = 20_000
const timeouts = { headersMs: 400, totalMs, idleMs: 400 }

beforeAll(async () => {
  frozen = await startOrigin(() => undefined)
  alive = await startOrigin(() => undefined)
  // The first origin of each pool has every first turn.
  const first = (url: string) => ({ id: 'first', url })
  const second = { id: 'second', url: alive.url, priority: 1 }
  const policy = 'round-robin'
  // Each test meets the pool as it was, and not what became of it in the tests before.
  const ejection = { maxPercent: 0 }
  const retry = { budgetPercent: 100 }
  const pool = (...origins: unknown[]) => ({ origins, policy, timeouts, ejection, retry })
  const route = (path: string, ...pools: string[]) => ({ path, pools, cache: { mode: 'off' } })
  gateway = await startGateway({
    pools: {
      refused: pool(first(deadUrl), second),
      frozen: pool(first(frozen.url), second),
      small: { ...pool(first(deadUrl), second), retry: { ...retry, maxBodyBytes: 10 } },
      once: { ...pool(first(deadUrl), second), retry: { tries: 1 } },
      lost: pool({ url: deadUrl }),
      silent: pool({ url: frozen.url }),
      backup: pool({ url: alive.url }),
      broke: { ...pool(first(frozen.url), second), retry: { budgetPercent: 0 } },
      hedged: { ...pool(first(frozen.url), second), hedge: { afterMs: 50, budgetPercent: 100 } },
      'hedged-little': {
        ...pool(first(frozen.url), second),
        hedge: { afterMs: 50, budgetPercent: 1 },
        timeouts: { ...timeouts, headersMs: 10_000 },
      },
      overdue: { ...pool(first(frozen.url), second), timeouts: { ...timeouts, totalMs: 600 } },
      off: pool({ id: 'off', url: deadUrl, state: 'off' }, { id: 'drain', url: deadUrl, state: 'drain' }, second),
      priority: pool({ id: 'later', url: deadUrl, priority: 1, weight: 1000 }, { ...second, priority: 0 }),
    },
    routes: [
      route('/refused/*', 'refused'),
      route('/backup/*', 'backup'),
      route('/silent-steered/*', 'silent', 'backup'),
      ...['broke', 'hedged', 'hedged-little', 'overdue'].map((name) => route(`/${name}/*`, name)),
      { path: '/cached/*', pools: ['silent'] },
      { path: '/shared/*', pools: ['backup'] },
      route('/frozen/*', 'frozen'),
      route('/small/*', 'small'),
      route('/once/*', 'once'),
      route('/lost/*', 'lost'),
      route('/silent/*', 'silent'),
      route('/steered/*', 'lost', 'backup'),
      route('/off/*', 'off'),
      route('/priority/*', 'priority'),
      { ...route('/allowed/*', 'refused'), retryMethods: ['GET', 'POST'] },
    ],
  })
})

afterAll(async () => {
  await gateway?.close()
  await Promise.all([frozen?.close(), alive?.close()])
})

let seen: { method: string | undefined; body: string; length: string | undefined }[]

beforeEach(() => {
  seen = []
  frozen.requests = 0
  alive.requests = 0
  frozen.handle = () => undefined
  alive.handle = async (request, response) => {
    const body = (await bodyOf(request)).toString()
    seen.push({ method: request.method, body, length: request.headers['content-length'] })
    response.end('alive')
  }
})

const ask = (path: string, init?: RequestInit) => fetch(`${gateway.url}${path}`, init)
const key = { 'idempotency-key': 'k1' }

describe('asks another origin', () => {
  test.each<[string, string, RequestInit, string]>([
    ['GET, refused', '/refused/x', {}, ''],
    ['HEAD, refused', '/refused/x', { method: 'HEAD' }, ''],
    ['OPTIONS, refused', '/refused/x', { method: 'OPTIONS' }, ''],
    ['GET, no answer in time', '/frozen/x', {}, ''],
    [
      'POST with an Idempotency-Key: the same bytes',
      '/refused/x',
      { method: 'POST', body: 'pay 5', headers: key },
      'pay 5',
    ],
    ['POST with a key, no answer in time', '/frozen/x', { method: 'POST', body: 'pay 5', headers: key }, 'pay 5'],
    ['POST where the route allows it', '/allowed/x', { method: 'POST', body: 'again' }, 'again'],
    [
      'POST with a key, body at the bound',
      '/small/x',
      { method: 'POST', body: '0123456789', headers: key },
      '0123456789',
    ],
    ['GET, the route’s second pool', '/steered/x', {}, ''],
    ['GET, others are off or draining', '/off/x', {}, ''],
    ['GET, lower priority number first', '/priority/x', {}, ''],
  ])('%s', async (_, path, init, body) => {
    const response = await ask(path, init)
    expect(response.status).toBe(200)
    expect(seen).toHaveLength(1)
    expect(seen[0]).toMatchObject({ method: init.method ?? 'GET', body })
  })

  test('POST with a key and a body of unknown length', async () => {
    const body = new Blob(['streamed ', 'bytes']).stream()
    const response = await ask('/refused/x', { method: 'POST', body, headers: key, duplex: 'half' } as RequestInit)
    expect(response.status).toBe(200)
    expect(seen.map((request) => request.body)).toEqual(['streamed bytes'])
  })
})

describe('an origin that says that it is unwell', () => {
  test.each([502, 503, 504])('GET, %i: another is asked', async (status) => {
    frozen.handle = (_, response) => response.writeHead(status).end('unwell')
    const response = await ask('/frozen/x')
    expect([response.status, await response.text(), frozen.requests]).toEqual([200, 'alive', 1])
  })

  test('all say so: the last one’s own answer is delivered', async () => {
    frozen.handle = (_, response) => response.writeHead(503).end('first')
    alive.handle = (_, response) => response.writeHead(502, { 'x-origin': 'second' }).end('second')
    const response = await ask('/frozen/x')
    expect([response.status, response.headers.get('x-origin'), await response.text()]).toEqual([
      502,
      'second',
      'second',
    ])
    expect(response.headers.get('proxy-status')).toBeNull()
  })

  test('no other origin answers: its own answer is delivered', async () => {
    alive.handle = (_, response) => response.writeHead(503).end('try later')
    const response = await ask('/refused/x')
    expect([response.status, await response.text()]).toEqual([503, 'try later'])
  })

  test('in the next pool there may be one that is well', async () => {
    frozen.handle = (_, response) => response.writeHead(503).end('unwell')
    expect(await (await ask('/silent-steered/x')).text()).toBe('alive')
  })

  test('POST, 503: nobody else is asked', async () => {
    frozen.handle = (_, response) => response.writeHead(503).end('unwell')
    const response = await ask('/frozen/x', { method: 'POST', body: 'pay 5' })
    expect([response.status, await response.text(), seen.length]).toEqual([503, 'unwell', 0])
  })

  test('without a budget nobody else is asked', async () => {
    frozen.handle = (_, response) => response.writeHead(503).end('unwell')
    expect([(await ask('/broke/x')).status, seen.length]).toEqual([503, 0])
  })
})

describe('hedging', () => {
  test.each(['GET', 'HEAD', 'OPTIONS'])(
    '%s, no answer for a while: another origin gives it, and the first is let go',
    async (method) => {
      const left = new Promise<void>((resolve) => {
        frozen.handle = (request) => request.socket.once('close', () => resolve())
      })
      const response = await ask('/hedged/x', { method })
      expect([response.status, seen.length, frozen.requests]).toEqual([200, 1, 1])
      await left
    },
  )

  test('the first one may still win, and the other is let go', async () => {
    const begun = Promise.withResolvers<void>()
    const left = new Promise<void>((resolve) => {
      alive.handle = (request) => {
        begun.resolve()
        request.socket.once('close', () => resolve())
      }
    })
    frozen.handle = (_, response) => void begun.promise.then(() => response.end('first'))
    expect(await (await ask('/hedged/x')).text()).toBe('first')
    await left
  })

  test('one that fails meanwhile leaves it to the other', async () => {
    const begun = Promise.withResolvers<void>()
    frozen.handle = (request) => void begun.promise.then(() => request.socket.destroy())
    alive.handle = (_, response) => {
      begun.resolve()
      setTimeout(() => response.end('other'), 50)
    }
    expect(await (await ask('/hedged/x')).text()).toBe('other')
    expect([frozen.requests, alive.requests]).toEqual([1, 1])
  })

  test.each<[string, RequestInit]>([
    ['POST', { method: 'POST', body: 'pay 5' }],
    ['POST with a key', { method: 'POST', body: 'pay 5', headers: key }],
    ['OPTIONS with a body', { method: 'OPTIONS', body: 'what' }],
    ['DELETE', { method: 'DELETE' }],
  ])('%s: never', async (_, init) => {
    frozen.handle = (_, response) => void setTimeout(() => response.end('first'), 200)
    expect(await (await ask('/hedged/x', init)).text()).toBe('first')
    expect(seen).toHaveLength(0)
  })

  test('no more than the budget has', async () => {
    frozen.handle = (_, response) => void setTimeout(() => response.end('first'), 300)
    const crowd = Array.from({ length: 20 }, async () => (await ask('/hedged-little/x')).text())
    const texts = await Promise.all(crowd)
    // The pool has three to spare, and one percent of twenty is none.
    expect(texts.filter((text) => text === 'alive')).toHaveLength(3)
    expect([frozen.requests, alive.requests]).toEqual([20, 3])
  })
})

describe('X-Request-Deadline', () => {
  const deadlineSeen = async (path: string, init?: RequestInit) => {
    let seenValue: string | string[] | undefined
    alive.handle = (request, response) => {
      seenValue = request.headers['x-request-deadline']
      request.resume().on('end', () => response.end('alive'))
    }
    const before = Date.now()
    await (await ask(path, init)).text()
    return { value: seenValue, before, after: Date.now() }
  }
  const withDeadline = (value: string): RequestInit => ({ headers: { 'x-request-deadline': value } })

  test('the origin is told until when an answer is of use', async () => {
    const { value, before, after } = await deadlineSeen('/backup/x')
    expect(Number(value)).toBeGreaterThanOrEqual(before + totalMs)
    expect(Number(value)).toBeLessThanOrEqual(after + totalMs)
  })

  test('a sooner one of the client is passed on', async () => {
    const sooner = String(Date.now() + totalMs - 500)
    expect((await deadlineSeen('/backup/x', withDeadline(sooner))).value).toBe(sooner)
  })

  test.each([
    ['later', () => String(Date.now() + 99_999_999)],
    ['malformed', () => 'soon'],
  ])('a %s one is not', async (_, value) => {
    const given = value()
    const told = await deadlineSeen('/backup/x', withDeadline(given))
    expect(told.value).not.toBe(given)
    expect(Number(told.value)).toBeLessThanOrEqual(told.after + totalMs)
  })

  test('an upload may take its time: it is told nothing but the client’s own', async () => {
    const post = { method: 'POST', body: 'pay 5' }
    expect((await deadlineSeen('/backup/x', post)).value).toBeUndefined()
    const sooner = String(Date.now() + 5000)
    expect((await deadlineSeen('/backup/x', { ...post, ...withDeadline(sooner) })).value).toBe(sooner)
  })

  test.each<[string, string, () => RequestInit]>([
    ['of the pool, over all attempts', '/overdue/x', () => ({})],
    ['of the client', '/silent/x', () => withDeadline(String(Date.now() + 100))],
    ['of the client, which is over already', '/silent/x', () => withDeadline('1')],
    [
      'of the client, for what is sent once',
      '/silent/x',
      () => ({ method: 'POST', body: 'x', ...withDeadline(String(Date.now() + 100)) }),
    ],
    ['of the client, in a flight', '/cached/x', () => withDeadline(String(Date.now() + 100))],
  ])('over: %s', async (_, path, init) => {
    alive.handle = () => undefined
    const response = await ask(path, init())
    expect([response.status, await response.json()]).toMatchObject([504, { reason: 'deadline' }])
    expect(response.headers.get('proxy-status')).toBe('weir; error=http_response_timeout')
    if (path === '/overdue/x') expect([frozen.requests, alive.requests]).toEqual([1, 1])
  })

  test('who sends one shares entries with all others', async () => {
    alive.handle = (_, response) => response.writeHead(200, { 'cache-control': 'max-age=60' }).end('alive')
    await (await ask('/shared/x', withDeadline(String(Date.now() + 5000)))).text()
    await expect.poll(async () => (await ask('/shared/x')).headers.get('cache-status')).toMatch(/^weir; hit/)
  })
})

describe('asks nobody else', () => {
  test.each<[string, string, RequestInit, number, string]>([
    ['POST, refused', '/refused/x', { method: 'POST', body: 'pay 5' }, 502, 'origin-connection'],
    ['PUT, refused', '/refused/x', { method: 'PUT', body: 'x' }, 502, 'origin-connection'],
    ['DELETE, no answer in time', '/frozen/x', { method: 'DELETE' }, 504, 'origin-timeout'],
    [
      'POST with a key, body over the bound',
      '/small/x',
      { method: 'POST', body: '0123456789a', headers: key },
      502,
      'origin-connection',
    ],
    [
      'POST with an empty key',
      '/refused/x',
      { method: 'POST', body: 'x', headers: { 'idempotency-key': '' } },
      502,
      'origin-connection',
    ],
    ['GET, one try only', '/once/x', {}, 503, 'origin-connection'],
    ['GET, no other origin', '/lost/x', {}, 503, 'origin-connection'],
    ['GET, no other origin and no answer', '/silent/x', {}, 504, 'origin-timeout'],
  ])('%s', async (_, path, init, status, reason) => {
    const response = await ask(path, init)
    expect(response.status).toBe(status)
    expect(response.headers.get('content-type')).toBe('application/problem+json')
    expect(response.headers.get('proxy-status')).toMatch(/^weir; error=/)
    expect(response.headers.get('cache-status')).toMatch(/^weir; fwd=(bypass|method)$/)
    const problem = await response.text()
    expect(JSON.parse(problem)).toMatchObject({ reason, status })
    expect(problem).not.toMatch(/127\.0\.0\.1/)
    expect(seen).toHaveLength(0)
  })

  test('POST with a key that ends at this hop, and that no origin would see', async () => {
    const head = [
      'POST /refused/x HTTP/1.1',
      'Host: gateway.test',
      'Connection: close, idempotency-key',
      'Idempotency-Key: k1',
    ]
    const { status } = await sendRaw(gateway.url, `${head.join('\r\n')}\r\nContent-Length: 5\r\n\r\npay 5`)
    expect([status, seen.length]).toEqual([502, 0])
  })

  test('POST of which an origin has seen the body, and died', async () => {
    let ran = 0
    frozen.handle = async (request) => {
      await bodyOf(request)
      ran++
      request.socket.resetAndDestroy()
    }
    const response = await ask('/frozen/x', { method: 'POST', body: 'pay 5' })
    expect(response.status).toBe(502)
    expect([ran, seen.length]).toEqual([1, 0])
  })

  test('POST, and Cloudflare says that it got no answer: 520 to 530', async () => {
    for (const status of [520, 522, 524, 530]) {
      frozen.handle = async (request, response) => {
        await bodyOf(request)
        response.writeHead(status).end()
      }
      const answer = await ask('/frozen/x', { method: 'POST', body: 'pay 5' })
      expect([answer.status >= 502, seen.length]).toEqual([true, 0])
    }
    expect(frozen.requests).toBe(4)
  })

  test('an answer is an answer: a 500 of the first origin is not asked again', async () => {
    frozen.handle = (_, response) => response.writeHead(500).end('broken')
    const response = await ask('/frozen/x')
    expect([response.status, await response.text(), seen.length]).toEqual([500, 'broken', 0])
  })
})

test.each<[string, (path: string) => Promise<number>]>([
  ['of known length', (path) => slowUpload(path, { 'content-length': '12' })],
  ['of unknown length', (path) => slowUpload(path, {})],
])('an upload %s may take longer than headersMs, if it is the client that takes the time', async (_, send) => {
  expect(await send('/backup/x')).toBe(200)
  expect(seen.map(({ body }) => body)).toEqual(['one two five'])
})

/** Sends three pieces over more than twice `headersMs`; resolves with the status. */
async function slowUpload(path: string, headers: Record<string, string>): Promise<number> {
  const upload = httpRequest(`${gateway.url}${path}`, { method: 'POST', headers })
  const response = once(upload, 'response')
  for (const piece of ['one ', 'two ']) {
    upload.write(piece)
    await new Promise((resolve) => setTimeout(resolve, timeouts.headersMs))
  }
  upload.end('five')
  const [{ statusCode }] = await response
  return statusCode
}

test.each(['GET', 'POST'])(
  '%s: its client leaves, and it is under way no longer than its origin may take',
  async (method) => {
    const reached = once(frozen.server, 'request')
    const client = httpRequest(`${gateway.url}/silent/left`, { method })
    const left = new Promise((resolve) => client.on('error', resolve).end())
    await reached
    client.socket?.resetAndDestroy()
    await left
    await expect.poll(() => underWay('silent'), { timeout: 5000 }).toBe(0)
  },
)

test('a client that breaks off what it sends does not speak against the origin', async () => {
  alive.handle = (request) => request.on('error', () => undefined).resume()
  const reached = once(alive.server, 'request')
  const client = httpRequest(`${gateway.url}/backup/broken-off`, { method: 'POST', headers: { 'content-length': 100 } })
  client.on('error', () => undefined).write('all but')
  const [, response] = await reached
  const gone = once(response, 'close')
  client.destroy()
  await gone
  await expect.poll(() => underWay('backup'), { timeout: 5000 }).toBe(0)
  expect((await poolsKnown()).backup!.origins[0]!.failuresInARow).toBe(0)
})

interface Known {
  readonly inFlight: number
  readonly failuresInARow: number
}

async function poolsKnown(): Promise<Record<string, { origins: Known[] }>> {
  const headers = { authorization: `Bearer ${adminToken}` }
  const response = await fetch(`${gateway.url}/_weir/api/pools`, { headers })
  return ((await response.json()) as { pools: Record<string, { origins: Known[] }> }).pools
}

async function underWay(pool: string): Promise<number> {
  return (await poolsKnown())[pool]!.origins.reduce((sum, { inFlight }) => sum + inFlight, 0)
}

test('an origin that stops receiving is given up', async () => {
  frozen.handle = (request) => request.pause()
  const body = Buffer.alloc(20_000_000)
  const response = await ask('/frozen/x', { method: 'POST', body }).catch(() => undefined)
  // The client may see its upload broken off before it reads the answer.
  expect([504, undefined]).toContain(response?.status)
  expect(seen).toHaveLength(0)
})

test.each([
  ['garbage instead of a head', 'not http at all\r\n\r\n'],
  ['two Content-Lengths', 'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab'],
  ['999 as the status', 'HTTP/1.1 999 What\r\nContent-Length: 0\r\n\r\n'],
  ['521, by which Cloudflare says that the origin is down', 'HTTP/1.1 521 Down\r\nContent-Length: 0\r\n\r\n'],
])('%s counts as a failed attempt', async (_, bytes) => {
  frozen.handle = ({ socket }) => socket.end(bytes)
  expect((await ask('/frozen/x')).status).toBe(200)
  expect(seen).toHaveLength(1)
})
