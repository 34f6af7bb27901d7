import { describe, expect, test } from 'vitest'
import { mayStore } from '../../../shared/http/may-store.ts'
import {
  ago,
  cookie,
  credentials,
  exchange,
  force,
  minute,
  off,
  type Row,
  respect,
  respectTtl,
  verdictOf,
} from './exchange.ts'

describe('respect: what the origin says', () => {
  test.each<Row>([
    ['RFC 9111 §4.2.1: max-age', minute, {}, 60],
    ['RFC 9111 §4.2.1: s-maxage before max-age', { 'cache-control': 'max-age=60, s-maxage=90' }, {}, 90],
    ['RFC 9111 §4.2.1: Expires', { expires: ago(-60), date: ago(0) }, {}, 60],
    ['RFC 9111 §4.2.2: a guess', { 'last-modified': ago(1000) }, {}, 100],
    ['RFC 9111 §4.2.3: less the age that it has', { ...minute, age: '50' }, {}, 10],
    ['RFC 9111 §4.2.3: less the time that it took', minute, { delaySeconds: 10 }, 50],
    [
      'RFC 9213 §2.2: CDN-Cache-Control before no-store',
      { 'cache-control': 'no-store', 'cdn-cache-control': 'max-age=60' },
      {},
      60,
    ],
    [
      'RFC 9213 §2.2: CDN-Cache-Control before private',
      { 'cache-control': 'private', 'cdn-cache-control': 'max-age=60' },
      {},
      60,
    ],
    ['RFC 9213 §2.2: no-store in CDN-Cache-Control', { ...minute, 'cdn-cache-control': 'no-store' }, {}, 'no-store'],
    ['RFC 9111 §5.2.2.5: no-store', { 'cache-control': 'max-age=60, no-store' }, {}, 'no-store'],
    [
      'RFC 9111 §5.2.2.3: must-understand lifts no-store',
      { 'cache-control': 'max-age=60, must-understand, no-store' },
      {},
      60,
    ],
    [
      'RFC 9111 §5.2.2.3: must-understand, and a status that nobody knows',
      { 'cache-control': 'max-age=60, must-understand' },
      { status: 599 },
      'status',
    ],
    [
      'RFC 9111 §4.2.2: a guess at an unknown status that is public',
      { 'cache-control': 'public', 'last-modified': ago(1000) },
      { status: 599 },
      100,
    ],
    ['RFC 9111 §4.1: a Vary by scheme and host', { ...minute, vary: 'x-forwarded-proto, x-forwarded-host' }, {}, 60],
    ['RFC 9111 §5.2.2.4: no-cache', { 'cache-control': 'max-age=60, no-cache' }, {}, 'no-cache'],
    ['RFC 9111 §5.2.2.4: no-cache of one field', { 'cache-control': 'max-age=60, no-cache="x"' }, {}, 'no-cache'],
    ['RFC 9111 §5.2.2.7: private', { 'cache-control': 'max-age=60, private' }, {}, 'private'],
    ['RFC 9111 §5.2.2.7: private of one field', { 'cache-control': 'max-age=60, private="x"' }, {}, 'private'],
    ['RFC 9111 §5.2.2.9: public alone is no lifetime', { 'cache-control': 'public' }, {}, 'no-lifetime'],
    [
      'RFC 9111 §5.2.1.5: the client’s no-store',
      minute,
      { asked: { 'cache-control': 'no-store' } },
      'request-no-store',
    ],
    [
      'RFC 9111 §5.2.1.4: the client’s no-cache does not matter',
      minute,
      { asked: { 'cache-control': 'no-cache' } },
      60,
    ],
    ['nothing said', {}, {}, 'no-lifetime'],
    ['RFC 9111 §3: a validator permits nothing by itself', { etag: '"1"' }, { status: 429 }, 'no-lifetime'],
    [
      'RFC 9111 §3: nor does a grace',
      { 'cache-control': 'stale-while-revalidate=9', etag: '"1"' },
      { status: 307 },
      'no-lifetime',
    ],
    ['RFC 9111 §4.2.1: max-age=0', { 'cache-control': 'max-age=0' }, {}, 'stale-on-arrival'],
    ['RFC 9111 §4.2.1: Expires in the past', { expires: ago(60) }, {}, 'stale-on-arrival'],
    ['RFC 9111 §4.2.1: Expires: 0', { expires: '0' }, {}, 'stale-on-arrival'],
    ['RFC 9111 §4.2.3: as old as it may get', { ...minute, age: '60' }, {}, 'stale-on-arrival'],
    ['RFC 9111 §4.2.3: an old Date', { ...minute, date: ago(61) }, {}, 'stale-on-arrival'],
    ['RFC 9111 §4.2.2: changed just now', { 'last-modified': ago(3), date: ago(0) }, {}, 'stale-on-arrival'],
  ])('%s', (_, answered, given, verdict) =>
    expect(verdictOf(mayStore(exchange(answered, given), respect))).toBe(verdict),
  )
})

