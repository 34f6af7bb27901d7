// What crosses the gateway and what does not: targets, fields, methods; and how it says no.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { startGateway, type TestGateway } from './support/gateway.ts'
import { startOrigin, type TestOrigin } from './support/origin.ts'
import { rawGet, sendRaw } from './support/wire.ts'

let origin: TestOrigin
let stranger: TestOrigin
let gateway: TestGateway

interface Seen {
  readonly target: string
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
}
let seen: Seen[]

beforeAll(async () => {
  origin = await startOrigin(() => undefined)
  stranger = await startOrigin((_, response) => response.end('stranger'))
  const pools = ['web']
  gateway = await startGateway({
    pools: { web: { origins: [{ url: origin.url }], policy: 'round-robin' } },
    routes: [
      { host: 'gateway.test', path: '/read/*', methods: ['GET', 'HEAD'], pools },
      { host: 'gateway.test', path: '/cached/*', pools, cache: { mode: 'force', ttlSeconds: 60 } },
      { host: 'gateway.test', path: '/*', pools, cache: { mode: 'off' } },
      { host: '*.wild.test', path: '/only/*', pools, cache: { mode: 'off' } },
    ],
  })
})

afterAll(async () => {
  await gateway?.close()
  await Promise.all([origin?.close(), stranger?.close()])
})

beforeEach(() => {
  seen = []
  stranger.requests = 0
  origin.handle = (request, response) => {
    seen.push({ target: request.url ?? '', headers: request.headers })
    response.end('origin')
  }
})

describe('no request reaches an origin that the configuration does not name', () => {
  const foreign = () => new URL(stranger.url).host
  test.each<[string, () => string, string | undefined]>([
    ['two slashes and a host', () => `//${foreign()}/x`, '//HOST/x'],
    ['three slashes', () => `///${foreign()}/x`, '///HOST/x'],
    ['backslashes', () => `/\\${foreign()}/x`, '//HOST/x'],
    ['absolute form', () => `http://${foreign()}/x`, '/x'],
    ['absolute form with userinfo', () => `http://gateway.test@${foreign()}/x`, '/x'],
    ['a host behind an at sign', () => `/@${foreign()}/x`, '/@HOST/x'],
    ['encoded slashes', () => `/%2f%2f${foreign()}/x`, '/%2F%2FHOST/x'],
    ['encoded backslashes', () => `/%5c${foreign()}`, '/%5CHOST'],
    ['a scheme in the path', () => `/http://${foreign()}/x`, '/http://HOST/x'],
    ['dot segments', () => `/a/../..//${foreign()}/x`, '//HOST/x'],
  ])('%s', async (_, target, expected) => {
    const answer = await rawGet(gateway.url, target())
    expect(stranger.requests).toBe(0)
    expect([200, 400, 404]).toContain(answer.status)
    if (answer.status === 200) {
      expect(answer.body).toContain('origin')
      expect(seen[0]?.target).toBe(expected?.replace('HOST', foreign()))
    }
  })

  test('a Host header names no origin', async () => {
    const answer = await sendRaw(gateway.url, `GET /x HTTP/1.1\r\nHost: ${foreign()}\r\nConnection: close\r\n\r\n`)
    expect(answer.status).toBe(404)
    expect([stranger.requests, seen.length]).toEqual([0, 0])
  })
})

test.each<[string, string, number, string]>([
  ['no route for the host', 'GET /x HTTP/1.1\r\nHost: other.test', 404, 'no-route'],
  ['no route for the path', 'GET /x HTTP/1.1\r\nHost: a.wild.test', 404, 'no-route'],
  ['no route for the method', 'POST /only/x HTTP/1.1\r\nHost: gateway.test\r\nContent-Length: 0', 200, ''],
  ['TRACE', 'TRACE /x HTTP/1.1\r\nHost: gateway.test', 405, 'method-not-allowed'],
  ['a way up the tree behind an encoded slash', 'GET /a/..%2fb HTTP/1.1\r\nHost: gateway.test', 400, 'bad-target'],
  ['a NUL', 'GET /a%00b HTTP/1.1\r\nHost: gateway.test', 400, 'bad-target'],
  ['the asterisk form', 'OPTIONS * HTTP/1.1\r\nHost: gateway.test', 400, 'bad-target'],
  ['a Host that is none', 'GET /x HTTP/1.1\r\nHost: a b', 400, 'bad-target'],
  ['a reserved path that does not exist', 'GET /_weir/nothing HTTP/1.1\r\nHost: gateway.test', 404, 'no-such-endpoint'],
  ['the reserved prefix itself', 'GET /_weir HTTP/1.1\r\nHost: gateway.test', 404, 'no-such-endpoint'],
  ['a reserved path in disguise', 'GET /x/../%5fweir/nothing HTTP/1.1\r\nHost: gateway.test', 404, 'no-such-endpoint'],
  ['the admin API in disguise', 'GET /%5Fweir/api/config HTTP/1.1\r\nHost: gateway.test', 401, 'unauthorised'],
  ['a cache entry by its name', 'GET /_weir/cache/1,%2F,all HTTP/1.1\r\nHost: gateway.test', 404, 'no-such-endpoint'],
])('%s: %s', async (_, head, status, reason) => {
  const answer = await sendRaw(gateway.url, `${head}\r\nConnection: close\r\n\r\n`)
  expect(answer.status).toBe(status)
  if (status === 200) return
  expect(answer.headers['content-type']).toBe('application/problem+json')
  expect(answer.body).toContain(`"reason": "${reason}"`)
  expect(seen).toHaveLength(0)
})

