// Jobs on the wire: callers that want them, a real origin that does them, and all that can go wrong between the two.
import { randomUUID } from 'node:crypto'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import type { JobStatus } from '../../shared/jobs/journal.ts'
import { adminToken, startGateway, type TestGateway } from './support/gateway.ts'
import { bearer, credentials, jobsDocument, startWorker, type Told, type Work, type Worker } from './support/jobs.ts'

let worker: Worker
let gateway: TestGateway

beforeAll(async () => {
  worker = await startWorker()
  // What the queue has not taken is sent again long before what it has taken and lost.
  gateway = await startGateway(jobsDocument(worker, { resendSeconds: 60 }), 'test/e2e/workers/jobs.ts')
})

afterEach(() => control(''))

afterAll(async () => {
  worker?.release()
  await gateway?.close()
  await worker?.close()
})

const control = (what: string) => fetch(`${gateway.url}/_test?${what}`)

let count = 0
/** Work that no other test has. */
const work = (is: Work['is'] = 'good', more: Partial<Work> = {}): Work => ({ n: ++count, is, ...more })

const asAdmin = bearer(adminToken)
const asWorker = bearer(credentials.workers)

const post = (body: object, headers: Record<string, string> = {}, url = gateway.url) =>
  fetch(`${url}/_weir/jobs`, { method: 'POST', headers: { ...asWorker, ...headers }, body: JSON.stringify(body) })

/** The id of a job that was taken. */
async function posted(payload: Work, more: object = {}): Promise<string> {
  const response = await post({ type: 'work', payload, ...more })
  expect(response.status).toBe(202)
  return ((await response.json()) as Told).id
}

const ask = (path: string, init: RequestInit = {}) =>
  fetch(`${gateway.url}${path}`, { ...init, headers: { ...asAdmin, ...(init.headers as object) } })

async function statusOf(id: string): Promise<JobStatus> {
  return (await ask(`/_weir/jobs/${id}`)).json() as Promise<JobStatus>
}

const becomes = (id: string, state: string) =>
  expect.poll(async () => (await statusOf(id)).state, { timeout: 15_000, interval: 50 }).toBe(state)

test('a job is taken at once, done by the pool, and has its result where Location says', async () => {
  const payload = work()
  const response = await post({ type: 'work', payload })
  const told = (await response.json()) as Told
  expect({ status: response.status, location: response.headers.get('location'), state: told.state }).toEqual({
    status: 202,
    location: `/_weir/jobs/${told.id}`,
    state: 'queued',
  })
  await becomes(told.id, 'done')
  expect(await statusOf(told.id)).toMatchObject({ type: 'work', version: 1, runs: 1, result: { n: payload.n } })
  expect(worker.done.get(payload.n)).toBe(1)
})

test('a repeat with the same Idempotency-Key is the same job; with another payload it is refused', async () => {
  const payload = work()
  const headers = { 'idempotency-key': randomUUID() }
  const [first, second] = await Promise.all([
    post({ type: 'work', payload }, headers),
    post({ type: 'work', payload }, headers),
  ])
  expect([first.status, second.status]).toEqual([202, 202])
  expect(second.headers.get('location')).toBe(first.headers.get('location'))
  const { id } = (await first.json()) as Told
  await becomes(id, 'done')
  const third = await post({ type: 'work', payload }, headers)
  expect(await third.json()).toMatchObject({ id, state: 'done' })
  const other = await post({ type: 'work', payload: work() }, headers)
  expect(other.status).toBe(422)
  expect(await other.json()).toMatchObject({ reason: 'idempotency-key-reused' })
  expect(other.headers.get('location')).toBe(first.headers.get('location'))
  // The key is the caller's own.
  const elsewhere = await post({ type: 'work', payload: work() }, { ...headers, ...bearer(credentials.others) })
  expect(elsewhere.status).toBe(202)
  expect(elsewhere.headers.get('location')).not.toBe(first.headers.get('location'))
  expect(worker.done.get(payload.n)).toBe(1)
})

test('who has no credential gets nothing, and a pool sees its own jobs alone', async () => {
  const id = await posted(work())
  const without = await fetch(`${gateway.url}/_weir/jobs`, { method: 'POST', body: '{}' })
  expect(without.status).toBe(401)
  const places = [`/_weir/jobs/${id}`, `/_weir/jobs/${id}/events`]
  for (const place of places) {
    expect((await fetch(`${gateway.url}${place}`)).status).toBe(401)
    expect((await fetch(`${gateway.url}${place}`, { headers: bearer(credentials.others) })).status).toBe(404)
    expect((await fetch(`${gateway.url}${place}?token=wrong`)).status).toBe(403)
  }
  const foreign = { headers: bearer(credentials.others) }
  expect((await fetch(`${gateway.url}/_weir/jobs/${id}`, { ...foreign, method: 'DELETE' })).status).toBe(404)
  expect((await fetch(`${gateway.url}/_weir/api/jobs`, { headers: asWorker })).status).toBe(401)
})

