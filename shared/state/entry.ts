// One key of the shared state cache: what an operation makes of its entry, and what is answered. Pure: whoever calls it
// loads the entry, calls `applied`, and saves what is next, in one turn.
//
// An entry whose row is gone leaves its numbers in the floor of its bucket, from which the next one counts on: so a
// version or a token is never given twice for one key.
import { matches } from './conditions.ts'
import type { Add, Content, Mutation, Operation, Put, Refusal, Reply, TakeLease } from './operation.ts'

export interface Lease {
  readonly holder: string
  /** Larger than that of any lease of this key before. */
  readonly token: number
  /** In ms. */
  readonly until: number
}

export interface Entry {
  /** Of its content, or of the removal of it. */
  readonly version: number
  /** Absent where there is only a lease. */
  readonly content?: Content
  /** When the content ends, in ms. Absent: never. */
  readonly expiresAt?: number
  /** The last that was granted, also when it has ended: its token says who is late. */
  readonly lease?: Lease
}

export interface Applied {
  readonly reply: Reply
  /** What is to be saved; the same as before where nothing has changed. Undefined: the row goes. */
  readonly next: Entry | undefined
  /** Where the row goes: what the floor of the bucket must be at least. */
  readonly floor?: number
}

/** How long the token of a lease is remembered after its end where the key has no content. */
const leaseMemoryMs = 86_400_000

/** What an entry is at `now`, of which something may have ended. */
export function current(entry: Entry | undefined, now: number): Entry | undefined {
  if (entry === undefined) return undefined
  const { version, lease, expiresAt = Number.POSITIVE_INFINITY } = entry
  const content = now < expiresAt ? entry.content : undefined
  if (content === entry.content && content !== undefined) return entry
  if (lease === undefined || now >= lease.until + leaseMemoryMs) return undefined
  return content === entry.content ? entry : { version, lease }
}

/** When an entry changes by itself, in ms; undefined: never. */
export function changesAt({ content, expiresAt, lease }: Entry): number | undefined {
  return content === undefined ? (lease?.until ?? 0) + leaseMemoryMs : expiresAt
}

/** What the floor of the bucket must be at least when the entry's row goes by itself. */
export const highest = ({ version, lease }: Entry): number => Math.max(version, lease?.token ?? 0)

/** `stored` is what there is, `floor` that of the key's bucket. */
export function applied(stored: Entry | undefined, floor: number, operation: Operation, now: number): Applied {
  const entry = current(stored, now)
  const from = stored === undefined ? floor : highest(stored)
  const same = (reply: Reply): Applied => ({ reply, next: stored })
  if (operation.kind === 'read') return same(found(entry))
  if (operation.kind === 'lease') return leased(stored, entry, from, operation, now)
  const refusal = refused(entry, operation)
  if (refusal !== undefined) return same(refusal)
  const version = (entry?.version ?? from) + 1
  switch (operation.kind) {
    case 'put':
      return put(entry, version, operation, now)
    case 'remove': {
      if (entry?.content === undefined) return same({ kind: 'absent' })
      const { lease } = entry
      const next = lease && { version, lease }
      return { reply: { kind: 'removed', version }, next, floor: version }
    }
    case 'add': {
      const counted = add(entry, version, operation, now)
      return 'next' in counted ? counted : same(counted)
    }
    default:
      return operation satisfies never
  }
}

function found(entry: Entry | undefined): Reply {
  if (entry?.content === undefined) return { kind: 'absent' }
  return { kind: 'found', version: entry.version, content: entry.content, ...lasting(entry.expiresAt) }
}

const lasting = (expiresAt: number | undefined) => (expiresAt === undefined ? {} : { expiresAt })

/** Who is late is told so before anything else: what it knows of the versions is of no use any more. */
function refused(entry: Entry | undefined, { fencingToken, ifMatch, ifNoneMatch }: Mutation): Refusal | undefined {
  const newest = entry?.lease?.token
  if (fencingToken !== undefined && fencingToken !== newest) return { kind: 'refused', because: 'fenced', newest }
  const version = entry?.content && entry.version
  const isThis = ifMatch === undefined || matches(ifMatch, version)
  if (isThis && !matches(ifNoneMatch, version)) return undefined
  return { kind: 'refused', because: 'changed', version }
}

function put(entry: Entry | undefined, version: number, { content, ttlSeconds }: Put, now: number): Applied {
  const end = lasting(ttlSeconds && now + ttlSeconds * 1000)
  const next = { version, content, ...end, ...(entry?.lease && { lease: entry.lease }) }
  return { reply: { kind: 'written', version, created: entry?.content === undefined, ...end }, next }
}

const jsonType = 'application/json'

function add(entry: Entry | undefined, version: number, operation: Add, now: number): Applied | Refusal {
  const { by, min = Number.MIN_SAFE_INTEGER, max = Number.MAX_SAFE_INTEGER, ttlSeconds } = operation
  const before = entry?.content === undefined ? 0 : numberOf(entry.content)
  if (before === undefined) return { kind: 'refused', because: 'no-number' }
  const value = before + by
  if (value < min || value > max) return { kind: 'refused', because: 'out-of-bounds', value: before }
  const begins = entry?.content === undefined
  const end = lasting(begins ? ttlSeconds && now + ttlSeconds * 1000 : entry.expiresAt)
  const type = entry?.content?.type ?? jsonType
  const content = { type, bytes: new TextEncoder().encode(String(value)) }
  const next = { version, content, ...end, ...(entry?.lease && { lease: entry.lease }) }
  return { reply: { kind: 'counted', value, version, ...end }, next }
}

/** Undefined where the content is no whole number, or none that can be counted with. */
function numberOf({ bytes }: Content): number | undefined {
  if (bytes.byteLength > 32) return undefined
  const text = new TextDecoder().decode(bytes).trim()
  const value = /^-?\d+$/.test(text) ? Number(text) : Number.NaN
  return Number.isSafeInteger(value) ? value : undefined
}

function leased(
  stored: Entry | undefined,
  entry: Entry | undefined,
  from: number,
  { holder, seconds }: TakeLease,
  now: number,
): Applied {
  const last = entry?.lease
  const held = last !== undefined && now < last.until ? last : undefined
  if (held !== undefined && held.holder !== holder)
    return { reply: { kind: 'refused', because: 'held', holder: held.holder, until: held.until }, next: stored }
  if (seconds === 0) {
    const next = held === undefined ? stored : { ...entry!, lease: { ...held, until: now } }
    return { reply: { kind: 'released' }, next }
  }
  const token = held?.token ?? (last?.token ?? from) + 1
  const until = now + seconds * 1000
  const next = { ...(entry ?? { version: from }), lease: { holder, token, until } }
  return { reply: { kind: 'leased', token, until }, next }
}
