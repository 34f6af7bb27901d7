// Moves slices: from an origin that sends several in one run, to the store piece by piece, and to the one client.
import type { ByteRange } from '../shared/http/ranges.ts'
import { overlap, rangeOfSlice, sliceAt } from '../shared/http/slices.ts'
import type { Answer } from './life.ts'
import type { BodySink } from './ports.ts'
import { notIdle } from './relay.ts'

/** An origin's answer that carries these bytes. */
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
}

/** The client, who gets the bytes that it wants out of all that pass. */
export interface Client {
  readonly body: ReadableStream
  /** False once it has left, or has got all that it wants. */
  readonly waits: boolean
  /** These bytes stand at this position. */
  take(position: number, bytes: Uint8Array): Promise<void>
  /** What it still wants will not come: it sees that its body is cut. */
  cut(error: unknown): Promise<void>
}

/** An empty range (its last before its first) wants nothing. */
export function clientWanting(wanted: ByteRange): Client {
  const { readable, writable } = new FixedLengthStream(wanted.last - wanted.first + 1)
  const writer = writable.getWriter()
  let waits = wanted.last >= wanted.first
  const left = () => {
    waits = false
  }
  if (!waits) writer.close().catch(left)
  return {
    body: readable,
    get waits() {
      return waits
    },
    async take(position, bytes) {
      const part = overlap(wanted, { first: position, last: position + bytes.byteLength - 1 })
      if (!waits || part === undefined) return
      await writer.write(bytes.subarray(part.first - position, part.last - position + 1)).catch(left)
      if (!waits || part.last < wanted.last) return
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
  const reader = (got.response.body ?? new Blob().stream()).getReader() as ReadableStreamDefaultReader<Uint8Array>
  const stored: Promise<void>[] = []
  let sink: BodySink | undefined
  let position = stated.first
  try {
    while (position <= stated.last) {
      const { done, value } = await notIdle(reader.read(), got.idleMs)
      if (done) throw new Error('The origin cut a range.')
      for (let rest = value; rest.byteLength > 0; ) {
        const index = sliceAt(position, slicing.sliceBytes)
        const slice = rangeOfSlice(index, slicing.sliceBytes, slicing.size)
        if (position === slice.first && slice.last <= stated.last) sink = slicing.begin(index)
        const piece = rest.subarray(0, slice.last - position + 1)
        if (position + piece.byteLength - 1 > stated.last) throw new Error('The origin sent more than it said.')
        sink?.write(piece)
        await client.take(position, piece)
        position += piece.byteLength
        rest = rest.subarray(piece.byteLength)
        if (position <= slice.last) continue
        if (sink !== undefined) stored.push(sink.end())
        sink = undefined
        if (!client.waits && position <= stated.last) return got.abandon()
      }
    }
  } catch (error) {
    sink?.abort()
    got.abandon()
    throw error
  } finally {
    await Promise.all(stored)
  }
}
