// For tests of jobs: a real origin that does what its jobs say, and counts it, and who may have it work.
import { createHash } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import type { JobStatus } from '../../../shared/jobs/journal.ts'
import { bodyOf, startOrigin, type TestOrigin } from './origin.ts'

/** The payload of a job. */
export interface Work {
  readonly n: number
  /** poison: refused whenever it comes. failing: the first two times. held: answered when the test says so. */
  readonly is: 'good' | 'poison' | 'failing' | 'held'
  /** Whether the queue of test/e2e/workers/jobs.ts delivers it twice. */
  readonly twice?: boolean
}

/** What the answer to a POST says. */
export type Told = JobStatus & { readonly watch: string }

export interface Worker extends TestOrigin {
  /** How often each piece of work was done, by its number: what comes with a key that is done is not done again. */
  readonly done: ReadonlyMap<number, number>
  /** What is to be held from now on is answered when it is released. */
  hold(): void
  release(): void
  /** The head of what came last. */
  asked(): IncomingHttpHeaders
}

export async function startWorker(): Promise<Worker> {
  const done = new Map<number, number>()
  const runs = new Map<string, number>()
  let asked: IncomingHttpHeaders = {}
  const doneKeys = new Set<string>()
  let held = Promise.withResolvers<void>()
  const origin = await startOrigin(async (request, response) => {
    const { is, n } = JSON.parse((await bodyOf(request)).toString()) as Work
    asked = request.headers
    const key = String(request.headers['idempotency-key'])
    const run = (runs.get(key) ?? 0) + 1
    runs.set(key, run)
    if (is === 'poison') return void response.writeHead(422).end('no such month')
    if (is === 'failing' && run <= 2) return void response.writeHead(500).end()
    if (is === 'held') await held.promise
    if (!doneKeys.has(key)) done.set(n, (done.get(n) ?? 0) + 1)
    doneKeys.add(key)
    response.setHeader('content-type', 'application/json')
    response.end(JSON.stringify({ n }))
  })
  const hold = () => {
    held = Promise.withResolvers()
  }
  return Object.assign(origin, { done, hold, release: () => held.resolve(), asked: () => asked })
}

export const credentials = { workers: 'the-credential-of-the-workers', others: 'the-credential-of-others' }

const digest = (credential: string) => `sha256:${createHash('sha256').update(credential).digest('hex')}`

/** Types of jobs that this origin does: `work`; `patient`, that waits long between its runs; `hasty`, that has no time. */
export function jobsDocument({ url }: TestOrigin, jobs: object = {}) {
  const origins = [{ id: 'a', url }]
  const type = { pool: 'workers', path: '/work', tries: 3, baseDelaySeconds: 0 }
  const types = {
    work: type,
    patient: { ...type, baseDelaySeconds: 3600 },
    hasty: { ...type, tries: 1, timeoutSeconds: 1 },
  }
  return {
    pools: {
      workers: { origins, credentials: [digest(credentials.workers)], ejection: { maxPercent: 0 } },
      others: { origins, credentials: [digest(credentials.others)] },
    },
    routes: [{ path: '/*', pools: ['workers'] }],
    jobs: { types, resendSeconds: 1, ...jobs },
  }
}

export const bearer = (credential: string) => ({ authorization: `Bearer ${credential}` })
