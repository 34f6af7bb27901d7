import fc from 'fast-check'
import { describe, expect, it, test } from 'vitest'
import type { CacheRule } from '../../../shared/config/schema.ts'
import { isLasting, mayStore, type NoStoreReason } from '../../../shared/http/may-store.ts'
import {
  ago,
  cookie,
  credentials,
  exchange,
  force,
  type Given,
  minute,
  off,
  respect,
  respectTtl,
  responseTime,
  type Verdict,
  verdictOf,
} from './exchange.ts'

describe('RFC 9111 §3.5: answers to Authorization that the origin declares shareable', () => {
  test.each<[string, string, CacheRule, number]>([
    ['public', 'public, max-age=60', respect, 60],
    ['s-maxage', 's-maxage=60', respect, 60],
    ['must-revalidate', 'must-revalidate, max-age=60', respect, 60],
    ['public, on a forced route', 'public', force, 300],
  ])('%s', (_, cacheControl, rule, verdict) => {
    const admission = mayStore(exchange({ 'cache-control': cacheControl }, credentials), rule)
    expect(verdictOf(admission)).toBe(verdict)
    expect(admission).toMatchObject({ shareable: true })
  })

  it('is told of every entry, whoever asked', () => {
    expect(mayStore(exchange(minute, {}), respect)).toMatchObject({ shareable: false })
    expect(mayStore(exchange({}, {}), force)).toMatchObject({ shareable: false })
    expect(mayStore(exchange({ 'cache-control': 'public, max-age=60' }, {}), respect)).toMatchObject({
      shareable: true,
    })
  })
})

describe('a cookie, and nobody said that the answer may be shared', () => {
  test.each<[string, Record<string, string>, CacheRule, Verdict]>([
    ['a guess', { 'last-modified': ago(1000) }, respect, 'cookie'],
    ['the route’s lifetime', {}, respectTtl, 'cookie'],
    ['max-age does not say who may have it', minute, respectTtl, 'cookie'],
    ['nor for a page', { ...minute, 'content-type': 'text/html; charset=utf-8' }, respect, 'cookie'],
    ['nor for data', { ...minute, 'content-type': 'application/json' }, respect, 'cookie'],
    ['a picture is the same for everybody', { ...minute, 'content-type': 'image/png' }, respect, 60],
    ['so is a script', { expires: ago(-60), 'content-type': 'text/javascript; charset=utf-8' }, respect, 60],
    ['but not by the route’s lifetime', { 'content-type': 'image/png' }, respectTtl, 'cookie'],
    ['but not by a guess', { 'last-modified': ago(1000), 'content-type': 'image/png' }, respect, 'cookie'],
    ['public is a word', { 'cache-control': 'public, max-age=60' }, respect, 60],
    ['s-maxage is a word', { 'cache-control': 's-maxage=60' }, respect, 60],
    ['a targeted field is a word', { 'cdn-cache-control': 'max-age=60' }, respect, 60],
    ['its variant is its own', { ...minute, vary: 'cookie' }, respect, 60],
    ['a forced route does not let it through', minute, force, 300],
  ])('%s', (_, answered, rule, verdict) => expect(verdictOf(mayStore(exchange(answered, cookie), rule))).toBe(verdict))
})

test('the instants are absolute, and the age is the one at arrival', () => {
  expect(mayStore(exchange({ ...minute, age: '10' }, { delaySeconds: 2 }), respect)).toEqual({
    kind: 'store',
    storedAt: responseTime,
    freshUntil: responseTime + 48_000,
    graceUntil: responseTime + 48_000,
    errorGraceUntil: responseTime + 48_000,
    sickGraceUntil: responseTime + 48_000,
    keepUntil: responseTime + 48_000,
    initialAge: 12,
    neverStale: false,
    immutable: false,
    shareable: false,
    vary: [],
    unlisted: [],
  })
})

describe('a field that is not keyed', () => {
  test.each<[string, string[], Record<string, string>, Verdict]>([
    ['that may say who asks', ['x-api-key'], minute, 'unkeyed-field'],
    ['among others', ['debug', 'x-user'], minute, 'unkeyed-field'],
    ['and the origin says that others may have it', ['x-user'], { 'cache-control': 'public, max-age=60' }, 60],
    ['and the origin says so to caches such as this', ['x-user'], { 'cdn-cache-control': 'max-age=60' }, 60],
    ['that the origin varies by', ['x-user'], { ...minute, vary: 'X-User' }, 60],
    ['that says nothing of a person', ['debug'], minute, 60],
    ['and too many of them', Array.from({ length: 17 }, (_, each) => `a${each}`), minute, 'unkeyed-field'],
  ])('%s', (_, unlisted, answered, verdict) => {
    expect(verdictOf(mayStore(exchange(answered, { unlisted }), respect))).toBe(verdict)
  })

  test('is remembered, unless the origin varies by it', () => {
    const asked = exchange({ ...minute, vary: 'lang' }, { unlisted: ['debug', 'lang'] })
    expect(mayStore(asked, respect)).toMatchObject({ unlisted: ['debug'], vary: ['lang'] })
  })
})

