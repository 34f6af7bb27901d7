// Who takes jobs: what it waits for, and which way a job goes where the book or the queue does not answer.
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import type { Envelope } from '../../../shared/jobs/envelope.ts'
import { open, type Posting, statusOf } from '../../../shared/jobs/journal.ts'
import { createConfiguration } from '../../../workers/configuration.ts'
import { jobPort } from '../../../workers/jobs/enqueue.ts'
import type { JobPort, Written } from '../../../workers/ports/job-port.ts'
import { type HeldBackground, holdBackground } from '../support/background.ts'
import { memorySources } from '../support/configurations.ts'

const draft = { type: 'event', payload: { event: 'order.paid', at: 0, data: null } }
const never = new Promise<undefined>(() => undefined)

let book: (posting: Posting) => Promise<Written | undefined>
let queue: () => Promise<boolean>
let written: Envelope[]
let sent: unknown[]
let delays: (number | undefined)[]
let jobs: JobPort
let held: HeldBackground
let error: { readonly mock: { readonly calls: unknown[][] } }

beforeEach(() => {
  error = vi.spyOn(console, 'error').mockReturnValue()
  held = holdBackground()
  written = []
  sent = []
  delays = []
  book = async (posting) => ({ kind: 'written', status: statusOf(open(posting, 0)) })
  queue = async () => true
  const configuration = createConfiguration(memorySources(), () => 0)
  const pools = { web: { origins: [{ url: 'http://127.0.0.1:9001' }] } }
  const document = { pools, routes: [{ path: '/*', pools: ['web'] }], jobs: { deadlineSeconds: 60 } }
  configuration.adopt({ version: 1, document: JSON.stringify(document) })
  jobs = jobPort({
    configuration,
    books: {
      async write(posting) {
        const taken = await book(posting)
        if (taken !== undefined) written.push(posting.envelope)
        return taken
      },
    },
    queue: {
      async send(message, delayMs) {
        const taken = await queue()
        delays.push(delayMs)
        if (taken) sent.push(message)
        return taken
      },
    },
    now: () => 1e12,
  })
})

afterEach(() => {
  vi.useRealTimers()
  vi.restoreAllMocks()
})

it('writes the envelope into its book, and leaves the queue to that', async () => {
  const { id } = (await jobs.enqueue(draft, held.background))!
  await held.settled()
  expect(written).toMatchObject([{ id, type: 'event', version: 1, key: `gateway ${id}`, deadline: 1e12 + 60_000 }])
  expect(sent).toEqual([])
})

it('makes the same id of the same caller and key, and another of another', async () => {
  const ids = await Promise.all(
    [
      { ...draft, key: 'a' },
      { ...draft, key: 'a' },
      { ...draft, key: 'b' },
      { ...draft, key: 'a', caller: 'pool:web' },
    ].map(async (each) => (await jobs.enqueue(each, held.background))?.id),
  )
  expect(ids[0]).toBe(ids[1])
  expect(new Set(ids).size).toBe(3)
})

it('sends the job straight to the queue, behind the response, where the book does not answer', async () => {
  book = async () => undefined
  const job = await jobs.enqueue(draft, held.background)
  await held.settled()
  expect(sent).toMatchObject([job!])
})

it('does not wait for a book that hangs for longer than half a second', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  book = () => never
  const enqueued = jobs.enqueue(draft, held.background)
  await vi.advanceTimersByTimeAsync(500)
  expect(await enqueued).toEqual({ id: expect.stringMatching(/^[0-9a-f]{32}$/) })
})

it('goes on trying both, behind the response', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  let isWell = false
  book = async () => undefined
  queue = async () => isWell
  const job = await jobs.enqueue(draft, held.background)
  await vi.advanceTimersByTimeAsync(2000)
  expect(sent).toEqual([])
  isWell = true
  await vi.advanceTimersByTimeAsync(20_000)
  await held.settled()
  expect(sent).toMatchObject([job!])
  expect(error.mock.calls).toEqual([])
})

it('says in the log what is lost, and what could never be done', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  book = async () => undefined
  queue = async () => false
  const { id } = (await jobs.enqueue(draft, held.background))!
  await vi.advanceTimersByTimeAsync(30_000)
  await held.settled()
  expect(error.mock.calls.at(-1)).toEqual([expect.stringContaining('is lost'), id])
  expect(await jobs.enqueue({ ...draft, payload: {} }, held.background)).toBeUndefined()
  expect(error.mock.calls.at(-1)).toMatchObject([
    expect.stringContaining('event'),
    { kind: 'refused', errors: [{ path: 'payload.event' }, {}, {}] },
  ])
})

it('fails nobody by throwing', async () => {
  book = () => Promise.reject(new Error('broken'))
  await expect(jobs.enqueue(draft, held.background)).resolves.toHaveProperty('id')
  await held.settled()
})

it('has a job that goes straight to the queue wait there for its time, and none that waits for longer', async () => {
  book = async () => undefined
  const long = { ...draft, deadlineSeconds: 86_400 }
  expect(await jobs.post({ ...long, delaySeconds: 40 }, held.background)).toMatchObject({ kind: 'sent' })
  expect(delays).toEqual([40_000])
  expect(await jobs.post({ ...long, delaySeconds: 43_201 }, held.background)).toEqual({ kind: 'away' })
  expect(sent).toHaveLength(1)
})

it('refuses what would be dropped before it may be begun', async () => {
  const refused = { kind: 'refused', errors: [{ path: 'delaySeconds', message: expect.stringContaining('60 s') }] }
  expect(await jobs.post({ ...draft, delaySeconds: 60 }, held.background)).toEqual(refused)
  expect(await jobs.post({ ...draft, delaySeconds: 59 }, held.background)).toMatchObject({ kind: 'written' })
  expect(await jobs.post({ ...draft, deadlineSeconds: 5, delaySeconds: 0 }, held.background)).toMatchObject({
    kind: 'written',
  })
})

it.each(['origin.health', 'pool.health', 'job.done'])('has nobody else tell of %s', async (event) => {
  const forged = { ...draft, payload: { ...draft.payload, event } }
  expect(await jobs.post({ ...forged, caller: 'pool:web' }, held.background)).toMatchObject({
    kind: 'refused',
    errors: [{ path: 'payload.event' }],
  })
  expect(await jobs.post(forged, held.background)).toMatchObject({ kind: 'written' })
})
