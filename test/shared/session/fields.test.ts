import fc from 'fast-check'
import { describe, expect, it, test } from 'vitest'
import type { Json } from '../../../shared/json/json.ts'
import { formatKeys, formatValues, readSaid } from '../../../shared/session/fields.ts'
import type { Values } from '../../../shared/session/session.ts'

const read = (fields: Record<string, string>) => readSaid(new Headers(fields))

/** The values that an origin sets which sends back what it got. */
function thereAndBack(values: Values): Values | undefined {
  const said = read({ 'weir-session-set': formatValues(values, 1_000_000).text })
  return said.ok ? said.value.change?.values : undefined
}

describe('to an origin', () => {
  test.each<[Json, string]>([
    ['3', 'v="3"'],
    ['a "b" \\ c', 'v="a \\"b\\" \\\\ c"'],
    ['café', 'v=%"caf%c3%a9"'],
    ['a\nb', 'v="\\"a\\\\nb\\"";json'],
    ['\ud800', 'v="\\"\\\\ud800\\"";json'],
    [true, 'v'],
    [false, 'v=?0'],
    [7, 'v=7'],
    [-1.5, 'v=-1.5'],
    [1e15, 'v="1000000000000000";json'],
    [0.0001, 'v="0.0001";json'],
    [null, 'v="null";json'],
    [[], 'v=()'],
    [[1, 'a', false], 'v=(1 "a" ?0)'],
    [[[1]], 'v="[[1]]";json'],
    [{ a: 'é' }, 'v="{\\"a\\":\\"\\\\u00e9\\"}";json'],
  ])('%j is %s', (value, text) => expect(formatValues({ v: value }, 4096).text).toBe(text))

  it('leaves out what does not fit, and what has no name there', () => {
    const values = { a: 'x'.repeat(50), b: 1, Cart: 2, é: 3, c: 4, '*d': 5 }
    expect(formatValues(values, 14)).toEqual({ text: 'b=1, c=4, *d=5', omitted: ['a', 'Cart', 'é'] })
    expect(formatValues(values, 13)).toEqual({ text: 'b=1, c=4', omitted: ['a', 'Cart', 'é', '*d'] })
  })

  it('is never longer than it may be', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), fc.integer({ min: 0, max: 200 }), (values, most) => {
        const { text, omitted } = formatValues(values as Values, most)
        expect(text.length).toBeLessThanOrEqual(most)
        expect(text).toMatch(/^[\x20-\x7e]*$/)
        expect(omitted.every((key) => Object.hasOwn(values, key))).toBe(true)
      }),
    )
  })

  it('names keys that anybody can read, as many as fit', () => {
    expect(formatKeys(['a', 'Odd "key"', 'é', 'a\nb', '\ud800', 'c'], 100)).toBe('"a", "Odd \\"key\\"", %"%c3%a9", "c"')
    expect(formatKeys(['a', 'b', 'c'], 8)).toBe('"a", "b"')
  })

  it('and back is what it was, whatever it is', () => {
    const key = fc.stringMatching(/^[a-z*][a-z0-9_.*-]{0,8}$/)
    fc.assert(
      fc.property(fc.dictionary(key, fc.jsonValue(), { minKeys: 1 }), (values) => {
        expect(thereAndBack(values as Values)).toEqual(JSON.parse(JSON.stringify(values)))
      }),
    )
  })
})

describe('from an origin', () => {
  it('is nothing where nothing is said', () => {
    const nothing = { change: undefined, ifVersion: undefined, regenerate: false, destroy: false }
    expect(read({})).toEqual({ ok: true, value: nothing })
    expect(read({ 'weir-session-destroy': '?0' })).toEqual({ ok: true, value: nothing })
  })

  test.each<[string, Record<string, string>, object]>([
    ['a word', { 'weir-session-set': 'role=admin' }, { change: { values: { role: 'admin' }, delete: [] } }],
    ['the last of two', { 'weir-session-set': 'a=1, a=2' }, { change: { values: { a: 2 } } }],
    ['keys', { 'weir-session-delete': 'a, "Odd key", *b' }, { change: { values: {}, delete: ['a', 'Odd key', '*b'] } }],
    ['unknown parameters', { 'weir-session-set': 'a=1;x=2' }, { change: { values: { a: 1 } } }],
    ['a version', { 'weir-session-if-match': '5' }, { ifVersion: 5 }],
    ['a version as an entity tag', { 'weir-session-if-match': '"5"' }, { ifVersion: 5 }],
    [
      'two words',
      { 'weir-session-regenerate': '?1', 'weir-session-destroy': '?1' },
      { regenerate: true, destroy: true },
    ],
  ])('%s', (_, fields, value) => expect(read(fields)).toMatchObject({ ok: true, value }))

  test.each([
    ['weir-session-set', 'a=', 'it is not of its type in RFC 9651. Write Weir-Session-Set: cart="3", admin=?0'],
    ['weir-session-set', 'a=@1700000000', 'its member a is of a type that sessions do not keep'],
    ['weir-session-set', 'a=(1 :AA==:)', 'its member a is of a type that sessions do not keep'],
    ['weir-session-set', 'a="{";json', 'its member a has the parameter json, but is no JSON.'],
    ['weir-session-set', 'a=1;json', 'its member a has the parameter json, but is no text.'],
    ['weir-session-delete', '7', 'it is to be a list of keys'],
    ['weir-session-regenerate', 'true', 'it is to be `?1`, or absent.'],
    ['weir-session-destroy', '1', 'it is to be `?1`, or absent.'],
    ['weir-session-if-match', '*', 'it is to be a version'],
    ['weir-session-if-match', '1.5', 'it is to be a version'],
  ])('%s: %s is not understood', (name, text, because) => {
    const said = read({ 'weir-session-set': 'b=1', [name]: text })
    expect(said).toEqual({
      ok: false,
      error: expect.stringContaining(`The field ${name} of the answer cannot be read`),
    })
    expect(said).toEqual({ ok: false, error: expect.stringContaining(because) })
  })
})
