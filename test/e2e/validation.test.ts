// Validation (RFC 9111 §4.3) and the client's own preconditions, on the wire.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type CacheBench, reply, startCacheBench } from './support/cache.ts'

let bench: CacheBench

beforeAll(async () => {
  bench = await startCacheBench({ '/short': { mode: 'respect', ttlSeconds: 0 } })
})
afterAll(() => bench?.close())

const lastModified = 'Mon, 01 Jan 2024 00:00:00 GMT'
const earlier = 'Sun, 31 Dec 2023 00:00:00 GMT'

/** An origin that has one version at a time, stale at once, and answers its own validators with 304. */
function version(etag: string, headers: Record<string, string> = {}) {
  bench.origin.handle = (request, response) => {
    const fields = { etag, 'cache-control': 'max-age=0', ...headers }
    if (request.headers['if-none-match'] === etag) response.writeHead(304, fields).end()
    else reply(response, `version ${etag}`, fields)
  }
}

describe('a stale response is validated', () => {
  test('304: the stored body with the fields of the 304', async () => {
    const path = bench.fresh()
    version('"1"', { 'x-a': '1', 'x-b': '1' })
    await bench.ask(path)
    version('"1"', { 'x-a': '2', 'cache-control': 'max-age=60' })
    const second = await bench.ask(path)
    expect(second).toMatchObject({ status: 200, text: 'version "1"', cache: 'weir; fwd=stale; fwd-status=304; stored' })
    expect([second.headers.get('x-a'), second.headers.get('x-b')]).toEqual(['2', '1'])
    expect(bench.seen.at(-1)?.headers['if-none-match']).toBe('"1"')
    await expect.poll(async () => (await bench.ask(path)).cache).toMatch(/^weir; hit; ttl=[56]\d$/)
    const third = await bench.ask(path)
    expect(third.text).toBe('version "1"')
    expect([third.headers.get('x-a'), third.headers.get('x-b')]).toEqual(['2', '1'])
  })

  test('RFC 9111 §4.3.4: a 304 of another version updates nothing, and the origin is asked without conditions', async () => {
    const path = bench.fresh()
    version('"1"')
    await bench.ask(path)
    bench.origin.handle = (request, response) => {
      const fields = { etag: '"2"', 'cache-control': 'max-age=60' }
      if (request.headers['if-none-match'] !== undefined) response.writeHead(304, fields).end()
      else reply(response, 'version "2"', fields)
    }
    expect(await bench.ask(path)).toMatchObject({ text: 'version "2"', cache: expect.stringContaining('stored') })
    await expect.poll(async () => (await bench.ask(path)).cache).toContain('hit')
    expect((await bench.ask(path)).text).toBe('version "2"')
  })

  test('200: the new one, and it is stored', async () => {
    const path = bench.fresh()
    version('"1"')
    await bench.ask(path)
    version('"2"', { 'cache-control': 'max-age=60' })
    expect(await bench.ask(path)).toMatchObject({
      text: 'version "2"',
      cache: 'weir; fwd=stale; fwd-status=200; stored',
    })
    await expect.poll(async () => (await bench.ask(path)).cache).toContain('hit')
    expect((await bench.ask(path)).text).toBe('version "2"')
  })

  test('by Last-Modified', async () => {
    const path = bench.fresh()
    bench.origin.handle = (request, response) => {
      const fields = { 'last-modified': lastModified, 'cache-control': 'max-age=0' }
      if (request.headers['if-modified-since'] === lastModified) response.writeHead(304, fields).end()
      else reply(response, 'dated', fields)
    }
    await bench.ask(path)
    expect(await bench.ask(path)).toMatchObject({ text: 'dated', cache: 'weir; fwd=stale; fwd-status=304; stored' })
  })

  test('no-cache is stored, and validated every time', async () => {
    const path = bench.fresh()
    version('"1"', { 'cache-control': 'max-age=60, no-cache' })
    expect((await bench.ask(path)).cache).toContain('stored')
    for (let time = 0; time < 2; time++) {
      expect(await bench.ask(path)).toMatchObject({
        text: 'version "1"',
        cache: expect.stringContaining('fwd-status=304'),
      })
    }
  })

  test('a 304 that says private lets go of what is stored, and its cookie reaches this client alone', async () => {
    const path = bench.fresh()
    version('"1"')
    await bench.ask(path)
    version('"1"', { 'cache-control': 'private, max-age=60', 'set-cookie': 'id=ada' })
    const mine = await bench.ask(path)
    expect(mine).toMatchObject({ status: 200, text: 'version "1"', cache: 'weir; fwd=stale; fwd-status=304' })
    expect(mine.headers.get('set-cookie')).toBe('id=ada')
    version('"1"')
    await expect.poll(async () => (await bench.ask(path)).cache).toContain('fwd-status=200')
    expect((await bench.ask(path)).headers.get('set-cookie')).toBeNull()
  })

  test('a 304 to one who may be told something of his own lets go of nothing', async () => {
    const path = bench.fresh()
    version('"1"')
    await bench.ask(path)
    expect((await bench.ask(path, { headers: { 'x-user': 'ada' } })).cache).toBe('weir; fwd=stale; fwd-status=304')
    expect((await bench.ask(path)).cache).toBe('weir; fwd=stale; fwd-status=304; stored')
  })

  test('a 304 whose targeted field says private lets go of what is stored', async () => {
    const path = bench.fresh()
    version('"1"')
    await bench.ask(path)
    version('"1"', { 'cache-control': 'max-age=60', 'weir-cdn-cache-control': 'private', 'x-user': 'ada' })
    expect((await bench.ask(path)).cache).toBe('weir; fwd=stale; fwd-status=304')
    version('"1"')
    await expect.poll(async () => (await bench.ask(path)).headers.get('x-user')).toBeNull()
  })

  test('a targeted lifetime outlives a 304 that omits it', async () => {
    const path = bench.fresh()
    version('"1"', { 'cache-control': 'no-store', 'surrogate-control': 'max-age=0' })
    const first = await bench.ask(path)
    expect(first.headers.get('surrogate-control')).toBeNull()
    version('"1"', { 'cache-control': 'no-store' })
    expect(await bench.ask(path)).toMatchObject({ cache: 'weir; fwd=stale; fwd-status=304; stored' })
  })

  test('the age that it came with ends with a 304 that has none', async () => {
    const path = bench.fresh()
    version('"1"', { 'cache-control': 'max-age=60', age: '60' })
    await bench.ask(path)
    version('"1"', { 'cache-control': 'max-age=60' })
    expect((await bench.ask(path)).cache).toBe('weir; fwd=stale; fwd-status=304; stored')
    await expect.poll(async () => (await bench.ask(path)).cache).toMatch(/^weir; hit; ttl=[56]\d$/)
  })

  test('a 304 that brings a Vary ends what was stored without', async () => {
    const path = bench.fresh()
    version('"1"')
    await bench.ask(path)
    version('"1"', { vary: 'accept-language', 'cache-control': 'max-age=60' })
    expect((await bench.ask(path)).cache).toBe('weir; fwd=stale; fwd-status=304')
    await expect.poll(async () => (await bench.ask(path)).cache).toContain('fwd-status=200')
  })

  test('a 304 that nobody asked for is an origin’s error, not the client’s answer', async () => {
    bench.origin.handle = (_, response) => response.writeHead(304, { etag: '"x"' }).end()
    const path = bench.fresh()
    const answer = await bench.ask(path)
    expect(answer.status).toBe(502)
    expect(JSON.parse(answer.text)).toMatchObject({ reason: 'origin-protocol' })
  })

  test('RFC 9111 §3.2: a 304 does not change what describes the stored content', async () => {
    const path = bench.fresh()
    version('"1"', { 'content-type': 'text/plain' })
    await bench.ask(path)
    const changed = {
      'content-encoding': 'br',
      'content-range': 'bytes 0-1/2',
      'content-length': '3',
      'content-md5': 'x',
    }
    bench.origin.handle = (_, response) => response.writeHead(304, { etag: 'W/"1"', ...changed }).end()
    const second = await bench.ask(path)
    expect(second).toMatchObject({ status: 200, text: 'version "1"' })
    const described = [...Object.keys(changed), 'etag'].map((name) => second.headers.get(name))
    expect(described).toEqual([null, null, '11', null, '"1"'])
  })
})

