// Who waits for something to change, by its name. Nothing of it persists: who is lost asks again.
export class ChangeBell {
  readonly #waiting = new Map<string, Set<() => void>>()

  /** Resolves when it rings, or after `ms` milliseconds. */
  heard(name: string, ms: number): Promise<void> {
    return new Promise((resolve) => {
      const waiting = this.#waiting.get(name) ?? new Set()
      this.#waiting.set(name, waiting)
      const over = () => {
        clearTimeout(timer)
        waiting.delete(over)
        if (waiting.size === 0) this.#waiting.delete(name)
        resolve()
      }
      const timer = setTimeout(over, ms)
      waiting.add(over)
    })
  }

  ring(name: string): void {
    for (const over of this.#waiting.get(name) ?? []) over()
  }
}
