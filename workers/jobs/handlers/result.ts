// What is kept of an origin's answer to a job: JSON as such, other text as a text, at most 64 KiB; of anything else that
// it was there.
import type { Json } from '../../../shared/jobs/envelope.ts'
import { joined } from '../../bytes.ts'
import { maxResultBytes } from '../handler.ts'

/** `abandon` ends the exchange. The work is done whatever becomes of its result. */
export async function resultOf(response: Response, abandon: () => void): Promise<Json> {
  const type = response.headers.get('content-type')?.toLowerCase() ?? ''
  const isJson = /^application\/(?:[\w.+-]+\+)?json\b/.test(type)
  const isPlain = (response.headers.get('content-encoding') ?? 'identity') === 'identity'
  if (response.body === null) return null
  if (!isPlain || !(isJson || type.startsWith('text/'))) {
    abandon()
    return { omitted: isPlain ? 'it is no text' : 'it is coded' }
  }
  const bytes = await firstBytes(response.body).catch(() => undefined)
  if (bytes === undefined || bytes.byteLength > maxResultBytes) {
    abandon()
    return { omitted: bytes === undefined ? 'it was cut' : `it has more than ${maxResultBytes} bytes` }
  }
  const text = new TextDecoder().decode(bytes)
  if (text === '') return null
  return isJson ? parsed(text) : text
}

/** All of them, or more than are wanted. */
async function firstBytes(body: ReadableStream<Uint8Array>): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  let held = 0
  for await (const chunk of body) {
    chunks.push(chunk)
    held += chunk.byteLength
    if (held > maxResultBytes) break
  }
  return joined(chunks)
}

/** What calls itself JSON and is none stays the text that it is. */
function parsed(text: string): Json {
  try {
    return JSON.parse(text) as Json
  } catch {
    return text
  }
}
