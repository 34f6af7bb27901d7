// What the administrator sees of jobs, and does with the dead ones.
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import type { ListedJob } from '../../shared/jobs/listing.ts'
import { adminToken, startGateway, type TestGateway } from './support/gateway.ts'
import { bearer, credentials, jobsDocument, startWorker, type Told, type Work, type Worker } from './support/jobs.ts'

interface Swept {
  readonly dryRun: boolean
  readonly matched: number
  readonly replayed?: number
  readonly dropped?: number
  readonly jobs: readonly { readonly id: string; readonly type: string; readonly error?: string }[]
}

let worker: Worker
let gateway: TestGateway

beforeAll(async () => {
  worker = await startWorker()
  gateway = await startGateway(jobsDocument(worker), 'test/e2e/workers/jobs.ts')
})

beforeEach(() => ask('/dead?all=true', { method: 'DELETE' }))

afterAll(async () => {
  await gateway?.close()
  await worker?.close()
})

let count = 0

async function posted(is: Work['is'], more: object = {}): Promise<string> {
  const body = JSON.stringify({ type: 'work', payload: { n: ++count, is }, ...more })
  const headers = bearer(credentials.workers)
  const response = await fetch(`${gateway.url}/_weir/jobs`, { method: 'POST', headers, body })
  expect(response.status).toBe(202)
  return ((await response.json()) as Told).id
}

async function ask<T>(path: string, init: RequestInit = {}): Promise<T> {
  const response = await fetch(`${gateway.url}/_weir/api/jobs${path}`, { ...init, headers: bearer(adminToken) })
  return response.json() as Promise<T>
}

const replay = (body: object) => ask<Swept>('/dead/replay', { method: 'POST', body: JSON.stringify(body) })
const drop = (query: string) => ask<Swept>(`/dead?${query}`, { method: 'DELETE' })
const dead = async () => (await ask<{ jobs: ListedJob[] }>('/dead')).jobs

const becomes = (id: string, state: string | undefined) =>
  expect
    .poll(async () => (await ask<Partial<ListedJob>>(`/${id}`)).state, { timeout: 15_000, interval: 50 })
    .toBe(state)

const message = (body: unknown) => fetch(`${gateway.url}/_test/message`, { method: 'POST', body: JSON.stringify(body) })

test('the dead are listed with their reasons, tried out, queued again, and dropped', async () => {
  const ids = [await posted('poison'), await posted('poison')]
  for (const id of ids) await becomes(id, 'dead')
  const listed = await dead()
  expect(new Set(listed.map(({ id }) => id))).toEqual(new Set(ids))
  expect(listed[0]).toMatchObject({
    ...{ state: 'dead', runs: 1, payload: { is: 'poison' }, key: expect.stringMatching(/^pool:workers /) },
    error: expect.stringContaining('422'),
  })

  const before = worker.requests
  expect(await replay({ because: '422' })).toMatchObject({ dryRun: true, matched: 2, replayed: 0 })
  expect(await replay({ because: 'no such reason', dryRun: false })).toMatchObject({ matched: 0, replayed: 0 })
  expect(await replay({ type: 'report', dryRun: false })).toMatchObject({ matched: 0 })
  expect(worker.requests).toBe(before)
  expect(await replay({ ids: ids.slice(0, 1), dryRun: false })).toMatchObject({ matched: 1, replayed: 1 })
  await expect.poll(() => worker.requests).toBe(before + 1)
  await becomes(ids[0]!, 'dead')

  expect(await drop('')).toMatchObject({ reason: 'invalid-query' })
  expect(await drop(`ids=${ids[1]}&dryRun=true`)).toMatchObject({ dryRun: true, matched: 1, dropped: 0 })
  expect(await drop(`ids=${ids[1]}`)).toMatchObject({ matched: 1, dropped: 1, jobs: [{ id: ids[1], type: 'work' }] })
  expect((await dead()).map(({ id }) => id)).toEqual([ids[0]])
  await becomes(ids[1]!, undefined)
})

test('a message that nobody can read is a dead letter with its reason, and harms no neighbour', async () => {
  const [good] = await Promise.all([posted('good'), message({ hello: 'world' }), message('hello'), message(null)])
  await becomes(good, 'done')
  await expect.poll(async () => (await dead()).length, { timeout: 10_000 }).toBe(3)
  const letters = await dead()
  expect(letters.map(({ payload }) => JSON.stringify(payload)).sort()).toEqual(['"hello"', 'null', '{"hello":"world"}'])
  for (const { type, error } of letters) {
    expect({ type, error }).toEqual({
      type: 'unreadable',
      error: expect.stringMatching(/^The message is no envelope: /),
    })
  }
  // It goes back as it came: whoever has learnt to read it will.
  const ids = letters.map(({ id }) => id)
  expect(await replay({ ids: ids.slice(0, 1), dryRun: false })).toMatchObject({ replayed: 1 })
  await becomes(ids[0]!, undefined)
  await expect.poll(async () => (await dead()).length, { timeout: 10_000 }).toBe(3)
})

test('a kind that nobody here knows yet is tried as often as others, and is dead then', async () => {
  const id = 'a'.repeat(32)
  const traceparent = `00-${id}-${id.slice(16)}-01`
  const known = { id, key: 'gateway a', deadline: Date.now() + 60_000, traceparent, payload: null }
  await gateway.configure(jobsDocument(worker, { tries: 2, baseDelaySeconds: 0 }))
  await message({ ...known, type: 'event', version: 9 })
  await becomes(id, 'dead')
  expect(await ask(`/${id}`)).toMatchObject({
    runs: 2,
    error: expect.stringMatching(/^version 9 of "event" is not known/),
  })
})

test('jobs are listed by state, the newest first, page by page', async () => {
  const type = 'patient'
  const ids: string[] = []
  for (let n = 0; n < 7; n++) ids.push(await posted('poison', { type }))
  for (const id of ids) await becomes(id, 'dead')
  const other = await posted('failing', { type })
  await becomes(other, 'failed')
  const seen: string[] = []
  for (let cursor = ''; ; ) {
    const page = await ask<{ jobs: ListedJob[]; next?: string }>(`?state=dead&type=${type}&limit=3${cursor}`)
    seen.push(...page.jobs.map(({ id }) => id))
    if (page.next === undefined) break
    cursor = `&cursor=${page.next}`
  }
  expect(seen).toEqual(ids.reverse())
  const { jobs } = await ask<{ jobs: ListedJob[] }>(`?state=failed,dead&type=${type}&limit=1`)
  expect(jobs.map(({ id }) => id)).toEqual([other])
})

test.each([
  ['?state=deda', 'state[0]'],
  ['?limit=0', 'limit'],
  ['?cursor=1', 'cursor'],
  ['?stat=dead', 'stat'],
])('what is asked wrongly: %s', async (query, path) => {
  expect(await ask(query)).toMatchObject({ status: 422, reason: 'invalid-query', errors: [{ path }] })
})

test('what became of a job is forgotten in time, and done again only for who asks anew', async () => {
  await gateway.configure(jobsDocument(worker, { keepSeconds: 1 }))
  const id = await posted('good')
  await becomes(id, 'done')
  await becomes(id, undefined)
  const before = worker.requests
  // Its message, once more.
  const traceparent = `00-${id}-${id.slice(16)}-01`
  const payload = { n: ++count, is: 'good' }
  await message({
    type: 'work',
    version: 1,
    id,
    key: `pool:workers ${id}`,
    deadline: Date.now() + 60_000,
    traceparent,
    payload,
  })
  await becomes(await posted('good'), 'done')
  expect(worker.requests).toBe(before + 1)
})
