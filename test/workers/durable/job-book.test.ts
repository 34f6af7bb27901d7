// A book of jobs: what survives the object, and what its alarm sees to.
import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { beforeEach, expect, it, vi } from 'vitest'
import type { JobRule } from '../../../shared/config/jobs.ts'
import type { Envelope, Json } from '../../../shared/jobs/envelope.ts'
import { bookName } from '../../../shared/key.ts'
import type { JobBookObject } from '../../../workers/env.ts'

const rule: JobRule = {
  ...{ tries: 3, baseDelayMs: 100_000, timeoutMs: 60_000, deadlineMs: 600_000 },
  ...{ keepMs: 3_600_000, resendMs: 30_000, leaseMs: 10_000 },
}

let id: string
let book: JobBookObject
/** The same, as the tools of the tests want it. */
let stub: DurableObjectStub<undefined>

let digit = 0

/** Each test has a book of its own. */
beforeEach(() => {
  id = `${(digit++).toString(16)}${crypto.randomUUID().replaceAll('-', '').slice(1)}`
  book = env.JOB_BOOKS.getByName(bookName(id))
  stub = book as unknown as typeof stub
})

const envelopeOf = (more: Partial<Envelope> = {}): Envelope => ({
  ...{ type: 'work', version: 1, id, key: `admin ${id}`, deadline: Date.now() + 600_000, payload: null as Json },
  traceparent: `00-${id}-${id.slice(16)}-01`,
  ...more,
})

const job = async () => {
  const found = await book.read(id)
  return found.kind === 'found' ? found.job : undefined
}

const alarmAt = () => runInDurableObject(stub, (_, { storage }) => storage.getAlarm())

async function begun(): Promise<number> {
  const grant = await book.begin(envelopeOf(), rule)
  if (grant.kind !== 'run') throw new Error(grant.kind)
  return grant.token
}

it('knows its jobs and their runs when it was evicted', async () => {
  const token = await begun()
  await book.advance(id, token, { percent: 30 })
  await evictDurableObject(stub)
  expect(await job()).toMatchObject({ state: 'running', progress: { percent: 30 } })
  expect(await book.begin(envelopeOf(), rule)).toEqual({ kind: 'skip' })
  expect(await book.finish(id, token, { kind: 'done', result: 1 })).toEqual({ kind: 'over' })
  expect(await job()).toMatchObject({ state: 'done', result: 1, runs: 1 })
})

it('runs no message under the name of another job', async () => {
  await book.write({ envelope: envelopeOf({ payload: 'first' }), rule, delayMs: 0 })
  // As where a key is used twice, and the second job went straight to the queue because its book did not answer.
  expect(await book.begin(envelopeOf({ payload: 'second' }), rule)).toEqual({ kind: 'skip' })
  expect(await job()).toMatchObject({ state: 'queued', payload: 'first' })
  expect(await book.begin(envelopeOf({ payload: 'first' }), rule)).toMatchObject({ kind: 'run' })
})

it('sets its alarm to the first job that is to be looked at, and sets it again where it was lost', async () => {
  await begun()
  const soonest = await alarmAt()
  expect(soonest).toBeLessThanOrEqual(Date.now() + rule.leaseMs)
  await runInDurableObject(stub, (_, { storage }) => storage.deleteAlarm())
  await evictDurableObject(stub)
  await job()
  await vi.waitFor(async () => expect(await alarmAt()).toBe(soonest))
})

it('sends a job that it was given by its alarm, and forgets one in time', async () => {
  await book.write({ envelope: envelopeOf({ deadline: Date.now() + 1 }), rule: { ...rule, keepMs: 0 }, delayMs: 0 })
  await vi.waitFor(async () => {
    await runDurableObjectAlarm(stub)
    expect(await job()).toBeUndefined()
  })
})

it('writes the job that tells of the end together with the end', async () => {
  const callback = 'https://a.example.com/hook'
  const grant = await book.begin(envelopeOf({ callback }), rule)
  await book.finish(id, grant.kind === 'run' ? grant.token : 0, { kind: 'done', result: 7 })
  const [told] = (await book.list({ type: 'webhook', limit: 10 })).filter(({ key }) => key.includes(id))
  expect(told).toMatchObject({ payload: { url: callback, event: 'job.done', data: { id, result: 7 } } })
  expect(bookName(told!.id)).toBe(bookName(id))
  // Once, whatever is said after the end.
  await book.finish(id, 1, { kind: 'failed', because: 'late' })
  await book.bury({ because: 'late', message: envelopeOf({ callback }), messageId: id, isTold: false, rule })
  expect((await book.list({ type: 'webhook', limit: 10 })).filter(({ key }) => key.includes(id))).toHaveLength(1)
})

it('says nothing of a job that it was told to forget, and does it no more', async () => {
  await book.bury({ because: 'no use', message: envelopeOf(), messageId: id, isTold: false, rule })
  await book.sweep('drop', { ids: [id], limit: 10 }, false)
  expect(await job()).toBeUndefined()
  expect(await book.begin(envelopeOf(), rule)).toEqual({ kind: 'skip' })
  const written = await book.write({ envelope: envelopeOf(), rule, delayMs: 0 })
  expect(written).toMatchObject({ kind: 'written', status: { state: 'queued' } })
})

it('tells who watches as soon as something changes', async () => {
  const token = await begun()
  const { changes } = (await job())!
  const watching = book.watch(id, changes)
  await book.advance(id, token, { percent: 50 })
  expect(await watching).toMatchObject({ job: { progress: { percent: 50 }, changes: changes + 1 } })
  expect(await book.watch(id, changes)).toMatchObject({ job: { changes: changes + 1 } })
  expect(await book.watch('f'.repeat(32), 0)).toEqual({ kind: 'absent' })
})

it('tells who reads slowly the newest alone, at the end the end', async () => {
  const token = await begun()
  const watched = await env.JOB_WATCHES.getByName(id).fetch(`https://watch.invalid/?id=${id}&caller=admin`)
  for (let percent = 0; percent < 100; percent++) await book.advance(id, token, { percent, note: 'x'.repeat(1000) })
  await book.finish(id, token, { kind: 'done' })
  const events = (await watched.text()).split('\n\n').filter((text) => text.includes('data:'))
  expect(events.length).toBeLessThan(10)
  expect(events.at(-1)).toContain('"state":"done"')
})

it('tells of long jobs in a list by their length alone', async () => {
  const token = await begun()
  await book.finish(id, token, { kind: 'done', result: 'r'.repeat(60_000) })
  const long = id.slice(0, 1) + crypto.randomUUID().replaceAll('-', '').slice(1)
  await book.write({ envelope: envelopeOf({ id: long, payload: 'p'.repeat(100_000) }), rule, delayMs: 0 })
  const jobs = await book.list({ limit: 200 })
  expect(JSON.stringify(jobs).length).toBeLessThan(5000)
  expect(jobs.find((each) => each.id === long)?.payload).toEqual({ omitted: expect.stringContaining('100002') })
  expect(jobs.find((each) => each.id === id)?.result).toEqual({ omitted: expect.stringContaining('60002') })
  expect((await job())?.result).toBe('r'.repeat(60_000))
})

it('finds the dead by what their reason says, in letters of either size', async () => {
  await book.bury({ because: 'Status 500.', message: envelopeOf(), messageId: id, isTold: false, rule })
  const found = async (because: string) => (await book.list({ because, ids: [id], limit: 10 })).length
  expect([await found('status 500'), await found('STATUS'), await found('status 501')]).toEqual([1, 1, 0])
})
