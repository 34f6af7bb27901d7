// What becomes of a flight: one exchange with the origin for a whole crowd that asks for the same thing. Events in,
// commands out. The object that owns the flight holds streams, timers and bytes, and does what it is told, in order.
//
//   idle → asking ─┬→ flying ─┬→ landed     all bytes came: who comes now gets them, while all of them are held
//                  │          └→ lost       the origin cut it, or nobody was left: who comes begins another flight
//                  ├→ dispersed             uncacheable: one reader has the response, the others ask for themselves
//                  ├→ failed                no head came: who comes within a moment gets the same failure
//                  └→ lost                  nobody was left
//
// Its life goes one way, so what an aborted exchange still says finds a flight that is over, and changes nothing.
//
// Positions are not in the state: a reader's stream knows how many bytes it has passed on, and asks `next` with that
// number. The window is two numbers. So a chunk costs the same for one reader and for two thousand, every state is
// plain data that nothing changes, and who fell behind hears of it when it can do something about it: as it reads on.
import { isStrong } from '../http/preconditions.ts'
import type { FlightCommand, FlightEvent, FlightLimits, Notice, ReaderId } from './flight-events.ts'

interface Reader {
  readonly id: ReaderId
  /** When it came. */
  readonly since: number
}

interface Asking {
  readonly phase: 'asking'
  /** In the order in which they came. The exchange stands for the first one's own, whoever it was begun for. */
  readonly readers: readonly Reader[]
  /** Whether the store takes what comes, and has not given it up. */
  readonly isStored: boolean
}

interface Body {
  /** Those who may still read. */
  readonly readers: readonly Reader[]
  /** Offset of the first byte that is held. */
  readonly start: number
  /** Bytes that came: the offset of the next one. */
  readonly received: number
  /** The entity tag by which the rest can be had elsewhere; undefined where it cannot. */
  readonly resumeBy: string | undefined
}

interface Flying extends Body {
  readonly phase: 'flying'
  readonly isStored: boolean
  readonly total: number | undefined
}

interface Landed extends Body {
  readonly phase: 'landed'
  readonly until: number
}

/** Who comes before `until` is answered by the end itself; afterwards the flight is over. */
export type Flight =
  | { readonly phase: 'idle' }
  | Asking
  | Flying
  | Landed
  /** `given` has the response, until it leaves. */
  | { readonly phase: 'dispersed'; readonly given: ReaderId | undefined; readonly until: number }
  | { readonly phase: 'failed'; readonly because: string; readonly until: number }
  | { readonly phase: 'lost' }

export interface FlightStep {
  readonly state: Flight
  readonly commands: readonly FlightCommand[]
}

export const startFlight: Flight = { phase: 'idle' }

/** What an event makes of a flight, and what is to be done. What a phase has no use for changes nothing. */
export function step(state: Flight, event: FlightEvent, limits: FlightLimits): FlightStep {
  switch (event.kind) {
    case 'join':
      return join(state, { id: event.reader, since: event.at }, limits)
    case 'head':
      return state.phase === 'asking' ? head(state, event, limits) : unchanged(state)
    case 'chunk':
      return state.phase === 'flying' ? chunk(state, event.bytes, limits) : unchanged(state)
    case 'land':
      return land(state, event.at, limits)
    case 'fail':
      return fail(state, event, limits)
    case 'leave':
      return leave(state, event.reader, limits)
    case 'expire':
      return state.phase === 'asking' ? expire(state, event.at, limits) : unchanged(state)
    default:
      return event satisfies never
  }
}

const unchanged = (state: Flight): FlightStep => ({ state, commands: [] })

function tell(readers: readonly Reader[], notice: Notice): FlightCommand[] {
  return readers.length === 0 ? [] : [{ ...notice, readers: readers.map(({ id }) => id) }]
}

// Those who come ──────────────────────────────────────────────────────────────────────────────────────────────────

function join(state: Flight, reader: Reader, limits: FlightLimits): FlightStep {
  if (isOver(state, reader.since)) return anew(state)
  switch (state.phase) {
    case 'idle':
      return ask({ phase: 'asking', readers: [reader], isStored: true })
    case 'asking':
    case 'flying':
      return joinOthers(state, reader, limits)
    case 'landed':
      return state.start === 0 ? joinOthers(state, reader, limits) : anew(state)
    case 'dispersed':
      return { state, commands: tell([reader], { kind: 'direct', because: 'uncacheable' }) }
    case 'failed':
      return { state, commands: tell([reader], { kind: 'fail', because: state.because }) }
    case 'lost':
      return anew(state)
    default:
      return state satisfies never
  }
}

