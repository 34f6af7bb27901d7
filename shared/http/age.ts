// How old is a response? (RFC 9111 §4.2.3.) Instants in milliseconds, ages in seconds.
import { deltaSeconds } from './cache-control.ts'
import { parseHttpDate } from './date.ts'
import type { Fields } from './fields.ts'

/** The corrected initial age of a response asked for at `requestTime` and received at `responseTime`. */
export function initialAge(fields: Fields, requestTime: number, responseTime: number): number {
  const date = fields.get('date')
  const generated = date === null ? undefined : parseHttpDate(date, responseTime)
  const apparent = generated === undefined ? 0 : Math.max(0, (responseTime - generated) / 1000)
  const delay = Math.max(0, (responseTime - requestTime) / 1000)
  return Math.max(apparent, statedAge(fields) + delay)
}

/** Of a list, which a broken cache may have made, the first member counts (RFC 9111 §5.1). */
function statedAge(fields: Fields): number {
  return deltaSeconds(fields.get('age')?.split(',')[0]?.trim()) ?? 0
}
