// One session: how it begins, is read, changes and ends. Its object holds the state, asks here what becomes of it, and
// saves that. Instants and durations in milliseconds.
//
//   none ─→ live ─┬→ over    replaced or destroyed: refused until its absolute end, whoever shows its cookie again
//     ↑           │
//     └───────────┴─ it was idle for too long, or has come to its absolute end: nothing is left of it
import { isDeeperThan, isObject, type Json, type JsonObject, maxDepth } from '../json/json.ts'
import { applyJsonPatch, type JsonPatch } from '../json/json-patch.ts'
import { applyMergePatch } from '../json/merge-patch.ts'
import { err, ok, type Result } from '../result.ts'
import type { Lease } from './lease.ts'

export type Values = JsonObject

/** What a session keeps to from its beginning on. */
export interface SessionPolicy {
  readonly idleMs: number
  readonly absoluteMs: number
  /** Of its values as JSON. */
  readonly maxBytes: number
}

export interface LiveSession {
  readonly kind: 'live'
  /** Counts up by one with every change. */
  readonly version: number
  readonly values: Values
  readonly createdAt: number
  /** When it was used last, to within a tenth of `idleMs`. */
  readonly seenAt: number
  /** Its absolute end. */
  readonly until: number
  readonly idleMs: number
  readonly maxBytes: number
  readonly leases: readonly Lease[]
  /** The last fencing token that was given: no two leases have the same. */
  readonly fence: number
  /** What its last changes are known by, for who has not heard whether one was made. */
  readonly made?: readonly string[]
}

export type SessionState =
  | { readonly kind: 'none' }
  | LiveSession
  | {
      readonly kind: 'over'
      readonly because: Ending
      readonly until: number
      /** The id that it goes on under, where it was replaced. */
      readonly successor?: string
    }

export type Ending = 'replaced' | 'destroyed'

export type SessionChange =
  /** Some values, in the place of those of the same keys; `delete` goes first. */
  | { readonly kind: 'set'; readonly values: Values; readonly delete?: readonly string[] }
  | { readonly kind: 'delete'; readonly keys: readonly string[] }
  /** All values. */
  | { readonly kind: 'replace'; readonly values: Values }
  /** RFC 7396. */
  | { readonly kind: 'mergePatch'; readonly patch: Json }
  /** RFC 6902. */
  | { readonly kind: 'jsonPatch'; readonly patch: JsonPatch }

/** What is told of a live session. */
export type SessionView = Pick<LiveSession, 'version' | 'values' | 'createdAt' | 'seenAt' | 'until'>

export type SessionOutcome =
  | ({ readonly kind: 'ok' } & SessionView)
  /** It is of another version than the caller takes it for. */
  | { readonly kind: 'conflict'; readonly version: number }
  /** There is none, or none any more. */
  | { readonly kind: 'gone' }
  /** It was replaced by one of another id, or destroyed. */
  | { readonly kind: 'over'; readonly because: Ending }
  | { readonly kind: 'tooLarge'; readonly bytes: number; readonly maxBytes: number }
  /** The change cannot be made; a clause for people. */
  | { readonly kind: 'invalid'; readonly because: string }
  /** It came too late, or something that it needs did not answer in time: nothing was changed. */
  | { readonly kind: 'late' }

export interface SessionStep {
  readonly state: SessionState
  readonly outcome: SessionOutcome
}

export const noSession: SessionState = { kind: 'none' }

// Beginning ───────────────────────────────────────────────────────────────────────────────────────────────────────

/** A new session. Where there is one already, or was one, there is none to begin. */
export function begin(state: SessionState, values: Values, policy: SessionPolicy, at: number): SessionStep {
  const { idleMs, absoluteMs, maxBytes } = policy
  const until = at + absoluteMs
  return adopt(
    state,
    { kind: 'live', version: 1, values, createdAt: at, seenAt: at, until, idleMs, maxBytes, leases: [], fence: 0 },
    at,
  )
}

/** The same session under another id: with its age, its leases and its version. */
export function adopt(state: SessionState, session: LiveSession, at: number): SessionStep {
  const now = asOf(state, at)
  if (now.kind === 'over') return { state: now, outcome: { kind: 'over', because: now.because } }
  if (now.kind === 'live') return { state: now, outcome: { kind: 'conflict', version: now.version } }
  const because = unfit(session.values, session.maxBytes)
  return because === undefined
    ? { state: session, outcome: { kind: 'ok', ...viewOf(session) } }
    : { state: now, outcome: because }
}

// Reading ─────────────────────────────────────────────────────────────────────────────────────────────────────────

/** So much of its idle time a session may be used without a word to the storage. */
const rollPart = 0.1

/**
 * The state after a use of the session; the same object where there is nothing to save. It lives for `idleMs` after its
 * last use, and at most for a tenth longer.
 */
export function touch(state: SessionState, at: number): SessionState {
  const now = asOf(state, at)
  if (now.kind !== 'live' || at - now.seenAt < now.idleMs * rollPart) return now
  return { ...now, seenAt: at }
}

/** What time has left of a session; the same object where that is all of it. */
export function asOf(state: SessionState, at: number): SessionState {
  const end = endOf(state)
  return end !== undefined && at >= end ? noSession : state
}

