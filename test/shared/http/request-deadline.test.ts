import { expect, test } from 'vitest'
import { parseDeadline } from '../../../shared/http/request-deadline.ts'

test.each<[string, string | null, number | undefined]>([
  ['milliseconds since the epoch', '1795262400000', 1_795_262_400_000],
  ['long ago', '0', 0],
  ['absent', null, undefined],
  ['empty', '', undefined],
  ['two of them', '1795262400000, 1795262400001', undefined],
  ['a fraction', '1795262400000.5', undefined],
  ['negative', '-1', undefined],
  ['too long to be counted exactly', '9'.repeat(16), undefined],
  ['a date', 'Sat, 21 Nov 2026 12:00:00 GMT', undefined],
])('X-Request-Deadline: %s', (_, field, at) => expect(parseDeadline(field)).toBe(at))