describe('respect with a lifetime of the route’s own', () => {
  test.each<Row>([
    ['where the origin says nothing', {}, {}, 300],
    ['not where it says something', minute, {}, 60],
    ['not where it says zero', { 'cache-control': 'max-age=0' }, {}, 'stale-on-arrival'],
    ['instead of a guess', { 'last-modified': ago(1000) }, {}, 300],
    ['less the age that the response has', { age: '100' }, {}, 200],
    ['not against no-store', { 'cache-control': 'no-store' }, {}, 'no-store'],
    ['not against no-cache', { 'cache-control': 'no-cache' }, {}, 'no-cache'],
    ['for a 404', {}, { status: 404 }, 300],
    ['not for a 500', {}, { status: 500 }, 'no-lifetime'],
    ['not for a 302', {}, { status: 302 }, 'no-lifetime'],
    ['nor a guess for either', { 'last-modified': ago(1000) }, { status: 501 }, 'no-lifetime'],
  ])('%s', (_, answered, given, verdict) =>
    expect(verdictOf(mayStore(exchange(answered, given), respectTtl))).toBe(verdict),
  )
})

describe('force: the route’s lifetime, whatever the origin says', () => {
  test.each<Row>([
    ['nothing said', {}, {}, 300],
    ['max-age', minute, {}, 300],
    ['max-age=0', { 'cache-control': 'max-age=0' }, {}, 300],
    ['no-store', { 'cache-control': 'no-store' }, {}, 300],
    ['no-cache', { 'cache-control': 'no-cache' }, {}, 300],
    ['Expires: 0', { expires: '0' }, {}, 300],
    ['an age', { age: '1000' }, {}, 300],
    ['an age beyond what the origin states', { ...minute, age: '1000' }, {}, 300],
    ['the client’s no-store', {}, { asked: { 'cache-control': 'no-store' } }, 300],
    ['a cookie', {}, cookie, 300],
    ['a 404', {}, { status: 404 }, 300],
    ['a 500 that states no lifetime', {}, { status: 500 }, 'no-lifetime'],
    ['a 500 that states one', minute, { status: 500 }, 60],
    ['a 500 that states one, and an age', { ...minute, age: '20' }, { status: 500 }, 40],
    ['a 500 that states one, and no-store', { 'cache-control': 'no-store, max-age=60' }, { status: 500 }, 'no-store'],
    ['a 503 that states one, and no-cache', { 'cache-control': 'no-cache, max-age=60' }, { status: 503 }, 'no-cache'],
    ['a 302 that states one, and no-store', { 'cache-control': 'no-store, s-maxage=60' }, { status: 302 }, 'no-store'],
  ])('%s', (_, answered, given, verdict) => expect(verdictOf(mayStore(exchange(answered, given), force))).toBe(verdict))
})

test('off: nothing', () => {
  expect(verdictOf(mayStore(exchange({ 'cache-control': 'public, s-maxage=60' }, {}), off))).toBe('mode-off')
})

