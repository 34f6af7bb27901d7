// Whether an origin is to be asked, by what its attempts have shown.

export interface Health {
  /** Attempts that failed since the last one that did not. */
  readonly failuresInARow: number
}

export const healthy: Health = { failuresInARow: 0 }

export function noted(health: Health, failed: boolean): Health {
  return { failuresInARow: failed ? health.failuresInARow + 1 : 0 }
}
