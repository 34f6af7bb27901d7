// The response store on the Cache API (one per data centre). It knows how that store forgets, and hides it: all that is
// remembered of a response beside its body travels in one field of our own, because the Cache API keeps no errors,
// encodes coded bodies again, puts its own Date and obeys Cache-Control in its own way; and because one field is
// cheaper to carry than many.
import { hasNoContent } from '../../shared/http/status.ts'
import type { ResponseStore, StoredHead, StoredResponse } from '../ports.ts'
import { storePatienceMs, within } from '../within.ts'
import { cacheApiSink } from './cache-api-sink.ts'

const entryField = 'weir-entry'

interface EntryRecord extends StoredHead {
  /** As they came, by their names in lower case. */
  readonly fields: Readonly<Record<string, string>>
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
  const { status, fields } = record
  return {
    head: record,
    coding: fields['content-encoding'] ?? null,
    open(withBody) {
      const body = withBody && !hasNoContent(status) ? response.body : null
      if (body === null) discard(response)
      return new Response(body, { status, headers: fields, encodeBody: 'manual' })
    },
    discard: () => discard(response),
  }
}

function discard(response: Response): void {
  // A body that cannot be cancelled has failed already, and nobody waits for it.
  response.body?.cancel().catch(() => undefined)
}

function entryFields(head: StoredHead, fields: Headers): Headers {
  const record: EntryRecord = { ...head, fields: Object.fromEntries(fields) }
  // The instants decide; the store only has to keep it that long.
  const maxAge = Math.ceil((head.freshUntil - head.storedAt) / 1000) + 1
  return new Headers({ [entryField]: asciiJson(record), 'cache-control': `max-age=${maxAge}` })
}

/** JSON that survives as a field value whatever bytes the origin's fields held. */
function asciiJson(value: unknown): string {
  return JSON.stringify(value).replace(
    /[^\x20-\x7e]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}
