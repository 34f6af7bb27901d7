import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { batchId, batchTarget, partFields, splitJson } from '../../../shared/collapse/batch.ts'
import type { BatchRule } from '../../../shared/config/schema.ts'

const rule: BatchRule = {
  path: '/items/:id',
  to: '/items?ids={ids}&full=1',
  split: 'json',
  by: 'id',
  windowMs: 10,
  max: 100,
}

describe('which path asks for what', () => {
  test.each<[pattern: string, path: string, id: string | undefined]>([
    ['/items/:id', '/items/7', '7'],
    ['/items/:id', '/items/a-b_c.d~e:f@g', 'a-b_c.d~e:f@g'],
    ['/items/:id', '/items/gr%C3%B6%C3%9Fe', 'größe'],
    ['/items/:id', '/items/__proto__', '__proto__'],
    ['/items/:id', `/items/${'x'.repeat(128)}`, 'x'.repeat(128)],
    ['/items/:id/price', '/items/7/price', '7'],
    ['/:id', '/7', '7'],
    ['/items/:id', '/items/', undefined],
    ['/items/:id', '/items', undefined],
    ['/items/:id', '/items/7/', undefined],
    ['/items/:id', '/items/7/price', undefined],
    ['/items/:id', '/other/7', undefined],
    ['/a/:id/a', '/a/a', undefined],
    ['/items/:id', `/items/${'x'.repeat(129)}`, undefined],
    ...['1,2', '1%2C2', '1%2F2', '%22', '%3Cb%3E', '1%202', '1%3F2', '1&2', '%FF', '%E2%80%AE1', '(1)', '*', '1+2'].map(
      (segment): [string, string, undefined] => ['/items/:id', `/items/${segment}`, undefined],
    ),
  ])('%s, %s: %s', (path, target, id) => {
    expect(batchId({ ...rule, path }, target)).toBe(id)
  })
})

test.each<[to: string, ids: string[], target: string]>([
  ['/items?ids={ids}&full=1', ['7', '8'], '/items?ids=7,8&full=1'],
  ['/items/{ids}', ['größe', 'a:b'], '/items/gr%C3%B6%C3%9Fe,a%3Ab'],
  // What a replacement pattern would be.
  ['/items/{ids}', ['$&'], '/items/%24%26'],
])('many are asked for by %s', (to, ids, target) => {
  expect(batchTarget({ ...rule, to }, ids)).toBe(target)
})

