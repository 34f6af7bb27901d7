import { expect, test } from 'vitest'
import { hearersOf, matchesEvent } from '../../../shared/jobs/hearers.ts'

test.each<[pattern: string, name: string, matches: boolean]>([
  ['order.paid', 'order.paid', true],
  ['order.paid', 'order.paid.late', false],
  ['order.paid', 'order', false],
  ['order.*', 'order.paid', true],
  ['order.*', 'order.paid.late', true],
  ['order.*', 'order', false],
  ['order.*', 'orders.paid', false],
  ['order*', 'orders.paid', true],
  ['*', 'anything.at.all', true],
  ['order.*', 'ORDER.paid', false],
])('%s and %s: %s', (pattern, name, matches) => expect(matchesEvent(pattern, name)).toBe(matches))

test('who hears of an event, each once', () => {
  const subscribers = {
    ops: { url: 'https://ops.test/', events: ['origin.*', '*.health', 'origin.health'] },
    crm: { url: 'https://crm.test/', events: ['order.*'] },
    log: { url: 'https://log.test/', events: ['*'] },
  }
  expect(hearersOf(subscribers, 'origin.health').map(([name]) => name)).toEqual(['ops', 'log'])
})
