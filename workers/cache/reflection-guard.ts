// Keeps out of the store a body that says again what only its own request has said (shared/http/reflection.ts). The
// bytes go on to the sink as they come, and are searched on the way; where one of the values is found the sink is
// aborted, and nothing is stored. It never throws, and nobody waits for it but the store.
import { searchFor } from '../../shared/http/reflection.ts'
import type { BodySink, DecoderPort } from '../ports.ts'

/** A body that is longer when decoded is a bomb, or a file that is not worth the time. */
export const maxDecodedBytes = 32 * 1024 * 1024
/** Where the decoder is this far behind, it is given up. */
const maxWaitingBytes = 4 * 1024 * 1024

/** What a body must not say again, in bare form, and what decodes it. */
export interface Echoes {
  readonly values: readonly string[]
  readonly decoderFor: DecoderPort
}

/**
 * `inner`, unless one of the values comes by in the body. A body in a coding is searched decoded: one that becomes too
 * long is not stored; one that cannot be decoded is, for it leads nobody anywhere.
 */
export function reflectionGuard(inner: BodySink, { values, decoderFor }: Echoes, coding: string | null): BodySink {
  if (values.length === 0) return inner
  const applied = coding?.trim().toLowerCase() || 'identity'
  const decoder = applied === 'identity' ? undefined : decoderFor(applied, lookInto)
  if (applied !== 'identity' && decoder === undefined) return inner

  const search = searchFor(values)
  let alive = true
  let decodedBytes = 0

  function lookInto(piece: Uint8Array): void {
    if (decoder !== undefined) decodedBytes += piece.byteLength
    if (alive && (decodedBytes > maxDecodedBytes || search(piece))) abort()
  }

  function abort(): void {
    alive = false
    inner.abort()
    decoder?.stop()
  }

  return {
    get wanted() {
      return alive && inner.wanted
    },
    write(chunk) {
      if (alive && decoder === undefined) lookInto(chunk)
      if (!alive) return
      inner.write(chunk)
      decoder?.write(chunk)
      if (!inner.wanted || (decoder?.waitingBytes ?? 0) > maxWaitingBytes) abort()
    },
    async end() {
      if (alive) await decoder?.end()
      if (alive) await inner.end()
    },
    abort,
  }
}
