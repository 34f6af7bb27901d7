import fc from 'fast-check'
import { describe, expect, it, test } from 'vitest'
import type { BatchRule, CacheRule, QueryRule } from '../../shared/config/schema.ts'
import { canonicalTarget, type Target } from '../../shared/http/target.ts'
import { batchName, cacheKey, keyedQuery, keyedValues, parseCookies, variantKey } from '../../shared/key.ts'

type KeyRule = CacheRule['key']

const whole: KeyRule = { query: 'all', sortQuery: false, headers: [], cookies: [] }

function targetOf(url: string): Target {
  const target = canonicalTarget(url)
  if (!target.ok) throw new Error(target.error)
  return target.value
}

const keyOf = (url: string, rule = whole, fields: Record<string, string> = {}) =>
  keyFor(targetOf(url), rule, new Headers(fields))

/** With all that the route chooses. */
function keyFor(target: Target, rule: KeyRule, fields: Headers): string {
  return variantKey(cacheKey(target, rule), 'g', keyedValues(rule, fields))
}

describe('two requests have one key, or two', () => {
  const byLanguage: KeyRule = { ...whole, query: 'none', headers: ['accept-language'], cookies: ['lang', 'currency'] }
  const cookie = (value: string) => ({ cookie: value })

  test.each<[string, boolean, string, string, KeyRule, Record<string, string>, Record<string, string>]>([
    ['the same', true, 'http://h/a?b', 'http://h/a?b', whole, {}, {}],
    ['another scheme', false, 'http://h/a', 'https://h/a', whole, {}, {}],
    ['another host', false, 'http://h/a', 'http://g/a', whole, {}, {}],
    ['another port', false, 'http://h/a', 'http://h:81/a', whole, {}, {}],
    ['another path', false, 'http://h/a', 'http://h/b', whole, {}, {}],
    ['a slash at the end', false, 'http://h/a', 'http://h/a/', whole, {}, {}],
    ['another case of the path', false, 'http://h/a', 'http://h/A', whole, {}, {}],
    ['another query', false, 'http://h/a?b', 'http://h/a?c', whole, {}, {}],
    ['another order of parameters', false, 'http://h/a?b&c', 'http://h/a?c&b', whole, {}, {}],
    ['a query, and one that is part of the path', false, 'http://h/a?b', 'http://h/a%3Fb', whole, {}, {}],
    ['an encoded slash', false, 'http://h/a/b', 'http://h/a%2Fb', whole, {}, {}],
    ['another spelling of the path', true, 'http://h/%61/./b', 'HTTP://H/a/b', whole, {}, {}],
    ['a comma in the path', false, 'http://h/a,all', 'http://h/a', whole, {}, {}],
    ['a query that is not keyed', true, 'http://h/a?b', 'http://h/a?c', byLanguage, {}, {}],
    ['a header that is not keyed', true, 'http://h/', 'http://h/', whole, { 'accept-language': 'fr' }, {}],
    [
      'a keyed header',
      false,
      'http://h/',
      'http://h/',
      byLanguage,
      { 'accept-language': 'fr' },
      { 'accept-language': 'en' },
    ],
    ['a keyed header, absent', false, 'http://h/', 'http://h/', byLanguage, { 'accept-language': 'fr' }, {}],
    [
      'an empty header is not an absent one',
      false,
      'http://h/',
      'http://h/',
      byLanguage,
      { 'accept-language': '' },
      {},
    ],
    [
      'a header that says what absence looks like',
      false,
      'http://h/',
      'http://h/',
      byLanguage,
      { 'accept-language': '-' },
      {},
    ],
    ['a keyed cookie', false, 'http://h/', 'http://h/', byLanguage, cookie('lang=fr'), cookie('lang=en')],
    [
      'a keyed cookie among others',
      true,
      'http://h/',
      'http://h/',
      byLanguage,
      cookie('a=1; lang=fr'),
      cookie('lang=fr; b=2'),
    ],
    [
      'the order of keyed cookies',
      true,
      'http://h/',
      'http://h/',
      byLanguage,
      cookie('lang=fr; currency=EUR'),
      cookie('currency=EUR; lang=fr'),
    ],
    ['one value under two names', false, 'http://h/', 'http://h/', byLanguage, cookie('lang=x'), cookie('currency=x')],
    [
      'cookie names are case-sensitive',
      false,
      'http://h/',
      'http://h/',
      byLanguage,
      cookie('lang=x'),
      cookie('LANG=x'),
    ],
    [
      'a cookie value with a comma',
      false,
      'http://h/',
      'http://h/',
      byLanguage,
      cookie('lang={"a":1,"b":2}'),
      cookie('lang={"a":1,"b":3}'),
    ],
    [
      'a cookie that comes twice',
      false,
      'http://h/',
      'http://h/',
      byLanguage,
      cookie('lang=fr'),
      cookie('lang=fr; lang=en'),
    ],
    [
      'a header that looks like a cookie',
      false,
      'http://h/',
      'http://h/',
      byLanguage,
      { 'accept-language': 'c,lang,+x' },
      cookie('lang=x'),
    ],
  ])('%s', (_, same, left, right, rule, leftFields, rightFields) => {
    expect(keyOf(left, rule, leftFields) === keyOf(right, rule, rightFields)).toBe(same)
  })

  test.each<[string, KeyRule, KeyRule]>([
    ['all and none of the query', whole, { ...whole, query: 'none' }],
    ['all and only', whole, { ...whole, query: { only: ['a'] } }],
    ['sorted or not', whole, { ...whole, sortQuery: true }],
    ['only and except', { ...whole, query: { only: ['a'] } }, { ...whole, query: { except: ['a'] } }],
    ['other headers', { ...whole, headers: ['x'] }, { ...whole, headers: ['y'] }],
    ['a header and a cookie of one name', { ...whole, headers: ['x'] }, { ...whole, cookies: ['x'] }],
    [
      'one name with a comma, and two',
      { ...whole, query: { only: ['a","b'] } },
      { ...whole, query: { only: ['a', 'b'] } },
    ],
  ])('entries made under another rule are not taken: %s', (_, left, right) => {
    expect(keyOf('http://h/', left)).not.toBe(keyOf('http://h/', right))
  })
})

