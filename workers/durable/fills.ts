// Who fills which key of a shard, and who waits for it. All in memory: when it is lost somebody else leads, and what the
// one before lands then is not kept.
import type { Reply } from '../../shared/state/operation.ts'

/** Then somebody else may lead. */
const leadMs = 20_000
/** So many keys are filled at the same time; beyond that nobody waits for another. */
const maxFills = 1_000

interface Fill {
  readonly token: string
  readonly until: number
  readonly waiting: ((reply: Reply | undefined) => void)[]
}

export class Fills {
  readonly #fills = new Map<string, Fill>()

  /** The token of the new leader; undefined where somebody leads already. */
  lead(name: string, token: string, now: number): string | undefined {
    const going = this.#fills.get(name)
    if (going !== undefined && now < going.until) return undefined
    this.end(name, undefined)
    if (this.#fills.size < maxFills) this.#fills.set(name, { token, until: now + leadMs, waiting: [] })
    return token
  }

  /** What the leader lands; undefined where it has to be asked for again. */
  wait(name: string): Promise<Reply | undefined> {
    return new Promise((resolve) => {
      const fill = this.#fills.get(name)
      if (fill === undefined) resolve(undefined)
      else fill.waiting.push(resolve)
    })
  }

  isLed(name: string, token: string): boolean {
    return this.#fills.get(name)?.token === token
  }

  /** Nobody leads any more. Whoever has waited gets the reply; without one they ask again. */
  end(name: string, reply: Reply | undefined): void {
    const fill = this.#fills.get(name)
    this.#fills.delete(name)
    for (const resolve of fill?.waiting ?? []) resolve(reply)
  }

  /** Of a bucket that is not here any more. */
  endAll(bucket: number): void {
    for (const name of [...this.#fills.keys()]) if (name.startsWith(`${bucket}/`)) this.end(name, undefined)
  }
}
