import fc from 'fast-check'
import { describe, expect, it, test } from 'vitest'
import { type Json, maxDepth } from '../../../shared/json/json.ts'
import { applyJsonPatch, maxOperations, parseJsonPatch } from '../../../shared/json/json-patch.ts'
import type { Result } from '../../../shared/result.ts'

/** Both steps, as the gateway does them. */
function patched(target: Json, document: Json): Result<Json, string> {
  const patch = parseJsonPatch(document)
  return patch.ok ? applyJsonPatch(target, patch.value) : patch
}

const errorOf = (target: Json, document: Json) => {
  const result = patched(target, document)
  return result.ok ? `none: ${JSON.stringify(result.value)}` : result.error
}

describe('RFC 6902, appendix A: the examples', () => {
  test.each<[string, Json, Json, Json]>([
    [
      'A.1 adding an object member',
      { foo: 'bar' },
      [{ op: 'add', path: '/baz', value: 'qux' }],
      { baz: 'qux', foo: 'bar' },
    ],
    [
      'A.2 adding an array element',
      { foo: ['bar', 'baz'] },
      [{ op: 'add', path: '/foo/1', value: 'qux' }],
      { foo: ['bar', 'qux', 'baz'] },
    ],
    ['A.3 removing an object member', { baz: 'qux', foo: 'bar' }, [{ op: 'remove', path: '/baz' }], { foo: 'bar' }],
    [
      'A.4 removing an array element',
      { foo: ['bar', 'qux', 'baz'] },
      [{ op: 'remove', path: '/foo/1' }],
      { foo: ['bar', 'baz'] },
    ],
    [
      'A.5 replacing a value',
      { baz: 'qux', foo: 'bar' },
      [{ op: 'replace', path: '/baz', value: 'boo' }],
      { baz: 'boo', foo: 'bar' },
    ],
    [
      'A.6 moving a value',
      { foo: { bar: 'baz', waldo: 'fred' }, qux: { corge: 'grault' } },
      [{ op: 'move', from: '/foo/waldo', path: '/qux/thud' }],
      { foo: { bar: 'baz' }, qux: { corge: 'grault', thud: 'fred' } },
    ],
    [
      'A.7 moving an array element',
      { foo: ['all', 'grass', 'cows', 'eat'] },
      [{ op: 'move', from: '/foo/1', path: '/foo/3' }],
      { foo: ['all', 'cows', 'eat', 'grass'] },
    ],
    [
      'A.8 testing a value: success',
      { baz: 'qux', foo: ['a', 2, 'c'] },
      [
        { op: 'test', path: '/baz', value: 'qux' },
        { op: 'test', path: '/foo/1', value: 2 },
      ],
      { baz: 'qux', foo: ['a', 2, 'c'] },
    ],
    [
      'A.10 adding a nested member object',
      { foo: 'bar' },
      [{ op: 'add', path: '/child', value: { grandchild: {} } }],
      { foo: 'bar', child: { grandchild: {} } },
    ],
    [
      'A.11 ignoring unrecognized elements',
      { foo: 'bar' },
      [{ op: 'add', path: '/baz', value: 'qux', xyz: 123 }],
      { foo: 'bar', baz: 'qux' },
    ],
    ['A.14 ~ escape ordering', { '/': 9, '~1': 10 }, [{ op: 'test', path: '/~01', value: 10 }], { '/': 9, '~1': 10 }],
    [
      'A.16 adding an array value',
      { foo: ['bar'] },
      [{ op: 'add', path: '/foo/-', value: ['abc', 'def'] }],
      { foo: ['bar', ['abc', 'def']] },
    ],
  ])('%s', (_, target, document, value) => expect(patched(target, document)).toEqual({ ok: true, value }))

  test.each<[string, Json, Json, string]>([
    [
      'A.9 testing a value: error',
      { baz: 'qux' },
      [{ op: 'test', path: '/baz', value: 'bar' }],
      'operation 1 (test /baz) finds another value',
    ],
    [
      'A.12 adding to a nonexistent target',
      { foo: 'bar' },
      [{ op: 'add', path: '/baz/bat', value: 'qux' }],
      'operation 1 (add /baz/bat) is in nothing that has members',
    ],
    [
      'A.15 comparing strings and numbers',
      { '/': 9, '~1': 10 },
      [{ op: 'test', path: '/~01', value: '10' }],
      'operation 1 (test /~01) finds another value',
    ],
  ])('%s', (_, target, document, error) => expect(errorOf(target, document)).toBe(error))
})

