// What an origin of the demo asks the gateway for, by HTTP and with a credential of its pool: to keep photographs, and the
// list of what visitors have put up for sale, which all origins share.
import { Refused } from './answers.ts'

/** Where the gateway is, and what to show it. `url` has no slash at its end. */
export type Gateway = { url: string; credential: string }

const patienceMs = 5000
/** A list that others change at the same moment is read again so often. */
const tries = 10

/**
 * Streams an original to the gateway, which judges what it is and makes its thumbnails.
 * @throws Refused with the gateway's own words where it takes no such picture
 */
export async function putPicture(gateway: Gateway, path: string, content: AsyncIterable<Buffer>): Promise<void> {
  const response = await fetch(`${gateway.url}${path}`, {
    method: 'PUT',
    headers: authorised(gateway),
    body: ReadableStream.from(content),
    duplex: 'half',
  })
  if (response.ok) return void (await response.arrayBuffer())
  const { detail } = (await response.json()) as { detail?: string }
  throw new Refused(response.status, detail ?? 'the gateway did not take the photograph')
}

/** Gives `value` the first place in a list that keeps `most`. */
export async function prepend(gateway: Gateway, key: string, value: unknown, most: number): Promise<void> {
  for (let left = tries; left > 0; left--) {
    const { list, etag } = await read(gateway, key)
    const condition = etag === undefined ? { 'If-None-Match': '*' } : { 'If-Match': etag }
    const response = await ask(gateway, key, {
      method: 'PUT',
      headers: { ...authorised(gateway), ...condition, 'Content-Type': 'application/json' },
      body: JSON.stringify([value, ...list].slice(0, most)),
    })
    await response.arrayBuffer()
    if (response.ok) return
    if (response.status !== 412) break // other than: somebody was faster
  }
  throw new Refused(503, 'the list could not be changed just now; try again')
}

/** The list under this key; empty where nobody has begun it. */
export async function listAt(gateway: Gateway, key: string): Promise<unknown[]> {
  return (await read(gateway, key)).list
}

async function read(gateway: Gateway, key: string): Promise<{ list: unknown[]; etag: string | undefined }> {
  const response = await ask(gateway, key, { headers: authorised(gateway) })
  if (response.ok)
    return { list: (await response.json()) as unknown[], etag: response.headers.get('etag') ?? undefined }
  await response.arrayBuffer()
  if (response.status === 404) return { list: [], etag: undefined }
  throw new Refused(503, 'the list could not be read just now; try again')
}

function ask({ url }: Gateway, key: string, init: RequestInit): Promise<Response> {
  return fetch(`${url}/_weir/state/${key}`, { ...init, signal: AbortSignal.timeout(patienceMs) })
}

const authorised = ({ credential }: Gateway) => ({ Authorization: `Bearer ${credential}` })
