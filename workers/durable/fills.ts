// Who fills which key of a shard, and who waits for it. All in memory: when it is lost somebody else leads, and what the
// one before lands then is not kept.
import type { Reply } from '../../shared/state/operation.ts'

/** Then somebody else may lead. */
const leadMs = 20_000
/** So many keys are filled at the same time; what is missing beyond that is to be asked for again. */
const maxFills = 1_000

interface Fill {
  readonly token: string
  readonly until: number
  readonly waiting: ((reply: Reply | undefined) => void)[]
}

export class Fills {
  readonly #fills = new Map<string, Fill>()

  /** Whether whoever has this token leads from now on, or waits for who does. */
  lead(name: string, token: string, now: number): 'leads' | 'waits' | 'full' {
    const going = this.#fills.get(name)
    if (going !== undefined && now < going.until) return 'waits'
    this.end(name, undefined)
    if (this.#fills.size >= maxFills) this.#endLost(now)
    if (this.#fills.size >= maxFills) return 'full'
    this.#fills.set(name, { token, until: now + leadMs, waiting: [] })
    return 'leads'
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

  #endLost(now: number): void {
    for (const [name, { until }] of this.#fills) if (until <= now) this.end(name, undefined)
  }

  /** Of a bucket that is not here any more. */
  endAll(bucket: number): void {
    for (const name of [...this.#fills.keys()]) if (name.startsWith(`${bucket}/`)) this.end(name, undefined)
  }
}
