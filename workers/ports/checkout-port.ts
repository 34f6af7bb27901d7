// What the administrator may see of the shop's checkouts, and do about those that get nowhere.
import type { ToldStep } from '../../shared/saga.ts'

export interface CheckoutPort {
  /** Those that have been at one place the longest come first. At most 10 s; undefined where the database does not answer. */
  list(query: CheckoutQuery): Promise<readonly ListedCheckout[] | undefined>
  /** Has it run again now. At most 10 s. */
  retry(id: string): Promise<RetriedCheckout>
}

export type CheckoutState = 'running' | 'done' | 'undone'

export interface CheckoutQuery {
  /** stuck: it runs, and nothing has changed for five minutes. */
  readonly state: CheckoutState | 'stuck'
  readonly limit: number
  /** The last of the page before. */
  readonly after?: CheckoutPlace | undefined
}

export interface CheckoutPlace {
  /** ms since the epoch. */
  readonly since: number
  readonly id: string
}

export interface ListedCheckout {
  readonly id: string
  readonly account: string
  readonly state: CheckoutState
  /** Why it is undone, or is about to be. */
  readonly because?: string
  readonly steps: readonly ToldStep[]
  /** In minor units. */
  readonly total: number
  readonly currency: string
  /** When it was begun, and when it came to where it is: ms since the epoch. */
  readonly startedAt: number
  readonly since: number
  /** How often the step that it is at has failed since, and what was said the last time. */
  readonly failures: number
  readonly trouble?: string
}

/** away: the database or the platform's Workflows do not answer, and nobody knows whether it runs. */
export type RetriedCheckout = 'begun' | 'absent' | 'over' | 'away'
