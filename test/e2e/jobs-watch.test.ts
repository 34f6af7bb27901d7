// Who watches jobs: server-sent events, and the crowd that costs the job's book one.
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { JobStatus } from '../../shared/jobs/journal.ts'
import { adminToken, startGateway, type TestGateway } from './support/gateway.ts'
import { bearer, credentials, jobsDocument, startWorker, type Told, type Worker } from './support/jobs.ts'

let worker: Worker
let gateway: TestGateway

beforeAll(async () => {
  worker = await startWorker()
  gateway = await startGateway(jobsDocument(worker), 'test/e2e/workers/jobs.ts')
})

afterAll(async () => {
  worker?.release()
  await gateway?.close()
  await worker?.close()
})

let count = 0

async function posted(is: 'good' | 'held', type = 'work'): Promise<Told> {
  if (is === 'held') worker.hold()
  const body = JSON.stringify({ type, payload: { n: ++count, is } })
  const headers = bearer(credentials.workers)
  const response = await fetch(`${gateway.url}/_weir/jobs`, { method: 'POST', headers, body })
  expect(response.status).toBe(202)
  return response.json() as Promise<Told>
}

const watch = (path: string, headers: Record<string, string> = {}) => fetch(`${gateway.url}${path}`, { headers })

/** The events of a stream, as they come. */
async function* eventsOf(response: Response): AsyncGenerator<{ readonly id: string; readonly status: JobStatus }> {
  let text = ''
  for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) {
    text += chunk
    for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
      const lines = text.slice(0, end).split('\n')
      text = text.slice(end + 2)
      const field = (name: string) => lines.find((line) => line.startsWith(`${name}: `))?.slice(name.length + 2)
      const [id, data] = [field('id'), field('data')]
      if (id !== undefined && data !== undefined) yield { id, status: JSON.parse(data) as JobStatus }
    }
  }
}

/** How often the book was asked by who watches. */
const watches = async () => Number(await (await fetch(`${gateway.url}/_test/watches`)).text())

test('a browser sees by the link alone how the job goes on, until it is over', async () => {
  const told = await posted('held')
  const response = await watch(told.watch)
  expect(response.headers.get('content-type')).toBe('text/event-stream')
  const states: string[] = []
  let last = ''
  for await (const { id, status } of eventsOf(response)) {
    if (states.at(-1) !== status.state) states.push(status.state)
    last = id
    if (status.state === 'running') worker.release()
  }
  expect(states.slice(-2)).toEqual(['running', 'done'])
  // An EventSource comes back when the stream has ended, until it is told that there is nothing more.
  expect((await watch(told.watch, { 'last-event-id': last })).status).toBe(204)
  for await (const { status } of eventsOf(await watch(told.watch))) expect(status.state).toBe('done')
})

test('whoever does a job tells how far it is, by the link of this run alone', async () => {
  const told = await posted('held')
  const telling = async (link: string, body: object | string) => {
    const text = typeof body === 'string' ? body : JSON.stringify(body)
    const { status } = await fetch(`${gateway.url}${link}`, { method: 'POST', body: text })
    return status
  }
  const seen: unknown[] = []
  let link = ''
  for await (const { status } of eventsOf(await watch(told.watch))) {
    if (status.progress !== undefined) seen.push(status.progress)
    if (status.state === 'running' && link === '') {
      await expect.poll(() => worker.asked()['idempotency-key']).toBe(told.id)
      link = String(worker.asked()['weir-job-progress'])
      expect(await telling(link.replace('run=1', 'run=2'), { percent: 1 })).toBe(403)
      expect(await telling(told.watch.replace('events', 'progress'), { percent: 1 })).toBe(403)
      expect(await telling(link, { percent: 101 })).toBe(422)
      expect(await telling(link, 'far')).toBe(400)
      expect(await telling(link, { percent: 40, note: 'page 4 of 10' })).toBe(204)
    }
    if (seen.length === 1) worker.release()
  }
  expect(seen[0]).toEqual({ percent: 40, note: 'page 4 of 10' })
  expect(await telling(link, { percent: 50 })).toBe(409)
})

test('the link of one job is no use for another, nor for its end', async () => {
  const [one, other] = [await posted('good'), await posted('good')]
  const token = new URL(one.watch, gateway.url).searchParams.get('token')
  expect((await watch(`/_weir/jobs/${other.id}/events?token=${token}`)).status).toBe(403)
  const cancelled = await fetch(`${gateway.url}/_weir/jobs/${one.id}?token=${token}`, { method: 'DELETE' })
  expect(cancelled.status).toBe(401)
})

test('who leaves is not watched for: what the job does then asks its book no more', async () => {
  const told = await posted('held', 'patient')
  const leaving = new AbortController()
  const response = await fetch(gateway.url + told.watch, { signal: leaving.signal })
  for await (const { status } of eventsOf(response)) if (status.state === 'running') break
  await expect.poll(() => worker.asked()['idempotency-key']).toBe(told.id)
  const link = String(worker.asked()['weir-job-progress'])
  const advance = () => fetch(gateway.url + link, { method: 'POST', body: '{"percent": 1}' })
  leaving.abort()
  const asked = async () => {
    const before = await watches()
    for (let time = 0; time < 3; time++) expect((await advance()).status).toBe(204)
    return (await watches()) - before
  }
  await expect.poll(asked).toBe(0)
  worker.release()
})

test('a job that is cancelled while it runs is over at once for all', async () => {
  const told = await posted('held', 'patient')
  for await (const { status } of eventsOf(await watch(told.watch))) {
    if (status.state !== 'running') continue
    const { id } = told
    await fetch(`${gateway.url}/_weir/jobs/${id}`, { method: 'DELETE', headers: bearer(adminToken) })
  }
  worker.release()
  const { state } = (await (await watch(`/_weir/jobs/${told.id}`, bearer(adminToken))).json()) as JobStatus
  expect(state).toBe('cancelled')
})

test('who watches a job that nobody knows is told so', async () => {
  const response = await watch(`/_weir/jobs/${'0'.repeat(32)}/events`, bearer(adminToken))
  expect(response.status).toBe(404)
})

test('a thousand who watch one job cost its book one', { timeout: 60_000 }, async () => {
  const told = await posted('held')
  const before = await watches()
  const crowd = await Promise.all(Array.from({ length: 1000 }, () => watch(told.watch)))
  expect(new Set(crowd.map(({ status }) => status))).toEqual(new Set([200]))
  const ends = Promise.all(
    crowd.map(async (response) => {
      let last: JobStatus | undefined
      for await (const { status } of eventsOf(response)) last = status
      return last?.state
    }),
  )
  worker.release()
  expect(new Set(await ends)).toEqual(new Set(['done']))
  // Once for how things stand, and once for each change that was still to come; some come with neither.
  expect((await watches()) - before).toBeLessThan(10)
})
