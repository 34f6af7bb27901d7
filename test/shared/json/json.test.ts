import { expect, test } from 'vitest'
import { isDeeperThan, maxDepth, parseJson } from '../../../shared/json/json.ts'

const nested = (depth: number) => `${'['.repeat(depth)}${']'.repeat(depth)}`

test.each([
  ['nothing', '', 'is no JSON'],
  ['half an object', '{"a":', 'is no JSON'],
  ['two values', '1 2', 'is no JSON'],
  ['a word', 'NaN', 'is no JSON'],
  ['a comment', '{} // a', 'is no JSON'],
  ['a number that no double holds', '{"a": [1e999]}', 'has a number that is too large'],
  ['one more level than there may be', nested(maxDepth + 1), `is nested more than ${maxDepth} deep`],
  ['a hundred thousand levels', nested(100_000), `is nested more than ${maxDepth} deep`],
])('what is refused: %s', (_, text, error) => expect(parseJson(text)).toEqual({ ok: false, error }))

test.each(['null', 'true', '-0.5', '"\\ud800"', '[]', '{"a":{"b":[1,"c"]}}', nested(maxDepth)])(
  'what is read: %s',
  (text) => {
    const parsed = parseJson(text)
    expect(parsed.ok && JSON.stringify(parsed.value)).toBe(text)
  },
)

test('how deep a value is', () => {
  expect(isDeeperThan(1, 1)).toBe(false)
  expect(isDeeperThan([1], 1)).toBe(true)
  expect(isDeeperThan({ a: [1] }, 3)).toBe(false)
  expect(isDeeperThan({ a: [1] }, 2)).toBe(true)
})
