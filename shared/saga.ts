// The journal of a saga: steps that are done one after the other, or else all undone, from the last to the first. It says
// what may follow what, and what is to be done next, whoever asks: so it goes on after a crash at any point.
//
//   forward   begin ──→ done ──→ (the next step)
//               ├─────→ fail ──→ begin again              as where whoever had begun has not said for long how it ended
//               └─────→ refuse, give-up ──→ back
//   back      undo ───→ undone ──→ (the step before)     a step that was begun is undone, whatever is known of it
//
// An event is written before the effect that it tells of, and another when the effect is known. There is no way from back
// to forward. Of many who run a saga at once one has its step in hand, and the others step back: nothing is given up that
// somebody may be just about to do. What this asks of effects: each may happen twice and counts once, and one that comes after its undoing has
// no effect at all (see `Effects` in workers/shop/checkout/advance.ts).
import { err, ok, type Result } from './result.ts'

export type SagaEvent =
  /** From here on its effect may have happened. `at`, in ms since the epoch: since when it is in somebody's hands. */
  | { readonly kind: 'begin'; readonly step: string; readonly at: number }
  /** This try is over, and nobody knows what came of it. */
  | { readonly kind: 'fail'; readonly step: string }
  | { readonly kind: 'done'; readonly step: string }
  /** It will never be done: the saga turns back. */
  | { readonly kind: 'refuse'; readonly step: string; readonly because: string }
  /** It might have been done some day, but nobody waits for it any more: the saga turns back. */
  | { readonly kind: 'give-up'; readonly step: string; readonly because: string }
  | { readonly kind: 'undo'; readonly step: string }
  | { readonly kind: 'undone'; readonly step: string }

export interface Saga {
  readonly steps: readonly string[]
  readonly direction: 'forward' | 'back'
  /**
   * The step that it is at. Forward: those before are done, and their number is where it ends. Back: those after are
   * undone or were never begun, and -1 is where it ends.
   */
  readonly at: number
  /** How often this step was begun, in this direction, and nobody knows what came of it. */
  readonly attempts: number
  /** Since when somebody has the last of them in hand, in ms since the epoch; undefined where nobody has. */
  readonly inHandSince?: number | undefined
  /** How many events there were. */
  readonly events: number
  /** Why it has turned back. */
  readonly because?: string
}

export const openSaga = (steps: readonly string[]): Saga => ({
  steps,
  direction: 'forward',
  at: 0,
  attempts: 0,
  events: 0,
})

export type SagaEnd = 'done' | 'undone'

/** Undefined while something is left to do or to undo. */
export function endOf({ steps, direction, at }: Saga): SagaEnd | undefined {
  if (direction === 'forward') return at === steps.length ? 'done' : undefined
  return at === -1 ? 'undone' : undefined
}

/** How long a saga tries to go forward; it goes back for as long as it takes. */
export interface Patience {
  /** Of somebody who has a step in hand nothing was heard for so long: they are dead. */
  readonly inHandMs: number
  /** For one step. */
  readonly tries: number
  /** ms since the epoch: no step is begun after it. */
  readonly deadline: number
}

export type NextMove =
  | { readonly kind: 'do'; readonly step: string }
  /** Somebody else is at it. */
  | { readonly kind: 'wait'; readonly step: string }
  | { readonly kind: 'give-up'; readonly step: string; readonly because: string }
  | { readonly kind: 'undo'; readonly step: string }
  | { readonly kind: 'over'; readonly end: SagaEnd }

/** `now` in ms since the epoch. */
export function nextMove(saga: Saga, { inHandMs, tries, deadline }: Patience, now: number): NextMove {
  const end = endOf(saga)
  if (end !== undefined) return { kind: 'over', end }
  const step = saga.steps[saga.at]!
  if (saga.direction === 'back') return { kind: 'undo', step }
  if (saga.inHandSince !== undefined && now < saga.inHandSince + inHandMs) return { kind: 'wait', step }
  if (saga.attempts >= tries) return { kind: 'give-up', step, because: `It did not come about in ${tries} tries.` }
  if (now >= deadline) return { kind: 'give-up', step, because: 'It took too long.' }
  return { kind: 'do', step }
}

/** The saga after one more event; the error says why it may not follow. */
export function follow(saga: Saga, event: SagaEvent): Result<Saga, string> {
  const { steps, at, attempts, direction } = saga
  if (endOf(saga) !== undefined) return err(`${event.kind} ${event.step}: it is over`)
  if (event.step !== steps[at]) return err(`${event.kind} ${event.step}: it is at ${steps[at]}`)
  if ((event.kind === 'undo' || event.kind === 'undone') !== (direction === 'back')) {
    return err(`${event.kind} ${event.step}: it goes ${direction}`)
  }
  const next = (change: Partial<Saga>) =>
    ok({ ...saga, events: saga.events + 1, attempts: 0, inHandSince: undefined, ...change })
  const known = (change: Partial<Saga>) =>
    attempts === 0 ? err(`${event.kind} ${event.step}: nobody has begun it`) : next(change)
  switch (event.kind) {
    case 'begin':
      return next({ attempts: attempts + 1, inHandSince: event.at })
    case 'fail':
      return known({ attempts })
    case 'undo':
      return next({ attempts: attempts + 1 })
    case 'done':
      return known({ at: at + 1 })
    case 'undone':
      return known({ at: at - 1 })
    case 'refuse':
      // Refused or not, it was begun, and another runner may have done it in the meantime.
      return known({ direction: 'back', because: event.because })
    case 'give-up':
      return next({ direction: 'back', at: attempts === 0 ? at - 1 : at, because: event.because })
    default:
      return event satisfies never
  }
}

/** What a journal amounts to. Throws where one event may not follow another: nobody may go on from there. */
export function replay(steps: readonly string[], events: readonly SagaEvent[]): Saga {
  return events.reduce((saga, event) => {
    const next = follow(saga, event)
    if (!next.ok) throw new Error(`This journal is broken: ${next.error}.`)
    return next.value
  }, openSaga(steps))
}

/** undoing: it was begun, and is about to be undone. */
export type StepState = 'waiting' | 'running' | 'done' | 'undoing' | 'undone'

export interface ToldStep {
  readonly step: string
  readonly state: StepState
}

/** In their order. Going back, a step that was never begun is undone too. */
export function stepStates({ steps, direction, at, attempts }: Saga): readonly ToldStep[] {
  const stateOf = (index: number): StepState => {
    if (direction === 'back') return index > at ? 'undone' : 'undoing'
    if (index < at) return 'done'
    return index === at && attempts > 0 ? 'running' : 'waiting'
  }
  return steps.map((step, index) => ({ step, state: stateOf(index) }))
}
