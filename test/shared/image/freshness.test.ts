import { describe, expect, test } from 'vitest'
import { conditionsFor, livesAs, validatorOf } from '../../../shared/image/freshness.ts'

const fields = (init: Record<string, string>) => new Headers(init)

describe('the life of what is made', () => {
  test('is that of the original', () => {
    const original = {
      'cache-control': 'max-age=60',
      age: '3',
      'cache-tag': 'a',
      etag: '"x"',
      'content-length': '9',
      vary: 'Accept',
    }
    expect(Object.fromEntries(livesAs(fields(original), false))).toEqual({
      'cache-control': 'max-age=60',
      age: '3',
      'cache-tag': 'a',
    })
  })

  test.each([
    ['with a cookie', { 'set-cookie': 'a=b', 'cache-control': 'max-age=60' }, false],
    ['that differs by anything', { vary: '*', 'cache-control': 'max-age=60' }, false],
    ['that a redirect for once has led to', { 'cache-control': 'max-age=60' }, true],
  ])('is none where it is of one %s', (_, original, isForOnce) => {
    expect(livesAs(fields(original as Record<string, string>), isForOnce)).toEqual([
      ['cache-control', 'private, no-store'],
    ])
  })
})

describe('the validator', () => {
  test.each([
    ['"abc"', 'W/"abc;m"'],
    ['W/"abc"', 'W/"abc;m"'],
    ['abc', undefined],
    [`"${'a'.repeat(300)}"`, undefined],
    [null, undefined],
  ])('of %j', (original, made) => expect(validatorOf(original, 'm')).toBe(made))

  test.each<[Record<string, string>, [string, string][]]>([
    [{ 'if-none-match': 'W/"abc;m"' }, [['if-none-match', '"abc", W/"abc"']]],
    [{ 'if-none-match': 'W/"abc;other"' }, []],
    [{ 'if-none-match': '*' }, []],
    [{ 'if-none-match': 'W/"abc;m", "b"' }, []],
    [
      { 'if-modified-since': 'Sat, 21 Nov 2026 10:00:00 GMT' },
      [['if-modified-since', 'Sat, 21 Nov 2026 10:00:00 GMT']],
    ],
    [{ 'if-none-match': '"x"', 'if-modified-since': 'Sat, 21 Nov 2026 10:00:00 GMT' }, []],
    [{}, []],
  ])('%j asks the origin %j', (asked, conditions) => expect(conditionsFor(fields(asked), 'm')).toEqual(conditions))
})
