import { expect, test } from 'vitest'
import { matchesEvent } from '../../../shared/jobs/matches-event.ts'

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
