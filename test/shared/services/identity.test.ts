import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  formatIdentity,
  type Identity,
  identityMs,
  isCurrent,
  parseIdentity,
  signedText,
} from '../../../shared/services/identity.ts'

const identity: Identity = {
  caller: 'pool:web',
  callee: 'catalog',
  method: 'GET',
  target: '/api/items?a=1',
  expires: 1_000_000,
}
const mac = 'a'.repeat(43)

test('the field says who, and until when; the request says the rest', () => {
  expect(parseIdentity(formatIdentity(identity, mac))).toEqual({ caller: 'pool:web', expires: 1_000_000, mac })
})

test.each([
  [null],
  [''],
  ['pool:web'],
  [`1000.pool:web.${mac}a`],
  [`1000..${mac}`],
  [`1000.a.b.${mac}`],
  [`-1.web.${mac}`],
  [`1e3.web.${mac}`],
  [`${'9'.repeat(16)}.web.${mac}`],
])('%s is none', (field) => expect(parseIdentity(field)).toBeUndefined())

test('two identities are never signed as the same text', () => {
  const some = fc.record({
    caller: fc.string(),
    callee: fc.string(),
    method: fc.string(),
    target: fc.string(),
    expires: fc.nat(),
  })
  fc.assert(
    fc.property(some, some, (one, other) => {
      const isSame = (Object.keys(one) as (keyof Identity)[]).every((name) => one[name] === other[name])
      return (signedText(one) === signedText(other)) === isSame
    }),
  )
})

test.each([
  [identity.expires - identityMs, true],
  [identity.expires - 1, true],
  [identity.expires, false],
  [identity.expires - 2 * identityMs - 1, false],
])('at %i: %s', (now, verdict) => expect(isCurrent(identity, now)).toBe(verdict))
