// A request body flows to the origin as it comes. Where the request may be sent again, a body within the bound is
// kept first, so that a second origin gets the same bytes.
import { joined } from '../bytes.ts'

export type KeptBody =
  | { readonly kind: 'kept'; readonly bytes: Uint8Array | null }
  /** It can be sent once. */
  | { readonly kind: 'once'; readonly stream: ReadableStream }

/** The client has broken off what it sent: there is nothing to ask anybody. */
export interface CutBody {
  readonly kind: 'cut'
}

/** Keeps at most `bound` bytes; a longer body comes back as a stream of all its bytes. */
export async function keepBody(
  body: ReadableStream | null,
  length: number | undefined,
  bound: number,
): Promise<KeptBody | CutBody> {
  if (body === null) return { kind: 'kept', bytes: null }
  if (bound === 0 || (length !== undefined && length > bound)) return { kind: 'once', stream: body }
  const reader = body.getReader() as ReadableStreamDefaultReader<Uint8Array>
  const chunks: Uint8Array[] = []
  let held = 0
  while (held <= bound) {
    const read = await reader.read().catch(() => undefined)
    if (read === undefined) return { kind: 'cut' }
    if (read.done) return { kind: 'kept', bytes: joined(chunks) }
    chunks.push(read.value)
    held += read.value.byteLength
  }
  return { kind: 'once', stream: resumed(chunks, reader) }
}

/** What was read already, then the rest, at the speed of whoever reads it. */
function resumed(read: readonly Uint8Array[], reader: ReadableStreamDefaultReader<Uint8Array>): ReadableStream {
  const early = [...read]
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      const chunk = early.shift()
      if (chunk !== undefined) return controller.enqueue(chunk)
      const { done, value } = await reader.read()
      if (done) controller.close()
      else controller.enqueue(value)
    },
    cancel: (reason) => reader.cancel(reason),
  })
}
