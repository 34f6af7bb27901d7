import fc from 'fast-check'
import { describe, expect, it, test } from 'vitest'
import {
  hasOriginPreconditions,
  isStillThere,
  isStrong,
  mayChange,
  notModified,
  type StoredValidators,
  sameStrong,
  sameWeak,
  validatorFields,
} from '../../../shared/http/preconditions.ts'

const now = Date.UTC(2026, 10, 21, 12)
const at = (seconds: number) => new Date(now + seconds * 1000).toUTCString()

describe('RFC 9110 §8.8.3.2: comparing entity tags', () => {
  test.each([
    ['W/"1"', 'W/"1"', false, true],
    ['W/"1"', 'W/"2"', false, false],
    ['W/"1"', '"1"', false, true],
    ['"1"', '"1"', true, true],
    ['"a"', '"A"', false, false],
    ['""', '""', true, true],
    ['w/"1"', '"1"', false, false],
    ['1', '1', false, true],
    ['1', '"1"', false, false],
    [null, '"1"', false, false],
    [null, null, false, false],
  ])('%s and %s', (a, b, strong, weak) => {
    expect([sameStrong(a, b), sameStrong(b, a)]).toEqual([strong, strong])
    expect([sameWeak(a, b), sameWeak(b, a)]).toEqual([weak, weak])
  })

  test.each([
    ['"xyzzy"', true],
    ['""', true],
    ['W/"xyzzy"', false],
    ['xyzzy', false],
    ['"xyzzy', false],
    ['"x" "y"', false],
    ['', false],
    [null, false],
  ])('whether %s is strong', (etag, verdict) => expect(isStrong(etag)).toBe(verdict))
})

const stored: StoredValidators = { etag: '"a"', lastModified: at(-100), date: at(-50), storedAt: now - 40_000 }

describe('RFC 9110 §13.1.2: If-None-Match', () => {
  test.each<[string, string, string | null, boolean]>([
    ['the same', '"xyzzy"', '"xyzzy"', true],
    ['another', '"xyzzy"', '"other"', false],
    ['weak on their side', 'W/"xyzzy"', '"xyzzy"', true],
    ['weak on our side', '"xyzzy"', 'W/"xyzzy"', true],
    ['one of a list', '"xyzzy", "r2d2xxxx", "c3piozzzz"', '"c3piozzzz"', true],
    ['none of a list', '"xyzzy", "r2d2xxxx", "c3piozzzz"', '"other"', false],
    ['one of a weak list', 'W/"xyzzy", W/"r2d2xxxx", W/"c3piozzzz"', 'W/"r2d2xxxx"', true],
    ['a list without space', '"a","b"', '"b"', true],
    ['a list with empty members', ', "a",, "b" ,', '"b"', true],
    ['a star', '*', '"xyzzy"', true],
    ['a star, and no tag', '*', null, true],
    ['a star within a list', '"a", *', '"b"', false],
    ['no tag stored', '"a"', null, false],
    ['an empty field', '', '"a"', false],
    ['a comma in the tag', '"a,b", "c"', '"a,b"', true],
    ['part of a tag with a comma', '"a,b"', 'b', false],
    ['a tag with a comma and space', '"a, b"', '"a, b"', true],
    ['without quotes on both sides', 'abc', 'abc', true],
    ['without quotes, in a list', 'abc , def', 'abc', true],
    ['without quotes on their side', 'abc', '"abc"', false],
    ['without quotes on our side', '"abc"', 'abc', false],
    ['a quote that does not end', '"abc', '"abc"', false],
    ['another case', '"ABC"', '"abc"', false],
    ['§8.8.3: the mark of weakness has a case', 'w/"abc"', '"abc"', false],
  ])('%s', (_, ifNoneMatch, etag, verdict) =>
    expect(notModified(new Headers({ 'if-none-match': ifNoneMatch }), { ...stored, etag }, now)).toBe(verdict),
  )

  test('every list that has the tag matches', () => {
    const tag = fc.tuple(fc.constantFrom('', 'W/'), fc.stringMatching(/^"[!#-~]*"$/)).map((pair) => pair.join(''))
    const separator = fc.constantFrom(',', ', ', ' ,', ' , , ')
    fc.assert(
      fc.property(fc.array(tag, { minLength: 1 }), fc.nat(), separator, (tags, index, comma) => {
        const etag = tags[index % tags.length]!
        expect(notModified(new Headers({ 'if-none-match': tags.join(comma) }), { ...stored, etag }, now)).toBe(true)
      }),
    )
  })

  test.each([
    ['commas', ','],
    ['quotes', '"'],
    ['weak tags that do not end', 'W/"'],
    ['spaces', ' x'],
  ])('100 000 %s take no long time', (_, text) => {
    const request = { get: () => text.repeat(100_000) }
    expect(notModified(request, stored, now)).toBe(false)
  })
})

