// Staleness (RFC 5861) on the wire: grace, error grace, and the longer grace while the pool is sick.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type CacheBench, reply, startCacheBench } from './support/cache.ts'

let bench: CacheBench

beforeAll(async () => {
  bench = await startCacheBench(
    {
      '/grace': { ttlSeconds: 0, graceSeconds: 60 },
      '/error-grace': { ttlSeconds: 0, errorGraceSeconds: 60 },
      '/sick': { ttlSeconds: 0, sickGraceSeconds: 60 },
    },
    { headersMs: 900 },
  )
})
afterAll(() => bench?.close())

/** Every answer says the how manyth of its path it is. */
function count(headers: Record<string, string> = {}) {
  const answers = new Map<string | undefined, number>()
  bench.origin.handle = ({ url }, response) => {
    const answer = (answers.get(url) ?? 0) + 1
    answers.set(url, answer)
    reply(response, `answer ${answer}`, headers)
  }
}

describe('grace: at once, with one refresh behind it', () => {
  test.each<[string, string, Record<string, string>]>([
    ['the route’s', '/grace', {}],
    ['the origin’s', '', { 'cache-control': 'max-age=0, stale-while-revalidate=60' }],
  ])('%s', async (_, prefix, headers) => {
    count(headers)
    const path = bench.fresh(prefix)
    expect((await bench.ask(path)).cache).toBe('weir; fwd=uri-miss; fwd-status=200; stored')
    let stale = await bench.ask(path)
    await expect
      .poll(async () => {
        stale = await bench.ask(path)
        return stale.cache
      })
      .toMatch(/^weir; hit; ttl=-\d+; detail=grace$/)
    // RFC 9111 §5.5: Warning is history.
    expect(stale.headers.get('warning')).toBeNull()
    await expect.poll(async () => (await bench.ask(path)).text).not.toBe(stale.text)
  })

  test('a crowd makes one refresh, and none of it waits', async () => {
    count()
    const path = bench.fresh('/grace')
    await bench.ask(path)
    await expect.poll(async () => (await bench.ask(path)).cache).toContain('grace')
    let held = 0
    let release: (() => void) | undefined
    const released = new Promise<void>((resolve) => {
      release = resolve
    })
    bench.origin.handle = async (_, response) => {
      held++
      await released
      reply(response, 'new', {})
    }
    const crowd = () => Promise.all(Array.from({ length: 30 }, () => bench.ask(path)))
    await expect
      .poll(async () => {
        await crowd()
        return held
      })
      .toBe(1)
    for (const { cache } of await crowd()) expect(cache).toContain('grace')
    expect(held).toBe(1)
    release?.()
    await expect.poll(async () => (await bench.ask(path)).text).toBe('new')
  })

  test('the refresh asks for the whole, whatever part this client asked for', async () => {
    count({ etag: '"1"' })
    const path = bench.fresh('/grace')
    await bench.ask(path)
    const part = await bench.ask(path, { headers: { range: 'bytes=0-1' } })
    expect([part.status, part.text]).toEqual([206, 'an'])
    await expect.poll(() => bench.seen.at(-1)?.headers['if-none-match']).toBe('"1"')
    expect(bench.seen.at(-1)?.headers.range).toBeUndefined()
  })

  test('a HEAD has the whole refreshed too', async () => {
    const path = bench.fresh('/grace')
    const [old, large] = ['x'.repeat(300_000), 'y'.repeat(300_000)]
    bench.origin.handle = (_, response) => reply(response, old, { 'x-version': '1' })
    await bench.ask(path)
    bench.origin.handle = (_, response) => reply(response, large, { 'x-version': '2' })
    await expect.poll(async () => (await bench.ask(path, { method: 'HEAD' })).headers.get('x-version')).toBe('2')
    expect((await bench.ask(path)).text === large).toBe(true)
  })

  test('a refresh whose length nobody knows is stored too', async () => {
    const path = bench.fresh('/grace')
    bench.origin.handle = (_, response) => reply(response, 'old', {})
    await bench.ask(path)
    bench.origin.handle = (_, response) => {
      response.write('new, ')
      setTimeout(() => response.end('in pieces'), 50)
    }
    await expect.poll(async () => (await bench.ask(path)).text).toBe('new, in pieces')
  })

  test.each([
    ['must-revalidate', 'max-age=0, must-revalidate'],
    ['proxy-revalidate', 'max-age=0, proxy-revalidate'],
    ['no-cache', 'max-age=60, no-cache'],
  ])('%s wins', async (_, cacheControl) => {
    count({ 'cache-control': cacheControl, etag: '"1"' })
    const path = bench.fresh('/grace')
    await bench.ask(path)
    expect(await bench.ask(path)).toMatchObject({ text: 'answer 2', cache: expect.stringContaining('fwd=stale') })
  })
})

describe('error grace: where the origin fails', () => {
  const fail: Record<string, () => void> = {
    'a 500': () => status(500),
    'a 503': () => status(503),
    'any other 5xx': () => status(507),
    'a connection that ends': () => {
      bench.origin.handle = (request) => request.socket.destroy()
    },
    silence: () => {
      bench.origin.handle = () => undefined
    },
  }
  function status(code: number) {
    bench.origin.handle = (_, response) => reply(response, 'broken', {}, code)
  }

  test.each(Object.keys(fail))('%s', async (how) => {
    for (const [prefix, headers] of [
      ['/error-grace', {}],
      ['', { 'cache-control': 'max-age=0, stale-if-error=60' }],
    ] as const) {
      count(headers)
      const path = bench.fresh(prefix)
      await bench.ask(path)
      fail[how]!()
      expect(await bench.ask(path)).toMatchObject({
        status: 200,
        text: 'answer 1',
        cache: expect.stringMatching(/^weir; fwd=stale;.* detail=error-grace$/),
      })
    }
  })

  test.each(['a 503', 'a connection that ends'])('must-revalidate wins over %s', async (how) => {
    count({ 'cache-control': 'max-age=0, must-revalidate', etag: '"1"' })
    const path = bench.fresh('/error-grace')
    await bench.ask(path)
    fail[how]!()
    expect((await bench.ask(path)).status).toBeGreaterThanOrEqual(502)
  })

  test.each(['/error-grace', '/sick'])(
    'what only some may be given does not take the place of what stands in for all: %s',
    async (prefix) => {
      count()
      const path = bench.fresh(prefix)
      await bench.ask(path)
      await expect.poll(async () => (await bench.ask(path, { headers: { foo: '1' } })).cache).toContain('unkeyed-field')
      if (prefix === '/sick') return
      status(503)
      expect((await bench.ask(path)).status).toBe(200)
    },
  )

  test('a 404 is an answer, and no failure', async () => {
    count()
    const path = bench.fresh('/error-grace')
    await bench.ask(path)
    status(404)
    expect((await bench.ask(path)).status).toBe(404)
  })
})

test('while the pool is sick a longer grace holds, at once; it ends when the pool heals', async () => {
  count()
  const [path, other] = [bench.fresh('/sick'), bench.fresh()]
  await bench.ask(path)
  bench.origin.handle = (_, response) => reply(response, 'broken', {}, 503)
  for (let time = 0; time < 3; time++) await bench.ask(other)
  expect(await bench.ask(path)).toMatchObject({
    status: 200,
    text: 'answer 1',
    cache: expect.stringContaining('detail=grace'),
  })
  bench.origin.handle = (_, response) => reply(response, 'healed', { 'cache-control': 'no-store' })
  expect((await bench.ask(other)).text).toBe('healed')
  expect((await bench.ask(path)).text).toBe('healed')
})
