// What the admin API says no with, and how far it goes before it does.
import type { ConfigError } from '../../shared/config/errors.ts'
import type { Problem } from '../problem.ts'

export const maxBodyBytes = 1024 * 1024

/** An administrator can wait for the primary database. */
export const patienceMs = 10_000

export function wrongMethod(detail: string, ...allowed: readonly string[]): Problem {
  return { status: 405, reason: 'method-not-allowed', detail, headers: { allow: allowed.join(', ') } }
}

export function tooLarge(what: string): Problem {
  const detail = `${what} may have ${maxBodyBytes} bytes at most. Nothing was changed.`
  return { status: 413, reason: 'too-large', detail }
}

export function invalid(what: string, errors: readonly ConfigError[]): Problem {
  const count = errors.length === 1 ? 'an error' : `${errors.length} errors`
  return {
    status: 422,
    reason: `invalid-${what}`,
    detail: `The ${what} has ${count}; nothing was changed.`,
    more: { errors },
  }
}

export function databaseAway(consequence: string): Problem {
  return {
    status: 503,
    reason: 'database-unavailable',
    detail: `The configuration database (D1) does not answer, or its migrations were not applied. ${consequence}`,
    headers: { 'retry-after': '5' },
  }
}
