import { expect, test } from 'vitest'
import { parseRetryAfter } from '../../../shared/http/retry-after.ts'

const now = Date.UTC(2026, 10, 21, 12)

test.each<[string, string | null, number | undefined]>([
  ['seconds', '120', 120_000],
  ['with spaces', ' 5 ', 5000],
  ['now', '0', 0],
  ['a date', 'Sat, 21 Nov 2026 12:00:30 GMT', 30_000],
  ['a date in the past', 'Sat, 21 Nov 2026 11:00:00 GMT', 0],
  ['more than five minutes', '3600', 300_000],
  ['a date far ahead', 'Sun, 22 Nov 2026 12:00:00 GMT', 300_000],
  ['absent', null, undefined],
  ['empty', '', undefined],
  ['a fraction', '1.5', undefined],
  ['negative', '-1', undefined],
  ['something else', 'soon', undefined],
])('RFC 9110 §10.2.3: %s', (_, field, ms) => expect(parseRetryAfter(field, now)).toBe(ms))
