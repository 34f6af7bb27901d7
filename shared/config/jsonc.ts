// Reads JSON with comments and trailing commas into a value, with every syntax error and every field that
// stands twice, by line and column. Builds the value itself: a field called "__proto__" becomes an ordinary field,
// and a text that is nested too deep is refused before a recursive parser sees it.

import { createScanner, type JSONVisitor, type ParseErrorCode, printParseErrorCode, visit } from 'jsonc-parser'
import { err, ok, type Result } from '../result.ts'
import { type ConfigError, quote } from './errors.ts'
import { MAX_DEPTH, MAX_TEXT_LENGTH } from './limits.ts'

/** `document` is what the text says, the last of two equal fields; `duplicates` are the errors for those. */
export type Reading = { readonly document: unknown; readonly duplicates: readonly ConfigError[] }

const SYNTAX: Readonly<Record<string, string>> = {
  InvalidSymbol: 'is not JSON: put text in double quotes; bare words are true, false and null',
  InvalidNumberFormat: 'is not a number: write it as 10 or 0.5',
  PropertyNameExpected: 'a field name in double quotes belongs here',
  ValueExpected: 'a value is missing here',
  ColonExpected: 'a ":" is missing after the field name',
  CommaExpected: 'a "," is missing before this',
  CloseBraceExpected: 'a "}" is missing here',
  CloseBracketExpected: 'a "]" is missing here',
  EndOfFileExpected: 'the document ends before this: remove what follows',
  UnexpectedEndOfComment: 'a comment is never closed: end it with "*/"',
  UnexpectedEndOfString: 'a string is never closed: end it with a double quote on the same line',
  UnexpectedEndOfNumber: 'a number is cut short: write it as 10 or 0.5',
  InvalidUnicode: 'a \\u escape needs four hexadecimal digits, as in \\u00e9',
  InvalidEscapeCharacter: 'a string has an unknown escape: write a backslash as \\\\',
  InvalidCharacter: 'a string has a control character: write a tab as \\t, a line break as \\n',
}

/** Reads a JSONC text. Fails with every syntax error; fields that stand twice are reported beside the document. */
export const readJsonc = (source: string): Result<Reading, ConfigError[]> => {
  const text = source.replace(/^\uFEFF/, '') // the byte order mark that some editors write
  if (text.length > MAX_TEXT_LENGTH) return err([tooLong(text.length)])
  const deep = findTooDeep(text)
  if (deep !== undefined) return err([deep])
  const builder = startBuilder()
  const log = startLog(text, builder.steps)
  visit(text, { ...builder.visitor, onError: log.onError }, { allowTrailingComma: true })
  const errors = log.finish()
  return errors.length > 0 ? err(errors) : ok(builder.finish())
}

/** What the parser also says when it has just met something else that it could not read. */
const CONSEQUENCES = new Set(['PropertyNameExpected', 'ValueExpected', 'ColonExpected', 'CommaExpected'])

/**
 * Collects errors, without those that only follow from the one before: of two at one place the first stays, and
 * until the parser has read something again, what it misses is no news.
 */
const startLog = (text: string, steps: () => number) => {
  const errors = new Map<string, ConfigError>()
  let stepsBefore = -1
  const onError = (code: ParseErrorCode, offset: number, length: number, line: number, column: number): void => {
    const name = printParseErrorCode(code)
    const path = place(line, column)
    const follows = stepsBefore === steps() && CONSEQUENCES.has(name)
    stepsBefore = steps()
    if (follows || errors.has(path)) return
    errors.set(path, { path, message: syntaxMessage(name, text.slice(offset, offset + length)) })
  }
  return { onError, finish: (): ConfigError[] => [...errors.values()] }
}

const place = (line: number, column: number): string => `line ${line + 1}, column ${column + 1}`

const syntaxMessage = (name: string, token: string): string => {
  const message = SYNTAX[name] ?? 'is not valid JSON here'
  return name === 'InvalidSymbol' ? `${message}; got ${quote(token)}` : message
}

const tooLong = (length: number): ConfigError => ({
  path: '(document)',
  message: `must have at most ${MAX_TEXT_LENGTH} characters; got ${length}`,
})

/** What is open: where its values go, and for an object the line of each field. */
type Frame = { readonly add: (value: unknown) => void; readonly lines: Map<string, number> }

/** Collects a value from the events of a visit. */
const startBuilder = () => {
  const duplicates: ConfigError[] = []
  const frames: Frame[] = []
  let document: unknown
  let field = ''
  let steps = 0
  const add = (value: unknown): void => {
    steps++
    const frame = frames.at(-1)
    if (frame === undefined) document = value
    else frame.add(value)
  }
  const open = (container: unknown, addInside: Frame['add']): void => {
    add(container)
    frames.push({ add: addInside, lines: new Map() })
  }
  const openObject = (object = {}): void => open(object, (value) => define(object, field, value))
  const openArray = (list: unknown[] = []): void => open(list, (value) => list.push(value))
  const openField = (name: string, line: number, column: number): void => {
    steps++
    field = name
    const lines = frames.at(-1)?.lines
    const first = lines?.get(name)
    if (first === undefined) lines?.set(name, line)
    else duplicates.push({ path: place(line, column), message: duplicateMessage(name, first) })
  }
  const visitor: JSONVisitor = {
    onObjectBegin: () => openObject(),
    onObjectProperty: (name, _offset, _length, line, column) => openField(name, line, column),
    onObjectEnd: () => void frames.pop(),
    onArrayBegin: () => openArray(),
    onArrayEnd: () => void frames.pop(),
    onLiteralValue: add,
  }
  return { visitor, steps: () => steps, finish: (): Reading => ({ document, duplicates }) }
}

const duplicateMessage = (name: string, firstLine: number): string =>
  `the field ${quote(name)} stands twice in the same object, first on line ${firstLine + 1}: remove one`

/** Defines rather than assigns: assigning to `__proto__` would replace the prototype of the object. */
const define = (object: object, name: string, value: unknown): void => {
  Object.defineProperty(object, name, { value, writable: true, enumerable: true, configurable: true })
}

const OPENERS: Readonly<Record<string, string>> = { '{': '}', '[': ']' }

/**
 * Follows brackets by themselves, since the parser recurses. A closing bracket that closes nothing is passed over,
 * so the count is never below the parser's own depth, whatever that skips after an error.
 */
const findTooDeep = (text: string): ConfigError | undefined => {
  const scanner = createScanner(text, true)
  const closers: string[] = []
  for (let end = 0; end < text.length; end = scanner.getPosition()) {
    scanner.scan()
    const first = scanner.getTokenLength() === 1 ? (text[scanner.getTokenOffset()] ?? '') : ''
    const closer = OPENERS[first]
    if (closer !== undefined) closers.push(closer)
    else if (first !== '' && first === closers.at(-1)) closers.pop()
    if (closers.length > MAX_DEPTH) {
      const path = place(scanner.getTokenStartLine(), scanner.getTokenStartCharacter())
      return { path, message: `is nested deeper than ${MAX_DEPTH} levels: no field needs that` }
    }
  }
  return undefined
}
