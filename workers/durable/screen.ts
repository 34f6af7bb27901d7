// Looks through a body before others get it: what says again what only its own request has said is not for them
// (shared/http/reflection.ts). What is coded is looked at decoded: nobody can read more of it than is decoded here.
import { isReadable, lookFor, type Sight, tellingValues } from '../../shared/http/reflection.ts'
import { maxDecodedBytes } from '../cache/reflection-guard.ts'
import type { Answer, Life } from '../life.ts'
import type { DecoderPort } from '../ports.ts'

/** Tells of a piece, when it has told of all before it, whether it may go on. */
export type Screen = (piece: Uint8Array) => Promise<Sight>

/** Undefined where there is nothing to look for, or nobody could read it; `vary` are the fields that select it. */
export function screenOf(life: Life, { response, sent }: Answer, vary: readonly string[]): Screen | undefined {
  const { headers } = response
  if (!isReadable(headers.get('content-type'))) return undefined
  const values = tellingValues(sent, [...life.route.cache.key.headers, ...vary], life.target.host)
  // Nobody can look for all of it.
  if (values === undefined) return async () => 'found'
  if (values.length === 0) return undefined
  const look = lookFor(values)
  const coding = headers.get('content-encoding')?.trim().toLowerCase() || 'identity'
  return coding === 'identity' ? async (piece) => look(piece) : decoding(coding, look, life.ports.decoderFor)
}

/** Undefined where nobody here knows the coding. */
function decoding(coding: string, look: (piece: Uint8Array) => Sight, decoderFor: DecoderPort): Screen | undefined {
  let sight: Sight = 'clear'
  let decodedBytes = 0
  const decoder = decoderFor(coding, (piece) => {
    decodedBytes += piece.byteLength
    if (sight !== 'found') sight = decodedBytes > maxDecodedBytes ? 'found' : look(piece)
    if (sight === 'found') decoder?.stop()
  })
  if (decoder === undefined) return undefined
  return async (piece) => {
    await decoder.write(piece)
    return sight
  }
}
