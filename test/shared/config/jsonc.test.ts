import fc from 'fast-check'
import { describe, expect, it, test } from 'vitest'
import { readJsonc } from '../../../shared/config/jsonc.ts'
import { err } from '../../../shared/result.ts'

const documentOf = (text: string): unknown => {
  const reading = readJsonc(text)
  return reading.ok ? reading.value.document : reading
}

describe('readJsonc', () => {
  test.each([
    ['comments', '{ // one\n "a": /* two */ 1 }', { a: 1 }],
    ['trailing commas', '{ "a": [1, 2,], }', { a: [1, 2] }],
    ['a byte order mark', '\uFEFF[]', []],
    ['nesting at the bound', `${'['.repeat(32)}${']'.repeat(32)}`, JSON.parse(`${'['.repeat(32)}${']'.repeat(32)}`)],
    ['brackets in strings and comments', `["${'['.repeat(99)}" /* ${'{'.repeat(99)} */]`, ['['.repeat(99)]],
    ['many siblings', `[${'[{}],'.repeat(99)}]`, Array(99).fill([{}])],
  ])('%s', (_title, text, expected) => {
    expect(documentOf(text)).toEqual(expected)
  })

  it('reads what JSON.parse reads, __proto__ included', () => {
    const text = '{"__proto__": {"polluted": true}, "constructor": 1}'
    const document = documentOf(text)
    expect(Object.keys(document as object)).toEqual(['__proto__', 'constructor'])
    expect(Object.getPrototypeOf(document)).toBe(Object.prototype)
    expect('polluted' in {}).toBe(false)
    fc.assert(
      fc.property(fc.json({ maxDepth: 10 }), (json) => {
        expect(documentOf(json)).toEqual(JSON.parse(json))
      }),
    )
  })

  test.each([
    ['nothing', '', 'line 1, column 1', 'a value is missing here'],
    ['only a comment', '// nothing\n', 'line 2, column 1', 'a value is missing here'],
    [
      'a bare word',
      '[\n  yes]',
      'line 2, column 3',
      'is not JSON: put text in double quotes; bare words are true, false and null; got "yes"',
    ],
    [
      'single quotes',
      "{'a': 1}",
      'line 1, column 2',
      `is not JSON: put text in double quotes; bare words are true, false and null; got "'a'"`,
    ],
    ['a number for a name', '{1: 2}', 'line 1, column 2', 'a field name in double quotes belongs here'],
    ['no value', '{"a":}', 'line 1, column 6', 'a value is missing here'],
    ['no colon', '{"a" 1}', 'line 1, column 6', 'a ":" is missing after the field name'],
    ['no comma', '[1\n2]', 'line 2, column 1', 'a "," is missing before this'],
    ['no brace', '{"a": 1', 'line 1, column 8', 'a "}" is missing here'],
    ['no bracket', '[1', 'line 1, column 3', 'a "]" is missing here'],
    ['more than one value', '[] []', 'line 1, column 4', 'the document ends before this: remove what follows'],
    ['an open comment', '[] /*', 'line 1, column 4', 'a comment is never closed: end it with "*/"'],
    ['a number cut short', '[1.]', 'line 1, column 2', 'a number is cut short: write it as 10 or 0.5'],
    [
      'a bad unicode escape',
      '["\\u12"]',
      'line 1, column 2',
      'a \\u escape needs four hexadecimal digits, as in \\u00e9',
    ],
    ['an unknown escape', '["\\d"]', 'line 1, column 2', 'a string has an unknown escape: write a backslash as \\\\'],
    [
      'a tab in a string',
      '["\t"]',
      'line 1, column 2',
      'a string has a control character: write a tab as \\t, a line break as \\n',
    ],
  ])('error: %s', (_title, text, path, message) => {
    expect(readJsonc(text)).toEqual(err([{ path, message }]))
  })

  it('reports an open string and what it swallows', () => {
    expect(readJsonc('["a]')).toEqual(
      err([
        { path: 'line 1, column 2', message: 'a string is never closed: end it with a double quote on the same line' },
        { path: 'line 1, column 5', message: 'a "]" is missing here' },
      ]),
    )
  })

  it('reports every error', () => {
    const reading = readJsonc('{\n "a": yes,\n "b" 1,\n "c": [1 2]\n}')
    expect(reading.ok ? [] : reading.error.map(({ path }) => path)).toEqual([
      'line 2, column 7',
      'line 3, column 6',
      'line 4, column 10',
    ])
  })

  it('reports fields that stand twice in one object, not in two', () => {
    const reading = readJsonc('{\n "a": {"x": 1},\n "b": {"x": 1},\n "a": 2, "a": 3 }')
    const message = 'the field "a" stands twice in the same object, first on line 2: remove one'
    expect(reading.ok && reading.value.duplicates).toEqual([
      { path: 'line 4, column 2', message },
      { path: 'line 4, column 10', message },
    ])
  })

  test.each([
    ['lists', '['.repeat(500_000), 'line 1, column 33'],
    ['objects', '{"a":'.repeat(200_000), 'line 1, column 161'],
    ['closed with the wrong bracket', '[},'.repeat(300_000), 'line 1, column 97'],
    ['one too many', `${'['.repeat(33)}${']'.repeat(33)}`, 'line 1, column 33'],
  ])('refuses deep nesting: %s', (_title, text, path) => {
    expect(readJsonc(text)).toEqual(err([{ path, message: 'is nested deeper than 32 levels: no field needs that' }]))
  })

  it('refuses a text that is too long', () => {
    expect(readJsonc(' '.repeat(1_048_577))).toEqual(
      err([{ path: '(document)', message: 'must have at most 1048576 characters; got 1048577' }]),
    )
  })

  it('never throws', () => {
    const token = fc.constantFrom(
      '{',
      '}',
      '[',
      ']',
      ':',
      ',',
      '"',
      '"a"',
      '1',
      '-',
      '\\',
      '/*',
      '*/',
      '//',
      '\n',
      '\u0000',
    )
    fc.assert(fc.property(fc.array(token, { maxLength: 200 }), (tokens) => void readJsonc(tokens.join(''))))
    fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => void readJsonc(text)))
  })
})
