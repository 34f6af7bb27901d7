import { describe, expect, it, test } from 'vitest'
import type { Json } from '../../../shared/json/json.ts'
import { applyMergePatch } from '../../../shared/json/merge-patch.ts'

describe('RFC 7396, appendix A: the examples', () => {
  test.each<[Json, Json, Json]>([
    [{ a: 'b' }, { a: 'c' }, { a: 'c' }],
    [{ a: 'b' }, { b: 'c' }, { a: 'b', b: 'c' }],
    [{ a: 'b' }, { a: null }, {}],
    [{ a: 'b', b: 'c' }, { a: null }, { b: 'c' }],
    [{ a: ['b'] }, { a: 'c' }, { a: 'c' }],
    [{ a: 'c' }, { a: ['b'] }, { a: ['b'] }],
    [{ a: { b: 'c' } }, { a: { b: 'd', c: null } }, { a: { b: 'd' } }],
    [{ a: [{ b: 'c' }] }, { a: [1] }, { a: [1] }],
    [
      ['a', 'b'],
      ['c', 'd'],
      ['c', 'd'],
    ],
    [{ a: 'b' }, ['c'], ['c']],
    [{ a: 'foo' }, null, null],
    [{ a: 'foo' }, 'bar', 'bar'],
    [{ e: null }, { a: 1 }, { e: null, a: 1 }],
    [[1, 2], { a: 'b', c: null }, { a: 'b' }],
    [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
  ])('%j and %j are %j', (target, patch, merged) => expect(applyMergePatch(target, patch)).toEqual(merged))
})

test('RFC 7396 §3: the example', () => {
  const target = JSON.parse(
    '{"title":"Goodbye!","author":{"givenName":"John","familyName":"Doe"},"tags":["example","sample"],"content":"This will be unchanged"}',
  )
  const patch = JSON.parse(
    '{"title":"Hello!","phoneNumber":"+01-123-456-7890","author":{"familyName":null},"tags":["example"]}',
  )
  expect(applyMergePatch(target, patch)).toEqual({
    title: 'Hello!',
    author: { givenName: 'John' },
    tags: ['example'],
    content: 'This will be unchanged',
    phoneNumber: '+01-123-456-7890',
  })
})

it('leaves what it was given as it is', () => {
  const target = { a: { b: 1 }, c: [1] }
  const patch = { a: { b: null, d: { e: null } } }
  applyMergePatch(target, patch)
  expect([target, patch]).toEqual([{ a: { b: 1 }, c: [1] }, { a: { b: null, d: { e: null } } }])
})

describe('a name that a prototype has', () => {
  const own = (text: string) => JSON.parse(text) as Json

  it('is a name like any other', () => {
    const merged = applyMergePatch({}, own('{"__proto__": {"isAdmin": true}, "constructor": {"prototype": {"x": 1}}}'))
    expect(JSON.stringify(merged)).toBe('{"__proto__":{"isAdmin":true},"constructor":{"prototype":{"x":1}}}')
    expect(Object.getPrototypeOf(merged)).toBe(Object.prototype)
    expect(({} as Record<string, unknown>).isAdmin).toBeUndefined()
    expect(({} as Record<string, unknown>).x).toBeUndefined()
  })
  it('is merged as one, removed as one, and not found where it is not there', () => {
    const target = own('{"__proto__": {"a": 1}}')
    expect(JSON.stringify(applyMergePatch(target, own('{"__proto__": {"b": 2}}')))).toBe('{"__proto__":{"a":1,"b":2}}')
    expect(JSON.stringify(applyMergePatch(target, own('{"__proto__": null}')))).toBe('{}')
    expect(JSON.stringify(applyMergePatch({}, own('{"toString": {"a": null}}')))).toBe('{"toString":{}}')
  })
})
