import fc from 'fast-check'
import { describe, expect, it, test } from 'vitest'
import {
  type CacheControl,
  deltaSeconds,
  parseCacheControl,
  requestDirectives,
} from '../../../shared/http/cache-control.ts'

/** Only what a value says, without what it leaves at its default. */
const said = (value: string): Partial<CacheControl> =>
  Object.fromEntries(
    Object.entries(parseCacheControl(value)).filter(([, given]) => given !== false && given !== undefined),
  )

const most = 2 ** 31

describe('RFC 9111 §5.2: directives', () => {
  test.each<[string, string, Partial<CacheControl>]>([
    ['§5.2.2.1: max-age', 'max-age=60', { maxAge: 60 }],
    ['§5.2.2.2: must-revalidate', 'must-revalidate', { mustRevalidate: true }],
    ['§5.2.2.3: must-understand', 'must-understand', { mustUnderstand: true }],
    ['§5.2.2.4: no-cache', 'no-cache', { noCache: true }],
    ['§5.2.2.4: no-cache of some fields is taken for all', 'no-cache="a, b"', { noCache: true }],
    ['§5.2.2.5: no-store', 'no-store', { noStore: true }],
    ['§5.2.2.6: no-transform', 'no-transform', { noTransform: true }],
    ['§5.2.2.7: private', 'private', { private: true }],
    ['§5.2.2.7: private of one field is taken for all', 'private="set-cookie"', { private: true }],
    ['§5.2.2.7: private of one field, unquoted', 'private=set-cookie', { private: true }],
    ['§5.2.2.8: proxy-revalidate', 'proxy-revalidate', { proxyRevalidate: true }],
    ['§5.2.2.9: public', 'public', { public: true }],
    ['§5.2.2.10: s-maxage', 's-maxage=60', { sMaxage: 60 }],
    ['§5.2.1.2: max-stale', 'max-stale=60', { maxStale: 60 }],
    ['§5.2.1.2: max-stale without a value is any', 'max-stale', { maxStale: Number.POSITIVE_INFINITY }],
    ['§5.2.1.3: min-fresh', 'min-fresh=60', { minFresh: 60 }],
    ['§5.2.1.7: only-if-cached', 'only-if-cached', { onlyIfCached: true }],
    ['RFC 8246: immutable', 'immutable', { immutable: true }],
    ['names in any case', 'NO-Store, Max-AGE=60, PRIVATE', { noStore: true, maxAge: 60, private: true }],
    ['a quoted number', 'max-age="60"', { maxAge: 60 }],
    ['space around', '\t max-age = 60 \t, no-cache ', { maxAge: 60, noCache: true }],
    ['no space at all', 'public,max-age=60,no-transform', { public: true, maxAge: 60, noTransform: true }],
    ['§5.2.3: the unknown is ignored', 'community="UCI", max-age=60, x=1, y', { maxAge: 60 }],
    ['names that only look like it', 'x-no-store, no-storex, smaxage=60, max-age-x=60', {}],
    ['a directive within quotes is none', 'x="no-store, max-age=60"', {}],
    ['a quoted quote does not end the quotes', 'x="\\", no-store", max-age=60', { maxAge: 60 }],
    ['nothing', '', {}],
    ['commas alone', ', ,,', {}],
  ])('%s', (_, value, verdict) => expect(said(value)).toEqual(verdict))

  it('says nothing where there is no field', () => {
    expect(parseCacheControl(null)).toEqual(parseCacheControl(''))
  })
})

describe('to the safe side', () => {
  test.each<[string, string, Partial<CacheControl>]>([
    ['RFC 9111 §4.2.1: the shorter of two lifetimes', 'max-age=60, max-age=10', { maxAge: 10 }],
    ['RFC 9111 §4.2.1: in either order', 'max-age=10, max-age=60', { maxAge: 10 }],
    ['RFC 9111 §4.2.1: of s-maxage too', 's-maxage=5, s-maxage=60', { sMaxage: 5 }],
    ['RFC 9111 §4.2.1: no number', 'max-age=abc', { maxAge: 0 }],
    ['RFC 9111 §4.2.1: no value', 'max-age', { maxAge: 0 }],
    ['RFC 9111 §4.2.1: an empty value', 'max-age=, public', { maxAge: 0, public: true }],
    ['RFC 9111 §4.2.1: an empty quoted value', 's-maxage=""', { sMaxage: 0 }],
    ['RFC 9111 §1.2.2: a negative number', 'max-age=-60', { maxAge: 0 }],
    ['RFC 9111 §1.2.2: a sign', 'max-age=+60', { maxAge: 0 }],
    ['RFC 9111 §1.2.2: a fraction', 'max-age=60.5', { maxAge: 0 }],
    ['RFC 9111 §1.2.2: an exponent', 'max-age=1e9', { maxAge: 0 }],
    ['RFC 9111 §1.2.2: hexadecimal', 'max-age=0x60', { maxAge: 0 }],
    ['a number and one that is none', 'max-age=60, max-age=x', { maxAge: 0 }],
    ['RFC 9111 §1.2.2: overflow', 'max-age=99999999999999999999', { maxAge: most }],
    ['RFC 9111 §1.2.2: overflow far beyond a double', `max-age=1${'0'.repeat(400)}`, { maxAge: most }],
    ['the greater of two min-fresh', 'min-fresh=60, min-fresh=10', { minFresh: 60 }],
    ['the lesser of two max-stale', 'max-stale=60, max-stale', { maxStale: 60 }],
    ['a max-stale that is no number', 'max-stale=x', { maxStale: 0 }],
    ['garbage between commas', 'max-age=60, =, @ @, "x", no-cache', { maxAge: 60, noCache: true }],
    ['quotes that never end hide nothing', 'x="a, no-store', { noStore: true }],
    ['a quotation that something follows hides nothing', 'x="a"b, no-store', { noStore: true }],
    ['a semicolon for a comma', 'no-store; max-age=60', { noStore: true, maxAge: 0 }],
    ['a space for a comma', 'private no-cache no-store', { private: true, noCache: true, noStore: true }],
    ['a lifetime, and a space for a comma', 'max-age=60 private', { private: true, maxAge: 0 }],
    ['a semicolon for a comma, and no space', 'max-age=60;private', { private: true, maxAge: 0 }],
    [
      'and more of them',
      'public, s-maxage=5;no-store;no-cache',
      { public: true, sMaxage: 0, noStore: true, noCache: true },
    ],
    ['a semicolon for a comma, in any case', 'Private; x, NO-STORE; x', { private: true, noStore: true }],
    ['a forbidding word that is a value is none', 'x=private, y=no-store', {}],
    ['forbidding words within other words are none', 'a@no-store-b; x-private', {}],
  ])('%s', (_, value, verdict) => expect(said(value)).toEqual(verdict))
})

