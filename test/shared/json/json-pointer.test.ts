import { describe, expect, test } from 'vitest'
import { parsePointer } from '../../../shared/json/json-pointer.ts'

describe('RFC 6901 §5: the examples, and what is none', () => {
  test.each<[string, readonly string[]]>([
    ['', []],
    ['/foo', ['foo']],
    ['/foo/0', ['foo', '0']],
    ['/', ['']],
    ['/a~1b', ['a/b']],
    ['/c%d', ['c%d']],
    ['/e^f', ['e^f']],
    ['/g|h', ['g|h']],
    ['/i\\j', ['i\\j']],
    ['/k"l', ['k"l']],
    ['/ ', [' ']],
    ['/m~0n', ['m~n']],
    ['/~01', ['~1']],
    ['/a//b/', ['a', '', 'b', '']],
  ])('%s', (text, names) => expect(parsePointer(text)).toEqual({ ok: true, value: names }))

  test.each(['a', 'a/b', '#/a', '/~', '/~2', '/a~'])('not: %s', (text) => expect(parsePointer(text).ok).toBe(false))
})
