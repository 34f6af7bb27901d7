import { describe, expect, test } from 'vitest'
import { responseDirectives } from '../../../shared/http/targeted.ts'

/** Which lifetime counts, and whether a targeted field gave it. */
const heeded = (fields: Record<string, string>) => {
  const { cacheControl, targeted } = responseDirectives(new Headers(fields))
  return { maxAge: cacheControl.maxAge, targeted }
}

describe('RFC 9213 §2.2: which field tells this cache what to do', () => {
  const plain = { 'cache-control': 'max-age=1' }
  const cdn = { 'cdn-cache-control': 'max-age=2' }

  test.each<[string, Record<string, string>, number | undefined, boolean]>([
    ['Cache-Control alone', plain, 1, false],
    ['CDN-Cache-Control before Cache-Control', { ...plain, ...cdn }, 2, true],
    ['CDN-Cache-Control alone', cdn, 2, true],
    ['Weir-CDN-Cache-Control before all', { ...plain, ...cdn, 'weir-cdn-cache-control': 'max-age=3' }, 3, true],
    ['Surrogate-Control behind CDN-Cache-Control', { ...cdn, 'surrogate-control': 'max-age=4' }, 2, true],
    ['Surrogate-Control before Cache-Control', { ...plain, 'surrogate-control': 'max-age=4' }, 4, true],
    ['Surrogate-Control with its strings', { 'surrogate-control': 'max-age=4, content="ESI/1.0"' }, 4, true],
    ['a field for somebody else', { ...plain, 'other-cdn-cache-control': 'max-age=5' }, 1, false],
    [
      'one that states no lifetime hides the one of Cache-Control',
      { ...plain, 'cdn-cache-control': 'public' },
      undefined,
      true,
    ],
    ['parameters and lists of the unknown', { ...plain, 'cdn-cache-control': 'max-age=2, x=(1 "a");y=?1, z' }, 2, true],
    ['RFC 9213 §2.1: parameters are ignored', { ...plain, 'cdn-cache-control': 'max-age=2;x;y=1' }, 2, true],
    ['of a field of our own too', { ...plain, 'weir-cdn-cache-control': 'max-age=2;x, public;y' }, 2, true],
    ['in Surrogate-Control they say whom it is for', { ...plain, 'surrogate-control': 'max-age=2;weir' }, 2, true],
    ['and one that is for somebody else hides nothing', { ...plain, 'surrogate-control': 'max-age=2;other' }, 0, false],
    ['several lines of one field', { ...plain, 'cdn-cache-control': 'max-age=2,no-cache , \tx=1.5' }, 2, true],
    ['an empty one is passed over', { ...plain, 'cdn-cache-control': '' }, 1, false],
    ['a blank one is passed over', { ...plain, 'cdn-cache-control': ' ' }, 1, false],
    ['one that is no dictionary hides nothing', { ...plain, 'cdn-cache-control': '&&&' }, 1, false],
    ['a negative lifetime makes it none', { ...plain, 'cdn-cache-control': 'max-age=-2' }, 0, false],
    ['so does a fraction', { ...plain, 'cdn-cache-control': 'max-age=2.5' }, 0, false],
    ['a lifetime for this surrogate', { ...plain, 'surrogate-control': 'max-age=4;weir' }, 4, true],
    ['a lifetime for another surrogate', { ...plain, 'surrogate-control': 'max-age=4;other' }, 0, false],
    ['a trailing comma makes it none', { ...plain, 'cdn-cache-control': 'max-age=2,' }, 1, false],
    ['a space for a comma makes it none', { ...plain, 'cdn-cache-control': 'max-age=2 public' }, 0, false],
    ['a key in upper case makes it none', { ...plain, 'cdn-cache-control': 'Max-Age=2' }, 1, false],
    ['quotes that never end make it none', { ...plain, 'cdn-cache-control': 'max-age=2, x="' }, 1, false],
    ['one that is none may shorten', { ...plain, 'cdn-cache-control': 'Max-Age=0' }, 0, false],
    [
      'the next one behind one that is none',
      { ...plain, 'cdn-cache-control': '=', 'surrogate-control': 'max-age=4' },
      4,
      true,
    ],
    ['no field', {}, undefined, false],
  ])('%s', (_, fields, maxAge, targeted) => expect(heeded(fields)).toEqual({ maxAge, targeted }))

  test.each<[string, Record<string, string>, boolean]>([
    ['what forbids in a hidden field does not count', { 'cache-control': 'private', ...cdn }, false],
    [
      'a field that is none hides nothing that forbids',
      { 'cache-control': 'private', 'cdn-cache-control': '{}' },
      true,
    ],
    ['what a field denies is not said', { 'cdn-cache-control': 'max-age=2, private=?0' }, false],
    ['what forbids in a field that is none counts', { ...plain, 'cdn-cache-control': 'Private' }, true],
    ['what forbids in a field that is none counts alone', { 'cdn-cache-control': 'max-age=2 private' }, true],
  ])('%s', (_, fields, verdict) => {
    expect(responseDirectives(new Headers(fields)).cacheControl.private).toBe(verdict)
  })

  test('takes time in proportion to the value at worst', () => {
    for (const hostile of ['a', 'a=', 'a,', 'a;', 'a="\\"', ' ', '(', 'a=(', ', ']) {
      expect(heeded({ 'cache-control': 'max-age=1', 'cdn-cache-control': `${hostile.repeat(20_000)}\u00e9` })).toEqual({
        maxAge: 1,
        targeted: false,
      })
    }
  })
})
