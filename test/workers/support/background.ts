// What goes on behind responses, held so that a test can wait for it.
import type { Background } from '../../../workers/ports.ts'

export interface HeldBackground {
  readonly background: Background
  /** How many pieces of work were begun. */
  readonly begun: number
  /** Rejects where a piece of work has, which none may. */
  settled(): Promise<void>
}

export function holdBackground(): HeldBackground {
  const works: Promise<unknown>[] = []
  return {
    background: (work) => {
      works.push(work)
    },
    get begun() {
      return works.length
    },
    async settled() {
      await Promise.all(works)
    },
  }
}
