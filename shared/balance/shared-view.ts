// What the isolates tell each other of a pool, by way of its object: the monitor's words, ejections, and how long origins
// take. Attempts under way are never shared: what was in flight elsewhere two seconds ago misleads, and all would run
// to the same origin. To lose any of it costs precision alone.
import { ejectionRule, hasRoom } from './ejection.ts'
import { type Ejected, type Health, toldByMonitor } from './health.ts'
import { type Latency, mergeLatency, shownLatency } from './latency.ts'
import { type MonitorState, originKey, reasonOf, type Verdict } from './monitor.ts'
import type { PoolState } from './pool.ts'

/** An ejection as others hear of it. `at` says which one it is. Instants in milliseconds since the epoch. */
export interface Ejection extends Pick<Ejected, 'because' | 'at' | 'until'> {
  readonly ejections: number
}

/** What requests have shown of an origin. */
export interface Learnt {
  readonly latency?: Latency
  readonly ejection?: Ejection
}

/** By `originKey`. */
export type LearntByOrigin = Readonly<Record<string, Learnt>>

/** The monitor's word on an origin. */
export interface MonitorWord {
  readonly verdict: Verdict
  readonly since: number
  /** What the last probe has shown. */
  readonly because: string
  /** From then on it is too old to go by. */
  readonly until: number
}

export interface SharedOrigin extends Learnt {
  readonly word?: MonitorWord
}

/** What the object of a pool publishes, by `originKey`. */
export type SharedView = Readonly<Record<string, SharedOrigin>>

/** While there are requests for an origin, isolates share so often. */
export const shareEveryMs = 1_000
/**
 * Whoever has ejected an origin tries it first. The others wait so much longer: by then they have heard if that went
 * badly.
 */
const trialFirstMs = 2 * shareEveryMs
/** After so long hardly anything is left of an estimate. An ejection is known so long beyond its end: nobody revives it. */
const forgetMs = 60_000

/** What this isolate can tell `now` (ms). It does not repeat an ejection of which the others have told it. */
export function learntBy({ origins }: PoolState, view: SharedView, now: number): LearntByOrigin {
  const learnt = origins.map((each): [string, Learnt] => {
    const { origin, health } = each
    const latency = shownLatency(each, now)
    const key = originKey(origin)
    const { ejected, ejections } = health
    const isNews = ejected !== undefined && ejected.at !== view[key]?.ejection?.at
    return [key, { ...(latency.at > 0 && { latency }), ...(isNews && { ejection: ejectionOf(ejected, ejections) }) }]
  })
  return Object.fromEntries(learnt)
}

function ejectionOf({ because, at, until }: Ejected, ejections: number): Ejection {
  return { because, at, until, ejections }
}

/** All that is known from both: of each origin the slower estimate and the longer ejection, less what is long over. */
export function united(known: LearntByOrigin, learnt: LearntByOrigin, at: number): LearntByOrigin {
  const keys = new Set([...Object.keys(known), ...Object.keys(learnt)])
  const all = [...keys].map((key): [string, Learnt] => [key, joint(known[key] ?? {}, learnt[key] ?? {}, at)])
  return Object.fromEntries(all.filter(([, { latency, ejection }]) => latency ?? ejection))
}

function joint(left: Learnt, right: Learnt, at: number): Learnt {
  const latency = either(left.latency, right.latency, mergeLatency)
  const ejection = either(left.ejection, right.ejection, longer)
  return {
    ...(latency && at < latency.at + forgetMs && { latency }),
    ...(ejection && at < ejection.until + forgetMs && { ejection }),
  }
}

function either<T>(left: T | undefined, right: T | undefined, choose: (left: T, right: T) => T): T | undefined {
  return left !== undefined && right !== undefined ? choose(left, right) : (left ?? right)
}

/** Who has only heard of an ejection knows it with a later end. */
function longer(left: Ejection, right: Ejection): Ejection {
  const isLeft = left.at === right.at ? left.until <= right.until : left.until > right.until
  return isLeft ? left : right
}

/** What is published; the words of the monitor hold until `wordsUntil`. */
export function publish(learnt: LearntByOrigin, { origins }: MonitorState, wordsUntil: number): SharedView {
  const view: Record<string, SharedOrigin> = { ...learnt }
  for (const [key, watch] of Object.entries(origins)) {
    const { verdict, since } = watch
    if (verdict === undefined) continue
    view[key] = { ...view[key], word: { verdict, since, because: reasonOf(watch), until: wordsUntil } }
  }
  return view
}

/**
 * Takes over what others know, and lets go of words that are too old at `at` (ms). The same view again changes nothing,
 * and what this isolate has found out since stays.
 */
export function applyShared(state: PoolState, view: SharedView, at: number): void {
  for (const each of state.origins) {
    const { word, latency, ejection } = view[originKey(each.origin)] ?? {}
    if (latency !== undefined) each.latency = mergeLatency(each.latency, latency)
    each.health = afterWord(each.health, word, at)
    const others = state.origins.filter((other) => other !== each).map(({ health }) => health)
    if (ejection !== undefined && at < ejection.until && hasRoom(others, ejectionRule(state.pool))) {
      each.health = afterEjection(each.health, ejection)
    }
  }
}

/** A word counts from when this isolate has heard it: what it saw before could not heed it. */
function afterWord(health: Health, word: MonitorWord | undefined, at: number): Health {
  if (word === undefined || at >= word.until) return { ...health, monitor: undefined }
  return word.verdict === health.monitor ? health : toldByMonitor(health, word.verdict, at)
}

function afterEjection(health: Health, { because, at, until, ejections }: Ejection): Health {
  const { ejected, recoveredAt = 0 } = health
  const isKnown = at <= Math.max(ejected?.at ?? 0, recoveredAt) || until <= (ejected?.until ?? 0)
  if (isKnown) return health
  const heard = { because, at, until: until + trialFirstMs, trialAt: undefined }
  return { ...health, ejected: heard, ejections: Math.max(health.ejections, ejections) }
}

/** Whether the monitor finds no origin of the pool healthy. */
export function isDown({ origins }: PoolState): boolean {
  return origins.every(({ health }) => health.monitor === 'down')
}
