import { expect, test } from 'vitest'
import { slowStart } from '../../../shared/balance/slow-start.ts'

test.each<[title: string, recoveredAt: number | undefined, part: number]>([
  ['never away', undefined, 1],
  ['just back: a tenth', 60_000, 0.1],
  ['a tenth until it has earned more', 57_001, 0.1],
  ['in the middle', 45_000, 0.5],
  ['after thirty seconds', 30_000, 1],
  ['long ago', 0, 1],
])('%s', (_, recoveredAt, part) => expect(slowStart(recoveredAt, 60_000)).toBe(part))
