// What comes in as an original is looked at before any of it is kept: as much of its beginning as it takes to know what it
// is. Its name and its Content-Type say nothing.
import type { MediaRule } from '../shared/config/media.ts'
import { type Picture, type Sniffed, sniff } from '../shared/image/sniff.ts'
import { joined } from './bytes.ts'
import type { Content } from './object-port.ts'
import type { Problem } from './problem.ts'

export type Intake =
  | { readonly kind: 'picture'; readonly picture: Picture; readonly content: Content }
  | { readonly kind: 'refused'; readonly problem: Problem }

/** Most files say within this what they are; the others are looked at again when twice as much has come. */
const firstLookBytes = 16_384
/** Who has not said by then what it is, is not asked further. */
const longestLookBytes = 5_242_880

/** Reads the beginning of a body of `length` bytes, undefined where that is not known. Rejects where the body is cut. */
export async function takeIn(
  body: ReadableStream<Uint8Array>,
  length: number | undefined,
  rule: MediaRule,
): Promise<Intake> {
  if (length !== undefined && length > rule.maxBytes) return refused(tooLarge(rule))
  const reader = body.getReader()
  const refuse = (problem: Problem): Intake => {
    reader.cancel().catch(() => undefined)
    return refused(problem)
  }
  const pieces: Uint8Array[] = []
  let total = 0
  let nextLook = firstLookBytes
  for (;;) {
    const { done, value } = await reader.read()
    if (value !== undefined) {
      pieces.push(value)
      total += value.byteLength
    }
    if (total > rule.maxBytes) return refuse(tooLarge(rule))
    if (!done && total < nextLook) continue
    nextLook *= 2
    const bytes = joined(pieces)
    pieces.splice(0, pieces.length, bytes)
    const sniffed = sniff(bytes, done)
    if (sniffed.kind === 'more' && total < longestLookBytes) continue
    const problem = problemOf(sniffed, rule)
    if (problem !== undefined) return refuse(problem)
    const { picture } = sniffed as Extract<Sniffed, { kind: 'picture' }>
    return { kind: 'picture', picture, content: contentOf(bytes, done ? undefined : reader, length, rule) }
  }
}

function contentOf(
  bytes: Uint8Array,
  reader: ReadableStreamDefaultReader<Uint8Array> | undefined,
  length: number | undefined,
  { maxBytes }: MediaRule,
): Content {
  if (reader === undefined) return { kind: 'bytes', bytes }
  const stream = resumed(bytes, reader)
  return length === undefined ? { kind: 'unmeasured', stream, most: maxBytes } : { kind: 'measured', stream, length }
}

/** What was read already, and then the rest. */
function resumed(bytes: Uint8Array, reader: ReadableStreamDefaultReader<Uint8Array>): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start: (controller) => controller.enqueue(bytes),
    async pull(controller) {
      const { done, value } = await reader.read()
      if (done) controller.close()
      else controller.enqueue(value)
    },
    cancel: (reason) => reader.cancel(reason),
  })
}

function problemOf(sniffed: Sniffed, { types, maxPixels }: MediaRule): Problem | undefined {
  if (sniffed.kind === 'refused') return wrongType(sniffed.detail)
  if (sniffed.kind === 'more') return wrongType('The file does not say in its first 5 MiB how large the picture is.')
  const { type, width, height } = sniffed.picture
  if (!types.includes(type)) return wrongType(`The file is ${type}; what may be stored here is ${types.join(', ')}.`)
  if (width * height <= maxPixels) return undefined
  return {
    status: 422,
    reason: 'too-many-pixels',
    detail: `The picture has ${width} × ${height} pixels; ${maxPixels} in all are allowed. Nothing was stored.`,
  }
}

const refused = (problem: Problem): Intake => ({ kind: 'refused', problem })

function wrongType(detail: string): Problem {
  return { status: 415, reason: 'wrong-type', detail: `${detail} Nothing was stored.` }
}

export function tooLarge({ maxBytes }: MediaRule): Problem {
  return {
    status: 413,
    reason: 'too-large',
    detail: `A picture may have ${maxBytes} bytes at most. Nothing was stored.`,
  }
}
