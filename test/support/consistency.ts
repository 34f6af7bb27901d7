// Checks what clients have seen of counters that only grow: each sees its own writes, and never less than it has seen.

/** One request of a client for one counter. */
export interface Seen {
  readonly client: string
  readonly kind: 'read' | 'write'
  readonly key: string
  /** Of the counter, as it was read or became. */
  readonly value: number
  /** Ticks of a clock that everybody goes by. */
  readonly began: number
  readonly ended: number
}

export interface Violation {
  readonly of: 'read-your-writes' | 'monotonic reads'
  readonly earlier: Seen
  readonly read: Seen
}

/** Every read that shows less than its client had written, or read, before the read began. */
export function violations(history: readonly Seen[]): Violation[] {
  return history.flatMap((read) => {
    if (read.kind !== 'read') return []
    const isBefore = ({ client, key, value, ended }: Seen) =>
      client === read.client && key === read.key && ended < read.began && value > read.value
    return history.filter(isBefore).map((earlier) => ({
      of: earlier.kind === 'write' ? ('read-your-writes' as const) : ('monotonic reads' as const),
      ...{ earlier, read },
    }))
  })
}