describe('RFC 9110 §13: the client’s preconditions are answered here', () => {
  test.each<[string, Record<string, string>, number]>([
    ['If-None-Match of the stored tag', { 'if-none-match': '"0", W/"1"' }, 304],
    ['If-None-Match of another', { 'if-none-match': '"0"' }, 200],
    ['If-Modified-Since', { 'if-modified-since': lastModified }, 304],
    ['If-Modified-Since, modified', { 'if-modified-since': earlier }, 200],
    ['If-None-Match goes first', { 'if-none-match': '"0"', 'if-modified-since': lastModified }, 200],
  ])('%s', async (_, headers, status) => {
    const path = bench.fresh()
    version('"1"', { 'last-modified': lastModified, 'cache-control': 'max-age=60' })
    const miss = await bench.ask(path, { headers })
    expect(miss).toMatchObject({ status, cache: 'weir; fwd=uri-miss; fwd-status=200; stored' })
    expect(bench.seen.at(-1)?.headers['if-none-match']).toBeUndefined()
    await expect.poll(async () => (await bench.ask(path)).cache).toContain('hit')
    const hit = await bench.ask(path, { headers })
    expect(hit).toMatchObject({
      status,
      text: status === 304 ? '' : 'version "1"',
      cache: expect.stringContaining('hit'),
    })
    expect(hit.headers.get('etag')).toBe('"1"')
    if (status === 304) expect(hit.headers.get('content-length')).toBeNull()
  })

  test('an error is told as it is, whatever the client has', async () => {
    const path = bench.fresh()
    const fields = { etag: '"1"', 'cache-control': 'max-age=60' }
    bench.origin.handle = (_, response) => reply(response, 'not there', fields, 404)
    const headers = { 'if-none-match': '"1"' }
    const first = await bench.ask(path, { headers })
    expect(first).toMatchObject({ status: 404, text: 'not there', cache: expect.stringContaining('stored') })
    await expect.poll(async () => (await bench.ask(path, { headers })).cache).toContain('hit')
    expect(await bench.ask(path, { headers })).toMatchObject({ status: 404, text: 'not there' })
  })

  test('If-Match is the origin’s to judge', async () => {
    const path = bench.fresh()
    version('"1"', { 'cache-control': 'max-age=60' })
    await bench.ask(path)
    bench.origin.handle = (_, response) => response.writeHead(412).end()
    expect(await bench.ask(path, { headers: { 'if-match': '"0"' } })).toMatchObject({
      status: 412,
      cache: 'weir; fwd=request; fwd-status=412',
    })
  })
})

