import fc from 'fast-check'
import { describe, expect, it, test } from 'vitest'
import { formatPath, listNames, nearest, quote } from '../../../shared/config/errors.ts'

test.each([
  ['the document', [], '(document)'],
  ['names and positions', ['pools', 'web', 'origins', 0, 'weight'], 'pools.web.origins[0].weight'],
  ['a name with a dash', ['pools', 'a-b'], 'pools.a-b'],
  ['a name with a dot', ['pools', 'a.b'], 'pools["a.b"]'],
  ['a strange name first', ['a b', 'c'], '["a b"].c'],
  ['a symbol', [Symbol.iterator], '["Symbol(Symbol.iterator)"]'],
])('formatPath: %s', (_title, path, expected) => {
  expect(formatPath(path)).toBe(expected)
})

describe('quote', () => {
  test.each([
    ['a string', 'a "b"\n', '"a \\"b\\"\\n"'],
    ['a long string', 'x'.repeat(61), `"${'x'.repeat(60)}…"`],
    ['a number', 1.5, '1.5'],
    ['true', true, 'true'],
    ['null', null, 'null'],
    ['a list', [1, 2], 'a list'],
    ['an object', { a: 1 }, 'an object'],
    ['a function', () => 1, 'a function'],
    ['a bigint', 1n, 'a bigint'],
  ])('%s', (_title, value, expected) => {
    expect(quote(value)).toBe(expected)
  })

  it('is one short line, whatever the value', () => {
    fc.assert(
      fc.property(fc.anything(), (value) => {
        expect(quote(value)).toMatch(/^.{1,400}$/)
      }),
    )
  })
})

test.each([
  ['one letter missing', 'origns', 'origins'],
  ['one too many', 'originss', 'origins'],
  ['two swapped', 'orgiins', 'origins'],
  ['the case', 'Pools', 'pools'],
  ['three edits are no guess', 'orig', undefined],
  ['the nearest of two', 'pool', 'pools'],
  ['no letter in common', 'xx', undefined],
  ['nothing', '', undefined],
])('nearest: %s', (_title, word, expected) => {
  expect(nearest(word, ['poles', 'pools', 'origins', 'id'])).toBe(expected)
})

test('listNames stops at twenty', () => {
  expect(listNames(['a', 'b'])).toBe('a, b')
  expect(listNames(Array(22).fill('a'))).toMatch(/^(a, ){19}a and 2 more$/)
})
