// Which bytes of a representation does a request ask for, and how is a part of it sent? (RFC 9110 §14.)
// Positions and sizes are in bytes; `last` is the last byte that belongs to the range.
import { parseHttpDate } from './date.ts'
import { sameStrong } from './preconditions.ts'

/** Both inclusive. */
export interface ByteRange {
  readonly first: number
  readonly last: number
}

/** What was asked, before the size is known (RFC 9110 §14.1.1): from `first` on, or the last `suffix` bytes. */
export type RangeSpec = { readonly first: number; readonly last?: number } | { readonly suffix: number }

export type RangeSelection =
  | { readonly kind: 'whole' }
  | { readonly kind: 'unsatisfiable' }
  | { readonly kind: 'ranges'; readonly ranges: ByteRange[] }

/** Undefined where the field is to be ignored: absent, in another unit, or malformed (RFC 9110 §14.2). */
export function parseRange(value: string | null): RangeSpec[] | undefined {
  const set = value === null ? null : /^bytes=(.*)$/i.exec(value.trim())
  if (set === null) return undefined
  const specs: RangeSpec[] = []
  for (const member of set[1]!.split(',')) {
    const text = member.trim()
    // RFC 9110 §5.6.1.2: an empty member says nothing.
    if (text === '') continue
    const spec = parseSpec(text)
    if (spec === undefined) return undefined
    specs.push(spec)
  }
  return specs.length === 0 ? undefined : specs
}

function parseSpec(text: string): RangeSpec | undefined {
  const match = /^(\d*)-(\d*)$/.exec(text)
  if (match === null) return undefined
  const [, first = '', last = ''] = match
  if (first === '') return last === '' ? undefined : { suffix: position(last) }
  if (last === '') return { first: position(first) }
  return Number(first) > Number(last) ? undefined : { first: position(first), last: position(last) }
}

/** What is too large to be exact lies behind the end of any representation. */
function position(digits: string): number {
  return Math.min(Number(digits), Number.MAX_SAFE_INTEGER)
}

/**
 * The ranges to send of a representation of `size` bytes, in the order in which they were asked for; those that touch
 * are sent as one (RFC 9110 §15.3.7.2). It is sent whole where more than `maxRanges` would be left, and where several
 * ranges come to all of it: both are how a small request is made to cost much (RFC 9110 §17.15).
 */
export function selectRanges(specs: readonly RangeSpec[], size: number, maxRanges: number): RangeSelection {
  const satisfiable = specs.map((spec) => resolve(spec, size)).filter((range) => range !== undefined)
  if (satisfiable.length === 0) return { kind: 'unsatisfiable' }
  const ranges = coalesce(satisfiable)
  const isAll = ranges[0]!.first === 0 && ranges[0]!.last === size - 1
  if (ranges.length > maxRanges || (isAll && specs.length > 1)) return { kind: 'whole' }
  return { kind: 'ranges', ranges }
}

/** Undefined where it is not satisfiable (RFC 9110 §14.1.2). */
function resolve(spec: RangeSpec, size: number): ByteRange | undefined {
  if ('suffix' in spec) {
    const first = Math.max(0, size - spec.suffix)
    return first < size ? { first, last: size - 1 } : undefined
  }
  if (spec.first >= size) return undefined
  return { first: spec.first, last: Math.min(spec.last ?? size - 1, size - 1) }
}

/** A range that was merged from several stands where the first of them stood. */
function coalesce(ranges: readonly ByteRange[]): ByteRange[] {
  const ascending = ranges.map(({ first, last }, order) => ({ first, last, order })).sort((a, b) => a.first - b.first)
  const merged: typeof ascending = []
  for (const range of ascending) {
    const before = merged.at(-1)
    if (before === undefined || range.first > before.last + 1) {
      merged.push(range)
      continue
    }
    before.last = Math.max(before.last, range.last)
    before.order = Math.min(before.order, range.order)
  }
  return merged.sort((a, b) => a.order - b.order).map(({ first, last }) => ({ first, last }))
}

/** The Content-Range of one part (RFC 9110 §14.4). */
export function contentRange({ first, last }: ByteRange, size: number): string {
  return `bytes ${first}-${last}/${size}`
}

/** The Content-Range of a 416 (RFC 9110 §15.5.17). */
export function unsatisfiedRange(size: number): string {
  return `bytes */${size}`
}

export interface StatedRange extends ByteRange {
  /** Of the whole representation; undefined where the sender did not know it. */
  readonly size: number | undefined
}

/** What a 206 says it carries, or undefined where that cannot be read or cannot be (RFC 9110 §14.4). */
export function parseContentRange(value: string | null): StatedRange | undefined {
  const match = value === null ? null : /^bytes (\d{1,15})-(\d{1,15})\/(\d{1,15}|\*)$/i.exec(value.trim())
  if (match === null) return undefined
  const first = Number(match[1])
  const last = Number(match[2])
  const size = match[3] === '*' ? undefined : Number(match[3])
  if (last < first || (size !== undefined && last >= size)) return undefined
  return { first, last, size }
}

/**
 * Whether Range is to be obeyed: If-Range is absent, or names this very representation (RFC 9110 §13.1.5).
 * The others are fields of the stored response. A date must be the very text of Last-Modified, and one second at least
 * older than Date, or the representation may have changed within that second (RFC 9110 §8.8.2.2). `now` is in ms.
 */
export function ifRangeHolds(
  ifRange: string | null,
  etag: string | null,
  lastModified: string | null,
  date: string | null,
  now: number,
): boolean {
  if (ifRange === null) return true
  if (ifRange.includes('"')) return sameStrong(ifRange, etag)
  if (ifRange !== lastModified || date === null) return false
  const modified = parseHttpDate(lastModified, now)
  const generated = parseHttpDate(date, now)
  return modified !== undefined && generated !== undefined && generated - modified >= 1000
}

/** The text around the parts of a multipart/byteranges message, to be sent as UTF-8 (RFC 9110 §14.6). */
export interface MultipartFraming {
  /** Of the message, not of its parts. */
  readonly contentType: string
  /** What goes before each part; as many as there are ranges. */
  readonly heads: string[]
  readonly tail: string
  /** Bytes of the whole message, the parts among them. */
  readonly length: number
}

/**
 * `contentType` is that of the representation; `boundary` is a token of at most 70 characters which occurs in no part
 * (RFC 2046 §5.1.1).
 */
export function multipartFraming(
  ranges: readonly ByteRange[],
  size: number,
  contentType: string | null,
  boundary: string,
): MultipartFraming {
  const type = contentType === null ? '' : `Content-Type: ${contentType}\r\n`
  const heads = ranges.map((range, index) => {
    const end = index === 0 ? '' : '\r\n'
    return `${end}--${boundary}\r\n${type}Content-Range: ${contentRange(range, size)}\r\n\r\n`
  })
  const tail = `\r\n--${boundary}--\r\n`
  const framing = new TextEncoder().encode(heads.join('') + tail).length
  const length = ranges.reduce((sum, { first, last }) => sum + last - first + 1, framing)
  return { contentType: `multipart/byteranges; boundary=${boundary}`, heads, tail, length }
}
