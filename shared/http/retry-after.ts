// When an origin wants to be asked again (RFC 9110 §10.2.3): in seconds, or as a date.
import { parseHttpDate } from './date.ts'

/** The longest that anybody is taken at their word. */
const longestMs = 300_000

/** Milliseconds from `now` (ms) on, at most 300,000; undefined where the field is absent or cannot be read. */
export function parseRetryAfter(field: string | null, now: number): number | undefined {
  if (field === null) return undefined
  const text = field.trim()
  if (/^\d+$/.test(text)) return Math.min(Number(text) * 1000, longestMs)
  const date = parseHttpDate(text, now)
  return date === undefined ? undefined : Math.min(Math.max(0, date - now), longestMs)
}
