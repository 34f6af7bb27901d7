import { describe, expect, test } from 'vitest'
import {
  parseImageKeys,
  queryOfOriginal,
  readSignature,
  toBeSigned,
  withSignature,
} from '../../../shared/image/signature.ts'

const secret = 'sixteen-letters-'

describe('keys', () => {
  test.each([
    [undefined, []],
    ['', []],
    [`a:${secret}`, [{ id: 'a', secret }]],
    [
      `a:${secret}, b_2:${secret}:b`,
      [
        { id: 'a', secret },
        { id: 'b_2', secret: `${secret}:b` },
      ],
    ],
    [`a:short,b:${secret}`, [{ id: 'b', secret }]],
    [`:${secret}`, []],
    [`a b:${secret}`, []],
  ])('%j', (text, keys) => expect(parseImageKeys(text)).toEqual(keys))
})

describe('a signature', () => {
  test.each([
    ['/_weir/image/width=3/a.jpg', undefined],
    ['/_weir/image/width=3/a.jpg', 1_800_000_000],
    ['/_weir/image/width=3/a.jpg?v=2', 1_800_000_000],
    // Names that the gateway has for itself, and the original too.
    ['/_weir/image/width=3/a.jpg?exp=1&kid=other', 1_800_000_000],
  ])('of %s until %s is read as it was written', (target, expires) => {
    const signed = toBeSigned(target, 'k1', expires)
    expect(readSignature(withSignature(signed, 'mac_-9'))).toEqual({ signed, mac: 'mac_-9', keyId: 'k1', expires })
  })

  test.each([
    ['none', '/a', undefined],
    ['one that is not the last', '/a?sig=b&c=d', undefined],
    ['one of other letters', '/a?kid=a&sig=b%20', undefined],
    ['one without a key', '/a?sig=b', { signed: '/a', mac: 'b', keyId: undefined, expires: undefined }],
    [
      'an end that cannot be read',
      '/a?exp=soon&kid=a&sig=b',
      { signed: '/a?exp=soon&kid=a', mac: 'b', keyId: 'a', expires: 0 },
    ],
  ])('%s', (_, target, signature) => expect(readSignature(target)).toEqual(signature))
})

test.each([
  ['', ''],
  ['?exp=1&kid=a&sig=b', ''],
  ['?v=2&exp=1&kid=a&sig=b', '?v=2'],
  ['?a=1&b=2', '?a=1&b=2'],
  ['?expires=1', '?expires=1'],
])('of the query %j the original gets %j', (query, own) => expect(queryOfOriginal(query)).toBe(own))
