// What a store holds, for tests: the response under a key, and that response as it was admitted.
import type { ResponseStore, StoredHead, StoredResponse } from '../../../workers/ports.ts'

const now = Date.now()

/** Fresh for a minute. */
export const freshHead: StoredHead = {
  askedAt: now,
  storedAt: now,
  freshUntil: now + 60_000,
  graceUntil: now + 60_000,
  errorGraceUntil: now + 60_000,
  sickGraceUntil: now + 60_000,
  keepUntil: now + 60_000,
  initialAge: 0,
  neverStale: false,
  immutable: false,
  status: 200,
  shareable: false,
  epoch: 0,
  tags: [],
  unlisted: [],
  targeted: {},
}

export async function responseAt(store: ResponseStore, key: string): Promise<StoredResponse | undefined> {
  const stored = await store.match(key)
  if (stored?.kind === 'note') throw new Error('There is a note, and no response.')
  return stored?.kind === 'response' ? stored : undefined
}

export async function opened(stored: StoredResponse): Promise<Response> {
  const body = (await stored.body()) ?? null
  return new Response(body, { status: stored.head.status, headers: stored.fields, encodeBody: 'manual' })
}