describe('an error that the request alone may have caused', () => {
  const range = { asked: { range: 'bytes=9-' } }
  test.each<[string, Given, Record<string, string>, Verdict]>([
    ['400 to a range', { status: 400, ...range }, minute, 'request-error'],
    ['400 to a long field', { status: 400, hasLongField: true }, minute, 'request-error'],
    ['501 to a range', { status: 501, ...range }, minute, 'request-error'],
    ['400 to a plain request', { status: 400 }, minute, 60],
    ['404 to a range', { status: 404, ...range }, minute, 60],
    ['416, which is about the range', { status: 416, ...range }, { 'cache-control': 'public, max-age=60' }, 'status'],
    ['412, which is about the conditions', { status: 412 }, { 'cache-control': 'public, max-age=60' }, 'status'],
  ])('%s', (_, given, answered, verdict) => {
    expect(verdictOf(mayStore(exchange(answered, given), respect))).toBe(verdict)
  })
})

test.each([401, 403, 406, 407, 413, 415, 417, 421, 425, 426, 428, 429, 431])(
  'a %i is about its own request',
  (status) => {
    const answer = exchange({ 'cache-control': 'public, max-age=60' }, { status })
    expect(verdictOf(mayStore(answer, respect))).toBe('request-error')
  },
)

describe('Origin, where the answer allows one origin alone', () => {
  const asked = { origin: 'https://a.test' }
  test.each<[string, Record<string, string>, Record<string, string>, string[]]>([
    ['selects it', { 'access-control-allow-origin': 'https://a.test' }, asked, ['origin']],
    ['and says so itself', { 'access-control-allow-origin': 'https://a.test', vary: 'Origin' }, asked, ['origin']],
    ['not where it allows all', { 'access-control-allow-origin': '*' }, asked, []],
    ['not where nobody asked', { 'access-control-allow-origin': 'https://a.test' }, {}, []],
  ])('%s', (_, answered, asked, vary) => {
    expect(mayStore(exchange({ ...minute, ...answered }, { asked }), respect)).toMatchObject({ vary })
  })
})

describe('whatever the origin says', () => {
  const often = (...values: string[]) => fc.constantFrom('', ...values)
  const seldom = (...values: string[]) =>
    fc.oneof({ weight: 9, arbitrary: fc.constant('') }, { weight: 1, arbitrary: fc.constantFrom(...values) })
  const cacheControls = ['max-age=60', 'public', 's-maxage=9', 'no-store', 'private', 'private="x"', 'no-cache', '%']
  const answered = fc.record({
    'cache-control': often(...cacheControls),
    'cdn-cache-control': often('max-age=5', 'private', '&&&'),
    expires: often('0', ago(-600), ago(600)),
    date: often('x', ago(0), ago(90), ago(-90)),
    age: seldom('0', '30', '-1', '1e9', '999999999999'),
    'last-modified': often(ago(5000), ago(-5000)),
    'set-cookie': seldom('id=1'),
    vary: seldom('accept', '*', 'a b'),
    'content-length': fc.constantFrom('5', '5', '5', 'x', ''),
    'transfer-encoding': often('chunked'),
  })
  const given = fc.record({
    method: fc.constantFrom('GET', 'GET', 'GET', 'HEAD', 'POST'),
    status: fc.constantFrom(200, 200, 204, 206, 302, 304, 404, 500),
    asked: fc.constantFrom({}, {}, { authorization: 'x' }, { cookie: 'x=1' }, { 'cache-control': 'no-store' }),
    delaySeconds: fc.constantFrom(0, 3, -3),
  })

  it('an entry is fresh for a time, and is nobody’s own, and is whole', () => {
    let stored = 0
    const property = fc.property(
      answered,
      given,
      fc.constantFrom(respect, respectTtl, force, off),
      (answer, request, rule) => {
        const asked = exchange(answer, request)
        const admission = mayStore(asked, rule)
        if (admission.kind === 'uncacheable') return
        stored++
        const { storedAt, freshUntil, initialAge } = admission
        expect(freshUntil > storedAt && freshUntil <= storedAt + 2 ** 31 * 1000 && initialAge >= 0).toBe(true)
        expect(request.method).toBe('GET')
        expect(asked.responseFields.get('set-cookie')).toBeNull()
        expect(['', 'accept']).toContain(answer.vary)
        if (['', '&&&'].includes(answer['cdn-cache-control'])) {
          expect(asked.responseFields.get('cache-control') ?? '').not.toContain('private')
        }
        if (asked.requestFields.get('authorization') !== null) expect(admission.shareable).toBe(true)
      },
    )
    fc.assert(property, { numRuns: 5000 })
    expect(stored).toBeGreaterThan(150)
  })
})