test.each([
  ['no JSON', '{', 400, 'not-json', undefined],
  ['an unknown type', { type: 'wrok' }, 422, 'invalid-job', /^the type "wrok" is not known here: the types are /],
  ['an unknown version', { type: 'webhook', version: 7 }, 422, 'invalid-job', /^version 7 of "webhook" is not known/],
  ['a wrong payload', { type: 'thumbnail', payload: {} }, 422, 'invalid-job', /^is required/],
  ['an unknown field', { type: 'work', paylaod: 1 }, 422, 'invalid-job', /did you mean "payload"\?$/],
  ['a callback that is no place', { type: 'work', callback: 'ftp://a' }, 422, 'invalid-job', /https:\/\//],
  ['too much', { type: 'work', payload: 'x'.repeat(120_000) }, 422, 'invalid-job', /^is too long/],
])('what is refused: %s', async (_, body, status, reason, message) => {
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  const response = await fetch(`${gateway.url}/_weir/jobs`, { method: 'POST', headers: asWorker, body: text })
  const problem = (await response.json()) as { reason: string; errors?: { message: string }[] }
  expect({ status: response.status, reason: problem.reason }).toEqual({ status, reason })
  if (message !== undefined) expect(problem.errors?.[0]?.message).toMatch(message)
})

test('a message that comes twice is done once, and asked for once', async () => {
  const payloads = Array.from({ length: 10 }, () => work('good', { twice: true }))
  const before = worker.requests
  const ids = await Promise.all(payloads.map((payload) => posted(payload)))
  for (const id of ids) await becomes(id, 'done')
  // Behind all of them in the queue.
  await becomes(await posted(work()), 'done')
  expect(worker.requests - before).toBe(payloads.length + 1)
})

test('while the queue is away jobs are taken all the same, and sent when it is back', async () => {
  await control('queue=away')
  const payloads = [work(), work()]
  const ids = await Promise.all(payloads.map((payload) => posted(payload)))
  expect(await Promise.all(ids.map(async (id) => (await statusOf(id)).state))).toEqual(['queued', 'queued'])
  await control('')
  for (const id of ids) await becomes(id, 'done')
  expect(payloads.map(({ n }) => worker.done.get(n))).toEqual([1, 1])
})

test('while the books are away a job goes straight to the queue, and is known when they are back', async () => {
  await control('books=away')
  const payload = work()
  const headers = { 'idempotency-key': randomUUID() }
  const response = await post({ type: 'work', payload }, headers)
  expect(response.status).toBe(202)
  const { id } = (await response.json()) as Told
  expect((await ask(`/_weir/jobs/${id}`)).status).toBe(503)
  await control('')
  const again = await post({ type: 'work', payload }, headers)
  expect(((await again.json()) as Told).id).toBe(id)
  await becomes(id, 'done')
  await control('queue=away&books=away')
  expect((await post({ type: 'work', payload: work() })).status).toBe(503)
  expect(worker.done.get(payload.n)).toBe(1)
})

test('a job that is past its deadline is dropped, with a record', async () => {
  await control('queue=away')
  const payload = work()
  const id = await posted(payload, { deadlineSeconds: 1 })
  await becomes(id, 'expired')
  await control('')
  expect(await statusOf(id)).toMatchObject({ runs: 0, error: 'Nobody has begun it before its deadline.' })
  expect(worker.done.get(payload.n)).toBeUndefined()
})

test('a run that takes too long is given up, and a late one is not heard', async () => {
  worker.hold()
  const id = await posted(work('held'), { type: 'hasty' })
  await becomes(id, 'dead')
  expect((await statusOf(id)).error).toMatch(/too long|deadline/)
  worker.release()
})

test('a job that waits is cancelled, and queued again', async () => {
  const payload = work('failing')
  const id = await posted(payload, { type: 'patient' })
  await becomes(id, 'failed')
  const failed = await statusOf(id)
  expect(failed).toMatchObject({ runs: 1, error: expect.stringContaining('500') })
  expect(Date.parse(failed.nextRunAt!)).toBeGreaterThan(Date.now() + 3_000_000)
  const cancelled = await ask(`/_weir/jobs/${id}`, { method: 'DELETE' })
  expect(await cancelled.json()).toMatchObject({ state: 'cancelled' })
  expect((await ask(`/_weir/jobs/${id}`, { method: 'DELETE' })).status).toBe(409)
  const retry = () => ask(`/_weir/jobs/${id}/retry`, { method: 'POST' })
  expect(await (await retry()).json()).toMatchObject({ state: 'queued', runs: 0 })
  await becomes(id, 'failed')
  await retry()
  await becomes(id, 'done')
  expect((await retry()).status).toBe(409)
  expect(worker.done.get(payload.n)).toBe(1)
})

test('a status has an ETag, and says when to ask again', async () => {
  const id = await posted(work('failing'), { type: 'patient' })
  await becomes(id, 'failed')
  const response = await ask(`/_weir/jobs/${id}`)
  const etag = response.headers.get('etag')!
  expect(response.headers.get('retry-after')).toBe('1')
  expect((await ask(`/_weir/jobs/${id}`, { headers: { 'if-none-match': etag } })).status).toBe(304)
  await ask(`/_weir/jobs/${id}`, { method: 'DELETE' })
  const after = await ask(`/_weir/jobs/${id}`, { headers: { 'if-none-match': etag } })
  expect([after.status, after.headers.get('retry-after')]).toEqual([200, null])
})
