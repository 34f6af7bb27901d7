// The other services as a checkout sees them, in memory, with the very promises that `Effects` makes; and a place where
// every call can go wrong. What it must never see it throws at once: a charge without an order.
import type { SagaEvent } from '../../../../shared/saga.ts'
import {
  advance,
  type CheckoutRecord,
  type CheckoutTools,
  type Effects,
  InHand,
  inHandMs,
  type Journal,
  type Outcome,
} from '../../../../workers/shop/checkout/advance.ts'
import { type CheckoutStep, checkoutSteps, type Purchase } from '../../../../workers/shop/checkout/steps.ts'

export const purchase: Purchase = {
  account: 'ada',
  lines: [{ id: 'print', title: 'A print', quantity: 2, price: 500 }],
  currency: 'GBP',
  address: { name: 'Ada', street: 'Main Street 1', city: 'London', country: 'GB' },
  payment: 'card',
}

/** before: it has not happened. after: it has, and nobody hears of it. dead: so is the process, and does nothing more. */
export const faults = ['before', 'after', 'dead before', 'dead after'] as const
export type Fault = (typeof faults)[number]

/** The process is gone. */
export class Dead extends Error {}

/** What stands between runs and everything that they call: says, call by call, what goes wrong. */
export class Calls {
  count = 0
  readonly #faultOf: (call: number) => Fault | undefined

  constructor(faultOf: (call: number) => Fault | undefined) {
    this.#faultOf = faultOf
  }

  /** The same, in a process of its own, where each call goes wrong as it is said. */
  begin({ journal, effects, now }: CheckoutTools): CheckoutTools {
    let isDead = false
    const make = async <T>(call: () => Promise<T>): Promise<T> => {
      if (isDead) throw new Dead()
      const fault = this.#faultOf(this.count++)
      isDead = fault === 'dead before' || fault === 'dead after'
      const result = fault === 'before' || fault === 'dead before' ? undefined : { value: await call() }
      if (isDead) throw new Dead()
      if (fault !== undefined || result === undefined) throw new Error('It went wrong, for a test.')
      return result.value
    }
    return {
      journal: {
        read: (...given) => make(() => journal.read(...given)),
        append: (...given) => make(() => journal.append(...given)),
        fail: (...given) => make(() => journal.fail(...given)),
      },
      effects: {
        perform: (...given) => make(() => effects.perform(...given)),
        undo: (...given) => make(() => effects.undo(...given)),
      },
      now,
    }
  }
}

/** Time passes while somebody waits, and only then. */
export class Clock {
  passed = 0
  readonly now = (): number => this.passed
  readonly wait = (): void => {
    this.passed += inHandMs
  }
}

/**
 * Whoever runs a checkout comes back after an error, and is followed by another process after death. `wait` is for who finds
 * it in the hands of another, who may be dead.
 */
export async function runToEnd(
  id: string,
  begin: () => CheckoutTools,
  wait: () => void | Promise<void> = () => undefined,
): Promise<string> {
  let tools = begin()
  for (let tries = 0; tries < 200; tries++) {
    try {
      const end = await advance(id, tools)
      if (end !== undefined) return end
    } catch (error) {
      if (error instanceof ChargedWithoutOrder) throw error
      if (error instanceof Dead) tools = begin()
      if (error instanceof InHand) await wait()
    }
  }
  return 'never'
}

export class World {
  readonly journal: Journal
  readonly effects: Effects
  readonly #states = new Map<CheckoutStep, 'done' | 'undone'>()
  readonly events: SagaEvent[] = []

  /** `refused` is the step that its service will not do. */
  constructor(refused?: CheckoutStep, record: Omit<CheckoutRecord, 'events'> = { id: 'c', purchase, startedAt: 0 }) {
    this.journal = {
      read: async () => ({ ...record, events: [...this.events] }),
      append: async (_, event, saga) => {
        if (saga.events !== this.events.length + 1) return false
        this.events.push(event)
        return true
      },
      fail: async () => undefined,
    }
    this.effects = {
      perform: async (step) => {
        if (step === refused) return { kind: 'refused', because: 'for a test' }
        return this.#set(step, 'done')
      },
      undo: async (step) => {
        this.#set(step, 'undone')
      },
    }
  }

  #set(step: CheckoutStep, state: 'done' | 'undone'): Outcome {
    if (this.#states.get(step) === 'undone') return { kind: 'refused', because: 'It was undone.' }
    this.#states.set(step, state)
    if (this.#states.get('charge') === 'done' && this.#states.get('order') !== 'done') {
      throw new ChargedWithoutOrder(`after ${step} was ${state}`)
    }
    return { kind: 'done' }
  }

  /** done or undone where all of it is; otherwise what is wrong. */
  get amountsTo(): string {
    const done = checkoutSteps.filter((step) => this.#states.get(step) === 'done')
    if (done.length === checkoutSteps.length) return 'done'
    return done.length === 0 ? 'undone' : `only ${done} done`
  }
}

export class ChargedWithoutOrder extends Error {}
