import { describe, expect, test } from 'vitest'
import {
  isHeld,
  isLeaseName,
  parseBeginning,
  parseIfMatch,
  parseLease,
  parsePatch,
  parseValues,
} from '../../../shared/session/request.ts'

describe('RFC 9110 §13.1.1: If-Match', () => {
  test.each<[string, string | undefined, unknown]>([
    ['absent', undefined, undefined],
    ['any', ' * ', { kind: 'any' }],
    ['a version', '"5"', { kind: 'version', version: 5 }],
    ['one compared strongly', 'W/"5"', { kind: 'version', version: undefined }],
    ['what no session has', '"05"', { kind: 'version', version: undefined }],
    ['nor this', '"abc"', { kind: 'version', version: undefined }],
    ['nor one beyond all numbers', '"99999999999999999999"', { kind: 'version', version: undefined }],
  ])('%s', (_, field, value) => expect(parseIfMatch(field)).toEqual({ ok: true, value }))

  test.each(['', '5', '"5', '"5", "6"', '"5" "6"', '*, "5"'])('not: %j', (field) => {
    expect(parseIfMatch(field).ok).toBe(false)
  })
})

describe('RFC 9110 §13.1.2: If-None-Match', () => {
  test.each<[string | undefined, boolean]>([
    [undefined, false],
    ['"5"', true],
    ['W/"5"', true],
    ['"4", "5"', true],
    ['*', true],
    ['"6"', false],
    ['5', false],
  ])('%j', (field, held) => expect(isHeld(field, 5)).toBe(held))
})

describe('a patch', () => {
  test.each<[string, string, string, unknown]>([
    ['a merge', 'application/merge-patch+json', '{"a": null}', { kind: 'mergePatch', patch: { a: null } }],
    ['JSON', 'application/json; charset=utf-8', '{"a": 1}', { kind: 'mergePatch', patch: { a: 1 } }],
    [
      'in capitals',
      'Application/JSON-Patch+JSON',
      '[{"op": "remove", "path": "/a"}]',
      { kind: 'jsonPatch', patch: [{ op: 'remove', path: '/a' }] },
    ],
  ])('%s', (_, type, text, value) => expect(parsePatch(type, text)).toEqual({ ok: true, value }))

  test.each<[string, string | undefined, string, unknown]>([
    ['no type', undefined, '{}', { because: 'type' }],
    ['another type', 'text/plain', '{}', { because: 'type' }],
    ['no JSON', 'application/json', '{', { because: 'json', detail: 'is no JSON' }],
    [
      'a merge that leaves no object',
      'application/json',
      '[]',
      { because: 'patch', detail: expect.stringContaining('must be an object') },
    ],
    [
      'no list of operations',
      'application/json-patch+json',
      '{}',
      { because: 'patch', detail: expect.stringContaining('must be a list') },
    ],
  ])('not: %s', (_, type, text, error) => expect(parsePatch(type, text)).toEqual({ ok: false, error }))
})

test('all values are an object', () => {
  expect(parseValues('{"a": [1]}')).toEqual({ ok: true, value: { a: [1] } })
  for (const text of ['', '[]', 'null', '1', '{']) expect(parseValues(text).ok).toBe(false)
})

describe('a beginning', () => {
  test.each<[string, unknown]>([
    ['', { values: {} }],
    ['{}', { values: {} }],
    ['{"values": {"a": 1}, "secure": true}', { values: { a: 1 }, secure: true }],
  ])('%s', (text, value) => expect(parseBeginning(text)).toEqual({ ok: true, value }))

  test.each(['[]', '{"values": []}', '{"secure": "yes"}', '{"value": {}}', '{'])('not: %s', (text) => {
    expect(parseBeginning(text).ok).toBe(false)
  })
})

describe('a lease', () => {
  test('for a time, by a holder', () => {
    expect(parseLease('{"holder": "a", "seconds": 30}')).toEqual({ ok: true, value: { holder: 'a', seconds: 30 } })
  })
  test.each([
    '',
    '{"holder": "a"}',
    '{"seconds": 1}',
    '{"holder": "", "seconds": 1}',
    '{"holder": "a b", "seconds": 1}',
    '{"holder": 1, "seconds": 1}',
    '{"holder": "a", "seconds": 0}',
    '{"holder": "a", "seconds": 1.5}',
    '{"holder": "a", "seconds": 3601}',
    '{"holder": "a", "seconds": 1, "token": 1}',
  ])('not: %s', (text) => expect(parseLease(text).ok).toBe(false))
  test('names', () => {
    expect(['checkout', 'a.b-c_D9'].every(isLeaseName)).toBe(true)
    expect(['', 'a b', 'a/b', 'ä', 'x'.repeat(65)].some(isLeaseName)).toBe(false)
  })
})
