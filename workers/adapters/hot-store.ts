// The hot tier: what this isolate is asked for again and again stands in its memory, before the store that it shares
// with others. A hit there calls nothing of the platform. It changes where an answer is found, not what is judged: the
// heads are the same, so expiry, variants, purges and a new configuration bind it in the same instant. What another
// isolate has replaced or let go is seen here `trustSeconds` later at most.
import { defaultHotTier, type HotTier } from '../../shared/config/cache.ts'
import { hasNoContent } from '../../shared/http/status.ts'
import type { BodySink, Note, ResponseStore, Stored, StoredHead, StoredResponse } from '../ports.ts'
import { storePatienceMs, within } from '../within.ts'

interface HotResponse {
  readonly head: StoredHead
  readonly fields: Readonly<Record<string, string>>
  readonly bodyId: string | undefined
  /** Never changed: several responses may be reading it. */
  readonly bytes: Uint8Array
}

interface Hot {
  readonly content: HotResponse | Note
  readonly cost: number
  /** When the store behind had it. */
  readonly seenAt: number
}

/** What an entry costs beside its body and its fields. */
const entryOverhead = 1_000
/** So many keys are remembered as having been asked for once. */
const maxAskedOnce = 2_000

/** `now` gives milliseconds, `limits` those that are in force: new ones bind what is held already. */
export function hotStore(
  behind: ResponseStore,
  now: () => number,
  limits: () => HotTier = () => defaultHotTier,
): ResponseStore {
  const held = new Map<string, Hot>()
  const askedOnce = new Set<string>()
  /** Counts what was replaced or let go: what was found before a change may be what it changed. */
  let changes = 0
  let total = 0

  const drop = (key: string) => {
    total -= held.get(key)?.cost ?? 0
    held.delete(key)
  }

  /** The least recently used go first. */
  const makeRoom = (totalBytes: number) => {
    for (const oldest of held.keys()) {
      if (total <= totalBytes) break
      drop(oldest)
    }
  }

  const hold = (key: string, content: HotResponse | Note) => {
    drop(key)
    const cost = costOf(key, content)
    const { totalBytes } = limits()
    if (cost > totalBytes) return
    makeRoom(totalBytes - cost)
    held.set(key, { content, cost, seenAt: now() })
    total += cost
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
    const known = held.get(key)?.content
    const isSame = known !== undefined && 'bytes' in known && known.bodyId === stored.bodyId
    if (isSame) stored.discard()
    const bytes = isSame ? known.bytes : await bytesOf(stored)
    // It could not be read to its end: as good as none.
    if (bytes === undefined) return undefined
    const content = { head: stored.head, fields: stored.fields, bodyId: stored.bodyId, bytes }
    if (changes === before) hold(key, content)
    return answerOf(content)
  }

  /** Forgets it here before and after it changes there, since the old one may be asked for meanwhile. */
  const around = async (key: string, change: () => Promise<void>): Promise<void> => {
    drop(key)
    await change()
    changes++
    drop(key)
  }

  const match = async (key: string, { entryBytes, trustSeconds }: HotTier): Promise<Stored | undefined> => {
    const hot = held.get(key)
    if (hot !== undefined && now() < trustedUntil(hot, trustSeconds) && sizeOf(hot.content) <= entryBytes) {
      // The last one in is the last one to go.
      held.delete(key)
      held.set(key, hot)
      return 'bytes' in hot.content ? answerOf(hot.content) : { kind: 'note', note: hot.content }
    }
    const again = isHot(key)
    const before = changes
    const stored = await behind.match(key)
    if (stored === undefined || stored.kind === 'forgotten') {
      drop(key)
      return stored
    }
    if (!again || changes !== before) return stored
    if (stored.kind === 'note') {
      hold(key, stored.note)
      return stored
    }
    if (stored.size > entryBytes) {
      drop(key)
      return stored
    }
    return raise(key, stored, before)
  }

  return {
    match(key) {
      const limit = limits()
      makeRoom(limit.totalBytes)
      return limit.totalBytes === 0 ? behind.match(key) : match(key, limit)
    },
    begin(key, head, fields, length) {
      const sink = behind.begin(key, head, fields, length)
      return endingWith(sink, (end) => around(key, end))
    },
    update: (key, stored, head, fields) => around(key, () => behind.update(key, stored, head, fields)),
    note: (key, note, askedAt) => around(key, () => behind.note(key, note, askedAt)),
    forget: (key, askedAt) => around(key, () => behind.forget(key, askedAt)),
  }
}

/** What is stale may have been refreshed by another isolate: one look costs less than another refresh. */
function trustedUntil({ content, seenAt }: Hot, trustSeconds: number): number {
  const until = seenAt + trustSeconds * 1000
  return 'bytes' in content ? Math.min(until, content.head.freshUntil) : until
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

function answerOf({ head, fields, bodyId, bytes }: HotResponse): StoredResponse {
  return {
    kind: 'response',
    head,
    fields,
    bodyId,
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

const sizeOf = (content: HotResponse | Note): number => ('bytes' in content ? content.bytes.byteLength : 0)

function costOf(key: string, content: HotResponse | Note): number {
  const described = 'bytes' in content ? content.fields : content
  return entryOverhead + 2 * (key.length + JSON.stringify(described).length) + sizeOf(content)
}
