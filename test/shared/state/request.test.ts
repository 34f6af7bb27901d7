import fc from 'fast-check'
import { describe, expect, it, test } from 'vitest'
import { parseFencingToken, parseKeyName, parsePosted, parseTtl } from '../../../shared/state/request.ts'

describe('the name of a key', () => {
  test.each<[string, string, object | undefined]>([
    ['plain', '/cart/ada', { namespace: 'cart', key: 'ada' }],
    ['with slashes', '/cart/a/b//c/', { namespace: 'cart', key: 'a/b//c/' }],
    ['decoded once', '/cart/a%2Fb%2520', { namespace: 'cart', key: 'a/b%20' }],
    ['a namespace with a name that objects have', '/__proto__/toString', { namespace: '__proto__', key: 'toString' }],
    ['512 bytes', `/n/${'%C3%A4'.repeat(256)}`, { namespace: 'n', key: 'ä'.repeat(256) }],
    ['514 bytes', `/n/${'%C3%A4'.repeat(257)}`, undefined],
    ['a line separator of Unicode', '/n/a%E2%80%A8b', { namespace: 'n', key: 'a\u2028b' }],
    ['a control character of Latin 1', '/n/%C2%85', undefined],
    ['a surrogate', '/n/%ED%A0%80', undefined],
    ['an overlong NUL', '/n/%C0%80', undefined],
    ['nothing', '', undefined],
    ['no key', '/cart/', undefined],
    ['no slash', 'cart/ada', undefined],
    ['no namespace', '//ada', undefined],
    ['a space in the namespace', '/c art/ada', undefined],
  ])('%s', (_, path, name) => {
    const parsed = parseKeyName(path)
    expect(parsed.ok ? parsed.value : undefined).toEqual(name)
  })

  it('two different keys have different paths, and each its own', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', minLength: 1, maxLength: 60 }), (key) => {
        const parsed = parseKeyName(`/n/${encodeURIComponent(key)}`)
        if (parsed.ok) expect(parsed.value.key).toBe(key)
        else expect(key).toMatch(/\p{Cc}/u)
      }),
    )
  })
})

describe('ttl', () => {
  test.each<[string, number | undefined | false]>([
    ['', undefined],
    ['ttl=1', 1],
    ['ttl=31536000', 31_536_000],
    ['ttl=31536001', false],
    ['ttl=0', false],
    ['ttl=-1', false],
    ['ttl=1.5', false],
    ['ttl=1e3', false],
    ['ttl=', false],
    ['ttl', false],
    ['ttl=1&ttl=1', false],
    ['TTL=1', false],
    ['ttl=1&x', false],
  ])('%j', (query, ttl) => {
    const parsed = parseTtl(new URLSearchParams(query))
    expect(parsed.ok && parsed.value).toBe(ttl)
  })
})

test.each<[string | null, number | undefined | false]>([
  [null, undefined],
  ['7', 7],
  ['0', false],
  ['', false],
  ['7, 8', false],
  ['"7"', false],
  ['99999999999999999', false],
])('a fencing token: %j', (text, token) => {
  const parsed = parseFencingToken(text)
  expect(parsed.ok && parsed.value).toBe(token)
})

describe('what is posted', () => {
  test.each<[unknown, object]>([
    [{ add: 1 }, { kind: 'add', by: 1 }],
    [
      { add: -3, ttl: 60, min: 0, max: 0 },
      { kind: 'add', by: -3, ttlSeconds: 60, min: 0, max: 0 },
    ],
    [{ lease: { holder: 'a', seconds: 3600 } }, { kind: 'lease', holder: 'a', seconds: 3600 }],
    [{ lease: { holder: 'a', seconds: 0 } }, { kind: 'lease', holder: 'a', seconds: 0 }],
  ])('%j', (json, value) => expect(parsePosted(json)).toEqual({ ok: true, value }))

  test.each([
    [null],
    [1],
    ['add'],
    [[{ add: 1 }]],
    [{ add: null }],
    [{ add: Number.MAX_SAFE_INTEGER + 1 }],
    [{ add: 1, min: null }],
    [{ lease: null }],
    [{ lease: [] }],
    [{ lease: { holder: '', seconds: 1 } }],
    [{ lease: { holder: '\ud800', seconds: 1 } }],
    [{ lease: { holder: 'x'.repeat(257), seconds: 1 } }],
    [{ lease: { holder: 'a', seconds: 3601 } }],
    [{ lease: { holder: 'a' } }],
  ])('makes no sense: %j', (json) => expect(parsePosted(json).ok).toBe(false))

  it('is never thrown over', () => {
    fc.assert(fc.property(fc.jsonValue(), (json) => typeof parsePosted(json).ok === 'boolean'))
  })
})
