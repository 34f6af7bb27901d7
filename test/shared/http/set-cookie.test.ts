import { expect, test } from 'vitest'
import { forThisClient, setCookie, toOneClient } from '../../../shared/http/set-cookie.ts'

const now = Date.UTC(2030, 0, 31)

test.each<[title: string, fields: Record<string, string>, cacheControl: string | undefined]>([
  ['nothing is said', {}, 'private'],
  ['something else is said', { 'cache-control': 'no-cache' }, 'no-cache, private'],
  ['stale at once', { 'cache-control': 'max-age=0, must-revalidate' }, 'max-age=0, must-revalidate, private'],
  ['private already', { 'cache-control': 'private, max-age=60' }, 'private, max-age=60'],
  ['not to be stored', { 'cache-control': 'no-store' }, 'no-store'],
  ['expired', { expires: 'Thu, 19 Nov 1981 08:52:00 GMT' }, 'private'],
  ['public', { 'cache-control': 'public' }, undefined],
  ['a lifetime', { 'cache-control': 'max-age=60' }, undefined],
  ['a lifetime for shared caches', { 'cache-control': 'max-age=0, s-maxage=60' }, undefined],
  ['Expires', { expires: 'Thu, 28 Feb 2030 00:00:00 GMT' }, undefined],
  ['a targeted field', { 'cdn-cache-control': 'max-age=60', 'cache-control': 'private' }, undefined],
  ['a targeted field that forbids', { 'cdn-cache-control': 'no-store', 'cache-control': 'max-age=60' }, undefined],
])('RFC 9111 §7.3: %s', (_, fields, cacheControl) => {
  expect(toOneClient({ get: (name) => fields[name] ?? null }, now)).toBe(cacheControl)
})

test.each([
  [undefined, 'private'],
  ['max-age=60', 'max-age=60, private'],
  ['public, max-age=60, s-maxage=600, proxy-revalidate', 'max-age=60, private'],
  ['Public', 'private'],
  ['no-cache="a, b", must-revalidate', 'no-cache="a, b", must-revalidate, private'],
  ['private, max-age=60', 'private, max-age=60'],
  ['private="x-a"', 'private="x-a", private'],
  ['No-Store', 'No-Store'],
])(
  'RFC 9111 §5.2.2.7: what is of a session is stored by no shared cache, though its origin says %s',
  (said, becomes) => {
    const fields = new Headers({
      'cdn-cache-control': 'max-age=60',
      'cloudflare-cdn-cache-control': 'max-age=60',
      etag: '"1"',
    })
    if (said !== undefined) fields.set('cache-control', said)
    forThisClient(fields)
    expect(Object.fromEntries(fields)).toEqual({ 'cache-control': becomes, etag: '"1"' })
  },
)

test('RFC 6265 §4.1: for one host, out of the reach of scripts', () => {
  expect(setCookie('__Host-a', 'b', 60, true)).toBe('__Host-a=b; Path=/; Max-Age=60; HttpOnly; SameSite=Lax; Secure')
  expect(setCookie('a', 'b', 60, false)).toBe('a=b; Path=/; Max-Age=60; HttpOnly; SameSite=Lax')
})
