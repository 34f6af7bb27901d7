// The journal of one job: what it may become, and when somebody has to look at it again. Its book loads a record, calls
// one of these, and saves what comes of it. Each job that is not over has an instant at which its book wakes it, so that
// none is lost, whatever becomes of messages and of those who run it.
//
//   queued ──begin──→ running ──done───────────────→ done
//     ↑                 │ ├────again──→ failed ──begin──→ running
//     └──retry── over ←─┘ └────failed, or too often──→ dead        over, too: cancelled, and expired (its deadline)
import type { JobRule } from '../config/jobs.ts'
import { callerOf, type Envelope, type Json } from './envelope.ts'

export const jobStates = ['queued', 'running', 'failed', 'done', 'dead', 'cancelled', 'expired'] as const
/** failed: its last run has failed, and there is to be another. dead: there is to be none. */
export type JobState = (typeof jobStates)[number]

export interface Progress {
  readonly percent: number
  readonly note?: string | undefined
}

/** All instants in milliseconds since the epoch. */
export interface JobRecord {
  readonly envelope: Envelope
  readonly rule: JobRule
  readonly state: JobState
  /** Counts what watchers can see change. */
  readonly version: number
  readonly createdAt: number
  readonly changedAt: number
  /** Since it was last queued by somebody. */
  readonly runs: number
  /** Of the last run: what an earlier one says is not heard any more. */
  readonly token: number
  /** How often it was sent to the queue and nobody has begun it. */
  readonly sends: number
  /** It may not be begun before. */
  readonly nextAt: number
  /** When its book looks at it again. */
  readonly wakeAt: number
  readonly progress?: Progress | undefined
  readonly result?: Json | undefined
  /** Why its last run has failed, or why it is over without one. */
  readonly error?: string | undefined
  readonly endedAt?: number | undefined
}

/** A job that is to be written into its book. */
export interface Posting {
  readonly envelope: Envelope
  readonly rule: JobRule
  /** Until it may be begun. */
  readonly delayMs: number
}

/** What a run came to; see `Outcome` of the handlers. */
export type Ended =
  | { readonly kind: 'done'; readonly result?: Json | undefined; readonly error?: string | undefined }
  | { readonly kind: 'again'; readonly because: string; readonly afterSeconds?: number | undefined }
  | { readonly kind: 'failed'; readonly because: string }

const longestDelayMs = 3_600_000
/** Of a queue, and so of what an origin may ask for. */
const longestWaitMs = 43_200_000
/** Doublings: after so many the pauses between its messages stay the same. */
const mostDoublings = 3
const longestUnsentMs = 60_000
const longestError = 1000

const overStates: ReadonlySet<JobState> = new Set(['done', 'dead', 'cancelled', 'expired'])

export const isOver = ({ state }: Pick<JobRecord, 'state'>): boolean => overStates.has(state)

// What may happen to it ───────────────────────────────────────────────────────────────────────────────────────────

export function open({ envelope, rule, delayMs }: Posting, at: number): JobRecord {
  const nextAt = at + delayMs
  return {
    ...{ envelope, rule, state: 'queued', version: 1, createdAt: at, changedAt: at },
    ...{ runs: 0, token: 0, sends: 0, nextAt, wakeAt: Math.min(nextAt, envelope.deadline) },
  }
}

/** Whether two postings of one key want the same. */
export function isSame({ envelope: left }: Pick<JobRecord, 'envelope'>, right: Envelope): boolean {
  const wanted = ({ type, version, payload, callback }: Envelope) =>
    JSON.stringify([type, version, payload, callback ?? null])
  return wanted(left) === wanted(right)
}

export type Begun =
  /** The run is this one's, until then. */
  | { readonly kind: 'run'; readonly record: JobRecord; readonly until: number }
  /** There is nothing to do for this message. */
  | { readonly kind: 'skip'; readonly record: JobRecord }
  /** It came too early. */
  | { readonly kind: 'wait'; readonly record: JobRecord; readonly ms: number }

/**
 * Who has its message asks for the run. A job is run by one at a time; a message that comes while it runs, or when it is
 * over, was sent twice. `random` is in [0, 1).
 */
