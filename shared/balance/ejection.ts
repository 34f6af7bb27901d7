// When is an origin ejected, and for how long? After failures in a row, by the rate of failures, because it is slow
// beside the others of its pool, or silent (gray failure). Each ejection in a row lasts longer, and ends with a trial.
import type { Pool } from '../config/schema.ts'
import { counted, type EjectionReason, type Evidence, type Health, recovered } from './health.ts'

export interface EjectionRule {
  readonly failures: number
  readonly baseSeconds: number
  readonly maxPercent: number
  /** Whether all origins of the pool are asked for the same things, so that one of them can be slow beside the others. */
  readonly comparable: boolean
}

export function ejectionRule({ ejection, policy, hashOn }: Pool): EjectionRule {
  return { ...ejection, comparable: policy !== 'hash' || (hashOn !== 'path' && hashOn !== 'url') }
}

/** Envoy's failure percentage: of at least so many attempts within ten seconds. */
const failureRate = { percent: 85, attempts: 50 }
/** What an origin takes is known from so many answers on: as many as its estimate needs to climb from fast to slow. */
const enoughSamples = 20
/** So many times the median of the others is slow, and nothing below the floor: of fast origins one is always slower. */
const slow = { times: 3, floorMs: 500 }
/** A trial that was given up after so long has failed: another origin had to be asked meanwhile. */
const trialFloorMs = 200
/** Whoever owes so many answers, and gives none for so long, is silent; fewer may be slow pages, shorter a busy moment. */
export const owedAnswers = 5
const silenceFloorMs = 750
/** Silence may be a pause, such as the collection of garbage: it is tried again after a part of the time. */
const silenceShare = 0.1
const longestEjectionMs = 300_000
const shortestEjectionMs = 1000

/** The health of an origin when an attempt has ended. `others` are the other origins of its pool. */
export function judged(
  before: Health,
  evidence: Evidence,
  others: readonly Health[],
  rule: EjectionRule,
  at: number,
): Health {
  const health = counted(before, evidence, at)
  if (health.ejected !== undefined) return tried(health, evidence, others, rule, at)
  const because = reasonFor(health, evidence, others, rule)
  return because !== undefined && hasRoom(others, rule) ? ejected(health, because, evidence, rule, at) : health
}

function reasonFor(
  health: Health,
  evidence: Evidence,
  others: readonly Health[],
  rule: EjectionRule,
): EjectionReason | undefined {
  const { failuresInARow, recent, typical } = health
  if (evidence.kind === 'bad') {
    const fails = failuresInARow >= rule.failures
    if (fails) return evidence.retryAfterMs === undefined ? 'failures' : 'retry-after'
    const isRate = recent.attempts >= failureRate.attempts
    return isRate && recent.failures * 100 >= recent.attempts * failureRate.percent ? 'failure-rate' : undefined
  }
  return typical.samples >= enoughSamples && isSlow(typical.ms, others, rule, slow.floorMs) ? 'latency' : undefined
}

/** The trial that was under way decides; whatever ends beside it had begun before it. */
function tried(health: Health, evidence: Evidence, others: readonly Health[], rule: EjectionRule, at: number): Health {
  const { ejected: was } = health
  if (was?.trialAt === undefined || at - evidence.ms < was.trialAt) return health
  const isTooSlow = isSlow(evidence.ms, others, rule, evidence.kind === 'given-up' ? trialFloorMs : slow.floorMs)
  if (evidence.kind === 'bad' || isTooSlow) {
    return ejected(health, was.because, evidence, rule, at)
  }
  // One that was given up early has shown nothing: the next one tries.
  if (evidence.kind === 'given-up') return { ...health, ejected: { ...was, trialAt: undefined } }
  return recovered(health, at)
}

/** The health of an origin that owes several answers and has given none for `silentMs`, while others did. */
export function judgedSilent(
  health: Health,
  silentMs: number,
  others: readonly Health[],
  rule: EjectionRule,
  at: number,
): Health {
  if (health.ejected !== undefined || !isSlow(silentMs, others, rule, silenceFloorMs)) return health
  return hasRoom(others, rule) ? ejected(health, 'silence', { kind: 'given-up', ms: silentMs }, rule, at) : health
}

function isSlow(ms: number, others: readonly Health[], { comparable }: EjectionRule, floorMs: number): boolean {
  if (!comparable || ms < floorMs) return false
  const known = others.filter(({ ejected, typical }) => ejected === undefined && typical.samples >= enoughSamples)
  return known.length > 0 && ms > slow.times * median(known.map(({ typical }) => typical.ms))
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((left, right) => left - right)
  const middle = (sorted.length - 1) / 2
  return (sorted[Math.floor(middle)]! + sorted[Math.ceil(middle)]!) / 2
}

/** Of two or more origins one may always be ejected; the last one never is. */
export function hasRoom(others: readonly Health[], { maxPercent }: EjectionRule): boolean {
  if (maxPercent === 0) return false
  const total = others.length + 1
  const most = Math.max(total > 1 ? 1 : 0, Math.floor((total * maxPercent) / 100))
  return others.filter((health) => health.ejected !== undefined).length < most
}

/** For longer each time; whoever says when to come again is taken at its word, and it does not count against it. */
function ejected(health: Health, because: EjectionReason, evidence: Evidence, rule: EjectionRule, at: number): Health {
  const retryAfterMs = evidence.kind === 'bad' ? evidence.retryAfterMs : undefined
  if (retryAfterMs !== undefined) {
    const lastsMs = Math.min(Math.max(retryAfterMs, shortestEjectionMs), longestEjectionMs)
    return { ...health, ejected: { because: 'retry-after', at, until: at + lastsMs, trialAt: undefined } }
  }
  const baseMs = rule.baseSeconds * 1000
  const ejections = ejectionsLeft(health, baseMs, at) + 1
  const longMs = Math.min(ejections * baseMs, Math.max(baseMs, longestEjectionMs))
  const lastsMs = because === 'silence' ? longMs * silenceShare : longMs
  return { ...health, ejections, ejected: { because, at, until: at + lastsMs, trialAt: undefined } }
}

/** For each time that it has stayed healthy as long as a first ejection lasts, one is forgiven. */
function ejectionsLeft({ ejections, ejected, recoveredAt }: Health, baseMs: number, at: number): number {
  if (ejected !== undefined || recoveredAt === undefined) return ejections
  return Math.max(0, ejections - Math.floor((at - recoveredAt) / baseMs))
}
