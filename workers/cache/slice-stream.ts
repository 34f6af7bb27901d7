// Moves slices: from an origin that sends several in one run, to the store piece by piece, and to the one client.
import type { ByteRange } from '../../shared/http/ranges.ts'
import { overlap, rangeOfSlice, sliceAt } from '../../shared/http/slices.ts'
import type { Answer } from '../life.ts'
import type { BodySink } from '../ports.ts'
import { notIdle } from '../relay.ts'

/** An origin's answer that carries a part of the content: `stated` is what it says that it carries. */
export interface Run {
  readonly got: Answer
  readonly stated: ByteRange
}

/** Where the slices of a run go. */
export interface Slicing {
  readonly sliceBytes: number
  /** Of the whole. */
  readonly size: number
  /** Undefined for a slice that is not to be stored. */
  begin(index: number): BodySink | undefined
  /** Looks into all that comes: where it tells of something, nothing more of the run is stored. */
  search(piece: Uint8Array): boolean
}

/** Stores nothing. */
export function unstored(size: number): Slicing {
  return { sliceBytes: size, size, begin: () => undefined, search: () => false }
}

/** The client, who gets the bytes that it wants out of all that pass: each once, and in their order. */
export interface Client {
  readonly body: ReadableStream
  /** False once it has left, or has got all that it wants. */
  readonly waits: boolean
  /** The position of the next byte that it is to get. */
  readonly next: number
  /** These bytes stand at this position. Rejects where they would leave a gap. */
  take(position: number, bytes: Uint8Array): Promise<void>
  /** What it still wants will not come: it sees that its body is cut. */
  cut(error: unknown): Promise<void>
}

/** An empty range (its last before its first) wants nothing. */
export function clientWanting(wanted: ByteRange): Client {
  const { readable, writable } = new FixedLengthStream(wanted.last - wanted.first + 1)
  const writer = writable.getWriter()
  let waits = wanted.last >= wanted.first
  let next = wanted.first
  const left = () => {
    waits = false
  }
  if (!waits) writer.close().catch(left)
  return {
    body: readable,
    get waits() {
      return waits
    },
    get next() {
      return next
    },
    async take(position, bytes) {
      const part = overlap(
        { first: next, last: wanted.last },
        { first: position, last: position + bytes.byteLength - 1 },
      )
      if (!waits || part === undefined) return
      if (part.first > next) throw new Error('There is a gap in what came.')
      await writer.write(bytes.subarray(part.first - position, part.last - position + 1)).catch(left)
      next = part.last + 1
      if (!waits || next <= wanted.last) return
      await writer.close().catch(left)
      waits = false
    },
    cut: (error) => writer.abort(error).catch(left),
  }
}

/**
 * Moves a run to its end, or to the end of a slice where the client has left. Only slices that come from their first
 * byte to their last are stored. Rejects where the run is cut, or longer than it said.
 */
export async function pourRun({ got, stated }: Run, slicing: Slicing, client: Client): Promise<void> {
  const { sliceBytes, size } = slicing
  const reader = (got.response.body ?? new Blob().stream()).getReader() as ReadableStreamDefaultReader<Uint8Array>
  const ends: Promise<void>[] = []
  let sink: BodySink | undefined
  let isRefused = false
  let position = stated.first
  try {
    while (position <= stated.last) {
      const { done, value } = await notIdle(reader.read(), got.idleMs)
      if (done) throw new Error('The origin cut a range.')
      if (position + value.byteLength - 1 > stated.last) throw new Error('The origin sent more than it said.')
      isRefused ||= slicing.search(value)
      if (isRefused) sink?.abort()
      for (let rest = value; rest.byteLength > 0; ) {
        const slice = rangeOfSlice(sliceAt(position, sliceBytes), sliceBytes, size)
        const isWhole = position === slice.first && slice.last <= stated.last
        if (isWhole && !isRefused) sink = slicing.begin(sliceAt(position, sliceBytes))
        const piece = rest.subarray(0, slice.last - position + 1)
        sink?.write(piece)
        await client.take(position, piece)
        position += piece.byteLength
        rest = rest.subarray(piece.byteLength)
        // Neither the client nor the store wants more of it.
        if (!client.waits && sink === undefined && position <= stated.last) return got.abandon()
        if (position <= slice.last) continue
        if (sink !== undefined) ends.push(sink.end())
        sink = undefined
        if (!client.waits && position <= stated.last) return got.abandon()
      }
    }
  } catch (error) {
    sink?.abort()
    got.abandon()
    throw error
  } finally {
    await Promise.all(ends)
  }
}