function joinOthers(state: Asking | Flying | Landed, reader: Reader, { maxReaders, beyond }: FlightLimits): FlightStep {
  const hasHead = state.phase !== 'asking'
  if (hasHead && state.start > 0) return { state, commands: tell([reader], { kind: 'direct', because: 'late' }) }
  if (state.readers.length >= maxReaders) {
    return { state, commands: tell([reader], { kind: beyond, because: 'crowded' }) }
  }
  const joined = { ...state, readers: [...state.readers, reader] }
  return { state: joined, commands: hasHead ? tell([reader], { kind: 'serve' }) : [] }
}

const ask = (state: Asking): FlightStep => ({ state, commands: [{ kind: 'ask' }] })

const anew = (state: Flight): FlightStep => ({ state, commands: [{ kind: 'anew' }] })

function isOver(state: Flight, at: number): boolean {
  return state.phase === 'lost' || ('until' in state && at >= state.until)
}

// The exchange ────────────────────────────────────────────────────────────────────────────────────────────────────

type Head = Extract<FlightEvent, { kind: 'head' }>

function head({ readers, isStored }: Asking, { verdict, unfit, at }: Head, limits: FlightLimits): FlightStep {
  const isUnfit = new Set(unfit)
  const fit = readers.filter(({ id }) => !isUnfit.has(id))
  const others = tell(
    readers.filter(({ id }) => isUnfit.has(id)),
    { kind: 'direct', because: 'unfit' },
  )
  if (verdict.kind === 'uncacheable') {
    const { state, commands } = disperse(fit, at + limits.holdMs)
    return { state, commands: [...commands, ...others] }
  }
  const { total, etag, acceptsRanges } = verdict
  const hasRanges = total !== undefined || acceptsRanges
  const resumeBy = etag !== null && isStrong(etag) && hasRanges ? etag : undefined
  const flying: Flying = { phase: 'flying', readers: fit, isStored, start: 0, received: 0, total, resumeBy }
  const { state, commands } = settle(flying, limits)
  return { state, commands: [{ kind: 'begin' }, ...tell(fit, { kind: 'serve' }), ...others, ...commands] }
}

function disperse([first, ...others]: readonly Reader[], until: number): FlightStep {
  const given: FlightCommand[] = first === undefined ? [{ kind: 'abort' }] : tell([first], { kind: 'give' })
  return {
    state: { phase: 'dispersed', given: first?.id, until },
    commands: [...given, ...tell(others, { kind: 'direct', because: 'uncacheable' })],
  }
}

function chunk(state: Flying, bytes: number, { windowBytes }: FlightLimits): FlightStep {
  const received = state.received + bytes
  if (state.total !== undefined && received > state.total) return lose(state, 'too-long', { kind: 'abort' })
  // Who has read all that came before is never more than one chunk behind, and stays in the window.
  const start = Math.max(0, Math.min(received - windowBytes, state.received))
  return {
    state: { ...state, start, received },
    commands: start > state.start ? [{ kind: 'hold' }, { kind: 'drop', before: start }] : [{ kind: 'hold' }],
  }
}

function land(state: Flight, at: number, limits: FlightLimits): FlightStep {
  if (state.phase !== 'flying') return unchanged(state)
  const { readers, start, received, total, resumeBy, isStored } = state
  if (total !== undefined && received < total) return lose(state, 'too-short')
  const until = isStored ? at + limits.holdMs : at
  const landed = settle({ phase: 'landed', readers, start, received, resumeBy, until }, limits)
  return { state: landed.state, commands: [{ kind: 'commit' }, ...landed.commands] }
}

function fail(
  state: Flight,
  { because, at }: Extract<FlightEvent, { kind: 'fail' }>,
  limits: FlightLimits,
): FlightStep {
  switch (state.phase) {
    case 'asking':
      return {
        state: { phase: 'failed', because, until: at + limits.holdMs },
        commands: tell(state.readers, { kind: 'fail', because }),
      }
    case 'flying':
      return lose(state, because)
    default:
      return unchanged(state)
  }
}

