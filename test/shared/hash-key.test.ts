import { expect, test } from 'vitest'
import type { Pool } from '../../shared/config/schema.ts'
import { hashKeyOf } from '../../shared/hash-key.ts'
import { canonicalTarget } from '../../shared/http/target.ts'

const target = canonicalTarget('http://Shop.test/a/%7eb?x=1')
if (!target.ok) throw new Error(target.error)
const fields = new Headers({ cookie: 'cart=3; lang=de', 'x-tenant': 'acme' })
const hashed = { target: target.value, fields, address: '192.0.2.1' }

test.each<[Pool['hashOn'], string | undefined]>([
  ['ip', '192.0.2.1'],
  ['path', '/a/~b'],
  ['url', 'http://shop.test/a/~b?x=1'],
  ['header:x-tenant', 'acme'],
  ['header:x-other', undefined],
  ['cookie:cart', '3'],
  ['cookie:other', undefined],
  ['session', '192.0.2.1'],
])('%s is %s', (hashOn, key) => expect(hashKeyOf(hashOn, hashed)).toBe(key))

test('a session goes before the address', () => {
  expect(hashKeyOf('session', { ...hashed, session: 's1' })).toBe('s1')
})
