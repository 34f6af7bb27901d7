// A thousand jobs, of which some are poison, some fail twice and some are sent twice, over a gateway that is ended in the
// midst of them and started anew: each is done once, or is among the dead with its reason.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { ListedJob } from '../../shared/jobs/listing.ts'
import { type LocalGateway, startLocalGateway } from '../../workers/cli/local-gateway.ts'
import { adminToken } from './support/gateway.ts'
import { bearer, credentials, jobsDocument, startWorker, type Work, type Worker } from './support/jobs.ts'

let worker: Worker
let gateway: LocalGateway
let stateFolder: string

beforeAll(async () => {
  stateFolder = mkdtempSync(join(tmpdir(), 'weir-jobs-'))
  worker = await startWorker()
  gateway = await start(JSON.stringify(jobsDocument(worker, { resendSeconds: 4, leaseSeconds: 4 })))
})

afterAll(async () => {
  await gateway?.close()
  await worker?.close()
  rmSync(stateFolder, { recursive: true, force: true })
})

/** With the state that an earlier one has left. */
const start = (document?: string) =>
  startLocalGateway({
    ...{ port: 0, adminToken, stateFolder, entry: 'test/e2e/workers/jobs.ts' },
    ...(document !== undefined && { document }),
  })

/** One in ten is poison, one in ten fails twice, one in twenty is sent twice. */
const works = Array.from({ length: 1000 }, (_, n): Work => {
  const is = n % 10 === 3 ? 'poison' : n % 10 === 7 ? 'failing' : 'good'
  return { n, is, ...(n % 20 === 5 && { twice: true }) }
})

/** All of them, one by one, from within the Worker: each is a request to /_weir/jobs. How many were taken. */
async function postAll(): Promise<unknown> {
  const body = JSON.stringify(works.map((payload) => ({ type: 'work', payload })))
  const headers = { ...bearer(credentials.workers), 'content-type': 'application/json' }
  const response = await fetch(`${gateway.url}/_test/post`, { method: 'POST', headers, body })
  return response.json()
}

interface Page {
  readonly jobs: readonly ListedJob[]
  readonly next?: string
}

async function page(query: string): Promise<Page> {
  const response = await fetch(`${gateway.url}/_weir/api/jobs?${query}`, { headers: bearer(adminToken) })
  return response.json() as Promise<Page>
}

const isOver = async () => (await page('state=queued,running,failed&limit=1')).jobs.length === 0

/** All jobs in a state, page by page. */
async function inState(state: string): Promise<ListedJob[]> {
  const jobs: ListedJob[] = []
  for (let cursor = ''; ; ) {
    const { jobs: found, next } = await page(`state=${state}&limit=200${cursor}`)
    jobs.push(...found)
    if (next === undefined) return jobs
    cursor = `&cursor=${next}`
  }
}

const numbers = (is: Work['is']) => works.filter((work) => work.is === is).map(({ n }) => n)
const ofJobs = (jobs: readonly ListedJob[]) =>
  jobs.map(({ payload }) => (payload as unknown as Work).n).sort((a, b) => a - b)

test('each good one is done once, each poisoned one is dead with its reason, and a restart loses none', {
  timeout: 120_000,
}, async () => {
  expect(await postAll()).toBe(works.length)
  await expect.poll(() => worker.done.size, { timeout: 20_000 }).toBeGreaterThan(50)
  expect(worker.done.size).toBeLessThan(900)
  await gateway.close()
  gateway = await start()
  await expect.poll(isOver, { timeout: 100_000, interval: 100 }).toBe(true)

  const [done, dead] = await Promise.all([inState('done'), inState('dead')])
  const good = [...numbers('good'), ...numbers('failing')].sort((a, b) => a - b)
  expect(ofJobs(done)).toEqual(good)
  expect(ofJobs(dead)).toEqual(numbers('poison'))
  expect(new Set(dead.map(({ error }) => error))).toEqual(new Set([expect.stringContaining('422')]))
  expect([...worker.done.keys()].sort((a, b) => a - b)).toEqual(good)
  expect(new Set(worker.done.values())).toEqual(new Set([1]))
})
