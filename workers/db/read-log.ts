// What has served the reads of this isolate, counted by database, tolerance and copy.
import type { ReadEvent, Served } from './replicas.ts'

export interface ReadCount {
  readonly database: string
  readonly tolerance: ReadEvent['tolerance']
  readonly by: Served['by']
  readonly region?: string | undefined
  readonly reads: number
  readonly meanMs: number
  readonly longestMs: number
}

export class ReadLog {
  /** A handful: databases, tolerances, and D1's regions are few. */
  readonly #counts = new Map<string, ReadCount>()

  record({ database, tolerance, served: { by, region, ms } }: ReadEvent): void {
    const name = [database, tolerance, by, region].join(' ')
    const { reads, meanMs, longestMs } = this.#counts.get(name) ?? { reads: 0, meanMs: 0, longestMs: 0 }
    this.#counts.set(name, {
      ...{ database, tolerance, by, region, reads: reads + 1 },
      meanMs: meanMs + (ms - meanMs) / (reads + 1),
      longestMs: Math.max(longestMs, ms),
    })
  }

  report(): ReadCount[] {
    return [...this.#counts.values()].map((count) => ({ ...count, meanMs: Math.round(count.meanMs * 10) / 10 }))
  }
}
