// The steering phase: which pools is this request meant for, and which origin keeps its client? And what the client is
// told of it: a signed cookie, on answers that are its own.
import {
  type ClientNote,
  formatNote,
  isDrained,
  keptOrigin,
  maxAgeOf,
  noteAfter,
  nothingNoted,
  type PoolTags,
  type Preferred,
  parseNote,
  prefer,
} from '../../shared/balance/affinity.ts'
import type { OriginState, PoolState } from '../../shared/balance/pool.ts'
import { position } from '../../shared/balance/position.ts'
import { type Course, courseOf, type Whereabouts } from '../../shared/balance/steering.ts'
import type { Canary } from '../../shared/config/steering.ts'
import { setCookie, toOneClient } from '../../shared/http/set-cookie.ts'
import type { Snapshot } from '../../shared/snapshot.ts'
import type { Answer, AnsweredBy, Client, Life } from '../life.ts'
import { clientAddress } from '../messages.ts'
import type { Ports } from '../ports.ts'
import type { Problem } from '../problem.ts'
import { affinityCookieNames } from '../session/own-cookies.ts'
import type { Choice } from './attempts.ts'

type Asked = Pick<Life, 'route' | 'snapshot' | 'target' | 'fields' | 'request'>

// The client's note ───────────────────────────────────────────────────────────────────────────────────────────────

/** Who asks, as far as steering goes by it. */
export function clientOf(
  { route, snapshot }: Asked,
  cookie: string | undefined,
  ports: Ports,
): Client | Promise<Client> {
  const remembering = [...route.pools, ...(route.canary === undefined ? [] : [route.canary.pool])].filter(
    (name) => snapshot.config.pools[name]?.affinity?.by === 'cookie',
  )
  const isHeeded = remembering.length > 0 || route.canary?.by === 'cookie'
  return isHeeded ? noted(remembering, snapshot, cookie, ports) : unknown
}

const unknown: Client = { note: nothingNoted, tags: new Map() }

async function noted(
  remembering: readonly string[],
  snapshot: Snapshot,
  cookie: string | undefined,
  ports: Ports,
): Promise<Client> {
  const tags = await Promise.all(
    remembering.map(async (name): Promise<[PoolState, PoolTags]> => {
      const state = snapshot.pools.get(name)!
      return [state, await tagsFor(name, state, ports)]
    }),
  )
  const note = cookie === undefined ? nothingNoted : await readNote(cookie, ports)
  return { note, tags: new Map(tags) }
}

/** A cookie that was altered, or is of another key, says nothing. */
async function readNote(cookie: string, { seal }: Ports): Promise<ClientNote> {
  const end = cookie.lastIndexOf('.')
  const text = cookie.slice(0, end)
  const isOwn = end > 0 && cookie.length <= longestNote && (await seal.isMac(`note ${text}`, cookie.slice(end + 1)))
  return (isOwn ? parseNote(text) : undefined) ?? nothingNoted
}

const longestNote = 1024

/** Made once for each pool. They cannot be promises, which must not be shared between requests. */
const knownTags = new WeakMap<PoolState, PoolTags>()
const tagLength = 10

async function tagsFor(name: string, state: PoolState, { seal }: Ports): Promise<PoolTags> {
  const known = knownTags.get(state)
  if (known !== undefined) return known
  const tag = async (of: readonly string[]) => (await seal.mac(`tag ${JSON.stringify(of)}`)).slice(0, tagLength)
  const origins = state.pool.origins.map(async ({ id }): Promise<[string, string]> => [id, await tag([name, id])])
  const tags = { pool: await tag([name]), origins: new Map(await Promise.all(origins)) }
  knownTags.set(state, tags)
  return tags
}

/** Writes the client's note where its answer has something new, and is its own: neither stored nor shared. */
export async function noteClient(life: Life, got: Answer, fields: Headers): Promise<void> {
  const { client, route, target, ports } = life
  if (got.by === undefined || got.flight?.collapsed || got.flight?.stores === false) return
  const now = ports.now()
  const kept = noteOfAnswer(life, got, got.by, now)
  const note = route.canary?.by === 'cookie' && kept.place === undefined ? { ...kept, place: placeOf(life) } : kept
  const cacheControl = note === client.note ? undefined : toOneClient(fields, now)
  if (cacheControl === undefined) return
  const text = formatNote(note)
  const value = `${text}.${await ports.seal.mac(`note ${text}`)}`
  fields.append(
    'set-cookie',
    setCookie(affinityCookieNames[target.scheme], value, maxAgeOf(note, now), target.scheme === 'https'),
  )
  fields.set('cache-control', cacheControl)
}

