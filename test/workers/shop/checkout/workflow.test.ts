// The run of a checkout by the platform's own Workflows, with everything real behind it.
import { createScheduledController, introspectWorkflowInstance } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { beforeAll, expect, it, vi } from 'vitest'
import worker from '../../../../workers/index.ts'
import { checkoutJournal } from '../../../../workers/shop/checkout/journal.ts'
import type { Purchase } from '../../../../workers/shop/checkout/steps.ts'
import { database, factsOf, migrate, orderId, stockUp } from './services.ts'
import { purchase } from './world.ts'

beforeAll(migrate)

const journal = checkoutJournal(database)

async function opened(change: Partial<Purchase> = {}, at = Date.now(), id = orderId('ada')) {
  const item = await stockUp(5)
  const lines = [{ id: item, title: 'A print', quantity: 2, price: 500 }]
  await journal.open({ id, idempotencyKey: id, purchase: { ...purchase, lines, ...change }, at })
  const state = async () => (await journal.read(id))?.state
  return { id, state, facts: () => factsOf(id, item), params: { id } }
}

const watch = () => worker.scheduled(createScheduledController(), env)

const done = { reservation: 'held', stock: 3, order: 'shipped', charge: 'charged', shipment: 'booked' }
const undone = { reservation: 'released', stock: 5, order: 'cancelled', charge: 'refunded', shipment: 'cancelled' }

it('goes forward to its end', async () => {
  const { id, params, facts } = await opened()
  const instance = await introspectWorkflowInstance(env.CHECKOUT, id)
  await env.CHECKOUT.create({ id, params })
  await instance.waitForStatus('complete')
  expect([await instance.getOutput(), await facts()]).toEqual(['done', done])
  await instance.dispose()
})

it('goes back to its beginning, though one of its moves fails at first', async () => {
  const { id, params, facts } = await opened({ address: { ...purchase.address, country: 'AQ' } })
  const instance = await introspectWorkflowInstance(env.CHECKOUT, id)
  await instance.modify(async (modifier) => {
    await modifier.disableRetryDelays()
    await modifier.mockStepError({ name: 'move 6' }, new Error('for a test'), 2)
  })
  await env.CHECKOUT.create({ id, params })
  await instance.waitForStatus('complete')
  expect([await instance.getOutput(), await facts()]).toEqual(['undone', undone])
  await instance.dispose()
})

it('is begun by the watch where nobody has begun it, and begun again where its run was ended', async () => {
  const at = Date.now() - 60_000
  const ended = orderId('ada')
  const instance = await env.CHECKOUT.create({ id: ended, params: { id: ended } })
  await instance.terminate()
  const standing = [await opened({}, at), await opened({}, at, ended)]
  const moving = await opened()
  await watch()
  await vi.waitFor(async () => {
    for (const { state } of standing) expect(await state()).toBe('done')
  }, 20_000)
  for (const { facts } of standing) expect(await facts()).toEqual(done)
  expect(await moving.state()).toBe('running')
})
