import { expect, it } from 'vitest'
import { Fills } from '../../../workers/durable/fills.ts'

const most = 1000
const leadMs = 20_000

it('one leads, others wait for what it lands, or for another leader', async () => {
  const fills = new Fills()
  expect(fills.lead('a', 'first', 0)).toBe('leads')
  expect(fills.lead('a', 'second', 1)).toBe('waits')
  const waiting = fills.wait('a')
  fills.end('a', { kind: 'absent' })
  expect(await waiting).toEqual({ kind: 'absent' })
  expect(await fills.wait('a')).toBeUndefined()
})

it('who leads for too long leads no more, and nobody waits for it any longer', async () => {
  const fills = new Fills()
  fills.lead('a', 'first', 0)
  const waiting = fills.wait('a')
  expect(fills.lead('a', 'second', leadMs)).toBe('leads')
  expect(await waiting).toBeUndefined()
  expect([fills.isLed('a', 'first'), fills.isLed('a', 'second')]).toEqual([false, true])
})

it('so many are filled at once and no more, but those who never land take nobody’s place', async () => {
  const fills = new Fills()
  for (let count = 0; count < most; count++) fills.lead(`key ${count}`, 'token', count)
  const lost = fills.wait('key 0')
  expect(fills.lead('one more', 'token', leadMs - 1)).toBe('full')
  expect(fills.lead('one more', 'token', leadMs)).toBe('leads')
  expect(await lost).toBeUndefined()
  expect(fills.lead('another', 'token', leadMs)).toBe('full')
})
