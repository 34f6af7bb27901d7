// The response store on the Cache API (one per data centre). It knows how that store forgets, and hides it: all that is
// remembered of a response beside its body travels in one field of our own, because the Cache API keeps no errors,
// encodes coded bodies again, puts its own Date and obeys Cache-Control in its own way; and because one field is
// cheaper to carry than many.
import type { ByteRange } from '../../shared/http/ranges.ts'
import { hasNoContent } from '../../shared/http/status.ts'
import type { Note, ResponseStore, Stored, StoredHead } from '../ports.ts'
import { storePatienceMs, within } from '../within.ts'
import { cacheApiSink } from './cache-api-sink.ts'

const entryField = 'weir-entry'

interface EntryRecord extends StoredHead {
  /** Of the body, in bytes. */
  readonly size: number
  /** Names the body: it stays the same when the head is updated. */
  readonly bodyId: string
  /** As they came, by their names in lower case. */
  readonly fields: Readonly<Record<string, string>>
}

/** Opens the named cache at the first use. */
export function cacheApiStore(open: () => Promise<Cache>): ResponseStore {
  let opened: Cache | undefined
  const cache = async () => (opened ??= await open())

  const rangeOf = async (key: string, { bodyId }: EntryRecord, { first, last }: ByteRange) => {
    const part = await (await cache()).match(new Request(key, { headers: { range: `bytes=${first}-${last}` } }))
    const record = part && recordOf(part)
    const isSame = record !== undefined && !('note' in record) && record.bodyId === bodyId
    if (part?.body == null || !isSame) return undefined
    const isPart = part.headers.get('content-range')?.startsWith(`bytes ${first}-${last}/`) === true
    return isPart ? part.body : cut(part.body, { first, last })
  }

  const readStored = (key: string, response: Response): Stored | undefined => {
    const record = recordOf(response)
    if (record === undefined || record === null) return undefined
    if ('note' in record) return { kind: 'note', note: record.note }
    if (record.fields === undefined || record.size === undefined) return undefined
    return {
      kind: 'response',
      head: record,
      fields: record.fields,
      size: record.size,
      async body(range) {
        if (range === undefined) return hasNoContent(record.status) ? null : response.body
        if (record.size <= smallBody) {
          return new Uint8Array(await response.arrayBuffer()).subarray(range.first, range.last + 1)
        }
        discard(response)
        return (await within(storePatienceMs, () => rangeOf(key, record, range))) ?? undefined
      },
      discard: () => discard(response),
    }
  }

  return {
    match: (key) =>
      within(storePatienceMs, async () => {
        const response = await (opened ?? (await cache())).match(key)
        return response === undefined ? undefined : readStored(key, response)
      }),
    begin(key, head, fields, length) {
      const bodyId = crypto.randomUUID()
      return cacheApiSink({ cache, key, headers: (size) => entryFields(head, { size, bodyId }, fields) }, length)
    },
    async update(key, storedAt, head, fields) {
      await quietly(async () => {
        const response = await (await cache()).match(key)
        const record = response && recordOf(response)
        if (record === undefined || 'note' in record || record.storedAt !== storedAt) return discard(response)
        const headers = entryFields(head, record, fields)
        await (await cache()).put(key, new Response(response!.body, { headers }))
      })
    },
    async note(key, note) {
      const headers = recordFields({ note }, note.until)
      await quietly(async () => (await cache()).put(key, new Response(null, { headers })))
    },
    async delete(key) {
      await within(storePatienceMs, async () => (await cache()).delete(key))
    },
  }
}

/** The range, out of all the bytes. */
function cut(body: ReadableStream, { first, last }: ByteRange): ReadableStream {
  let position = 0
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>({
    transform(chunk, controller) {
      const part = chunk.subarray(Math.max(0, first - position), Math.max(0, last + 1 - position))
      position += chunk.byteLength
      if (part.byteLength > 0) controller.enqueue(part)
      if (position > last) controller.terminate()
    },
  })
  body.pipeTo(writable).catch(() => undefined)
  return readable
}

/** A body up to this size is read as a whole to take a range from it. */
const smallBody = 65_536

function recordOf(response: Response): EntryRecord | { readonly note: Note } | undefined {
  const text = response.headers.get(entryField)
  return text === null ? undefined : JSON.parse(text)
}

function discard(response: Response | undefined): void {
  // A body that cannot be cancelled has failed already, and nobody waits for it.
  response?.body?.cancel().catch(() => undefined)
}

async function quietly(work: () => Promise<void>): Promise<void> {
  try {
    await work()
  } catch (error) {
    console.warn('The Cache API did not store an entry:', error)
  }
}

function entryFields(head: StoredHead, body: Pick<EntryRecord, 'size' | 'bodyId'>, fields: Headers): Headers {
  const { size, bodyId } = body
  const record: EntryRecord = { ...head, size, bodyId, fields: Object.fromEntries(fields) }
  return recordFields(record, head.keepUntil)
}

/** The instants decide; the store only has to keep it that long. */
function recordFields(record: EntryRecord | { readonly note: Note }, until: number): Headers {
  const maxAge = Math.max(1, Math.ceil((until - Date.now()) / 1000) + 1)
  return new Headers({ [entryField]: asciiJson(record), 'cache-control': `max-age=${maxAge}` })
}

/** JSON that survives as a field value whatever bytes the origin's fields held. */
function asciiJson(value: unknown): string {
  return JSON.stringify(value).replace(
    /[^\x20-\x7e]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}
