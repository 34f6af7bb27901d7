// Bytes, and streams that give them as a test tells them to.

/** So many bytes, no two stretches of them alike. */
export function bytesOf(length: number): Uint8Array {
  const bytes = new Uint8Array(length)
  for (let index = 0; index < length; index++) bytes[index] = (index * 31 + (index >> 8) * 17) & 0xff
  return bytes
}

export function joined(chunks: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(chunks.reduce((size, chunk) => size + chunk.byteLength, 0))
  let offset = 0
  for (const chunk of chunks) {
    bytes.set(chunk, offset)
    offset += chunk.byteLength
  }
  return bytes
}

/** Cut into pieces of these sizes; the last one takes the rest. */
export function cutInto(bytes: Uint8Array, ...sizes: number[]): Uint8Array[] {
  const pieces: Uint8Array[] = []
  let offset = 0
  for (const size of sizes) {
    pieces.push(bytes.slice(offset, offset + size))
    offset += size
  }
  return offset < bytes.byteLength ? [...pieces, bytes.slice(offset)] : pieces
}

/** The first place where two bodies differ; undefined where they are the same. Quick, unlike a deep comparison. */
export function difference(left: Uint8Array, right: Uint8Array): number | undefined {
  const longest = Math.max(left.byteLength, right.byteLength)
  for (let index = 0; index < longest; index++) if (left[index] !== right[index]) return index
  return undefined
}

export const read = async (body: BodyInit | null): Promise<Uint8Array> =>
  new Uint8Array(await new Response(body).arrayBuffer())

export interface Source {
  readonly stream: ReadableStream
  /** How many pieces were asked for. */
  readonly asked: number
  /** Why the stream was cancelled; undefined while it was not. */
  readonly cancelled: unknown
}

/** What comes behind the pieces: their end, a failure, silence, or the pieces over and over, up to `mostAgain`. */
export type Ending = 'end' | 'failure' | 'silence' | 'again'

/** Whoever asks for as many pieces as this has missed the moment to leave; then the source fails. */
export const mostAgain = 200

/** Gives its pieces one by one, as they are asked for, and none ahead. */
export function sourceOf(pieces: readonly Uint8Array[], ending: Ending = 'end'): Source {
  let asked = 0
  let cancelled: unknown
  const stream = new ReadableStream({
    type: 'bytes',
    pull(controller) {
      const piece = pieces[ending === 'again' && asked < mostAgain ? asked % pieces.length : asked]
      asked++
      if (piece !== undefined) return controller.enqueue(piece.slice())
      if (ending === 'silence') return new Promise(() => undefined)
      if (ending !== 'end') return controller.error(new Error('The connection was cut.'))
      controller.close()
      // A reader that waits with a buffer of its own is let go by this alone.
      controller.byobRequest?.respond(0)
    },
    cancel(reason) {
      cancelled = reason ?? 'no reason'
    },
  })
  return {
    stream,
    get asked() {
      return asked
    },
    get cancelled() {
      return cancelled
    },
  }
}
