import { describe, expect, test } from 'vitest'
import {
  changesSession,
  contentLength,
  endToEnd,
  hopByHopFields,
  isForGateway,
  isForgeable,
  tagsOf,
  without,
} from '../../../shared/http/fields.ts'

describe('RFC 9110 §7.6.1: fields that end at this hop', () => {
  test.each([
    'connection',
    'keep-alive',
    'proxy-authenticate',
    'proxy-authorization',
    'proxy-connection',
    'te',
    'trailer',
    'transfer-encoding',
    'upgrade',
  ])('%s', (name) => expect(hopByHopFields(new Headers())).toContain(name))

  const nominated = (connection: string) => {
    const known = hopByHopFields(new Headers())
    return [...hopByHopFields(new Headers({ connection }))].filter((name) => !known.has(name))
  }

  test.each<[string, string, string[]]>([
    ['one that Connection nominates', 'x-hop', ['x-hop']],
    ['several, in any case, with any space', 'close, X-Hop ,\tY', ['close', 'x-hop', 'y']],
    ['empty members', ', ,x-hop,', ['x-hop']],
    ['what is no name', 'a b, "x", x-hop, é', ['x-hop']],
    ['what a message cannot do without is not nominated', 'Host, Content-Length, Content-Type, x-hop', ['x-hop']],
    ['nor what says how to read a body', 'content-encoding, content-range', []],
    ['nothing', '', []],
  ])('%s', (_, connection, verdict) => expect(nominated(connection)).toEqual(verdict))
})

describe('RFC 9110 §7.6.1: the fields as the next hop sees them', () => {
  const sent = {
    connection: 'close, Accept-Language, content-type',
    te: 'trailers',
    'accept-language': 'fr',
    cookie: 'a=1',
    'content-type': 'a/b',
  }

  test.each<[string, string, string | null]>([
    ['one that goes on', 'cookie', 'a=1'],
    ['one that is not there', 'accept', null],
    ['one that ends here', 'te', null],
    ['Connection itself', 'connection', null],
    ['one that Connection nominates', 'accept-language', null],
    ['one that Connection nominates, in another case', 'Accept-LANGUAGE', null],
    ['one that cannot be nominated', 'content-type', 'a/b'],
  ])('%s', (_, name, verdict) => expect(endToEnd(new Headers(sent)).get(name)).toBe(verdict))
})

test('fields without some, whatever case they are asked for in', () => {
  const fields = without(new Headers({ range: 'bytes=0-4', cookie: 'a=1' }), 'range', 'if-range')
  expect([fields.get('range'), fields.get('Range'), fields.get('Cookie')]).toEqual([null, null, 'a=1'])
})

describe('what a client says that only the gateway may say', () => {
  test.each([
    'x-forwarded-for',
    'x-forwarded-host',
    'x-forwarded-proto',
    'x-forwarded-anything',
    'forwarded',
    'weir-explain',
    'weir-session',
    'cf-connecting-ip',
    'cf-ray',
    'true-client-ip',
    'x-real-ip',
    'x-client-ip',
    'x-request-id',
    'traceparent',
    'tracestate',
    'baggage',
    'cdn-loop',
    'x-original-url',
    'x-rewrite-url',
    'x-http-method-override',
    'x-http-method',
    'x-method-override',
    'x-host',
    'surrogate-capability',
    'x-request-deadline',
  ])('%s is dropped', (name) => expect(isForgeable(name)).toBe(true))

  test.each([
    'accept',
    'authorization',
    'cookie',
    'user-agent',
    'idempotency-key',
    'x-requested-with',
    'x-weir',
    'range',
  ])('%s goes on', (name) => expect(isForgeable(name)).toBe(false))
})

describe('what an origin says to the gateway alone', () => {
  test.each<[string, boolean]>([
    ['weir-session-set', true],
    ['weir-cdn-cache-control', true],
    ['cache-tag', true],
    ['surrogate-key', true],
    ['surrogate-control', true],
    ['cache-control', false],
    ['cdn-cache-control', false],
    ['cache-status', false],
    ['set-cookie', false],
    ['x-weir', false],
  ])('%s: %s', (name, verdict) => expect(isForGateway(name)).toBe(verdict))
})

describe('an answer that is its client’s alone', () => {
  test.each(['set', 'delete', 'regenerate', 'destroy', 'if-match'])('Weir-Session-%s', (what) => {
    expect(changesSession(new Headers({ [`weir-session-${what}`]: '' }))).toBe(true)
  })

  test('is no other', () => {
    expect(changesSession(new Headers({ 'weir-session': 'x', 'set-cookie': 'a=1' }))).toBe(false)
  })
})

describe('the tags of a response', () => {
  const many = Array.from({ length: 1001 }, (_, each) => `t${each}`)

  test.each<[string, Record<string, string>, string[]]>([
    ['none', {}, []],
    ['by commas, with spaces within', { 'cache-tag': 'a b , c,,' }, ['a b', 'c']],
    ['by spaces', { 'surrogate-key': ' a\tb  c ' }, ['a', 'b', 'c']],
    ['by either, each once', { 'cache-tag': 'a, b', 'surrogate-key': 'b c' }, ['a', 'b', 'c']],
    ['no more than a thousand', { 'surrogate-key': many.join(' ') }, many.slice(0, 1000)],
  ])('%s', (_, fields, tags) => expect(tagsOf(new Headers(fields))).toEqual(tags))
})

describe('RFC 9110 §8.6: the number of bytes to come', () => {
  test.each<[string, string | null, number | undefined]>([
    ['a number', '300', 300],
    ['zero', '0', 0],
    ['leading zeros', '007', 7],
    ['no field', null, undefined],
    ['an empty field', '', undefined],
    ['a sign', '+5', undefined],
    ['a negative number', '-5', undefined],
    ['a fraction', '5.0', undefined],
    ['hexadecimal', '0x5', undefined],
    ['two numbers', '5, 5', undefined],
    ['a number beyond what can be counted', '1'.repeat(17), undefined],
  ])('%s', (_, value, verdict) => {
    expect(contentLength(new Headers(value === null ? {} : { 'content-length': value }))).toBe(verdict)
  })
})