describe('RFC 9110 §13.1.3: If-Modified-Since', () => {
  const absent = { lastModified: null, date: null }
  test.each<[string, string, Partial<StoredValidators>, boolean]>([
    ['at Last-Modified', at(-100), {}, true],
    ['after Last-Modified', at(-99), {}, true],
    ['before Last-Modified', at(-101), {}, false],
    ['in the form of RFC 850', 'Saturday, 21-Nov-26 12:00:00 GMT', {}, true],
    ['in the form of asctime', 'Sat Nov 21 12:00:00 2026', {}, true],
    ['in the future', at(1000), {}, true],
    ['not a date', 'yesterday', {}, false],
    ['-1', '-1', {}, false],
    ['empty', '', {}, false],
    ['more than one', `${at(0)}, ${at(0)}`, {}, false],
    ['RFC 9111 §4.3.2: at Date', at(-50), { lastModified: null }, true],
    ['RFC 9111 §4.3.2: before Date', at(-51), { lastModified: null }, false],
    ['RFC 9111 §4.3.2: Date, for a Last-Modified that is none', at(-50), { lastModified: 'today' }, true],
    ['RFC 9111 §4.3.2: when it was stored', at(-40), absent, true],
    ['RFC 9111 §4.3.2: before it was stored', at(-41), absent, false],
    ['RFC 9111 §4.3.2: when it was stored, for a Date that is none', at(-40), { ...absent, date: '0' }, true],
    ['half a second before it was stored', at(-40), { ...absent, storedAt: now - 39_500 }, false],
  ])('%s', (_, since, changed, verdict) =>
    expect(notModified(new Headers({ 'if-modified-since': since }), { ...stored, ...changed }, now)).toBe(verdict),
  )

  test.each<[string, string, string, boolean]>([
    ['the tag differs, the date would do', '"b"', at(0), false],
    ['the tag is the same, the date would not do', '"a"', at(-1000), true],
    ['the tag is empty, the date would do', '', at(0), false],
  ])('§13.2.2: If-None-Match goes before it: %s', (_, tag, since, verdict) => {
    const request = new Headers({ 'if-none-match': tag, 'if-modified-since': since })
    expect(notModified(request, stored, now)).toBe(verdict)
  })

  it('is not answered with 304 where nothing is asked', () => {
    expect(notModified(new Headers(), stored, now)).toBe(false)
  })
})

test.each<[string, Record<string, string>, boolean]>([
  ['none', {}, false],
  ['§13.1.1: If-Match', { 'if-match': '"a"' }, true],
  ['§13.1.1: If-Match with a star', { 'if-match': '*' }, true],
  ['§13.1.4: If-Unmodified-Since', { 'if-unmodified-since': at(0) }, true],
  ['§13.1.2: If-None-Match is ours', { 'if-none-match': '"a"' }, false],
  ['§13.1.3: If-Modified-Since is ours', { 'if-modified-since': at(0) }, false],
  ['§13.1.5: If-Range is ours', { 'if-range': '"a"' }, false],
])('RFC 9111 §4.3.2: conditions that the origin judges: %s', (_, fields, verdict) =>
  expect(hasOriginPreconditions(new Headers(fields))).toBe(verdict),
)

