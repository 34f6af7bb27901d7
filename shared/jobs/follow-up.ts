// The payload of a job that follows from an answer: what its type needs, and the answer says in other words.
import { mediaPrefix } from '../media-path.ts'
import type { Json } from './envelope.ts'

/** Events that do not say when they happened did so `at` (ms since the epoch); a picture may be named by its URL. */
export function followUp(type: string, payload: Json, at: number): Json {
  if (typeof payload !== 'object' || payload === null || Array.isArray(payload)) return payload
  if (type === 'event' || type === 'webhook') return { at, ...payload }
  const { path } = payload as { readonly [name: string]: Json }
  return type === 'thumbnail' && typeof path === 'string' ? { ...payload, path: pictureOf(path) } : payload
}

/** The path of an original, as it is or in a URL of this gateway: `https://www.example.com/_weir/media/items/3.jpg`. */
function pictureOf(text: string): string {
  const begin = text.indexOf(mediaPrefix)
  if (begin < 0) return text
  const [written = ''] = text.slice(begin + mediaPrefix.length).split(/[?#]/, 1)
  try {
    return decodeURIComponent(written)
  } catch {
    return written
  }
}
