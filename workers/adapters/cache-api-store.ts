// The response store on the Cache API (one per data centre). It knows how that store forgets, and hides it:
// the status, the coding and the fields that steer a cache travel in one field of our own, because the Cache API
// keeps no errors, encodes coded bodies again and obeys Cache-Control in its own way.
import { hasNoContent } from '../../shared/http/status.ts'
import type { ResponseStore, StoredHead, StoredResponse } from '../ports.ts'
import { storePatienceMs, within } from '../within.ts'
import { cacheApiSink } from './cache-api-sink.ts'

const entryField = 'weir-entry'

/** Fields that the Cache API would act upon, with their values as they came. */
const setAside = [
  'cache-control',
  'expires',
  'pragma',
  'content-encoding',
  'cdn-cache-control',
  'cf-cache-status',
  'vary',
  'age',
]

interface EntryRecord extends StoredHead {
  readonly aside: [string, string][]
}

/** Opens the named cache at the first use. */
export function cacheApiStore(open: () => Promise<Cache>): ResponseStore {
  let opened: Cache | undefined
  const cache = async () => (opened ??= await open())
  return {
    match: (key) =>
      within(storePatienceMs, async () => {
        const response = await (opened ?? (await cache())).match(key)
        return response === undefined ? undefined : readEntry(response)
      }),
    begin: (key, head, fields, length) => cacheApiSink({ cache, key, headers: entryFields(head, fields) }, length),
  }
}

function readEntry(response: Response): StoredResponse | undefined {
  const text = response.headers.get(entryField)
  if (text === null) return undefined
  const record = JSON.parse(text) as EntryRecord
  return {
    head: record,
    coding: record.aside.find(([name]) => name === 'content-encoding')?.[1] ?? null,
    open(withBody) {
      const { status, aside } = record
      const body = withBody && !hasNoContent(status) ? response.body : null
      const opened = new Response(body, { status, headers: response.headers, encodeBody: 'manual' })
      const fields = opened.headers
      fields.delete(entryField)
      fields.delete('cf-cache-status')
      fields.delete('cache-control')
      for (const [name, value] of aside) fields.set(name, value)
      if (body === null) discard(response)
      return opened
    },
    discard: () => discard(response),
  }
}

function discard(response: Response): void {
  // A body that cannot be cancelled has failed already, and nobody waits for it.
  response.body?.cancel().catch(() => undefined)
}

function entryFields(head: StoredHead, fields: Headers): Headers {
  const stored = new Headers(fields)
  const aside: [string, string][] = []
  for (const name of setAside) {
    const value = stored.get(name)
    if (value === null) continue
    aside.push([name, value])
    stored.delete(name)
  }
  const record: EntryRecord = { ...head, aside }
  stored.set(entryField, asciiJson(record))
  // The instants decide; the store only has to keep it that long.
  stored.set('cache-control', `max-age=${Math.ceil((head.freshUntil - head.storedAt) / 1000) + 1}`)
  return stored
}

/** JSON that survives as a field value whatever bytes the origin's fields held. */
function asciiJson(value: unknown): string {
  return JSON.stringify(value).replace(
    /[^\x20-\x7e]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}
