// The hot tier: what this isolate is asked for again and again stands in its memory, before the store that it shares
// with others. A hit there calls nothing of the platform. It changes where an answer is found, not what is judged: the
// heads are the same, so expiry, variants, purges and a new configuration bind it in the same instant. What another
// isolate has replaced or let go is seen here `trustMs` later at most.
import { hasNoContent } from '../../shared/http/status.ts'
import type { BodySink, Note, ResponseStore, Stored, StoredHead, StoredResponse } from '../ports.ts'
import { storePatienceMs, within } from '../within.ts'

export interface HotLimits {
  /** Larger bodies are left to the store behind. */
  readonly entryBytes: number
  /** All that is held, in bytes; the least recently used goes first. */
  readonly totalBytes: number
  /** How long an entry is served without a look at the store behind, in milliseconds. */
  readonly trustMs: number
}

export const hotLimits: HotLimits = { entryBytes: 65_536, totalBytes: 16_777_216, trustMs: 5_000 }

interface HotResponse {
  readonly head: StoredHead
  readonly fields: Readonly<Record<string, string>>
  /** Never changed: several responses may be reading it. */
  readonly bytes: Uint8Array
}

interface Hot {
  readonly content: HotResponse | Note
  readonly cost: number
  trustedUntil: number
}

/** What an entry costs beside its body and its fields. */
const entryOverhead = 1_000
/** So many keys are remembered as having been asked for once. */
const maxAskedOnce = 2_000

/** `now` gives milliseconds. */
export function hotStore(behind: ResponseStore, now: () => number, limits: HotLimits = hotLimits): ResponseStore {
  const held = new Map<string, Hot>()
  const askedOnce = new Set<string>()
  /** Counts what was replaced or let go: what was found before a change may be what it changed. */
  let changes = 0
  let total = 0

  const drop = (key: string) => {
    total -= held.get(key)?.cost ?? 0
    held.delete(key)
  }

  const hold = (key: string, content: HotResponse | Note, cost: number) => {
    drop(key)
    held.set(key, { content, cost, trustedUntil: now() + limits.trustMs })
    total += cost
    for (const oldest of held.keys()) {
      if (total <= limits.totalBytes) break
      drop(oldest)
    }
  }

  /** Whether it is asked for a second time. */
  const isHot = (key: string): boolean => {
    if (held.has(key) || askedOnce.has(key)) return true
    if (askedOnce.size >= maxAskedOnce) askedOnce.clear()
    askedOnce.add(key)
    return false
  }

  /** Takes a response into memory, and gives the one in memory in its place. */
  const raise = async (key: string, stored: StoredResponse, before: number): Promise<Stored | undefined> => {
    const known = held.get(key)
    if (known !== undefined && 'bytes' in known.content && known.content.head.storedAt === stored.head.storedAt) {
      stored.discard()
      const content = { ...known.content, head: stored.head, fields: stored.fields }
      hold(key, content, known.cost)
      return answerOf(content)
    }
    const bytes = await bytesOf(stored)
    // It could not be read to its end: as good as none.
    if (bytes === undefined) return undefined
    const content = { head: stored.head, fields: stored.fields, bytes }
    if (changes === before) hold(key, content, costOf(key, content))
    return answerOf(content)
  }

  /** Forgets it here before and after it changes there, since the old one may be asked for meanwhile. */
  const around = async (key: string, change: () => Promise<void>): Promise<void> => {
    drop(key)
    await change()
    changes++
    drop(key)
  }

  return {
    async match(key) {
      const hot = held.get(key)
      if (hot !== undefined && now() < hot.trustedUntil) {
        // The last one in is the last one to go.
        held.delete(key)
        held.set(key, hot)
        return 'bytes' in hot.content ? answerOf(hot.content) : { kind: 'note', note: hot.content }
      }
      const again = isHot(key)
      const before = changes
      const stored = await behind.match(key)
      if (stored === undefined) {
        drop(key)
        return undefined
      }
      if (!again || changes !== before) return stored
      if (stored.kind === 'note') {
        hold(key, stored.note, entryOverhead + JSON.stringify(stored.note).length)
        return stored
      }
      if (stored.size > limits.entryBytes) {
        drop(key)
        return stored
      }
      return raise(key, stored, before)
    },
    begin(key, head, fields, length) {
      const sink = behind.begin(key, head, fields, length)
      return endingWith(sink, (end) => around(key, end))
    },
    update: (key, storedAt, head, fields) => around(key, () => behind.update(key, storedAt, head, fields)),
    note: (key, note) => around(key, () => behind.note(key, note)),
    delete: (key) => around(key, () => behind.delete(key)),
  }
}

function endingWith(sink: BodySink, around: (end: () => Promise<void>) => Promise<void>): BodySink {
  return {
    get wanted() {
      return sink.wanted
    },
    write: (chunk) => sink.write(chunk),
    end: () => around(() => sink.end()),
    abort: () => sink.abort(),
  }
}

function answerOf({ head, fields, bytes }: HotResponse): StoredResponse {
  return {
    kind: 'response',
    head,
    fields,
    size: bytes.byteLength,
    async body(range) {
      if (hasNoContent(head.status)) return null
      return range === undefined ? bytes : bytes.subarray(range.first, range.last + 1)
    },
    discard: () => undefined,
  }
}

/** All bytes of it; undefined where they are not as many as they should be. */
async function bytesOf(stored: StoredResponse): Promise<Uint8Array | undefined> {
  const bytes = await within(
    storePatienceMs,
    async () => new Uint8Array(await new Response((await stored.body()) ?? null).arrayBuffer()),
  )
  return bytes?.byteLength === stored.size ? bytes : undefined
}

function costOf(key: string, { fields, bytes }: HotResponse): number {
  let characters = key.length
  for (const name in fields) characters += name.length + fields[name]!.length
  return entryOverhead + 2 * characters + bytes.byteLength
}
