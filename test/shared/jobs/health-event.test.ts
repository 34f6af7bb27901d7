import { expect, test } from 'vitest'
import { healthEvent } from '../../../shared/jobs/health-event.ts'

const news = { status: 'down', was: 'up', since: 1_700_000_000_000, because: 'status 500', suppressed: 2 } as const
const told = { ...news, since: '2023-11-14T22:13:20.000Z' }

test('an origin, and a pool as a whole', () => {
  const data = { pool: 'web', origin: 'a', ...told }
  expect(healthEvent('web', { origin: 'a', ...news }, 7)).toEqual({ event: 'origin.health', at: 7, data })
  expect(healthEvent('web', news, 7)).toEqual({ event: 'pool.health', at: 7, data: { pool: 'web', ...told } })
})
