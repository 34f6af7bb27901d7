// What is remembered of refused calls: the last thousand, however many there are, and at what cost.
import { runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { expect, test } from 'vitest'
import type { Refusal } from '../../../shared/services/refusal.ts'
import { objectRefusals } from '../../../workers/adapters/object-refusals.ts'

const refusal = (at: number): Refusal => ({
  ...{ at, caller: 'pool:web', callee: 'search', method: 'GET', path: '/', because: 'service-not-allowed' },
})

test('the object keeps the last thousand, the newest first', async () => {
  const object = env.REFUSALS.getByName('of this test')
  await object.record(refusal(1), 5)
  await runInDurableObject(object as unknown as DurableObjectStub, (_, { storage }) => {
    for (let at = 2; at <= 1001; at++)
      storage.sql.exec('INSERT INTO refusals (refusal) VALUES (?)', JSON.stringify(refusal(at)))
  })
  for (const at of [1002, 1003]) await object.record(refusal(at), 0)
  const { refusals, unnoted } = await object.list()
  expect([refusals.length, refusals[0]?.at, refusals.at(-1)?.at, unnoted]).toEqual([1000, 1003, 4, 5])
})

test('who shows no credential takes half of the places at most', async () => {
  const object = env.REFUSALS.getByName('of strangers')
  await object.record(refusal(1), 0)
  const nobodys = (at: number) => ({ ...refusal(at), caller: 'nobody' })
  await runInDurableObject(object as unknown as DurableObjectStub, (_, { storage }) => {
    for (let at = 2; at <= 900; at++)
      storage.sql.exec('INSERT INTO refusals (refusal) VALUES (?)', JSON.stringify(nobodys(at)))
  })
  await object.record(nobodys(901), 0)
  const { refusals } = await object.list()
  expect([refusals.length, refusals.at(-2)?.at, refusals.at(-1)]).toEqual([501, 402, refusal(1)])
})

test('an isolate asks it twenty times a second, and tells how many there were beside', async () => {
  let now = 0
  let isAway = false
  const told: [Refusal, number][] = []
  const object = {
    list: async () => ({ refusals: [], unnoted: 0 }),
    record: async (each: Refusal, unnoted: number): Promise<true> => {
      if (isAway) throw new Error('It is away, for a test.')
      told.push([each, unnoted])
      return true
    },
  }
  const port = objectRefusals({ getByName: () => object }, () => now)
  for (let count = 0; count < 25; count++) await port.record(refusal(0))
  expect(told.length).toBe(20)
  for (let count = 0; count < 10; count++) await port.record({ ...refusal(0), caller: 'nobody' })
  expect(told.length).toBe(25)
  now = 1000
  isAway = true
  await port.record(refusal(1000))
  isAway = false
  await port.record({ ...refusal(1000), path: `/${'a'.repeat(500)}?secret=1` })
  expect(told.at(-1)).toEqual([{ ...refusal(1000), path: `/${'a'.repeat(255)}` }, 6])
})
