import { describe, expect, test } from 'vitest'
import { hasNoContent } from '../../../shared/http/status.ts'

describe('RFC 9110 §6.4.1: statuses without content', () => {
  test.each<[number, boolean]>([
    [200, false],
    [201, false],
    [204, true],
    [205, true],
    [206, false],
    [304, true],
    [404, false],
  ])('%i: %s', (status, verdict) => expect(hasNoContent(status)).toBe(verdict))
})