export function begin(known: JobRecord, rule: JobRule, at: number, random: number): Begun {
  const record = isLost(known, at) ? afterLostRun(known, at, random) : known
  if (isOver(record) || record.state === 'running') return { kind: 'skip', record }
  if (at >= record.envelope.deadline) return { kind: 'skip', record: expire(record, at) }
  if (at < record.nextAt) return { kind: 'wait', record, ms: record.nextAt - at }
  const until = Math.min(at + rule.timeoutMs, Math.max(record.envelope.deadline, at + 1000))
  const run = { runs: record.runs + 1, token: record.token + 1, sends: 0, progress: undefined }
  const begun = change(record, { ...run, rule, state: 'running', wakeAt: at + rule.leaseMs }, at)
  return { kind: 'run', record: begun, until }
}

/** A run is heard of: it goes on. Undefined where it is over: then it is to stop. */
export function advance(
  record: JobRecord,
  token: number,
  progress: Progress | undefined,
  at: number,
): JobRecord | undefined {
  if (!isRun(record, token)) return undefined
  const wakeAt = at + record.rule.leaseMs
  if (progress === undefined) return { ...record, wakeAt }
  const percent = Math.min(100, Math.max(0, progress.percent))
  return change(record, { wakeAt, progress: { percent, note: progress.note?.slice(0, longestError) } }, at)
}

const isRun = (record: JobRecord, token: number): boolean => record.state === 'running' && record.token === token

/** A run has ended. Undefined where it has been given up before, so that what it says counts no more. */
export function finish(
  record: JobRecord,
  token: number,
  ended: Ended,
  at: number,
  random: number,
): JobRecord | undefined {
  if (!isRun(record, token)) return undefined
  switch (ended.kind) {
    case 'done':
      return end(record, 'done', at, ended.error, ended.result)
    case 'failed':
      return end(record, 'dead', at, ended.because)
    case 'again':
      return fail(record, ended, at, random, record.rule.resendMs)
    default:
      return ended satisfies never
  }
}

export const cancel = (record: JobRecord, at: number): JobRecord | undefined =>
  isOver(record) ? undefined : end(record, 'cancelled', at, record.error)

/** Queued anew, with all its runs and the time that its type is given. Undefined where it is done, or under way anyway. */
export function retry(record: JobRecord, at: number): JobRecord | undefined {
  if (record.state === 'done' || record.state === 'queued' || record.state === 'running') return undefined
  const envelope = { ...record.envelope, deadline: at + Math.max(record.rule.deadlineMs, 1000) }
  const anew = { runs: 0, sends: 0, nextAt: at, wakeAt: at, endedAt: undefined, progress: undefined }
  return change({ ...record, ...anew, envelope }, { state: 'queued', error: undefined }, at)
}

/** Nobody could do it; undefined where it was over anyway. */
export const bury = (record: JobRecord, because: string, at: number): JobRecord | undefined =>
  isOver(record) ? undefined : end(record, 'dead', at, because)

// What its book does with it ──────────────────────────────────────────────────────────────────────────────────────

export type Woken =
  | { readonly kind: 'send'; readonly record: JobRecord }
  | { readonly kind: 'kept'; readonly record: JobRecord }
  /** Nobody is told of it any more. Its message may still come until then. */
  | { readonly kind: 'forgotten'; readonly until: number }

/** At `wakeAt`. */
export function wake(known: JobRecord, at: number, random: number): Woken {
  if (isOver(known)) return { kind: 'forgotten', until: known.envelope.deadline }
  const record = isLost(known, at) ? afterLostRun(known, at, random) : known
  if (isOver(record) || at < record.wakeAt) return { kind: 'kept', record }
  if (at >= record.envelope.deadline) return { kind: 'kept', record: expire(record, at) }
  const resendMs = record.rule.resendMs * 2 ** Math.min(record.sends, mostDoublings)
  const wakeAt = Math.min(at + resendMs, record.envelope.deadline)
  return { kind: 'send', record: { ...record, sends: record.sends + 1, wakeAt } }
}

/** The queue did not take it: it is sent again, soon at first. */
export function unsent(record: JobRecord, at: number): JobRecord {
  if (record.state !== 'queued' && record.state !== 'failed') return record
  const waitMs = Math.min(500 * 2 ** record.sends, longestUnsentMs)
  return { ...record, wakeAt: Math.min(at + waitMs, record.envelope.deadline) }
}