describe('whatever is asked', () => {
  const text = (...pieces: string[]) =>
    fc.array(fc.constantFrom(...pieces), { maxLength: 3 }).map((all) => all.join(''))
  const url = fc
    .tuple(
      fc.constantFrom('http://h', 'https://h', 'http://h:81'),
      text('/', 'a', ',', '%2C', '%2F', '+', "'"),
      text('a', '=', '&', ',', '?'),
    )
    .map(([origin, path, query]) => `${origin}/${path}${query === '' ? '' : `?${query}`}`)
  const cookieValue = text('a', ',', ' ', '=', '"', '%3B', '-')
  const request = fc.record({
    url,
    header: fc.option(text('a', ',', '-', '+', 'é', '%2C')),
    cookies: fc.array(fc.tuple(fc.constantFrom('c', 'd', 'e'), cookieValue), { maxLength: 2 }),
  })
  const rule: KeyRule = { ...whole, query: { except: ['a'] }, headers: ['x'], cookies: ['c', 'd'] }

  type Asked = typeof request extends fc.Arbitrary<infer Value> ? Value : never

  const fieldsOf = ({ header, cookies }: Asked) => {
    const fields = new Headers()
    if (header !== null) fields.set('x', header)
    if (cookies.length > 0) fields.set('cookie', cookies.map(([name, value]) => `${name}=${value}`).join('; '))
    return fields
  }
  /** What the rule keys, taken from the request as it was made. */
  const keyedInputs = (asked: Asked) => {
    const { scheme, host, path, query } = targetOf(asked.url)
    const pairs = query === '' ? [] : query.slice(1).split('&')
    const kept = pairs.filter((pair) => pair !== 'a' && !pair.startsWith('a='))
    const cookies = (name: string) => asked.cookies.filter(([given]) => given === name).map(([, value]) => value.trim())
    return JSON.stringify([scheme, host, path, kept, asked.header?.trim() ?? null, cookies('c'), cookies('d')])
  }
  const keyOfAsked = (asked: Asked) => keyFor(targetOf(asked.url), rule, fieldsOf(asked))

  it('requests differ in their keys where, and only where, they differ in what the rule keys', () => {
    const inputs = new Map<string, string>()
    let again = 0
    fc.assert(
      fc.property(request, (asked) => {
        const key = keyOfAsked(asked)
        if (inputs.has(key)) again++
        expect(keyedInputs(asked)).toBe(inputs.get(key) ?? keyedInputs(asked))
        inputs.set(key, keyedInputs(asked))
      }),
      { numRuns: 10_000 },
    )
    expect(new Set(inputs.values()).size).toBe(inputs.size)
    expect(again).toBeGreaterThan(100)
  })

  it('a key is a URL on the request’s own host, below the reserved prefix, that no parser changes', () => {
    fc.assert(
      fc.property(request, (asked) => {
        const key = keyOfAsked(asked)
        const { scheme, host } = targetOf(asked.url)
        expect(new URL(key).href).toBe(key)
        expect(key.startsWith(`${scheme}://${host}/_weir/cache/`)).toBe(true)
        expect(canonicalTarget(key)).toMatchObject({ ok: true, value: { query: '' } })
      }),
      { numRuns: 2000 },
    )
  })
})

