import { expect, test } from 'vitest'
import { healthy } from '../../../shared/balance/health.ts'
import { startPool } from '../../../shared/balance/pool.ts'
import { withTrials } from '../../../shared/balance/trials.ts'
import { parseDocument } from '../../../shared/config/parse.ts'

const at = 1_000_000_000_000

/** Origins a, b and c, of which b was ejected until then, and has a trial under way where one is given. */
function order(until: number, trialAt?: number) {
  const origins = ['a', 'b', 'c'].map((id) => ({ id, url: 'http://127.0.0.1:9001' }))
  const parsed = parseDocument({ pools: { web: { origins } }, routes: [{ path: '/*', pools: ['web'] }] })
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.error))
  const state = startPool(parsed.value.config.pools.web!, () => 0)
  state.origins[1]!.health = { ...healthy, ejected: { because: 'failures', at: at - 90_000, until, trialAt } }
  return state.origins
}

test.each<[string, mayRepeat: boolean, until: number, trialAt: number | undefined, order: string]>([
  ['half open: first, for whom another can help', true, at, undefined, 'bac'],
  ['half open: last, for what is sent once', false, at, undefined, 'acb'],
  ['still ejected: where it is', true, at + 1, undefined, 'abc'],
  ['a trial is under way: where it is', true, at, at - 1, 'abc'],
  ['for long nobody has come whom another could help', false, at - 60_000, undefined, 'abc'],
])('%s', (_, mayRepeat, until, trialAt, expected) => {
  const sorted = withTrials(order(until, trialAt), mayRepeat, at)
  expect(sorted.map(({ origin }) => origin.id).join('')).toBe(expected)
})