describe('what no route can make shareable', () => {
  test.each<Row>([
    ['RFC 9111 §5.2.2.7: private', { 'cache-control': 'private' }, {}, 'private'],
    ['RFC 9111 §5.2.2.7: private beside public', { 'cache-control': 'public, private, s-maxage=60' }, {}, 'private'],
    ['RFC 9111 §7.3: Set-Cookie', { ...minute, 'set-cookie': 'id=1' }, {}, 'set-cookie'],
    [
      'RFC 9111 §7.3: Set-Cookie, although public',
      { 'cache-control': 'public, max-age=60', 'set-cookie': 'id=1' },
      {},
      'set-cookie',
    ],
    ['RFC 9111 §3.5: Authorization', minute, credentials, 'authorization'],
    ['RFC 9111 §3.5: Authorization on a 404', minute, { ...credentials, status: 404 }, 'authorization'],
    ['RFC 9111 §3: a POST', minute, { method: 'POST' }, 'method'],
    ['RFC 9111 §3: a HEAD', minute, { method: 'HEAD' }, 'method'],
    ['RFC 9110 §9.1: methods are case-sensitive', minute, { method: 'get' }, 'method'],
    ['RFC 9111 §3.3: 206', minute, { status: 206 }, 'status'],
    ['RFC 9111 §4.3.4: 304', minute, { status: 304 }, 'status'],
    ['RFC 9110 §15.2: 103', minute, { status: 103 }, 'status'],
    ['RFC 9110 §15: 600', minute, { status: 600 }, 'status'],
    ['RFC 9111 §4.1: a Vary that cannot be read', { ...minute, vary: 'accept language' }, {}, 'vary'],
    ['RFC 9111 §4.1: Vary: *', { ...minute, vary: '*' }, {}, 'vary'],
    ['RFC 9111 §4.1: a Vary by what the gateway says', { ...minute, vary: 'x-forwarded-for' }, {}, 'vary'],
    [
      'HTML §9.2: an event stream',
      { ...minute, 'content-type': 'Text/Event-Stream; charset=utf-8' },
      {},
      'event-stream',
    ],
    ['RFC 9112 §8: neither length nor chunks', { ...minute, 'content-length': '' }, {}, 'framing'],
    [
      'RFC 9112 §8: another transfer coding',
      { ...minute, 'content-length': '', 'transfer-encoding': 'gzip' },
      {},
      'framing',
    ],
    ['RFC 9110 §8.6: a length that is none', { ...minute, 'content-length': 'x' }, {}, 'length'],
    ['RFC 9110 §8.6: a negative length', { ...minute, 'content-length': '-5' }, {}, 'length'],
    ['RFC 9110 §8.6: two lengths', { ...minute, 'content-length': '5, 5' }, {}, 'length'],
  ])('%s', (_, answered, given, verdict) => {
    for (const rule of [respect, respectTtl, force]) {
      expect(verdictOf(mayStore(exchange(answered, given), rule))).toBe(verdict)
    }
  })
})

describe('what has a whole body that can be told from a cut one', () => {
  test.each<Row>([
    ['RFC 9112 §7.1: chunks', { ...minute, 'content-length': '', 'transfer-encoding': 'Chunked' }, {}, 60],
    [
      'RFC 9112 §7.1: a coding, then chunks',
      { ...minute, 'content-length': '', 'transfer-encoding': 'gzip, chunked' },
      {},
      60,
    ],
    ['RFC 9110 §8.6: an empty body', { ...minute, 'content-length': '0' }, {}, 60],
    ['RFC 9110 §15.3.5: 204 has none', { ...minute, 'content-length': '' }, { status: 204 }, 60],
    ['RFC 9110 §15.3.6: 205 has none', { ...minute, 'content-length': '' }, { status: 205 }, 60],
  ])('%s', (_, answered, given, verdict) =>
    expect(verdictOf(mayStore(exchange(answered, given), respect))).toBe(verdict),
  )
})

describe('RFC 9111 §3: with a stated lifetime every final status may be stored', () => {
  test.each([200, 201, 203, 204, 300, 301, 302, 307, 308, 400, 404, 405, 410, 451, 500, 501, 503, 599])(
    '%i',
    (status) => {
      expect(verdictOf(mayStore(exchange(minute, { status }), respect))).toBe(60)
    },
  )
})
