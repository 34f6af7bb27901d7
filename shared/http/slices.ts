// Large content is kept in slices: pieces of one size that begin at its multiples, so that ranges which lie close
// together share them. Positions and sizes are in bytes; both ends of a range are inclusive.
import type { ByteRange } from './ranges.ts'

/** An origin is asked for so many slices at once, at most. */
const maxRun = 8

/** The number of the slice that holds this position. */
export function sliceAt(position: number, sliceBytes: number): number {
  return Math.floor(position / sliceBytes)
}

/** What the slice holds; the last one of `size` bytes may be shorter. */
export function rangeOfSlice(index: number, sliceBytes: number, size: number): ByteRange {
  return { first: index * sliceBytes, last: Math.min((index + 1) * sliceBytes, size) - 1 }
}

/** What to ask an origin for, so that whole slices come: from the one that holds `first`, to that which holds `last`. */
export function alignedRange(first: number, last: number | undefined, sliceBytes: number): ByteRange {
  const from = sliceAt(first, sliceBytes)
  const to = last === undefined ? Number.POSITIVE_INFINITY : sliceAt(last, sliceBytes)
  return { first: from * sliceBytes, last: (Math.min(to, from + maxRun - 1) + 1) * sliceBytes - 1 }
}

/** Whether these are whole slices, the last of which may lie beyond the end. */
export function isAligned({ first, last }: ByteRange, sliceBytes: number): boolean {
  return first % sliceBytes === 0 && (last + 1) % sliceBytes === 0
}

/** What both hold; undefined for nothing. */
export function overlap(left: ByteRange, right: ByteRange): ByteRange | undefined {
  const first = Math.max(left.first, right.first)
  const last = Math.min(left.last, right.last)
  return first > last ? undefined : { first, last }
}

/**
 * Of one answer so many slices are read or stored; what is beyond comes in one piece. Each costs three calls of the
 * platform, six where it is larger than what is held in memory, and a request has 50 of them at least.
 */
export function mostSlices(sliceBytes: number): number {
  return sliceBytes > 1_048_576 ? 5 : 12
}
