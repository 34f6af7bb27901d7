// One move of a checkout: asks shared/saga.ts what is next, writes it into the journal, has the effect, and writes what
// came of it. Whoever calls this calls it until the checkout is over: a Workflow, or a loop. It knows nothing but what the
// journal says, so it may stop anywhere, be run twice at once, and go on where another has died.
import {
  endOf,
  follow,
  nextMove,
  type Patience,
  replay,
  type Saga,
  type SagaEnd,
  type SagaEvent,
} from '../../../shared/saga.ts'
import { type CheckoutStep, checkoutSteps, type Purchase } from './steps.ts'

/** A checkout as it was begun, and everything that was written of it since. */
export interface CheckoutRecord {
  readonly id: string
  readonly purchase: Purchase
  /** ms since the epoch. */
  readonly startedAt: number
  readonly events: readonly SagaEvent[]
}

export interface Journal {
  /** Of the primary database, and with everything that was ever appended. Undefined where there is no such checkout. */
  read(id: string): Promise<CheckoutRecord | undefined>
  /**
   * Writes the event, which makes the saga what it is now. False where there are as many events already, by another
   * runner; then nothing is written. Where it rejects it may be written or not.
   */
  append(id: string, event: SagaEvent, saga: Saga, at: number): Promise<boolean>
  /** Notes that the step that it is at was tried, and what is known of why that has failed. */
  fail(id: string, trouble: string, at: number): Promise<void>
}

export type Outcome =
  | { readonly kind: 'done' }
  /** For good; `because` is for the customer. */
  | { readonly kind: 'refused'; readonly because: string }

/**
 * What the steps do in other services, under the checkout's id. Each may be called any number of times and counts once.
 * What was undone stays so, even where it was not done yet: doing it then is refused. Where one rejects nobody knows
 * whether it has happened.
 */
export interface Effects {
  perform(step: CheckoutStep, id: string, purchase: Purchase): Promise<Outcome>
  undo(step: CheckoutStep, id: string, purchase: Purchase, because: string): Promise<void>
}

export interface CheckoutTools {
  readonly journal: Journal
  readonly effects: Effects
  readonly now: () => number
}

const tries = 5
/** A move takes less: the Workflow gives up on one after as long, and asks five times more while this passes. */
export const inHandMs = 30_000
/** Nobody is charged later than so for what was ordered before. */
const patienceMs = 15 * 60_000

export const sagaOf = ({ events }: Pick<CheckoutRecord, 'events'>): Saga => replay(checkoutSteps, events)

const patienceOf = ({ startedAt }: CheckoutRecord): Patience => ({ inHandMs, tries, deadline: startedAt + patienceMs })

/** Another runner has the step in hand. */
export class InHand extends Error {
  override readonly name = 'InHand'
}

/** How it has ended; undefined while it has to be called again. Rejects where that should be a little later. */
export async function advance(id: string, { journal, effects, now }: CheckoutTools): Promise<SagaEnd | undefined> {
  const record = await journal.read(id)
  if (record === undefined) throw new Error(`There is no checkout ${id}.`)
  const saga = sagaOf(record)
  const write = (from: Saga, event: SagaEvent) => append(journal, id, from, event, now())
  const tell = (from: Saga, event: SagaEvent) => appendOnTop(journal, id, from, event, now)
  const move = nextMove(saga, patienceOf(record), now())
  switch (move.kind) {
    case 'over':
      return move.end
    case 'wait':
      throw new InHand(`Another run of the checkout ${id} is at ${move.step}.`)
    case 'give-up':
      return endAfter(await write(saga, move))
    case 'do': {
      const { step } = move
      const begun = await write(saga, { kind: 'begin', step, at: now() })
      if (begun === undefined) return undefined
      const outcome = await effects.perform(step as CheckoutStep, id, record.purchase).catch(async (error) => {
        // Where another has begun meanwhile, this says nothing of theirs.
        await write(begun, { kind: 'fail', step }).catch(() => undefined)
        return failed(journal, id, error, now())
      })
      const refusal = outcome.kind === 'refused' && { kind: 'refuse' as const, step, because: outcome.because }
      return endAfter(await tell(begun, refusal || { kind: 'done', step }))
    }
    case 'undo': {
      const { step } = move
      // It is tried for as long as it takes, and written once: a journal that grew with every try would have no end.
      const begun = saga.attempts > 0 ? saga : await write(saga, { kind: 'undo', step })
      if (begun === undefined) return undefined
      await effects
        .undo(step as CheckoutStep, id, record.purchase, saga.because ?? '')
        .catch((error) => failed(journal, id, error, now()))
      return endAfter(await tell(begun, { kind: 'undone', step }))
    }
    default:
      return move satisfies never
  }
}

/** Undefined where another runner was faster: the journal knows more than this one does. */
async function append(
  journal: Journal,
  id: string,
  from: Saga,
  event: SagaEvent,
  at: number,
): Promise<Saga | undefined> {
  const next = follow(from, event)
  if (!next.ok) throw new Error(next.error)
  return (await journal.append(id, event, next.value, at)) ? next.value : undefined
}

/**
 * What came of a step. Where another has begun the same step meanwhile, since this one took so long, it is as true.
 * Undefined where the journal has left the step.
 */
async function appendOnTop(
  journal: Journal,
  id: string,
  begun: Saga,
  event: SagaEvent,
  now: () => number,
): Promise<Saga | undefined> {
  for (let from = begun; ; ) {
    const next = follow(from, event)
    if (!next.ok) return undefined
    if (await journal.append(id, event, next.value, now())) return next.value
    const record = await journal.read(id)
    if (record === undefined) return undefined
    from = sagaOf(record)
  }
}

/** Says so in the journal; where that cannot be written either, whoever runs it hears of the error all the same. */
async function failed(journal: Journal, id: string, error: unknown, at: number): Promise<never> {
  const trouble = error instanceof Error ? error.message : String(error)
  await journal.fail(id, trouble, at).catch(() => undefined)
  throw error
}

const endAfter = (saga: Saga | undefined): SagaEnd | undefined => saga && endOf(saga)