describe('RFC 9111 §4.3.1: our own condition', () => {
  const since: [string, string] = ['if-modified-since', at(-100)]
  test.each<[string, string | null, string | null, [string, string][]]>([
    ['nothing to ask with', null, null, []],
    ['a tag', '"a"', null, [['if-none-match', '"a"']]],
    ['a weak tag', 'W/"a"', null, [['if-none-match', 'W/"a"']]],
    ['a tag with a comma', '"a,*"', null, [['if-none-match', '"a,*"']]],
    ['a date', null, at(-100), [since]],
    ['both', '"a"', at(-100), [['if-none-match', '"a"'], since]],
    ['a tag without quotes', 'abc', null, [['if-none-match', 'abc']]],
    ['a star would always match', '*', at(-100), [since]],
    ['a comma would make it two', 'a,b', null, []],
    ['a quote that does not end', '"a', null, []],
    ['two tags', '"a", "b"', null, []],
    ['an empty tag', '', null, []],
  ])('%s', (_, etag, lastModified, fields) => expect(validatorFields({ etag, lastModified })).toEqual(fields))
})

describe('RFC 9110 §13.2.2: whether what is there may be changed', () => {
  const there = { etag: '"a"', lastModified: 'Sun, 06 Nov 1994 08:49:37 GMT' }
  const weak = { ...there, etag: 'W/"a"' }
  test.each<[string, Record<string, string>, typeof there | undefined, boolean]>([
    ['without conditions', {}, there, true],
    ['without conditions, of nothing', {}, undefined, true],
    ['If-Match of it', { 'if-match': '"b", "a"' }, there, true],
    ['If-Match of another', { 'if-match': '"b"' }, there, false],
    ['If-Match, which compares strongly', { 'if-match': 'W/"a"' }, weak, false],
    ['If-Match of anything', { 'if-match': '*' }, there, true],
    ['If-Match of anything, of nothing', { 'if-match': '*' }, undefined, false],
    ['If-Match of nothing that is named', { 'if-match': '"a"' }, undefined, false],
    ['If-None-Match of it', { 'if-none-match': '"a"' }, there, false],
    ['If-None-Match, which compares weakly', { 'if-none-match': '"a"' }, weak, false],
    ['If-None-Match of another', { 'if-none-match': '"b"' }, there, true],
    ['If-None-Match of anything', { 'if-none-match': '*' }, there, false],
    ['If-None-Match of anything, of nothing', { 'if-none-match': '*' }, undefined, true],
    ['both, of which one does not hold', { 'if-match': '"a"', 'if-none-match': '"a"' }, there, false],
    ['not modified since', { 'if-unmodified-since': 'Sun, 06 Nov 1994 08:49:37 GMT' }, there, true],
    ['modified since', { 'if-unmodified-since': 'Sun, 06 Nov 1994 08:49:36 GMT' }, there, false],
    ['not modified since, of nothing', { 'if-unmodified-since': 'Sun, 06 Nov 1994 08:49:37 GMT' }, undefined, false],
    ['a date that is none', { 'if-unmodified-since': 'yesterday' }, there, true],
    [
      'a date beside If-Match, which goes first',
      { 'if-match': '"a"', 'if-unmodified-since': 'Sat, 05 Nov 1994 08:49:36 GMT' },
      there,
      true,
    ],
  ])('%s', (_, fields, validators, may) => {
    expect(mayChange(new Headers(fields), validators, 0)).toBe(may)
  })

  test('If-None-Match says nothing of whether it is still there', () => {
    expect(isStillThere(new Headers({ 'if-none-match': '"a"' }), there, 0)).toBe(true)
  })
})
