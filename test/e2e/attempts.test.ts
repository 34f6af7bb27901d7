// Attempts: what is asked again of another origin, what is not, and how long it may take.
import { once } from 'node:events'
import { request as httpRequest } from 'node:http'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { startGateway, type TestGateway } from './support/gateway.ts'
import { bodyOf, deadUrl, startOrigin, type TestOrigin } from './support/origin.ts'

let dead: string
let frozen: TestOrigin
let alive: TestOrigin
let gateway: TestGateway

const timeouts = { headersMs: 400, idleMs: 400 }

beforeAll(async () => {
  dead = await deadUrl()
  frozen = await startOrigin(() => undefined)
  alive = await startOrigin(() => undefined)
  // The first origin of each pool has almost all of the weight, and so the first turn.
  const first = (url: string) => ({ id: 'first', url, weight: 1000 })
  const second = { id: 'second', url: alive.url }
  const policy = 'round-robin'
  const pool = (...origins: unknown[]) => ({ origins, policy, timeouts })
  const route = (path: string, ...pools: string[]) => ({ path, pools, cache: { mode: 'off' } })
  gateway = await startGateway({
    pools: {
      refused: pool(first(dead), second),
      frozen: pool(first(frozen.url), second),
      small: { ...pool(first(dead), second), retry: { maxBodyBytes: 10 } },
      once: { ...pool(first(dead), second), retry: { tries: 1 } },
      lost: pool({ url: dead }),
      silent: pool({ url: frozen.url }),
      backup: pool({ url: alive.url }),
      off: pool({ id: 'off', url: dead, state: 'off' }, { id: 'drain', url: dead, state: 'drain' }, second),
      priority: pool({ id: 'later', url: dead, priority: 1, weight: 1000 }, { ...second, priority: 0 }),
    },
    routes: [
      route('/refused/*', 'refused'),
      route('/refused-not/*', 'backup'),
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
    ['GET, one try only', '/once/x', {}, 502, 'origin-connection'],
    ['GET, no other origin', '/lost/x', {}, 502, 'origin-connection'],
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
  expect(await send('/refused-not/x')).toBe(200)
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
