// The cache on the wire: what is stored, what is not, and who gets it.
import { brotliCompressSync, gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { cacheStatus, startGateway, type TestGateway } from './support/gateway.ts'
import { startOrigin, type TestOrigin } from './support/origin.ts'
import { rawGet, sendRaw } from './support/wire.ts'

let origin: TestOrigin
let gateway: TestGateway
let paths = 0

/** A path that no other test uses, below a route's prefix. */
const fresh = (prefix = '') => `${prefix}/${++paths}`

beforeAll(async () => {
  origin = await startOrigin(() => undefined)
  const pools = ['web']
  gateway = await startGateway({
    pools: { web: { origins: [{ id: 'a', url: origin.url }], policy: 'round-robin' } },
    routes: [
      { path: '/off/*', pools, cache: { mode: 'off' } },
      { path: '/force/*', pools, cache: { mode: 'force', ttlSeconds: 60 } },
      { path: '/default-ttl/*', pools, cache: { ttlSeconds: 60 } },
      { path: '/only/*', pools, cache: { key: { query: { only: ['page'] } } } },
      { path: '/sorted/*', pools, cache: { key: { query: { except: ['utm'] }, sortQuery: true } } },
      { path: '/by-cookie/*', pools, cache: { mode: 'force', ttlSeconds: 60, key: { cookies: ['lang'] } } },
      { path: '/*', pools },
    ],
  })
})

afterAll(async () => {
  await gateway?.close()
  await origin?.close()
})

/** Every answer of the origin says which request it was, so that two answers are never alike. */
function answerWith(headers: Record<string, string>, status = 200): void {
  origin.handle = (_, response) => {
    response.writeHead(status, headers)
    response.end(status === 204 ? undefined : `answer ${origin.requests}`)
  }
}

const ask = (path: string, init?: RequestInit) => fetch(gateway.url + path, { redirect: 'manual', ...init })

async function twice(path: string, first?: RequestInit, second = first): Promise<[Response, Response]> {
  const one = await ask(path, first)
  const bytes = await one.arrayBuffer()
  const two = await ask(path, second)
  return [new Response(one.status === 204 ? null : bytes, one), two]
}

describe('stores, and answers from the store', () => {
  test.each<[string, string, Record<string, string>, number]>([
    ['max-age', '', { 'cache-control': 'max-age=60' }, 200],
    ['s-maxage over max-age=0', '', { 'cache-control': 'max-age=0, s-maxage=60' }, 200],
    ['CDN-Cache-Control over no-store', '', { 'cache-control': 'no-store', 'cdn-cache-control': 'max-age=60' }, 200],
    ['Expires', '', { expires: new Date(Date.now() + 3_600_000).toUTCString() }, 200],
    ['a heuristic lifetime', '', { 'last-modified': 'Mon, 01 Jan 2024 00:00:00 GMT' }, 200],
    ['the route’s lifetime where the origin says nothing', '/default-ttl', {}, 200],
    ['a forced lifetime over no-cache', '/force', { 'cache-control': 'no-cache, max-age=0' }, 200],
    ['404 with max-age', '', { 'cache-control': 'max-age=60' }, 404],
    ['301', '', { 'cache-control': 'max-age=60', location: '/elsewhere' }, 301],
    ['500 with max-age', '', { 'cache-control': 'max-age=60' }, 500],
    ['204 without a body', '', { 'cache-control': 'max-age=60' }, 204],
  ])('%s', async (_, prefix, headers, status) => {
    answerWith(headers, status)
    const [first, second] = await twice(fresh(prefix))
    expect(cacheStatus(first)).toBe(`weir; fwd=uri-miss; fwd-status=${status}; stored`)
    expect(cacheStatus(second)).toMatch(/^weir; hit; ttl=\d+$/)
    expect(second.status).toBe(status)
    expect(await second.text()).toBe(await first.text())
    for (const name of ['cache-control', 'expires', 'location', 'last-modified']) {
      expect(second.headers.get(name)).toBe(headers[name] ?? null)
    }
    expect(second.headers.get('age')).toMatch(/^\d+$/)
    expect(second.headers.get('cf-cache-status')).toBeNull()
    expect(second.headers.get('weir-entry')).toBeNull()
  })

  test('a HEAD is answered from what a GET stored, with its length and no body', async () => {
    origin.handle = (_, response) => {
      response.writeHead(200, { 'cache-control': 'max-age=60', 'content-length': '8', 'x-kept': 'yes' }).end('8 bytes.')
    }
    const [, head] = await twice(fresh(), {}, { method: 'HEAD' })
    expect(cacheStatus(head)).toContain('hit')
    expect(head.headers.get('content-length')).toBe('8')
    expect(head.headers.get('x-kept')).toBe('yes')
    expect(await head.text()).toBe('')
  })

  test.each([204, 205])('%i, whose Content-Length lies: it has no content', async (status) => {
    origin.handle = ({ socket }) => {
      const head = `HTTP/1.1 ${status} X\r\nCache-Control: max-age=60\r\nContent-Length: 5\r\nConnection: close`
      socket.end(`${head}\r\n\r\nextra`)
    }
    const path = fresh()
    const first = await rawGet(gateway.url, path)
    expect(first.headers['cache-status']).toBe(`weir; fwd=uri-miss; fwd-status=${status}; stored`)
    const second = await rawGet(gateway.url, path)
    expect([second.status, second.headers['cache-status']]).toEqual([status, expect.stringContaining('weir; hit')])
    expect(second.headers['content-length'] ?? '0').toBe('0')
    expect(second.body).toBe('')
  })

  test('Age goes on from the Age that the origin sent', async () => {
    answerWith({ 'cache-control': 'max-age=600', age: '100' })
    const [, second] = await twice(fresh())
    expect(Number(second.headers.get('age'))).toBeGreaterThanOrEqual(100)
    expect(cacheStatus(second)).toMatch(/ttl=(500|499|498)$/)
  })

  test.each([
    ['gzip', gzipSync],
    ['br', brotliCompressSync],
  ])('%s bytes are the origin’s own, from the origin, from the store and from memory', async (coding, compress) => {
    const bytes = compress('the same words again and again '.repeat(100))
    origin.handle = (_, response) => {
      response
        .writeHead(200, { 'cache-control': 'max-age=60', 'content-encoding': coding, 'content-length': bytes.length })
        .end(bytes)
    }
    const path = fresh()
    for (const expected of [/fwd=uri-miss.*stored/, /hit/, /hit/]) {
      const answer = await rawGet(gateway.url, path, `Accept-Encoding: ${coding}`)
      expect(answer.headers['cache-status']).toMatch(expected)
      expect(answer.headers['content-encoding']).toBe(coding)
      expect(Buffer.from(answer.body, 'latin1').equals(bytes)).toBe(true)
    }
    // Who does not take it is not given the stored bytes.
    const plain = await rawGet(gateway.url, path)
    expect(plain.headers['cache-status']).toContain('fwd=request')
  })

  test('entries are told apart by host, and by the parameters that the route names', async () => {
    answerWith({ 'cache-control': 'max-age=60' })
    const path = fresh()
    const first = await rawGet(gateway.url, path)
    const other = await sendRaw(gateway.url, `GET ${path} HTTP/1.1\r\nHost: other.test\r\nConnection: close\r\n\r\n`)
    expect(first.headers['cache-status']).toContain('stored')
    expect(other.headers['cache-status']).toContain('uri-miss')
    const only = fresh('/only')
    await (await ask(`${only}?page=1&utm=x`)).text()
    expect(cacheStatus(await ask(`${only}?utm=y&page=1`))).toContain('hit')
    expect(cacheStatus(await ask(`${only}?page=2`))).toContain('uri-miss')
  })

  test('parameters in another order are the same URL, for the origin too, where the route sorts them', async () => {
    origin.handle = (request, response) => response.writeHead(200, { 'cache-control': 'max-age=60' }).end(request.url)
    const path = fresh('/sorted')
    expect(await (await ask(`${path}?b=2&utm=x&a=1`)).text()).toBe(`${path}?a=1&b=2`)
    await expect.poll(async () => cacheStatus(await ask(`${path}?b=2&utm=x&a=1`))).toContain('hit')
    expect(cacheStatus(await ask(`${path}?a=1&utm=y&b=2`))).toContain('hit')
  })

  test('what is not in the key does not reach the origin: parameters, and on a forced route cookies', async () => {
    const seen: { url: string | undefined; cookie: string | undefined }[] = []
    origin.handle = ({ url, headers: { cookie } }, response) => {
      seen.push({ url, cookie })
      response.end('ok')
    }
    const only = fresh('/only')
    await ask(`${only}?page=1&callback=evil`)
    const forced = fresh('/force')
    await ask(forced, { headers: { cookie: 'user=ada' } })
    const keyed = fresh('/by-cookie')
    await ask(keyed, { headers: { cookie: 'user=ada; lang=fr' } })
    expect(seen).toEqual([
      { url: `${only}?page=1`, cookie: undefined },
      { url: forced, cookie: undefined },
      { url: keyed, cookie: 'lang=fr' },
    ])
  })
})

describe('does not store', () => {
  test.each<[string, string, Record<string, string>, RequestInit, string]>([
    ['private', '', { 'cache-control': 'private, max-age=60' }, {}, 'private'],
    ['private, although forced', '/force', { 'cache-control': 'private' }, {}, 'private'],
    ['no-store', '', { 'cache-control': 'max-age=60, no-store' }, {}, 'no-store'],
    ['no-cache', '', { 'cache-control': 'max-age=60, no-cache' }, {}, 'no-cache'],
    ['Set-Cookie', '', { 'cache-control': 'max-age=60', 'set-cookie': 'id=1' }, {}, 'set-cookie'],
    ['Set-Cookie, although forced', '/force', { 'set-cookie': 'id=1' }, {}, 'set-cookie'],
    ['Vary: *', '', { 'cache-control': 'max-age=60', vary: '*' }, {}, 'vary'],
    ['no lifetime', '', {}, {}, 'no-lifetime'],
    ['what is stale on arrival', '', { 'cache-control': 'max-age=60', age: '60' }, {}, 'stale-on-arrival'],
    [
      'what nobody could find again',
      '',
      { 'cache-control': 'max-age=60' },
      { headers: { 'user-agent': '<'.repeat(16) } },
      'reflection',
    ],
    ['an event stream', '/force', { 'content-type': 'text/event-stream' }, {}, 'event-stream'],
    [
      'an answer to Authorization',
      '',
      { 'cache-control': 'max-age=60' },
      { headers: { authorization: 'x' } },
      'authorization',
    ],
    ['an answer to Authorization, although forced', '/force', {}, { headers: { authorization: 'x' } }, 'authorization'],
    ['a guess about an answer to a cookie', '/default-ttl', {}, { headers: { cookie: 'user=ada' } }, 'cookie'],
    [
      'what the client wants unstored',
      '',
      { 'cache-control': 'max-age=60' },
      { headers: { 'cache-control': 'no-store' } },
      'request-no-store',
    ],
  ])('%s', async (_, prefix, headers, init, detail) => {
    answerWith(headers)
    const [first, second] = await twice(fresh(prefix), init)
    expect(cacheStatus(first)).toBe(`weir; fwd=uri-miss; fwd-status=200; detail=${detail}`)
    expect(await second.text()).not.toBe(await first.text())
  })

  test('mode off asks the origin every time', async () => {
    answerWith({ 'cache-control': 'max-age=60' })
    const [first, second] = await twice(fresh('/off'))
    expect(cacheStatus(second)).toBe('weir; fwd=bypass; fwd-status=200')
    expect(await second.text()).not.toBe(await first.text())
  })

  test('the answer to a POST, and a POST is not answered from the store', async () => {
    answerWith({ 'cache-control': 'max-age=60' })
    const path = fresh()
    const [first, posted] = await twice(path, {}, { method: 'POST', body: 'x' })
    expect(cacheStatus(posted)).toBe('weir; fwd=method; fwd-status=200')
    expect(await posted.text()).not.toBe(await first.text())
  })
})

describe('RFC 9111 §5.2.1: the client’s directives', () => {
  test.each<[string, Record<string, string>]>([
    ['no-cache', { 'cache-control': 'no-cache' }],
    ['Pragma: no-cache', { pragma: 'no-cache' }],
    ['max-age below the age', { 'cache-control': 'max-age=5' }],
    ['min-fresh beyond the lifetime', { 'cache-control': 'min-fresh=1000' }],
  ])('%s asks the origin', async (_, headers) => {
    answerWith({ 'cache-control': 'max-age=600', age: '10' })
    const path = fresh()
    const [first, second] = await twice(path, {}, { headers })
    expect(cacheStatus(second)).toContain('fwd=request')
    expect(await second.text()).not.toBe(await first.text())
  })

  test('RFC 8246: a reload of what is immutable gets it, and who says no-cache asks the origin', async () => {
    answerWith({ 'cache-control': 'max-age=600, immutable', age: '10' })
    const path = fresh()
    const [first, reloaded] = await twice(path, {}, { headers: { 'cache-control': 'max-age=0' } })
    expect(cacheStatus(reloaded)).toContain('hit')
    expect(await reloaded.text()).toBe(await first.text())
    const forced = await ask(path, { headers: { 'cache-control': 'no-cache' } })
    expect(cacheStatus(forced)).toContain('fwd=request')
  })

  test('they do not move a forced entry', async () => {
    answerWith({})
    const [, second] = await twice(fresh('/force'), {}, { headers: { 'cache-control': 'no-cache' } })
    expect(cacheStatus(second)).toContain('hit')
  })

  test('only-if-cached is 504 where nothing is stored', async () => {
    const before = origin.requests
    const response = await ask(fresh(), { headers: { 'cache-control': 'only-if-cached' } })
    expect(response.status).toBe(504)
    expect(await response.json()).toMatchObject({ reason: 'only-if-cached' })
    expect(origin.requests).toBe(before)
  })

  test('§3.5: an entry that nobody declared public does not answer a request with Authorization', async () => {
    answerWith({ 'cache-control': 'max-age=60' })
    const [, asked] = await twice(fresh(), {}, { headers: { authorization: 'x' } })
    expect(cacheStatus(asked)).toContain('fwd=request')
    answerWith({ 'cache-control': 'public, max-age=60' })
    const [, shared] = await twice(fresh(), {}, { headers: { authorization: 'x' } })
    expect(cacheStatus(shared)).toContain('hit')
  })
})

test('an entry ends when its lifetime does', async () => {
  answerWith({ 'cache-control': 'max-age=1' })
  const path = fresh()
  const [first] = await twice(path)
  const text = await first.text()
  await expect.poll(async () => (await ask(path)).text(), { timeout: 5_000 }).not.toBe(text)
})
