// Single reads that are asked for in one request: which path asks for what, how many are asked for at once, and which
// bytes of the answer are whose. Where it is not plain which part is whose, there are no parts.
import type { BatchRule } from '../config/schema.ts'
import { err, ok, type Result } from '../result.ts'

// Asking ──────────────────────────────────────────────────────────────────────────────────────────────────────────

/**
 * Letters and digits of any language, and what stands between them in names. Nothing else goes into a request that
 * others share: an origin may say its URL again in every part, and a comma would make two ids of one.
 */
const plainId = /^[\p{L}\p{M}\p{N}._~:@-]{1,128}$/u

/** Some servers take no longer target (RFC 9110 §4.1 asks for 8000 octets). */
export const longestTarget = 8000

/** The id that a canonical path asks for, decoded; undefined where it asks for something else or is to be asked alone. */
export function batchId({ path: pattern }: BatchRule, path: string): string | undefined {
  const [before = '', after = ''] = pattern.split(idSegment)
  if (path.length <= before.length + after.length || !path.startsWith(before) || !path.endsWith(after)) return undefined
  const id = decoded(path.slice(before.length, path.length - after.length))
  return id !== undefined && plainId.test(id) ? id : undefined
}

const idSegment = /(?<=\/):\w+(?=\/|$)/

function decoded(segment: string): string | undefined {
  try {
    return decodeURIComponent(segment)
  } catch {
    return undefined
  }
}

/** The path and query that ask for all of them. */
export function batchTarget({ to }: BatchRule, ids: readonly string[]): string {
  return to.replace('{ids}', () => ids.map(encodeURIComponent).join(','))
}

// Splitting ───────────────────────────────────────────────────────────────────────────────────────────────────────

/** The parts by their ids, each as the origin wrote it; or why there are none. */
export type Split = Result<ReadonlyMap<string, string>, string>

/**
 * Takes apart JSON text (RFC 8259): a list of objects, or an object of whose members exactly one is a list, and that of
 * objects. `by` is the member that holds the id, a string or a number.
 */
export function splitJson(text: string, by: string): Split {
  const spans = elementSpans(text)
  if (!isListOf(spans, text)) return err('it is no JSON list of objects, nor an object with one such list')
  const parts = new Map<string, string>()
  for (const [start, end] of spans) {
    const part = text.slice(start, end)
    const id = idOf(part, by)
    if (id === undefined) return err(`an object in it has no ${JSON.stringify(by)} that is a string or a number`)
    if (parts.has(id)) return err('two objects in it have the same id')
    parts.set(id, part)
  }
  return ok(parts)
}

type Span = readonly [start: number, end: number]

const elementPaths = new Set(['[{', '{[{'])

/** Where the objects begin and end that may be parts. Goes by brackets and quotes alone, so that it builds nothing. */
function elementSpans(text: string): Span[] {
  const spans: Span[] = []
  let depth = 0
  /** The brackets that are open, of the outermost three. */
  let path = ''
  let start = 0
  const isAtElement = () => depth === path.length && elementPaths.has(path)
  for (let at = 0; at < text.length; at++) {
    const character = text[at]
    if (character === '"') at = endOfString(text, at)
    else if (character === '[' || character === '{') {
      if (depth++ < 3) path += character
      if (isAtElement()) start = at
    } else if (character === ']' || character === '}') {
      if (isAtElement()) spans.push([start, at + 1])
      if (depth-- <= 3) path = path.slice(0, -1)
    }
  }
  return spans
}

/** Where the string ends that begins at `from`. */
function endOfString(text: string, from: number): number {
  for (let at = from + 1; at < text.length; at++) {
    if (text[at] === '\\') at++
    else if (text[at] === '"') return at
  }
  return text.length
}

/**
 * Whether a zero in the place of each span leaves valid JSON: a list of these zeros alone. Where each of the spans is
 * valid JSON too, so is the whole.
 */
function isListOf(spans: readonly Span[], text: string): boolean {
  let frame = ''
  let position = 0
  for (const [start, end] of spans) {
    frame += `${text.slice(position, start)}0`
    position = end
  }
  const document = parsed(frame + text.slice(position))
  if (typeof document !== 'object' || document === null) return false
  const lists = Array.isArray(document) ? [document] : Object.values(document).filter(Array.isArray)
  const [list, another] = lists
  return another === undefined && list?.length === spans.length && list.every((each: unknown) => each === 0)
}

function idOf(part: string, by: string): string | undefined {
  const fields = parsed(part)
  if (typeof fields !== 'object' || fields === null || !Object.hasOwn(fields, by)) return undefined
  const id = (fields as Record<string, unknown>)[by]
  if (typeof id !== 'number') return typeof id === 'string' ? id : undefined
  return Number.isSafeInteger(id) ? String(id) : numberAsWritten(part, by)
}

/** Identifiers of 64 bits lose digits as numbers. */
function numberAsWritten(part: string, by: string): string | undefined {
  const written = new Map<unknown, string | undefined>()
  const root = parsed(part, function (name, value, context) {
    if (name === by) written.set(this, context?.source)
    return value
  })
  return written.get(root)
}

/** The last is what the text says of a number or a string, which TypeScript does not know of yet. */
type Reviver = (this: unknown, name: string, value: unknown, context?: { readonly source?: string }) => unknown

function parsed(text: string, reviver?: Reviver): unknown {
  try {
    return JSON.parse(text, reviver)
  } catch {
    return undefined
  }
}

// The parts' fields ───────────────────────────────────────────────────────────────────────────────────────────────

/** For how long, for whom and for what use a response is; all others may speak of the whole, as an ETag does. */
const ofParts =
  /^(?:cache-control|(?:weir-)?cdn-cache-control|surrogate-control|cache-tag|surrogate-key|age|date|expires|vary|content-type|content-language|access-control-.+|content-security-policy|cross-origin-.+|permissions-policy|referrer-policy|strict-transport-security|timing-allow-origin|x-content-type-options|x-frame-options|x-robots-tag)$/i

/** Of the fields of an answer those that hold for each of its parts. */
export function partFields(fields: Iterable<readonly [name: string, value: string]>): [name: string, value: string][] {
  return [...fields].flatMap(([name, value]) => (ofParts.test(name) ? [[name, value]] : []))
}