describe('the part of the query that is in the key', () => {
  const only = (...names: string[]): QueryRule => ({ only: names })
  const except = (...names: string[]): QueryRule => ({ except: names })

  test.each<[string, string, QueryRule, string]>([
    ['all', '?b=2&a=1&', 'all', '?b=2&a=1&'],
    ['none', '?b=2&a=1', 'none', ''],
    ['no query', '', only('a'), ''],
    ['only', '?a=1&b=2&c=3', only('a', 'c'), '?a=1&c=3'],
    ['only, in the order of the request', '?c=3&a=1', only('a', 'c'), '?c=3&a=1'],
    ['only, of which nothing is there', '?b=2', only('a'), ''],
    ['only nothing', '?a=1', only(), ''],
    ['except', '?a=1&utm=x&b=2', except('utm'), '?a=1&b=2'],
    ['except nothing', '?a=1', except(), '?a=1'],
    ['except all that is there', '?utm=x', except('utm'), ''],
    ['repeated parameters', '?a=1&b=2&a=3', only('a'), '?a=1&a=3'],
    ['parameters without a value', '?a&b&a=', only('a'), '?a&a='],
    ['a value with an equals sign', '?a=b=c', only('a'), '?a=b=c'],
    ['names are case-sensitive', '?A=1&a=2', only('a'), '?a=2'],
    ['an encoded name', '?%61=1&b=2', only('a'), '?%61=1'],
    ['an encoded name is excluded too', '?%75t%6D=1&b=2', except('utm'), '?b=2'],
    ['a plus in a name is a space', '?a+b=1', only('a b'), '?a+b=1'],
    ['an encoded space', '?a%20b=1', only('a b'), '?a%20b=1'],
    ['an encoded plus', '?a%2Bb=1&a+b=2', only('a+b'), '?a%2Bb=1'],
    ['an encoded ampersand is part of the name', '?a%26b=1&a=2', only('a&b'), '?a%26b=1'],
    ['UTF-8', '?%C3%A4=1', only('ä'), '?%C3%A4=1'],
    ['brackets', '?a[]=1&a%5B%5D=2', only('a[]'), '?a[]=1&a%5B%5D=2'],
    ['a broken escape stands for itself', '?%zz=1&b=2', only('%zz'), '?%zz=1'],
    ['what is encoded beside a broken escape is decoded', '?%zz%61=1', only('%zza'), '?%zz%61=1'],
    ['a name that is not UTF-8', '?%ff=1&b=2', except('b'), '?%ff=1'],
    ['an empty name', '?=1&b=2', only(''), '?=1'],
    ['a question mark in a name', '??a=1&a=2', only('a'), '?a=2'],
    ['nothing between ampersands', '?a&&b', except('b'), '?a&'],
    ['an object’s own names', '?__proto__=1&constructor=2', only('a'), ''],
  ])('%s', (_, query, rule, verdict) => expect(keyedQuery(query, { ...whole, query: rule })).toBe(verdict))

  test.each<[string, string, QueryRule, string]>([
    ['by name', '?b=2&a=1&', 'all', '?&a=1&b=2'],
    ['of one name as they came', '?b=2&a=3&b=1&a=1', 'all', '?a=3&a=1&b=2&b=1'],
    ['by the name that is encoded', '?c=1&%62=2&a', 'all', '?a&%62=2&c=1'],
    ['those that are left', '?c=1&b=2&a=3', only('c', 'a'), '?a=3&c=1'],
    ['none', '?b&a', 'none', ''],
    ['no query', '', 'all', ''],
  ])('sorted %s', (_, query, rule, verdict) => {
    expect(keyedQuery(query, { ...whole, query: rule, sortQuery: true })).toBe(verdict)
  })

  it('names are those that a form decoder reads', () => {
    const query = fc.array(fc.constantFrom('a', 'b', '%61', '%zz', '%', '+', '=', '&', '?', '%C3%A4', '%ff', '%26'))
    fc.assert(
      fc.property(query, (pieces) => {
        const text = `?${pieces.join('')}`
        const decoded = (part: string) => [...new URL(`http://h/${part}`).searchParams]
        for (const name of ['a', 'b', 'ä', '%zz', '&a', '', '\ufffd']) {
          expect(decoded(keyedQuery(text, { ...whole, query: only(name) }))).toEqual(
            decoded(text).filter(([given]) => given === name),
          )
          expect(decoded(keyedQuery(text, { ...whole, query: except(name) }))).toEqual(
            decoded(text).filter(([given]) => given !== name),
          )
        }
      }),
      { numRuns: 1000 },
    )
  })
})

