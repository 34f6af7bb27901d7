// Whether an origin is to be asked, by what its attempts have shown.

/** All instants are milliseconds since the epoch. */
export interface Health {
  /** Attempts that failed since the last one that did not. */
  readonly failuresInARow: number
  readonly ejected?: Ejected | undefined
  /** When it became healthy again; absent where it never was otherwise. */
  readonly recoveredAt?: number | undefined
}

export interface Ejected {
  readonly because: 'failures'
  readonly at: number
  readonly until: number
  readonly trialAt: number | undefined
}

export const healthy: Health = { failuresInARow: 0 }

/** Whether an origin is to be asked before those that are not healthy. */
export function isHealthy({ ejected }: Health, at: number): boolean {
  return ejected === undefined || at >= ejected.until
}

export function noted(health: Health, failed: boolean): Health {
  return { ...health, failuresInARow: failed ? health.failuresInARow + 1 : 0 }
}
