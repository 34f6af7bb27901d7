// Moves a body from the origin to the client, and past the store. It keeps three promises: bytes flow as they come,
// an origin that falls silent is given up after `idleMs`, and a body that was cut looks cut, to the client and to
// the store. Small bodies that are there at once take a short cut; all else is pumped.
import type { BodySink } from './ports.ts'
import { late, orLate } from './within.ts'

export interface Relayed {
  /** What the client gets. */
  readonly body: ReadableStream | Uint8Array
  /** Settles when the exchange is over; never rejects. */
  readonly done: Promise<void>
}

export interface RelayOptions {
  /** The Content-Length, undefined where there is none. */
  readonly length: number | undefined
  /** The longest silence of the origin between two reads; undefined for streams that may be silent. */
  readonly idleMs: number | undefined
  readonly sink: BodySink | undefined
  /** The most that is read for the store alone, once the client has left; undefined: all of it. */
  readonly finishBytes?: number | undefined
  /** Ends the exchange with the origin. */
  readonly abandon: () => void
}

type Read = ReadableStreamReadResult<Uint8Array>

/** Bodies up to this size are waited for, very briefly: most are in the packets behind their head. */
const smallBody = 65_536
const smallBodyPatienceMs = 5
const chunkSize = 65_536

/** Starts relaying `source`. Waits at most 5 ms, for small bodies of known length only. */
export async function relay(source: ReadableStream, options: RelayOptions): Promise<Relayed> {
  const { length, sink } = options
  const reader = source.getReader({ mode: 'byob' })
  const size = length !== undefined && length > 0 && length <= smallBody ? length : chunkSize
  const first: Promise<Read> = reader.read(new Uint8Array(size))
  if (size === length) {
    const read = await soon(first)
    if (read !== undefined && read.done === false && read.value.byteLength === length) {
      sink?.write(read.value)
      return { body: read.value, done: sink === undefined ? Promise.resolve() : sink.end() }
    }
  }
  const { readable, writable } = length === undefined ? new IdentityTransformStream() : new FixedLengthStream(length)
  return { body: readable, done: pump(reader, first, writable.getWriter(), options) }
}

/** The read if it comes within a few milliseconds; a read that fails is left for the pump to see. */
async function soon(read: Promise<Read>): Promise<Read | undefined> {
  const result = await orLate(smallBodyPatienceMs, read).catch(() => undefined)
  return result === late ? undefined : result
}

async function pump(
  reader: ReadableStreamBYOBReader,
  first: Promise<Read>,
  client: WritableStreamDefaultWriter<Uint8Array>,
  { length, idleMs, sink, finishBytes, abandon }: RelayOptions,
): Promise<void> {
  let received = 0
  const isWorthFinishing = () =>
    sink?.wanted === true && (finishBytes === undefined || (length !== undefined && length - received <= finishBytes))
  let clientThere = true
  const clientLeft = () => {
    clientThere = false
  }
  try {
    for (let next = first; ; next = reader.read(new Uint8Array(chunkSize))) {
      const { done, value } = await notIdle(next, idleMs)
      if (done) break
      sink?.write(value)
      received += value.byteLength
      if (clientThere) await client.write(value).catch(clientLeft)
      // A client that leaves does not spoil an entry that is being filled.
      if (!clientThere && !isWorthFinishing()) throw new Error('The client left.')
    }
    if (clientThere) await client.close().catch(clientLeft)
    await sink?.end()
  } catch (error) {
    sink?.abort()
    // Rejects where the client has gone already.
    await client.abort(error).catch(clientLeft)
    abandon()
  }
}

/** What the read gives, unless the origin is silent for longer than that. */
export async function notIdle(read: Promise<Read>, idleMs: number | undefined): Promise<Read> {
  if (idleMs === undefined) return read
  const result = await orLate(idleMs, read)
  if (result === late) throw new Error(`The origin sent nothing for ${idleMs} ms.`)
  return result
}