describe('taking apart', () => {
  test.each<[title: string, text: string, parts: Record<string, string>]>([
    ['a list', '[{"id":"a"},{"id":"b"}]', { a: '{"id":"a"}', b: '{"id":"b"}' }],
    ['white space', ' [\n {"id" : "a" } ,{"id":"b"}\t]\r\n', { a: '{"id" : "a" }', b: '{"id":"b"}' }],
    ['nothing', '[]', {}],
    ['no list of things', '{"things": []}', {}],
    ['a list beside other things', '{"n":{"o":[{}]},"things":[{"id":"a"}],"of":"]"}', { a: '{"id":"a"}' }],
    ['numbers', '[{"id":7,"price":1.0},{"id":-8}]', { 7: '{"id":7,"price":1.0}', '-8': '{"id":-8}' }],
    [
      'numbers of 64 bits',
      '[{"id":12345678901234567890,"of":{"id":12345678901234567891}}]',
      { '12345678901234567890': '{"id":12345678901234567890,"of":{"id":12345678901234567891}}' },
    ],
    ['fractions', '[{"id":1.50}]', { '1.50': '{"id":1.50}' }],
    ['an id that is escaped', '[{"\\u0069d":"\\u0061"}]', { a: '{"\\u0069d":"\\u0061"}' }],
    [
      'brackets and quotes in text',
      '[{"id":"a","b":"]}\\"{[","c":[{"id":1}]}]',
      { a: '{"id":"a","b":"]}\\"{[","c":[{"id":1}]}' },
    ],
    ['an id that objects have', '[{"id":"__proto__"}]', { ['__proto__']: '{"id":"__proto__"}' }],
  ])('%s', (_, text, parts) => {
    const split = splitJson(text, 'id')
    expect(split.ok && [...split.value]).toEqual(Object.entries(parts))
  })

  const shape = 'it is no JSON list of objects, nor an object with one such list'
  const noId = 'an object in it has no "id" that is a string or a number'
  const twice = 'two objects in it have the same id'
  test.each<[title: string, text: string, because: string]>([
    ['no text', '', shape],
    ['a word', 'null', shape],
    ['a text', '"[{}]"', shape],
    ['one object', '{"id":"a"}', shape],
    ['something else in the list', '[{"id":"a"},null]', shape],
    ['a zero in the list', '[0]', shape],
    ['a list in the list', '[[{"id":"a"}]]', shape],
    ['two lists', '{"a":[{"id":"a"}],"b":[]}', shape],
    ['a list that stands twice', '{"a":[{"id":"a"}],"a":[]}', shape],
    ['a cut', '[{"id":"a"},{"id":"b"}', shape],
    ['a cut within a part', '[{"id":"a"},{"id":"b"', shape],
    ['a cut within a text', '[{"id":"a\\', shape],
    ['more behind it', '[{"id":"a"}]]', shape],
    ['two documents', '[{"id":"a"}][]', shape],
    ['a comma too many', '[{"id":"a"},]', shape],
    ['a comment', '[/* */{"id":"a"}]', shape],
    ['a name in a list', '["a":{"id":"a"}]', shape],
    ['brackets that do not match', '[{"id":"a"]]', noId],
    ['a part that is no JSON', "[{'id':'a'}]", noId],
    ['no id', '[{"name":"a"}]', noId],
    ['an id that is inherited', '[{}]', noId],
    ['an id that is neither text nor number', '[{"id":null}]', noId],
    ['an id that stands twice', '[{"id":"a"},{"id":"a"}]', twice],
    ['an id that stands twice, in two ways', '[{"id":7},{"id":"7"}]', twice],
  ])('not: %s', (_, text, because) => {
    expect(splitJson(text, 'id')).toEqual({ ok: false, error: because })
  })

  test('by what objects inherit', () => {
    expect(splitJson('[{}]', 'constructor').ok).toBe(false)
    expect(splitJson('[{}]', '__proto__').ok).toBe(false)
  })

  test('what is nested very deep takes no time and no stack', () => {
    const deep = `${'['.repeat(2_000_000)}{}`
    expect(splitJson(deep, 'id').ok).toBe(false)
    expect(splitJson(`[{"id":1.5,"a":${'['.repeat(100_000)}${']'.repeat(100_000)}}]`, 'id').ok).toBe(false)
  })

  const id = fc.oneof(fc.string(), fc.integer())
  const element = fc.tuple(id, fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 3 })), fc.nat(3))
  const elements = fc.uniqueArray(element, { selector: ([each]) => String(each) })

  test('any list: each id gets the very text of its own element', () => {
    fc.assert(
      fc.property(elements, fc.boolean(), (list, isWrapped) => {
        const written = list.map(([id, more, indent]) => JSON.stringify({ ...more, id }, null, indent))
        const text = isWrapped ? `{"next": null, "things": [${written}]}` : `[${written}]`
        const split = splitJson(text, 'id')
        expect(split.ok && [...split.value]).toEqual(list.map(([id], index) => [String(id), written[index]]))
      }),
    )
  })

  test('any text: never throws, and what it gives are parts of it', () => {
    const pieces = fc.array(fc.constantFrom('[', ']', '{', '}', '"', '\\', ',', ':', '"id"', '1', ' ', '{"id":"a"}'))
    const broken = fc.tuple(elements, fc.nat(), fc.nat(3)).map(([list, at, count]) => {
      const text = JSON.stringify(list.map(([id]) => ({ id })))
      const from = at % text.length
      return text.slice(0, from) + text.slice(from + count)
    })
    fc.assert(
      fc.property(
        fc.oneof(
          pieces.map((each) => each.join('')),
          broken,
          fc.json(),
        ),
        (text) => {
          const split = splitJson(text, 'id')
          if (!split.ok) return
          const document = JSON.parse(text)
          const list: unknown[] | undefined = Array.isArray(document)
            ? document
            : Object.values(document).find(Array.isArray)
          expect([...split.value.values()].map((part) => JSON.parse(part))).toEqual(list)
        },
      ),
      { numRuns: 1000 },
    )
  })
})

test('of the fields those go to each part that do not speak of the whole', () => {
  const kept = ['cache-control', 'CDN-Cache-Control', 'vary', 'date', 'age', 'expires', 'cache-tag', 'content-type']
  const allowed = ['access-control-allow-origin', 'content-security-policy', 'x-content-type-options']
  const whole = ['etag', 'last-modified', 'content-length', 'content-range', 'content-location', 'content-disposition']
  const others = ['content-encoding', 'accept-ranges', 'digest', 'link', 'set-cookie', 'x-total', 'x-cache-control']
  const all = [...kept, ...allowed, ...whole, ...others]
  expect(partFields(all.map((name) => [name, 'a'])).map(([name]) => name)).toEqual([...kept, ...allowed])
})