/** No byte more for anybody. What cut it may not meet the next exchange, so nobody is held off. */
function lose({ readers, received }: Flying, because: string, ...commands: FlightCommand[]): FlightStep {
  return {
    state: { phase: 'lost' },
    commands: [
      ...commands,
      { kind: 'discard' },
      ...tell(readers, { kind: 'cut', because }),
      { kind: 'drop', before: received },
    ],
  }
}

// Those who go ────────────────────────────────────────────────────────────────────────────────────────────────────

function leave(state: Flight, reader: ReaderId | 'store', limits: FlightLimits): FlightStep {
  if (state.phase === 'dispersed') {
    if (state.given !== reader) return unchanged(state)
    return { state: { ...state, given: undefined }, commands: [{ kind: 'abort' }] }
  }
  if (!('readers' in state)) return unchanged(state)
  if (reader === 'store') return 'isStored' in state ? settle({ ...state, isStored: false }, limits) : unchanged(state)
  return settle({ ...state, readers: state.readers.filter(({ id }) => id !== reader) }, limits)
}

/** Ends what nobody is there for any more. */
function settle(state: Asking | Flying | Landed, { finishBytes }: FlightLimits): FlightStep {
  if (state.readers.length > 0) return unchanged(state)
  switch (state.phase) {
    case 'asking':
      return { state: { phase: 'lost' }, commands: [{ kind: 'abort' }] }
    case 'flying': {
      const { total, received, isStored } = state
      // What it costs to finish for nobody is known then, and small.
      const isNearlyDone = isStored && total !== undefined && total - received <= finishBytes
      return isNearlyDone ? unchanged(state) : lose(state, 'left', { kind: 'abort' })
    }
    case 'landed':
      return unchanged(state)
    default:
      return state satisfies never
  }
}

/** The first waits on: the exchange is its own, and to repeat it alone would take longer. The pools bound its time. */
function expire(state: Asking, at: number, { maxWaitMs, beyond }: FlightLimits): FlightStep {
  const hasWaited = ({ since }: Reader, place: number) => place > 0 && at - since >= maxWaitMs
  const waited = state.readers.filter(hasWaited)
  if (waited.length === 0) return unchanged(state)
  const readers = state.readers.filter((reader, place) => !hasWaited(reader, place))
  return { state: { ...state, readers }, commands: tell(waited, { kind: beyond, because: 'waited' }) }
}

/** When to send `expire`, in milliseconds since the epoch; undefined while nobody waits who might give up. */
export function expiresAt(state: Flight, { maxWaitMs }: FlightLimits): number | undefined {
  const second = state.phase === 'asking' ? state.readers[1] : undefined
  return second && second.since + maxWaitMs
}

// Reading ─────────────────────────────────────────────────────────────────────────────────────────────────────────

export type Next =
  /** There are bytes held from this offset on. */
  | { readonly kind: 'bytes' }
  | { readonly kind: 'wait' }
  /** All bytes were read. */
  | { readonly kind: 'end' }
  /**
   * Asks for the bytes from this offset on by itself: Range, with the tag in If-Range (RFC 9110 §13.1.5). It leaves
   * when its stream ends, or at the landing: until then somebody wants the rest, so the store gets it.
   */
  | { readonly kind: 'alone'; readonly from: number; readonly ifRange: string }
  /** What is missing cannot be had: the response breaks off. */
  | { readonly kind: 'cut' }

const bytes: Next = { kind: 'bytes' }
const wait: Next = { kind: 'wait' }
const end: Next = { kind: 'end' }
const cut: Next = { kind: 'cut' }

/** How a reader goes on that has the head and the first `offset` bytes. */
export function next(state: Flight, offset: number): Next {
  switch (state.phase) {
    case 'idle':
    case 'asking':
      return wait
    case 'flying':
    case 'landed':
      if (offset < state.start) return fallOut(state, offset)
      if (offset < state.received) return bytes
      return state.phase === 'landed' ? end : wait
    case 'dispersed':
    case 'failed':
    case 'lost':
      return cut
    default:
      return state satisfies never
  }
}

function fallOut({ resumeBy }: Body, from: number): Next {
  return resumeBy === undefined ? cut : { kind: 'alone', from, ifRange: resumeBy }
}
