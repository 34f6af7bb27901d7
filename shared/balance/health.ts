// Whether an origin is to be asked: its attempts show it, and the monitor says it.

/** All instants are milliseconds since the epoch. */
export interface Health {
  /** Attempts that failed since the last one that did not. */
  readonly failuresInARow: number
  readonly ejected: Ejected | undefined
  /** Ejections in a row: each lasts longer than the one before. */
  readonly ejections: number
  /** When its last ejection, or the monitor's, came to an end. */
  readonly recoveredAt: number | undefined
  /** The monitor's word, and since when that is its word. */
  readonly monitor: 'up' | 'down' | undefined
  readonly monitorSince: number
}

export interface Ejected {
  readonly because: string
  readonly at: number
  readonly until: number
  /** When the trial under way began. */
  readonly trialAt: number | undefined
}

export const healthy: Health = {
  failuresInARow: 0,
  ejected: undefined,
  ejections: 0,
  recoveredAt: undefined,
  monitor: undefined,
  monitorSince: 0,
}

/** Whether an origin is to be asked before those that are not healthy. */
export function isHealthy({ ejected, monitor }: Health, at: number): boolean {
  return monitor !== 'down' && (ejected === undefined || at >= ejected.until)
}

export function noted(health: Health, failed: boolean): Health {
  return { ...health, failuresInARow: failed ? health.failuresInARow + 1 : 0 }
}

/** The monitor's word, which has been its word `since` then; told again it changes nothing. */
export function toldByMonitor(health: Health, word: 'up' | 'down', since: number): Health {
  if (health.monitor === word && health.monitorSince === since) return health
  const told = { ...health, monitor: word, monitorSince: since }
  return health.monitor === 'down' && word === 'up' ? { ...told, recoveredAt: since } : told
}