const isLost = (record: JobRecord, at: number): boolean => record.state === 'running' && at >= record.wakeAt

/** Nobody has a message for its next run: its book sends one. */
const afterLostRun = (record: JobRecord, at: number, random: number): JobRecord =>
  fail(record, { because: 'Its run ended without a word.' }, at, random, 0)

/** A tenth more or less, so that what has failed together does not come again together. */
function fail(
  record: JobRecord,
  { because, afterSeconds = 0 }: { readonly because: string; readonly afterSeconds?: number | undefined },
  at: number,
  random: number,
  resendMs: number,
): JobRecord {
  const { runs, rule, envelope } = record
  if (runs >= rule.tries) return end(record, 'dead', at, because)
  const ownMs = Math.min(rule.baseDelayMs * 2 ** (runs - 1), longestDelayMs) * (0.9 + random / 5)
  const nextAt = at + Math.round(Math.min(Math.max(ownMs, afterSeconds * 1000), longestWaitMs))
  if (nextAt >= envelope.deadline) return end(record, 'expired', at, `${because} There is no time for another run.`)
  const wakeAt = Math.min(nextAt + resendMs, envelope.deadline)
  return change(record, { state: 'failed', nextAt, wakeAt, error: because.slice(0, longestError) }, at)
}

function expire(record: JobRecord, at: number): JobRecord {
  return end(record, 'expired', at, record.error ?? 'Nobody has begun it before its deadline.')
}

function end(record: JobRecord, state: JobState, at: number, error?: string, result?: Json): JobRecord {
  const wakeAt = at + record.rule.keepMs
  return change(record, { state, wakeAt, endedAt: at, error: error?.slice(0, longestError), result }, at)
}

function change(record: JobRecord, changes: Partial<JobRecord>, at: number): JobRecord {
  return { ...record, ...changes, version: record.version + 1, changedAt: at }
}

// What is told of it ──────────────────────────────────────────────────────────────────────────────────────────────

/** What whoever wanted a job is told of it. Instants in RFC 3339. */
export interface JobStatus {
  readonly id: string
  readonly type: string
  readonly version: number
  readonly state: JobState
  /** Counts up with each of them. */
  readonly changes: number
  readonly createdAt: string
  readonly changedAt: string
  readonly deadline: string
  readonly runs: number
  readonly nextRunAt?: string
  readonly endedAt?: string
  readonly progress?: Progress
  readonly result?: Json
  readonly error?: string
}

export function statusOf(record: JobRecord): JobStatus {
  const {
    envelope,
    state,
    version: changes,
    createdAt,
    changedAt,
    runs,
    nextAt,
    endedAt,
    progress,
    result,
    error,
  } = record
  const { id, type, version, deadline } = envelope
  return {
    ...{ id, type, version, state, changes, createdAt: instant(createdAt), changedAt: instant(changedAt) },
    ...{ deadline: instant(deadline), runs },
    ...(!isOver(record) && state !== 'running' && nextAt > createdAt && { nextRunAt: instant(nextAt) }),
    ...(endedAt !== undefined && { endedAt: instant(endedAt) }),
    ...(progress !== undefined && { progress }),
    ...(result !== undefined && { result }),
    ...(error !== undefined && { error }),
  }
}

const instant = (at: number): string => new Date(at).toISOString()

/** The job that tells of the end of another; undefined where nobody wants to know. `id` is a new one. */
export function callbackOf(record: JobRecord, id: string, at: number): Posting | undefined {
  const { envelope, rule, state, token } = record
  if (envelope.callback === undefined) return undefined
  const payload = {
    url: envelope.callback,
    event: `job.${state}`,
    at,
    data: { ...statusOf(record) } as unknown as Json,
  }
  const key = `gateway callback of ${envelope.id}, run ${token}`
  const { traceparent } = envelope
  const told = { type: 'webhook', version: 1, id, key, deadline: at + rule.deadlineMs, traceparent, payload }
  return { envelope: told, rule, delayMs: 0 }
}

/** Whether a caller may know of a job: the administrator of all, a pool of its own. */
export const mayKnow = (caller: string, envelope: Pick<Envelope, 'key'>): boolean =>
  caller === 'admin' || caller === callerOf(envelope)
