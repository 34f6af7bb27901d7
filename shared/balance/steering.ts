// Which pool of a route first? By the route's word, by where a request comes from, or by chance; then by health. No pool
// is ever left out: whatever fails, the others follow as a last resort.
import type { Route } from '../config/schema.ts'
import type { Canary, Steering } from '../config/steering.ts'
import { isHealthy } from './health.ts'
import { isSick, type PoolState } from './pool.ts'
import { position } from './position.ts'
import { rankRandom } from './random.ts'

/** Where a request comes from, as far as the platform tells. Coordinates in degrees. */
export interface Whereabouts {
  readonly country?: string | undefined
  readonly continent?: string | undefined
  readonly colo?: string | undefined
  readonly latitude?: number | undefined
  readonly longitude?: number | undefined
}

/** What a request is meant for, whatever the health of the pools. */
export interface Course {
  /** The names of the pools, first choice first. */
  readonly pools: readonly string[]
  /** What stands in the cache key, where pools serve different things: the pool that it is meant for. */
  readonly side?: string | undefined
  /** For people. */
  readonly because: string
}

type Steered = Pick<Route, 'pools' | 'steering' | 'canary'>

/**
 * The course of a request of `client`, whom it identifies to the canary; undefined where nothing does.
 * `random` gives numbers in [0, 1).
 */
export function courseOf(
  { pools, steering, canary }: Steered,
  where: Whereabouts,
  client: string | undefined,
  random: () => number,
): Course {
  const steered = steer(pools, steering, where, random)
  const usual = steering.keyed ? { ...steered, side: steered.pools[0] } : steered
  if (canary === undefined) return usual
  const { pool, percent } = canary
  if (client === undefined || !isInCanary(canary, client)) {
    return { ...usual, because: `${usual.because}, not of the ${percent} % of the canary` }
  }
  const others = usual.pools.filter((name) => name !== pool)
  return { pools: [pool, ...others], side: pool, because: `of the ${percent} % of the canary` }
}

/** Whether a client belongs to the canary. Whoever does at one percentage does at every higher one. */
export function isInCanary({ pool, percent }: Canary, client: string): boolean {
  return position(`${pool}\0${client}`) * 100 < percent
}

/** All sides that a route's responses have in the cache. */
export function sidesOf({ pools, steering, canary }: Steered): (string | undefined)[] {
  return [...new Set([...(steering.keyed ? pools : [undefined]), ...(canary === undefined ? [] : [canary.pool])])]
}

/** Whether what a pool answers is what that side of the route gets. */
export function isOfSide({ steering, canary }: Steered, side: string | undefined, pool: string): boolean {
  if (side !== undefined) return pool === side
  return steering.keyed || pool !== canary?.pool
}

/** Pools that fail, or whose origins all do at `at` (ms), behind the others; apart from that the order stays. */
export function wellFirst(pools: readonly PoolState[], at: number): readonly PoolState[] {
  if (pools.length === 1) return pools
  const unwell = new Set(pools.filter((state) => isUnwell(state, at)))
  return [...pools.filter((state) => !unwell.has(state)), ...unwell]
}

function isUnwell(state: PoolState, at: number): boolean {
  return isSick(state) || !state.origins.some((each) => each.origin.state === 'ready' && isHealthy(each.health, at))
}

// The ways of steering ────────────────────────────────────────────────────────────────────────────────────────────

function steer(pools: readonly string[], steering: Steering, where: Whereabouts, random: () => number): Course {
  const { by, weights = {}, map = {}, coordinates = {} } = steering
  switch (by) {
    case 'order':
      return { pools, because: 'order' }
    case 'weight':
      return byWeight(pools, weights, random)
    case 'country':
    case 'continent':
    case 'colo':
      return byCode(pools, map, by, where[by])
    case 'nearest':
      return byDistance(pools, coordinates, where)
    default:
      return by satisfies never
  }
}

function byWeight(pools: readonly string[], weights: Readonly<Record<string, number>>, random: () => number): Course {
  const shareOf = (name: string) => own(weights, name) ?? 0
  const weighed = pools.filter((name) => shareOf(name) > 0)
  const order = rankRandom(weighed.map(shareOf), random).map((index) => weighed[index]!)
  const total = weighed.reduce((sum, name) => sum + shareOf(name), 0)
  return { pools: beforeOthers(order, pools), because: `weight ${shareOf(order[0]!)} of ${total}` }
}

function byCode(
  pools: readonly string[],
  map: Readonly<Record<string, readonly string[]>>,
  kind: 'country' | 'continent' | 'colo',
  code: string | undefined,
): Course {
  const found = code === undefined ? undefined : own(map, code)
  const first = found ?? map['*']
  const because = `${kind} ${code ?? 'unknown'}${found === undefined ? ', which is not named' : ''}`
  return { pools: beforeOthers(first ?? [], pools), because }
}

function byDistance(
  pools: readonly string[],
  coordinates: NonNullable<Steering['coordinates']>,
  { latitude, longitude }: Whereabouts,
): Course {
  if (latitude === undefined || longitude === undefined) return { pools, because: 'nearest, but from nowhere known' }
  const placed = pools.flatMap((name) => {
    const point = own(coordinates, name)
    return point === undefined ? [] : [{ name, km: kilometresBetween({ latitude, longitude }, point) }]
  })
  placed.sort((left, right) => left.km - right.km)
  const order = placed.map(({ name }) => name)
  return { pools: beforeOthers(order, pools), because: `nearest, ${Math.round(placed[0]?.km ?? 0)} km` }
}

/** A pool may be called as what every object has. */
function own<T>(record: Readonly<Record<string, T>>, name: string): T | undefined {
  return Object.hasOwn(record, name) ? record[name] : undefined
}

function beforeOthers(first: readonly string[], pools: readonly string[]): string[] {
  return [...first, ...pools.filter((name) => !first.includes(name))]
}

interface Point {
  readonly latitude: number
  readonly longitude: number
}

/** The mean radius of the earth (IUGG), in kilometres. */
const earthRadius = 6371.0088

/** Along the great circle, by the haversine formula, which keeps its precision over small distances. */
export function kilometresBetween(one: Point, other: Point): number {
  const radians = (degrees: number) => (degrees * Math.PI) / 180
  const haversine = (degrees: number) => Math.sin(radians(degrees) / 2) ** 2
  const across = Math.cos(radians(one.latitude)) * Math.cos(radians(other.latitude))
  const half = haversine(other.latitude - one.latitude) + across * haversine(other.longitude - one.longitude)
  return 2 * earthRadius * Math.asin(Math.min(1, Math.sqrt(half)))
}