describe('RFC 9111 §4.3.5: what a HEAD tells', () => {
  test.each<[string, Record<string, string>, RegExp, string]>([
    ['of the same response freshens it', { etag: '"1"', 'x-a': '2' }, /^weir; hit/, '2'],
    ['of another one ends it', { etag: '"2"' }, /fwd=uri-miss/, '1'],
    ['of another status changes nothing', { etag: '"1"', 'x-a': '3', ':status': '401' }, /fwd-status=304/, '1'],
    ['without the stored tag changes nothing', { 'x-a': '3' }, /fwd-status=304/, '1'],
    ['of another date ends it', { etag: '"1"', 'last-modified': earlier }, /fwd=uri-miss/, '1'],
    ['of another length ends it', { etag: '"1"', 'content-length': '1' }, /fwd=uri-miss/, '1'],
  ])('%s', async (_, fields, cache, value) => {
    const path = bench.fresh()
    version('"1"', { 'x-a': '1', 'last-modified': lastModified })
    await bench.ask(path)
    const { ':status': status = '200', ...named } = fields
    bench.origin.handle = (_, response) =>
      response.writeHead(Number(status), { 'cache-control': 'max-age=60', ...named }).end()
    const head = await bench.ask(path, { method: 'HEAD' })
    expect([head.status, head.text]).toEqual([Number(status), ''])
    version('"1"', { 'x-a': '1', 'cache-control': 'max-age=60' })
    const after = await bench.ask(path)
    expect(after.cache).toMatch(cache)
    expect(after.headers.get('x-a')).toBe(value)
  })

  test('where nothing names what is stored, it does not keep it fresh: it may tell of the next version', async () => {
    const path = bench.fresh()
    const noCache = { 'cache-control': 'no-cache' }
    const fresh = (named: Record<string, string>, body: string) => {
      bench.origin.handle = (_, response) => reply(response, body, { 'cache-control': 'max-age=60', ...named })
    }
    fresh({ 'x-a': '1' }, 'one')
    await bench.ask(path)
    fresh({ 'x-a': '2' }, 'two')
    await bench.ask(path, { method: 'HEAD', headers: noCache })
    fresh({ 'x-a': '2', etag: '"2"' }, 'two')
    await bench.ask(path, { method: 'HEAD', headers: noCache })
    const after = await bench.ask(path)
    expect([after.text, after.headers.get('x-a')]).toEqual(['one', '1'])
  })
})