describe('what else RFC 6902 §4 says of the operations', () => {
  test.each<[string, Json, Json, Json]>([
    ['add takes the place of a member', { a: 1 }, [{ op: 'add', path: '/a', value: 2 }], { a: 2 }],
    ['add takes the place of the whole', { a: 1 }, [{ op: 'add', path: '', value: [1] }], [1]],
    ['add at the end by its number', [1], [{ op: 'add', path: '/1', value: 2 }], [1, 2]],
    ['add null', {}, [{ op: 'add', path: '/a', value: null }], { a: null }],
    ['replace null', { a: null }, [{ op: 'replace', path: '/a', value: 1 }], { a: 1 }],
    ['replace in a list', [1, 2], [{ op: 'replace', path: '/1', value: 3 }], [1, 3]],
    [
      'copy',
      { a: [1] },
      [
        { op: 'copy', from: '/a', path: '/b' },
        { op: 'add', path: '/b/-', value: 2 },
      ],
      { a: [1], b: [1, 2] },
    ],
    ['copy the whole into itself', { a: 1 }, [{ op: 'copy', from: '', path: '/b' }], { a: 1, b: { a: 1 } }],
    ['move to where it is', { a: 1 }, [{ op: 'move', from: '/a', path: '/a' }], { a: 1 }],
    ['move to the top', { a: { b: 1 } }, [{ op: 'move', from: '/a', path: '' }], { b: 1 }],
    ['move the whole to where it is', { a: 1 }, [{ op: 'move', from: '', path: '' }], { a: 1 }],
    ['move beside a name that begins alike', { a: 1 }, [{ op: 'move', from: '/a', path: '/ab' }], { ab: 1 }],
    [
      'test whatever the order of members',
      { a: { x: 1, y: [2] } },
      [{ op: 'test', path: '/a', value: { y: [2], x: 1 } }],
      { a: { x: 1, y: [2] } },
    ],
    ['an empty name', {}, [{ op: 'add', path: '/', value: 1 }], { '': 1 }],
    [
      'a name that looks like an index',
      {},
      [
        { op: 'add', path: '/-', value: 1 },
        { op: 'add', path: '/01', value: 2 },
      ],
      { '-': 1, '01': 2 },
    ],
    ['nothing at all', { a: 1 }, [], { a: 1 }],
  ])('%s', (_, target, document, value) => expect(patched(target, document)).toEqual({ ok: true, value }))

  test.each<[string, Json, Json, string]>([
    ['remove nothing', {}, [{ op: 'remove', path: '/a' }], 'finds nothing there'],
    ['replace nothing', {}, [{ op: 'replace', path: '/a', value: 1 }], 'finds nothing there'],
    ['test nothing for null', {}, [{ op: 'test', path: '/a', value: null }], 'finds nothing there'],
    ['copy nothing', {}, [{ op: 'copy', from: '/a', path: '/b' }], 'finds nothing at "from"'],
    ['move nothing', {}, [{ op: 'move', from: '/a', path: '/b' }], 'finds nothing at "from"'],
    ['beyond the end', [1], [{ op: 'add', path: '/2', value: 1 }], 'is at no position of the list'],
    ['a leading zero', [1, 2], [{ op: 'add', path: '/01', value: 1 }], 'is at no position of the list'],
    ['a sign', [1, 2], [{ op: 'add', path: '/-1', value: 1 }], 'is at no position of the list'],
    ['another notation', [1, 2], [{ op: 'add', path: '/1e0', value: 1 }], 'is at no position of the list'],
    ['replace behind the end', [1], [{ op: 'replace', path: '/-', value: 1 }], 'finds nothing there'],
    ['remove behind the end', [1], [{ op: 'remove', path: '/1' }], 'finds nothing there'],
    ['into a text', { a: 'b' }, [{ op: 'add', path: '/a/0', value: 1 }], 'is in nothing that has members'],
    ['the length of a list', [1], [{ op: 'replace', path: '/length', value: 0 }], 'finds nothing there'],
    ['test more than is there', [1], [{ op: 'test', path: '', value: [1, 2] }], 'finds another value'],
    ['test less than is there', { a: 1, b: 2 }, [{ op: 'test', path: '', value: { a: 1 } }], 'finds another value'],
  ])('what cannot be done: %s', (_, target, document, error) => expect(errorOf(target, document)).toContain(error))

  test('all of it is done or nothing, and what was given stays as it is', () => {
    const target = { cart: [{ id: 1 }] }
    const document = [
      { op: 'add', path: '/cart/0/id', value: 2 },
      { op: 'remove', path: '/none' },
    ]
    expect(errorOf(target, document)).toBe('operation 2 (remove /none) finds nothing there')
    expect(target).toEqual({ cart: [{ id: 1 }] })
  })
})

test('what was added is nobody else’s', () => {
  const value = { list: [1] }
  const document = [
    { op: 'add', path: '/a', value },
    { op: 'copy', from: '/a', path: '/b' },
    { op: 'add', path: '/a/list/-', value: 2 },
  ]
  expect(patched({}, document)).toEqual({ ok: true, value: { a: { list: [1, 2] }, b: { list: [1] } } })
  expect(value).toEqual({ list: [1] })
})