/** When nothing will be left of it; undefined where nothing is. */
export function endOf(state: SessionState): number | undefined {
  switch (state.kind) {
    case 'none':
      return undefined
    case 'live':
      return Math.min(state.seenAt + state.idleMs * (1 + rollPart), state.until)
    case 'over':
      return state.until
    default:
      return state satisfies never
  }
}

/** Undefined where there is no session to be told of. */
export function view(state: SessionState, at: number): SessionView | undefined {
  const now = asOf(state, at)
  return now.kind === 'live' ? viewOf(now) : undefined
}

const viewOf = ({ version, values, createdAt, seenAt, until }: LiveSession): SessionView => ({
  version,
  values,
  createdAt,
  seenAt,
  until,
})

// Changing ────────────────────────────────────────────────────────────────────────────────────────────────────────

/** So many changes are known afterwards. */
const mostMade = 8

/** Makes a change as a whole or not at all; with `ifVersion` only if that is the session's version. */
export function write(
  state: SessionState,
  change: SessionChange,
  ifVersion: number | undefined,
  at: number,
  name?: string,
): SessionStep {
  const now = touch(state, at)
  const refused = (outcome: SessionOutcome): SessionStep => ({ state: now, outcome })
  if (now.kind === 'none') return refused({ kind: 'gone' })
  if (now.kind === 'over') return refused({ kind: 'over', because: now.because })
  if (ifVersion !== undefined && ifVersion !== now.version) return refused({ kind: 'conflict', version: now.version })
  const changed = applyChange(now.values, change)
  if (!changed.ok) return refused({ kind: 'invalid', because: changed.error })
  const because = unfit(changed.value, now.maxBytes)
  if (because !== undefined) return refused(because)
  const made = name === undefined ? {} : { made: [...(now.made ?? []), name].slice(-mostMade) }
  const next: LiveSession = { ...now, ...made, version: now.version + 1, values: changed.value }
  return { state: next, outcome: { kind: 'ok', ...viewOf(next) } }
}

/** How the session stands after the change of this name; undefined where it was not made, or nobody knows any more. */
export function made(state: SessionState, name: string, at: number): SessionOutcome | undefined {
  const now = asOf(state, at)
  return now.kind === 'live' && now.made?.includes(name) ? { kind: 'ok', ...viewOf(now) } : undefined
}

/** The values after a change; or a clause that says why it cannot be made. */
export function applyChange(values: Values, change: SessionChange): Result<Values, string> {
  switch (change.kind) {
    case 'set': {
      const kept = omit(values, [...(change.delete ?? []), ...Object.keys(change.values)])
      return ok(Object.fromEntries([...kept, ...Object.entries(change.values)]))
    }
    case 'delete':
      return ok(Object.fromEntries(omit(values, change.keys)))
    case 'replace':
      return ok(change.values)
    case 'mergePatch':
      return onlyObject(ok(applyMergePatch(values, change.patch)))
    case 'jsonPatch':
      return onlyObject(applyJsonPatch(values, change.patch))
    default:
      return change satisfies never
  }
}

function omit(values: Values, keys: readonly string[]): [string, Json][] {
  const gone = new Set(keys)
  return Object.entries(values).filter(([key]) => !gone.has(key))
}

function onlyObject(result: Result<Json, string>): Result<Values, string> {
  if (!result.ok) return result
  return isObject(result.value) ? ok(result.value) : err('leaves no object: the values of a session have keys')
}

/** Why these cannot be a session's values. */
function unfit(values: Values, maxBytes: number): SessionOutcome | undefined {
  if (isDeeperThan(values, maxDepth)) return { kind: 'invalid', because: `is nested more than ${maxDepth} deep` }
  if (!isUser(values.user)) return { kind: 'invalid', because: noUser }
  const bytes = utf8Length(JSON.stringify(values))
  return bytes > maxBytes ? { kind: 'tooLarge', bytes, maxBytes } : undefined
}

const utf8Length = (text: string): number => new TextEncoder().encode(text).byteLength

/** In characters. */
export const longestUser = 256

const noUser = `has a "user" that is neither a text of at most ${longestUser} characters nor a whole number: then nobody could end all sessions of that user`

/** Whether it names a user, or says that there is none. */
function isUser(user: Json | undefined): boolean {
  if (typeof user === 'string') return user.length <= longestUser && user.isWellFormed()
  return user === undefined || user === null || Number.isSafeInteger(user)
}

/** Whose session it is: the value under `user`. A number is as good as its digits. */
export function userOf({ user }: Values): string | undefined {
  return user === undefined || user === null || user === '' ? undefined : String(user)
}

// Ending ──────────────────────────────────────────────────────────────────────────────────────────────────────────

/** How long what never was is refused: so long one may still be on its way. */
const unbornMs = 3_600_000

/** Ends it for good: until its absolute end there is none to begin under its id, and whoever asks for it is refused. */
export function end(state: SessionState, because: Ending, at: number, successor?: string): SessionState {
  const now = asOf(state, at)
  if (now.kind === 'over') return now
  const until = now.kind === 'live' ? now.until : at + unbornMs
  return { kind: 'over', because, until, ...(successor !== undefined && { successor }) }
}
