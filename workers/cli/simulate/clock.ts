// The clock of a simulation, and the timers that go by it: time stands still while something happens, and then leaps to
// what happens next.
import { setImmediate as turn } from 'node:timers/promises'
import { Events } from './events.ts'

interface Alarm {
  isOff: boolean
}

export class Clock {
  readonly #events = new Events()
  #now: number
  /** Whether what was due last had been called off. */
  #isIdle = false

  /** Milliseconds since the epoch. */
  constructor(now: number) {
    this.#now = now
  }

  get now(): number {
    return this.#now
  }

  /** Has something happen at `at`, or now where that is over; what it gives calls it off. */
  at(at: number, happen: () => void): () => void {
    const alarm: Alarm = { isOff: false }
    this.#events.add(Math.max(at, this.#now), (now) => {
      this.#isIdle = alarm.isOff
      if (alarm.isOff) return
      this.#now = now
      happen()
    })
    return () => {
      alarm.isOff = true
    }
  }

  /** Runs until nothing is left to happen. Meanwhile `setTimeout` goes by this clock. */
  async run(): Promise<void> {
    const { setTimeout, clearTimeout } = globalThis
    Object.assign(globalThis, this.#timers())
    try {
      for (let next = this.#events.take(); next !== undefined; next = this.#events.take()) {
        next[1](next[0])
        // Nothing here waits for the world: after one turn all that follows from it is done.
        if (!this.#isIdle) await turn()
      }
    } finally {
      Object.assign(globalThis, { setTimeout, clearTimeout })
    }
  }

  #timers() {
    return {
      setTimeout: (ring: (...given: unknown[]) => void, ms = 0, ...given: unknown[]) =>
        this.at(this.#now + ms, () => ring(...given)),
      clearTimeout: (off: unknown) => {
        if (typeof off === 'function') off()
      },
    }
  }
}
