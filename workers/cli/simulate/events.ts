// The time of a simulation: what is to happen in it, and when (ms).

type Event = readonly [at: number, happen: (at: number) => void]

/** What is to happen, the earliest first: a binary heap. */
export class Events {
  readonly #heap: Event[] = []

  add(at: number, happen: (at: number) => void): void {
    const heap = this.#heap
    let place = heap.length
    while (place > 0) {
      const above = (place - 1) >> 1
      if (heap[above]![0] <= at) break
      heap[place] = heap[above]!
      place = above
    }
    heap[place] = [at, happen]
  }

  /** Until nothing is left, with what happens meanwhile. */
  run(): void {
    for (let next = this.take(); next !== undefined; next = this.take()) next[1](next[0])
  }

  /** The next one, which is left to the caller; undefined where there is none. */
  take(): Event | undefined {
    const heap = this.#heap
    const first = heap[0]
    const last = heap.pop()
    if (heap.length === 0 || last === undefined) return first
    let place = 0
    for (let below = 1; below < heap.length; below = 2 * place + 1) {
      if (below + 1 < heap.length && heap[below + 1]![0] < heap[below]![0]) below++
      if (heap[below]![0] >= last[0]) break
      heap[place] = heap[below]!
      place = below
    }
    heap[place] = last
    return first
  }
}
