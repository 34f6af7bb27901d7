import { describe, expect, test } from 'vitest'
import { etagOf, parseConditions } from '../../../shared/state/conditions.ts'

describe('RFC 9110 §13.1: conditions', () => {
  test.each<[string, string | null, string | null, object]>([
    ['none', null, null, {}],
    ['one tag', '"7"', null, { ifMatch: [7] }],
    ['several', '"7", "8","9"', null, { ifMatch: [7, 8, 9] }],
    ['a star', ' * ', '*', { ifMatch: 'any', ifNoneMatch: 'any' }],
    ['weak ones, which If-Match does not heed', 'W/"7"', 'W/"7"', { ifMatch: [], ifNoneMatch: [7] }],
    ['tags of others', '"abc", "", "07", "1.0", "-1", "99999999999999999"', null, { ifMatch: [] }],
    ['a comma in a tag', '"1,2"', null, { ifMatch: [] }],
  ])('%s', (_, ifMatch, ifNoneMatch, value) => {
    expect(parseConditions(ifMatch, ifNoneMatch)).toEqual({ ok: true, value })
  })

  test.each([['7'], [''], ['"7'], ['"7" "8"'], ['*, "7"'], ['w/"7"'], ['"7",']])('%j makes no sense', (field) => {
    expect(parseConditions(field, null)).toEqual({ ok: false, error: 'If-Match' })
    expect(parseConditions(null, field)).toEqual({ ok: false, error: 'If-None-Match' })
  })

  test('a version comes back from its tag', () => {
    for (const version of [1, 4096, Number.MAX_SAFE_INTEGER])
      expect(parseConditions(etagOf(version), null)).toEqual({ ok: true, value: { ifMatch: [version] } })
  })
})
