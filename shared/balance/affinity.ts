// Which origin of a pool keeps a client? What a cookie remembers, or what its address or a header hash to. Says nothing
// of signatures: a note that gets here has been found to be our own.
import type { Affinity, Origin, Pool } from '../config/schema.ts'
import { isHealthy } from './health.ts'
import type { OriginState, PoolState } from './pool.ts'
import { position } from './position.ts'

/** What a client's cookie remembers. */
export interface ClientNote {
  /** What stands for the client where a share of all clients is chosen. */
  readonly place?: string | undefined
  /** One for each pool, the latest first. */
  readonly keeps: readonly Keep[]
}

export interface Keep {
  /** Tags: they tell a client nothing of our names. */
  readonly pool: string
  readonly origin: string
  /** Milliseconds since the epoch, whole seconds. */
  readonly until: number
}

/** The tags of a pool and of its origins, by their ids. */
export interface PoolTags {
  readonly pool: string
  readonly origins: ReadonlyMap<string, string>
}

export const nothingNoted: ClientNote = { keeps: [] }

/** A cookie has a size: of more pools than these a client keeps the latest. */
const mostKeeps = 8

// The note as text ────────────────────────────────────────────────────────────────────────────────────────────────

const format = '1'

/** In characters that a cookie may have; of what is written into it none has a dot or a tilde. */
export function formatNote({ place = '', keeps }: ClientNote): string {
  const written = keeps.map(({ pool, origin, until }) => `${pool}~${origin}~${Math.round(until / 1000).toString(36)}`)
  return [format, place, ...written].join('.')
}

/** Undefined where it is of another format. */
export function parseNote(text: string): ClientNote | undefined {
  const [version, place, ...written] = text.split('.')
  if (version !== format) return undefined
  const keeps = written.map((each) => {
    const [pool = '', origin = '', until = ''] = each.split('~')
    return { pool, origin, until: Number.parseInt(until, 36) * 1000 }
  })
  return { place: place || undefined, keeps }
}

// Whose client it is ──────────────────────────────────────────────────────────────────────────────────────────────

/** The origin that a note keeps the client at; `now` in milliseconds. One that has been drained keeps nobody. */
export function keptOrigin(pool: Pool, tags: PoolTags, { keeps }: ClientNote, now: number): Origin | undefined {
  const keep = keeps.find((each) => each.pool === tags.pool && now < each.until)
  const origin = keep && pool.origins.find(({ id }) => tags.origins.get(id) === keep.origin)
  return origin === undefined || isDrained(origin, now) ? undefined : origin
}

/** Whether an origin that drains has come to its end. */
export function isDrained({ state, drainUntil }: Origin, now: number): boolean {
  return state === 'drain' && drainUntil !== undefined && now >= drainUntil
}

/** The origins that take new clients, in an order of the client's own (weighted rendezvous): one that goes moves its own alone. */
export function rankForClient(state: PoolState, client: string): OriginState[] {
  const score = ({ origin }: OriginState) => origin.weight / -Math.log(position(`${client}\0${origin.id}`))
  const ready = state.origins.filter(({ origin }) => origin.state === 'ready')
  return ready
    .map((each) => ({ each, score: score(each) }))
    .sort((left, right) => right.score - left.score)
    .map(({ each }) => each)
}

// Where it is sent ────────────────────────────────────────────────────────────────────────────────────────────────

export type Preferred =
  | { readonly kind: 'order'; readonly order: readonly OriginState[]; readonly because?: string }
  /** The client's origin cannot answer, and no other may. */
  | { readonly kind: 'none' }

/**
 * The ranked origins with the client's own in front. `kept` is what its note says; `client` identifies it where there is
 * no note, and where another has to stand in. `now` in milliseconds.
 */
export function prefer(
  state: PoolState,
  ranked: readonly OriginState[],
  { by, onFailure }: Affinity,
  kept: Origin | undefined,
  client: string | undefined,
  now: number,
): Preferred {
  const isOurs = (each: OriginState) => each.origin.id === kept?.id
  const hashed = client === undefined || (by === 'cookie' && kept === undefined) ? [] : rankForClient(state, client)
  const first = kept === undefined ? hashed[0] : state.origins.find(isOurs)
  if (first === undefined && kept === undefined) return { kind: 'order', order: ranked }
  const isWell = first !== undefined && isHealthy(first.health, now)
  if (onFailure === 'none') return isWell ? { kind: 'order', order: [first], because: `${by}, kept` } : { kind: 'none' }
  const chosen = isWell ? first : hashed.find((each) => isHealthy(each.health, now))
  const because = isWell ? `${by}, kept` : `${by}, elsewhere, as its own is unwell`
  if (chosen === undefined) return { kind: 'order', order: ranked, because }
  return { kind: 'order', order: [chosen, ...ranked.filter((each) => each !== chosen)], because }
}

// What is remembered after it ─────────────────────────────────────────────────────────────────────────────────────

/** The note after an origin has answered; the same one where there is nothing to write. `now` in milliseconds. */
export function noteAfter(
  note: ClientNote,
  { ttlSeconds, onFailure }: Affinity,
  pool: Pool,
  tags: PoolTags,
  answered: string,
  now: number,
): ClientNote {
  const kept = keptOrigin(pool, tags, note, now)
  const keeper = kept === undefined || onFailure === 'sticky' ? answered : kept.id
  const origin = tags.origins.get(keeper)
  if (origin === undefined) return note
  const before = note.keeps.find((each) => each.pool === tags.pool)
  // It is not written anew with every answer, only when a tenth of its time is over.
  const isDue = before === undefined || before.until - now < ttlSeconds * 900
  if (before?.origin === origin && !isDue) return note
  const others = note.keeps.filter((each) => each.pool !== tags.pool && now < each.until)
  const keep = { pool: tags.pool, origin, until: now + ttlSeconds * 1000 }
  return { ...note, keeps: [keep, ...others].slice(0, mostKeeps) }
}

const yearSeconds = 31_536_000

/** How long a client is to hold its note: with a place for a year, else for as long as one of its origins keeps it. */
export function maxAgeOf({ place, keeps }: ClientNote, now: number): number {
  if (place !== undefined) return yearSeconds
  return Math.max(0, ...keeps.map(({ until }) => Math.ceil((until - now) / 1000)))
}
