// How often somebody may try to log in or to register, counted in the shared state: for a quarter of an hour, by what each
// limit is about. An attempt is counted before it is looked at, so that a thousand at once are no more than ten one after
// the other. Whoever is logged in already is never asked about it.
import { type State, type StatePorts, stateOf } from '../../client/state.ts'
import { within } from '../../within.ts'
import type { ShopContext } from '../service.ts'

export interface Limit {
  /** Guesses with the same are counted together; kept as its digest. */
  readonly of: string
  readonly most: number
}

export type Attempt =
  | { readonly kind: 'allowed'; readonly counters: readonly string[] }
  | { readonly kind: 'refused'; readonly retryAfterSeconds: number }

/** From the first attempt on. */
const windowSeconds = 15 * 60
/** Where the shared state does not answer in time, nobody is kept out for it: a guess costs its computing all the same. */
const patienceMs = 2_000

/** One at one account, from one place; from all places; from one place at all accounts. */
export function loginLimits(email: string, place: string | undefined): readonly Limit[] {
  const ofPlace = place === undefined ? [] : [{ of: `login from ${place}`, most: 100 }]
  return [...ofPlace, { of: `login as ${email} from ${place}`, most: 10 }, { of: `login as ${email}`, most: 100 }]
}

/** Whoever registers learns which addresses have an account. */
export const registrationLimits = (place: string | undefined): readonly Limit[] =>
  place === undefined ? [] : [{ of: `registration from ${place}`, most: 50 }]

export function attemptsBy(state: StatePorts) {
  const counts: State<number> = stateOf('shop-attempts', state)
  const count = (counter: string, by: number, bounds: { readonly min?: number; readonly max?: number }) =>
    within(patienceMs, async () => ({
      value: await counts.add(counter, by, { ...bounds, ttlSeconds: windowSeconds }),
    }))

  return {
    /** In the order of the limits: what one of them refuses does not count for the next. */
    async begin(limits: readonly Limit[]): Promise<Attempt> {
      const counters: string[] = []
      for (const { of, most } of limits) {
        const counter = await digestOf(of)
        const counted = await count(counter, 1, { max: most })
        if (counted !== undefined && counted.value === undefined) {
          return { kind: 'refused', retryAfterSeconds: windowSeconds }
        }
        counters.push(counter)
      }
      return { kind: 'allowed', counters }
    },

    /** It was no guess: it does not count. */
    async takeBack(counters: readonly string[]): Promise<void> {
      await Promise.all(counters.map((counter) => count(counter, -1, { min: 0 })))
    },
  }
}

/**
 * From where a request comes: an IPv4 address, or the 64 bits of an IPv6 address that one subscriber has at least.
 * Undefined where nobody says. The gateway has written it, or an origin of a pool that was told by the gateway.
 */
export function placeOf({ req }: ShopContext): string | undefined {
  const address = req.header('x-forwarded-for')?.split(',', 1)[0]?.trim()
  if (!address?.includes(':')) return address
  const [head = '', tail] = address.split('::', 2) as [string, string?]
  const [before, after] = [head, tail ?? ''].map((part) => (part === '' ? [] : part.split(':'))) as [string[], string[]]
  const between = tail === undefined ? [] : Array<string>(Math.max(0, 8 - before.length - after.length)).fill('0')
  return [...before, ...between, ...after]
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(':')
}

async function digestOf(text: string): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text)))
  return Array.from(digest.subarray(0, 16), (byte) => byte.toString(16).padStart(2, '0')).join('')
}