describe('the batches of one name', () => {
  const rule: BatchRule = { path: '/:id', to: '/?ids={ids}', split: 'json', by: 'id', windowMs: 10, max: 100 }
  type Parts = Parameters<typeof batchName>
  const parts: Parts = ['FRA', targetOf('http://h/1'), { id: 'a', batch: rule }, ['de', null]]

  test.each<[string, boolean, Parts]>([
    ['another id', true, [parts[0], targetOf('http://h/2'), parts[2], parts[3]]],
    ['another place', false, ['LHR', parts[1], parts[2], parts[3]]],
    ['all places', false, [undefined, parts[1], parts[2], parts[3]]],
    ['another scheme', false, [parts[0], targetOf('https://h/1'), parts[2], parts[3]]],
    ['another host', false, [parts[0], targetOf('http://g/1'), parts[2], parts[3]]],
    ['another route', false, [parts[0], parts[1], { id: 'b', batch: rule }, parts[3]]],
    ['another rule', false, [parts[0], parts[1], { id: 'a', batch: { ...rule, max: 99 } }, parts[3]]],
    ['something else said', false, [parts[0], parts[1], parts[2], ['fr', null]]],
    ['the same said elsewhere', false, [parts[0], parts[1], parts[2], [null, 'de']]],
    ['nothing said in words', false, [parts[0], parts[1], parts[2], ['de', 'null']]],
  ])('%s', (_, same, other) => {
    expect(batchName(...parts) === batchName(...other)).toBe(same)
  })
})

describe('RFC 6265 §5.4: cookies', () => {
  test.each<[string, string | null, Record<string, string>]>([
    ['no field', null, {}],
    ['an empty field', '', {}],
    ['one', 'a=1', { a: '1' }],
    ['several', 'a=1; b=2', { a: '1', b: '2' }],
    ['without and with more space', 'a=1;b=2 ;  c = 3', { a: '1', b: '2', c: '3' }],
    ['an equals sign in the value', 'a=b=c', { a: 'b=c' }],
    ['a comma in the value', 'a={"x":1,"y":2}; b=3', { a: '{"x":1,"y":2}', b: '3' }],
    ['quotes belong to the value', 'a="1"', { a: '"1"' }],
    ['an empty value', 'a=; b=2', { a: '', b: '2' }],
    ['no name', '=1; b=2', { b: '2' }],
    ['no equals sign', 'a; b=2', { b: '2' }],
    ['names are case-sensitive', 'A=1; a=2', { A: '1', a: '2' }],
    ['a name that objects have', '__proto__=1', { ['__proto__']: '1' }],
    ['one that comes twice has both values, as they came', 'a=1; b=2; a=3', { a: '1; a=3', b: '2' }],
  ])('%s', (_, field, verdict) => expect([...parseCookies(field)]).toEqual(Object.entries(verdict)))
})

test('each side of a route has keys of its own, which are no other rule’s', () => {
  const target = targetOf('http://h/a')
  const rules: KeyRule[] = [whole, { ...whole, cookies: ['next'] }, { ...whole, headers: ['next'] }]
  const keys = rules.flatMap((rule) => [undefined, 'next', 'web'].map((side) => cacheKey(target, rule, side)))
  expect(new Set(keys).size).toBe(keys.length)
})
