// The response store on the Cache API (one per data centre). It knows how that store forgets, and hides it:
// the status, the coding and the fields that steer a cache travel in one field of our own, because the Cache API
// keeps no errors, encodes coded bodies again and obeys Cache-Control in its own way.
import type { BodySink, ResponseStore, StoredHead, StoredResponse } from '../ports.ts'
import { storePatienceMs, within } from '../within.ts'

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

/** Statuses that cannot have a body (RFC 9110 §6.4.1). */
const bodiless = new Set([204, 205])

/** A body of unknown length is held whole until it ends: one entry's share of memory, and that of all in this isolate. */
const maxHeldBytes = 2 * 1024 * 1024
const maxHeldByIsolate = 32 * 1024 * 1024
let heldByIsolate = 0

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
    begin(key, head, fields, length) {
      const put = async (body: BodyInit | null) => {
        await (await cache()).put(key, new Response(body, { headers: entryFields(head, fields) }))
      }
      return length === undefined ? heldSink(put) : streamingSink(put, length)
    },
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
      const body = withBody && !bodiless.has(status) ? response.body : null
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

/** A body whose length is known streams into the store, which refuses it if it ends early. */
function streamingSink(put: (body: BodyInit | null) => Promise<void>, length: number): BodySink {
  const { readable, writable } = new FixedLengthStream(length)
  const writer = writable.getWriter()
  const stored = put(readable).catch(giveUp)
  let waiting = 0
  let alive = true
  const abort = () => {
    if (!alive) return
    alive = false
    // Rejects when the store has let go of the stream already: then there is nothing to abort.
    writer.abort(new Error('The body was cut.')).catch(() => undefined)
  }
  return {
    get wanted() {
      return alive
    },
    write(chunk) {
      if (!alive) return
      waiting += chunk.byteLength
      heldByIsolate += chunk.byteLength
      const written = () => {
        waiting -= chunk.byteLength
        heldByIsolate -= chunk.byteLength
      }
      writer.write(chunk).then(written, () => {
        written()
        abort()
      })
      if (waiting > maxHeldBytes || heldByIsolate > maxHeldByIsolate) abort()
    },
    async end() {
      if (alive) await writer.close().catch(abort)
      await stored
    },
    abort,
  }
}

/** A body of unknown length is stored when its end has been seen, and not before. */
function heldSink(put: (body: BodyInit | null) => Promise<void>): BodySink {
  let chunks: Uint8Array[] = []
  let held = 0
  let alive = true
  const abort = () => {
    alive = false
    chunks = []
    heldByIsolate -= held
    held = 0
  }
  return {
    get wanted() {
      return alive
    },
    write(chunk) {
      if (!alive) return
      chunks.push(chunk)
      held += chunk.byteLength
      heldByIsolate += chunk.byteLength
      if (held > maxHeldBytes || heldByIsolate > maxHeldByIsolate) abort()
    },
    async end() {
      if (!alive) return
      await put(new Blob(chunks)).catch(giveUp)
      abort()
    },
    abort,
  }
}

function giveUp(error: unknown): void {
  console.warn('The Cache API did not store an entry:', error)
}
