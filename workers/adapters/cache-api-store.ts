// The response store on the Cache API (one per data centre). It knows how that store forgets, and hides it: all that is
// remembered of a response beside its body travels in one field of our own, because the Cache API keeps no errors,
// encodes coded bodies again, puts its own Date and obeys Cache-Control in its own way; and because one field is
// cheaper to carry than many.
import type { ByteRange } from '../../shared/http/ranges.ts'
import { hasNoContent } from '../../shared/http/status.ts'
import type { Note, ResponseStore, Stored, StoredHead } from '../ports.ts'
import { storePatienceMs, within } from '../within.ts'
import { Marks } from './cache-api-marks.ts'
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

type StoreRecord = EntryRecord | NoteRecord | ForgottenRecord

interface NoteRecord {
  readonly askedAt: number
  readonly note: Note
  /** Of a note that nothing could be stored: what was asked for before stays away, as it did without the note. */
  readonly after?: number
}

/** Stands where something was let go, until all that was under way then has come. */
interface ForgottenRecord {
  readonly askedAt: number
  readonly forgotten: true
}

const forgottenMs = 600_000

/** Opens the named cache at the first use. */
export function cacheApiStore(open: () => Promise<Cache>): ResponseStore {
  /** The platform may finish what was put before a mark after it, or not put the mark at all: here that does not show. */
  const marks = new Marks()
  let opened: Cache | undefined
  const cache = async () => (opened ??= await open())

  const rangeOf = async (key: string, { bodyId }: EntryRecord, { first, last }: ByteRange) => {
    const part = await (await cache()).match(new Request(key, { headers: { range: `bytes=${first}-${last}` } }))
    const record = part && recordOf(part)
    const isSame = record !== undefined && isEntry(record) && record.bodyId === bodyId
    if (part?.body == null || !isSame) return undefined
    const isPart = part.headers.get('content-range')?.startsWith(`bytes ${first}-${last}/`) === true
    return isPart ? part.body : cut(part.body, { first, last })
  }

  /** What was asked for before stays away. */
  const outdatedBefore = async (key: string): Promise<number> => {
    const there = await (await cache()).match(key)
    const record = there && recordOf(there)
    discard(there)
    // That nothing could be stored is no reason not to store what can be.
    const before = (record && isHitForMiss(record) ? record.after : record?.askedAt) ?? 0
    // What took longer than marks stand may have been let go meanwhile.
    return Math.max(before, marks.since(key), Date.now() - forgottenMs)
  }

  const isOutdated = async (key: string, askedAt: number) => askedAt < (await outdatedBefore(key))

  const put = async (key: string, record: NoteRecord | ForgottenRecord, until: number): Promise<void> => {
    const after = await outdatedBefore(key)
    if (record.askedAt < after) return
    const kept = isHitForMiss(record) ? { ...record, after } : record
    await (await cache()).put(key, new Response(null, { headers: recordFields(kept, until) }))
  }

  const forgotten = (key: string): Stored | undefined => {
    const askedAt = marks.since(key)
    return askedAt === 0 ? undefined : { kind: 'forgotten', askedAt }
  }

  const readStored = (key: string, response: Response): Stored | undefined => {
    const record = recordOf(response)
    if (record === undefined) return undefined
    if (record.askedAt < marks.since(key)) {
      discard(response)
      return forgotten(key)
    }
    if ('note' in record) return { kind: 'note', note: record.note }
    if ('forgotten' in record) return { kind: 'forgotten', askedAt: record.askedAt }
    if (!isEntry(record)) return undefined
    return {
      kind: 'response',
      head: record,
      fields: record.fields,
      size: record.size,
      bodyId: record.bodyId,
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

  const read = async (key: string): Promise<Stored | undefined> => {
    const response = await (opened ?? (await cache())).match(key)
    return response === undefined ? forgotten(key) : readStored(key, response)
  }

  return {
    match: (key) =>
      // Every hit waits for this, and to clear the timer would cost as much as all that is judged of the hit.
      within(storePatienceMs, () => read(key), 'left'),
    begin(key, head, fields, length) {
      const bodyId = crypto.randomUUID()
      const headers = (size: number) => entryFields(head, { size, bodyId }, fields)
      return cacheApiSink({ cache, key, headers, isOutdated: () => isOutdated(key, head.askedAt) }, length)
    },
    async update(key, { bodyId }, head, fields) {
      await quietly(async () => {
        const response = await (await cache()).match(key)
        const record = response && recordOf(response)
        const isThere = record !== undefined && isEntry(record) && record.bodyId === bodyId
        if (!isThere || record.askedAt > head.askedAt) return discard(response)
        const headers = entryFields(head, record, fields)
        await (await cache()).put(key, new Response(response!.body, { headers }))
      })
    },
    note: (key, note, askedAt) => quietly(() => put(key, { note, askedAt }, note.until)),
    async forget(key, askedAt) {
      marks.set(key, askedAt)
      await within(storePatienceMs, () => put(key, { forgotten: true, askedAt }, askedAt + forgottenMs))
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

function recordOf(response: Response): StoreRecord | undefined {
  const text = response.headers.get(entryField)
  return text === null ? undefined : (JSON.parse(text) ?? undefined)
}

function isHitForMiss(record: StoreRecord): record is NoteRecord {
  return 'note' in record && record.note.kind === 'hit-for-miss'
}

function isEntry(record: StoreRecord): record is EntryRecord {
  return 'fields' in record && 'size' in record
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
function recordFields(record: StoreRecord, until: number): Headers {
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