describe('RFC 5861: how long it may be served stale, and how long it is held', () => {
  const rule: CacheRule = {
    ...respect,
    graceSeconds: 10,
    errorGraceSeconds: 20,
    sickGraceSeconds: 30,
    keepSeconds: 100,
  }
  const etag = { etag: '"1"' }

  /** In seconds from now: fresh, grace, error grace, sick grace, keep. */
  const lives = (cacheControl: string, other: Record<string, string> = {}, given = {}, by = rule) => {
    const admission = mayStore(exchange({ 'cache-control': cacheControl, ...other }, given), by)
    if (admission.kind === 'uncacheable') return admission.because
    const { freshUntil, graceUntil, errorGraceUntil, sickGraceUntil, keepUntil } = admission
    return [freshUntil, graceUntil, errorGraceUntil, sickGraceUntil, keepUntil].map((at) => (at - responseTime) / 1000)
  }

  test.each<[string, string, Record<string, string>, number[] | string]>([
    ['the route’s', 'max-age=60', {}, [60, 70, 80, 90, 90]],
    [
      'the origin’s before the route’s',
      'max-age=60, stale-while-revalidate=5, stale-if-error=7',
      {},
      [60, 65, 67, 90, 90],
    ],
    [
      'none that the origin forbids',
      'max-age=60, stale-while-revalidate=0, stale-if-error=0',
      {},
      [60, 60, 60, 90, 90],
    ],
    ['held for a validator', 'max-age=60', etag, [60, 70, 80, 90, 160]],
    ['held for Last-Modified', 'max-age=60', { 'last-modified': ago(9) }, [60, 70, 80, 90, 160]],
    ['must-revalidate wins', 'max-age=60, must-revalidate, stale-while-revalidate=9', {}, [60, 60, 60, 60, 60]],
    ['proxy-revalidate wins', 'max-age=60, proxy-revalidate', etag, [60, 60, 60, 60, 160]],
    ['no-cache wins, and lives by its validator alone', 'max-age=60, no-cache', etag, [0, 0, 0, 0, 100]],
    ['no-cache without a validator', 'max-age=60, no-cache', {}, 'no-cache'],
    ['stale on arrival, in grace', 'max-age=60', { age: '65' }, [-5, 5, 15, 25, 25]],
    ['stale on arrival, held for its validator', 'max-age=0', etag, [0, 10, 20, 30, 100]],
    ['nothing said but a validator', '', etag, [0, 10, 20, 30, 100]],
  ])('%s', (_, cacheControl, other, expected) => expect(lives(cacheControl, other)).toEqual(expected))

  test('an error is not served stale', () => {
    expect(lives('max-age=60', {}, { status: 503 })).toEqual([60, 60, 60, 60, 60])
  })

  test('a forced route goes by its own word alone', () => {
    const forced: CacheRule = { ...rule, mode: 'force', ttlSeconds: 50 }
    expect(lives('no-cache, must-revalidate, stale-while-revalidate=1, stale-if-error=1', {}, {}, forced)).toEqual([
      50, 60, 70, 80, 80,
    ])
  })

  test.each<[string, boolean]>([
    ['max-age=60', false],
    ['max-age=60, must-revalidate', true],
    ['max-age=60, proxy-revalidate', true],
    ['s-maxage=60', true],
  ])('RFC 9111 §4.2.4: whether a client may take it stale: %s', (cacheControl, never) => {
    expect(mayStore(exchange({ 'cache-control': cacheControl }, {}), rule)).toMatchObject({ neverStale: never })
  })
})

test('RFC 8246: what the origin calls immutable is known to be', () => {
  const answered = { 'cache-control': 'max-age=60, immutable' }
  expect(mayStore(exchange(answered, {}), respect)).toMatchObject({ immutable: true })
})

test('which answers tell of the next one', () => {
  const lasting: NoStoreReason[] = ['private', 'no-store', 'set-cookie', 'vary', 'no-lifetime', 'no-cache', 'status']
  const ofTheRequest: NoStoreReason[] = [
    ...(['method', 'authorization', 'cookie', 'request-no-store'] as const),
    ...(['unkeyed-field', 'reflection', 'other-pool', 'request-error'] as const),
  ]
  expect(lasting.filter(isLasting)).toEqual(lasting)
  expect(ofTheRequest.filter(isLasting)).toEqual([])
})
