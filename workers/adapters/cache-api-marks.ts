// What an isolate has let go lately, so that it stays so here whatever the platform finishes last.
import { shortHash } from '../../shared/key.ts'

/** So many are remembered, by short names: one that looks like another's is asked for again, which does no harm. */
const most = 1_000

export class Marks {
  readonly #times = new Map<string, number>()

  /** What was asked for before `askedAt` (ms) is too old. */
  set(key: string, askedAt: number): void {
    const name = shortHash(key)
    const latest = Math.max(askedAt, this.#times.get(name) ?? 0)
    this.#times.delete(name)
    this.#times.set(name, latest)
    const [oldest] = this.#times.size > most ? this.#times.keys() : []
    if (oldest !== undefined) this.#times.delete(oldest)
  }

  /** Since when it is let go (ms); 0 where it is not known to be. */
  since(key: string): number {
    return this.#times.size === 0 ? 0 : (this.#times.get(shortHash(key)) ?? 0)
  }
}