describe('what is no patch', () => {
  test.each<[string, Json, string]>([
    ['an object', { op: 'add' }, 'must be a list of operations'],
    ['A.13 an unknown operation', [{ op: 'spam', path: '/a' }], 'operation 1 must have an "op"'],
    ['no operation', [{ path: '/a' }], 'operation 1 must have an "op"'],
    ['a text', ['add'], 'operation 1 must be an object'],
    ['no path', [{ op: 'remove' }], 'operation 1 needs a "path"'],
    ['a path that is no text', [{ op: 'remove', path: 1 }], 'operation 1 needs a "path"'],
    [
      'a path that is no pointer',
      [{ op: 'remove', path: 'a' }],
      'operation 1 has a "path" that must be empty or begin',
    ],
    ['no value', [{ op: 'add', path: '/a' }], 'operation 1 needs a "value" to add'],
    ['no source', [{ op: 'copy', path: '/a' }], 'operation 1 needs a "from"'],
    ['a move into itself', [{ op: 'move', from: '/a', path: '/a/b' }], 'operation 1 would move a value into itself'],
    ['a move of the whole', [{ op: 'move', from: '', path: '/a' }], 'operation 1 would move a value into itself'],
    ['the end of everything', [{ op: 'remove', path: '' }], 'operation 1 would remove the whole document'],
    ['the second', [{ op: 'remove', path: '/a' }, {}], 'operation 2 needs a "path"'],
    [
      'too many',
      Array(maxOperations + 1).fill({ op: 'remove', path: '/a' }),
      `has more than ${maxOperations} operations`,
    ],
  ])('%s', (_, document, error) => {
    const parsed = parseJsonPatch(document)
    expect(!parsed.ok && parsed.error).toContain(error)
  })

  it('nor are members that only a prototype has', () => {
    const heir = Object.create({ op: 'remove', path: '/a' }) as Json
    expect(parseJsonPatch([heir]).ok).toBe(false)
  })
})

describe('bounds', () => {
  it('is not made to double what is there without end', () => {
    const document = Array.from({ length: 60 }, () => ({ op: 'copy', from: '/a', path: '/a/-' }))
    const grown = [
      { op: 'add', path: '/a', value: ['x'] },
      ...document.map((each, at) => ({ ...each, path: `/a/${at}` })),
    ]
    expect(errorOf({}, grown)).toMatch(/copies more than|would nest more than/)
    const doubled = Array.from({ length: 60 }, (_, at) => ({ op: 'copy', from: '/a', path: `/b/${at}` }))
    expect(errorOf({ a: 'x'.repeat(65_536), b: [] }, doubled)).toContain('copies more than')
  })

  it('nests no deeper than is allowed, in however many steps', () => {
    const pit = `${'/a'.repeat(maxDepth - 1)}`
    const hole = (depth: number): Json => (depth === 1 ? {} : { a: hole(depth - 1) })
    expect(patched(hole(maxDepth), [{ op: 'test', path: pit, value: {} }]).ok).toBe(true)
    expect(errorOf(hole(maxDepth), [{ op: 'add', path: `${pit}/a`, value: 1 }])).toContain('would nest more than')
    expect(
      errorOf({ b: hole(20), c: hole(20) }, [{ op: 'move', from: '/b', path: `/c${'/a'.repeat(19)}/a` }]),
    ).toContain('would nest')
  })
})

describe('a name that a prototype has', () => {
  test('is a name like any other', () => {
    const result = patched({ a: 1 }, [
      { op: 'add', path: '/__proto__', value: { isAdmin: true } },
      { op: 'add', path: '/constructor', value: {} },
      { op: 'add', path: '/constructor/prototype', value: { x: 1 } },
    ])
    expect(result.ok && JSON.stringify(result.value)).toBe(
      '{"a":1,"__proto__":{"isAdmin":true},"constructor":{"prototype":{"x":1}}}',
    )
    expect(({} as Record<string, unknown>).isAdmin).toBeUndefined()
    expect(({} as Record<string, unknown>).x).toBeUndefined()
  })

  test.each(['/__proto__', '/__proto__/x', '/constructor/prototype', '/toString'])('is not found at %s', (path) => {
    expect(errorOf({}, [{ op: 'test', path, value: {} }])).toContain('finds nothing')
    expect(errorOf([], [{ op: 'replace', path, value: {} }])).toMatch(/finds nothing/)
  })
})

test('whatever is sent: no throw, nothing given is changed, and the result is JSON', () => {
  const name = fc.constantFrom('a', 'b', '0', '1', '-', '', '~0', '~1', '__proto__', 'x~')
  const path = fc.array(name, { maxLength: 4 }).map((names) => names.map((each) => `/${each}`).join(''))
  const value = fc.jsonValue({ maxDepth: 3 }) as fc.Arbitrary<Json>
  const op = fc.constantFrom('add', 'remove', 'replace', 'move', 'copy', 'test', 'none')
  const operation = fc.record({ op, path, from: path, value }, { requiredKeys: ['op'] }) as fc.Arbitrary<Json>
  fc.assert(
    fc.property(value, fc.array(operation, { maxLength: 8 }), (target, document) => {
      const before = JSON.stringify([target, document])
      const result = patched(target, document)
      expect(JSON.stringify([target, document])).toBe(before)
      if (!result.ok) return
      const text = JSON.stringify(result.value)
      expect(JSON.stringify(JSON.parse(text))).toBe(text)
    }),
  )
})