describe('whatever the value', () => {
  const directive = fc.constantFrom(
    ...['max-age=60', 'MAX-AGE="7"', 's-maxage=1', 'no-store', 'private="x"', 'max-age', 'min-fresh=x', 'max-stale'],
    ...['"', '\\', '=', ',', ' ', ';', '="', 'x="a, b"', 'max-age=1e3', '\u0000', 'é'],
  )
  const value = fc.oneof(
    fc.array(directive, { maxLength: 10 }).map((parts) => parts.join(', ')),
    fc.array(directive, { maxLength: 10 }).map((parts) => parts.join('')),
    fc.string({ unit: 'binary' }),
  )

  it('never throws, and gives lifetimes that are whole seconds up to 2^31', () => {
    fc.assert(
      fc.property(value, (text) => {
        const { maxAge = 0, sMaxage = 0, minFresh = 0 } = parseCacheControl(text)
        for (const seconds of [maxAge, sMaxage, minFresh]) {
          expect(Number.isInteger(seconds) && seconds >= 0 && seconds <= most).toBe(true)
        }
      }),
      { numRuns: 2000 },
    )
  })

  it('a further max-age never lengthens a life, wherever it stands', () => {
    fc.assert(
      fc.property(value, fc.nat(100), fc.boolean(), (text, seconds, before) => {
        const { maxAge = most } = parseCacheControl(text)
        const further = `max-age=${seconds}`
        const together = parseCacheControl(before ? `${further}, ${text}` : `${text}, ${further}`)
        expect(together.maxAge).toBe(Math.min(maxAge, seconds))
      }),
      { numRuns: 2000 },
    )
  })

  // A quotation mark would end a quotation that was left open, and what stands in one is no directive.
  const unquoted = fc.constantFrom(
    'max-age=60',
    'S-MAXAGE=1',
    'public',
    'private=x',
    'no-cache',
    'max-age',
    '=',
    '',
    ' ',
  )

  it('a further directive takes nothing back that was forbidden', () => {
    fc.assert(
      fc.property(value, unquoted, (text, further) => {
        const alone = parseCacheControl(text)
        const together = parseCacheControl(`${text}, ${further}`)
        for (const name of ['noStore', 'noCache', 'private', 'mustRevalidate'] as const) {
          expect(together[name] || !alone[name]).toBe(true)
        }
      }),
      { numRuns: 2000 },
    )
  })

  it('takes time in proportion to the value at worst', () => {
    for (const hostile of ['a="\\', ' ', 'a=', ',', '"', 'a ', 'a="",', '\\"']) {
      expect(said(`${hostile.repeat(20_000)}, no-store`)).toEqual({ noStore: true })
    }
  })
})

describe('the client’s directives', () => {
  test.each<[string, Record<string, string>, Partial<CacheControl>]>([
    ['RFC 9111 §5.2.1', { 'cache-control': 'max-age=0' }, { maxAge: 0 }],
    ['RFC 9111 §5.4: Pragma: no-cache', { pragma: 'no-cache' }, { noCache: true }],
    ['RFC 9111 §5.4: nothing else of Pragma', { pragma: 'no-store, max-age=0' }, {}],
    [
      'RFC 9111 §5.4: Cache-Control hides Pragma',
      { 'cache-control': 'min-fresh=1', pragma: 'no-cache' },
      { minFresh: 1 },
    ],
    ['RFC 9111 §5.4: so does one that says nothing', { 'cache-control': '', pragma: 'no-cache' }, {}],
    ['neither', {}, {}],
  ])('%s', (_, fields, verdict) => {
    expect(requestDirectives(new Headers(fields))).toMatchObject(verdict)
    expect(requestDirectives(new Headers(fields)).noCache).toBe(verdict.noCache ?? false)
    expect(requestDirectives(new Headers(fields)).noStore).toBe(false)
  })

  it('are none where none are heeded', () => {
    expect(requestDirectives(null)).toEqual(parseCacheControl(null))
  })
})

describe('RFC 9111 §1.2.2: delta-seconds', () => {
  test.each<[string | undefined, number | undefined]>([
    ['0', 0],
    ['0060', 60],
    [String(most), most],
    [String(most + 1), most],
    ['', undefined],
    ['-1', undefined],
    ['1 ', undefined],
    ['1\n', undefined],
    ['１', undefined],
    [undefined, undefined],
  ])('%j', (text, verdict) => expect(deltaSeconds(text)).toBe(verdict))
})
