// Where refused calls are remembered, for the administrator.
import type { Refusal } from '../../shared/services/refusal.ts'

export interface RefusalPort {
  /** At most 500 ms; what cannot be noted is counted, and the count told with the next that can. */
  record(refusal: Refusal): Promise<void>
  /** The last 1,000, the newest first; undefined where they cannot be read. At most 5 s. */
  list(): Promise<ListedRefusals | undefined>
}

export interface ListedRefusals {
  readonly refusals: readonly Refusal[]
  /** How many others there were that nobody has noted, since the first of all. */
  readonly unnoted: number
}