function noteOfAnswer({ client, snapshot }: Life, { flight }: Answer, { pool, origin }: AnsweredBy, now: number) {
  const state = snapshot.pools.get(pool)
  const tags = state && client.tags.get(state)
  if (state?.pool.affinity === undefined || tags === undefined) return client.note
  // A flight does not know whose origin is whose.
  if (flight !== undefined && keptOrigin(state.pool, tags, client.note, now) !== undefined) return client.note
  return noteAfter(client.note, state.pool.affinity, state.pool, tags, origin, now)
}

// Which pools ─────────────────────────────────────────────────────────────────────────────────────────────────────

/** What a request is meant for. */
export function courseFor(asked: Asked, client: Client, random: () => number): Course {
  const { route, request } = asked
  const identity = route.canary && identityOf(route.canary.by, { ...asked, client })
  return courseOf(route, route.steering.by === 'order' ? nowhere : whereaboutsOf(request), identity, random)
}

const nowhere: Whereabouts = {}

function whereaboutsOf({ cf }: Request): Whereabouts {
  const text = (value: unknown) => (typeof value === 'string' ? value : undefined)
  const { country, continent, colo, latitude, longitude } = cf ?? {}
  return {
    country: text(country),
    continent: text(continent),
    colo: text(colo),
    latitude: degrees(latitude),
    longitude: degrees(longitude),
  }
}

/** The platform gives them as text. */
function degrees(value: unknown): number | undefined {
  const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : value
  return typeof number === 'number' && Number.isFinite(number) ? number : undefined
}

/** Why the request went where it went, for people. */
export function whySteered({ course, pools, snapshot }: Life): string {
  const [first = ''] = course.pools
  return snapshot.pools.get(first) === pools[0] ? course.because : `${course.because}; ${first} is unwell`
}

type Known = Pick<Life, 'request' | 'fields' | 'client'>

/** What tells this client from others; undefined where nothing does. */
function identityOf(by: Canary['by'], known: Known): string | undefined {
  if (by === 'ip') return clientAddress(known.request.headers)
  if (by === 'cookie') return known.client.note.place ?? placeOf(known)
  return known.fields.get(by.slice('header:'.length)) ?? undefined
}

/** Stands for a client until it has a cookie, and then in it, so that the cookie changes nothing. */
function placeOf({ request, fields }: Pick<Life, 'request' | 'fields'>): string {
  return Math.floor(position(`${clientAddress(request.headers)}\0${fields.get('user-agent')}`) * 2 ** 32).toString(36)
}

// Which origin ────────────────────────────────────────────────────────────────────────────────────────────────────

/** The ranked origins of a pool, the one that keeps the client in front, and without those that have been drained. */
export function preferOwn(life: Life, state: PoolState, all: readonly OriginState[]): Preferred {
  const { affinity } = state.pool
  const ranked = all.filter(({ origin }) => !isDrained(origin, life.requestTime))
  if (affinity === undefined || life.isShared) return { kind: 'order', order: ranked }
  const tags = life.client.tags.get(state)
  const kept = tags && keptOrigin(state.pool, tags, life.client.note, life.requestTime)
  const identity = identityOf(affinity.by === 'cookie' ? 'ip' : affinity.by, life)
  return prefer(state, ranked, affinity, kept, identity, life.requestTime)
}

export const ownOriginGone: Problem = {
  status: 503,
  reason: 'affinity-origin',
  detail: 'The origin that keeps this client is not ready, and no other may stand in for it; try again later.',
  headers: { 'retry-after': '5', 'proxy-status': 'weir; error=destination_unavailable' },
}

export function poolName({ snapshot }: Pick<Life, 'snapshot'>, state: PoolState): string {
  const [name = ''] = [...snapshot.pools].find(([, each]) => each === state) ?? []
  return name
}

/** Who has answered, for the phases after this one. */
export function byOf(
  { snapshot }: Life,
  { pool, origin, choice }: { pool: PoolState; origin: OriginState; choice: Choice },
): AnsweredBy {
  const { affinity, candidates } = choice
  return {
    pool: poolName({ snapshot }, pool),
    origin: origin.origin.id,
    ...(affinity !== undefined && { affinity }),
    ...(candidates && { candidates }),
  }
}