test('a method that no route of the target takes is 405 with those that are', async () => {
  const only = await rawGet(gateway.url, '/read/x')
  expect(only.status).toBe(200)
  const wrong = await sendRaw(gateway.url, 'PROPFIND /x HTTP/1.1\r\nHost: gateway.test\r\nConnection: close\r\n\r\n')
  expect(wrong.status).toBe(405)
  expect(wrong.headers.allow).toContain('GET')
})

test('requests: hop-by-hop and nominated fields end here', async () => {
  const hop = [
    'Keep-Alive: timeout=1',
    'TE: trailers',
    'Proxy-Authorization: secret',
    'Proxy-Connection: x',
    'Upgrade: h2c',
    'Trailer: X-End',
  ]
  await rawGet(
    gateway.url,
    '/x',
    'Connection: X-Nominated, x-other',
    'X-Nominated: 1',
    'X-Other: 2',
    'X-Kept: 3',
    ...hop,
  )
  const { headers } = seen[0]!
  for (const name of [
    'x-nominated',
    'x-other',
    'keep-alive',
    'te',
    'proxy-authorization',
    'proxy-connection',
    'upgrade',
    'trailer',
  ]) {
    expect(headers[name], name).toBeUndefined()
  }
  expect(headers['x-kept']).toBe('3')
})

test('responses: hop-by-hop and nominated fields end here, as do those that are meant for the gateway', async () => {
  origin.handle = (_, response) => {
    response.socket?.end(
      'HTTP/1.1 200 OK\r\nConnection: close, X-Nominated\r\nX-Nominated: 1\r\nKeep-Alive: timeout=9\r\nProxy-Authenticate: x\r\n' +
        'Weir-Session-Set: a=1\r\nWeir-Entry: {}\r\nCache-Tag: t\r\nSurrogate-Key: k\r\nX-Kept: 3\r\n' +
        'Set-Cookie: a=1; Path=/\r\nSet-Cookie: b=2\r\nContent-Length: 2\r\n\r\nok',
    )
  }
  const { raw, headers } = await rawGet(gateway.url, '/x')
  expect(raw).not.toMatch(/x-nominated|keep-alive|proxy-authenticate|weir-session|weir-entry|cache-tag|surrogate-key/i)
  expect(headers['x-kept']).toBe('3')
  expect(raw.match(/^set-cookie: .*$/gim)).toHaveLength(2)
  expect(headers.via).toBe('1.1 weir')
  expect(headers.date).toMatch(/GMT$/)
})

const lies = [
  'X-Forwarded-For: 6.6.6.6',
  'X-Forwarded-Host: evil.test',
  'X-Forwarded-Proto: gopher',
  'X-Forwarded-Prefix: /evil',
  'X-Forwarded-Server: evil.test',
  'Forwarded: for=6.6.6.6;host=evil.test',
  'X-Real-IP: 6.6.6.6',
  'True-Client-IP: 6.6.6.6',
  'X-Original-URL: /evil',
  'X-Rewrite-URL: /evil',
  'X-Host: evil.test',
  'X-HTTP-Method-Override: DELETE',
  'X-Request-Id: evil',
  'traceparent: 00-00000000000000000000000000000evi-00000000000000ev-01',
  'Weir-Session: user="evil"',
  'Weir-Explain: ?1',
  'CF-IPCountry: XX',
]

test('what the gateway says about a request is its own word, not the client’s', async () => {
  await rawGet(gateway.url, '/x', ...lies)
  const { headers } = seen[0]!
  expect(headers).toMatchObject({
    'x-forwarded-for': '127.0.0.1',
    'x-forwarded-host': 'gateway.test',
    'x-forwarded-proto': 'http',
    host: new URL(origin.url).host,
    via: '1.1 weir',
  })
  expect(headers['x-request-id']).toMatch(/^[0-9a-f-]{36}$/)
  expect(headers.traceparent).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/)
  expect(JSON.stringify(headers)).not.toMatch(/evil|6\.6\.6\.6|gopher|XX/)
})

test.each(lies)('no entry is poisoned by %s', async (lie) => {
  // An origin that believes everything, and says it back.
  origin.handle = (request, response) => response.end(JSON.stringify(request.headers))
  const path = `/cached/${encodeURIComponent(lie)}`
  const first = await rawGet(gateway.url, path, lie)
  const victim = await rawGet(gateway.url, path)
  expect(first.headers['cache-status']).toContain('stored')
  expect(victim.headers['cache-status']).toContain('hit')
  expect(victim.body).not.toMatch(/evil|6\.6\.6\.6|gopher|XX/)
})

test.each([204, 205, 304])('an origin that sends content with a %i has it dropped', async (status) => {
  const head = `HTTP/1.1 ${status} X\r\nConnection: close\r\nContent-Length: 5\r\n\r\n`
  origin.handle = ({ socket }) => socket.end(`${head}extra`)
  const answer = await rawGet(gateway.url, '/x')
  expect(answer.status).toBe(status)
  expect(answer.body).not.toContain('extra')
})

test('a GET with content is refused, and its content is not taken for a request', async () => {
  const content = 'GET /smuggled HTTP/1.1\r\nHost: gateway.test\r\n\r\n'
  const head = 'GET /x HTTP/1.1\r\nHost: gateway.test\r\nConnection: close'
  const answer = await sendRaw(gateway.url, `${head}\r\nContent-Length: ${content.length}\r\n\r\n${content}`)
  expect([answer.status, seen.length]).toEqual([400, 0])
  expect(answer.body).toContain('"reason": "unexpected-content"')
  const empty = await sendRaw(gateway.url, `${head}\r\nContent-Length: 0\r\n\r\n`)
  expect(empty.status).toBe(200)
})
