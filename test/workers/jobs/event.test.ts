// An event that is handed out again makes no webhook twice: with the real books.
import { env } from 'cloudflare:workers'
import { beforeAll, expect, it, vi } from 'vitest'
import type { PayloadOf } from '../../../shared/jobs/envelope.ts'
import { objectJobBooks } from '../../../workers/adapters/object-job-books.ts'
import { queuesQueue } from '../../../workers/adapters/queues-queue.ts'
import { createConfiguration } from '../../../workers/configuration.ts'
import { jobPort } from '../../../workers/jobs/enqueue.ts'
import type { Job, JobTools } from '../../../workers/jobs/handler.ts'
import { fanOut } from '../../../workers/jobs/handlers/event.ts'
import type { JobPort } from '../../../workers/ports/job-port.ts'
import type { Ports } from '../../../workers/ports.ts'
import { holdBackground } from '../support/background.ts'
import { memorySources } from '../support/configurations.ts'

const configuration = createConfiguration(memorySources(), () => 0)
configuration.adopt({
  version: 1,
  document: JSON.stringify({
    pools: { web: { origins: [{ url: 'http://127.0.0.1:9' }] } },
    routes: [{ path: '/*', pools: ['web'] }],
    jobs: {
      subscribers: {
        ops: { url: 'https://ops.example.com/', events: ['order.*'] },
        log: { url: 'https://log.example.com/', events: ['*'] },
        crm: { url: 'https://crm.example.com/', events: ['customer.*'] },
      },
    },
  }),
})

const books = objectJobBooks(env.JOB_BOOKS, env.JOB_WATCHES)
const now = () => Date.now()
const real = jobPort({ configuration, books, queue: queuesQueue(env.JOBS), now })
const held = holdBackground()

function toolsWith(jobs: JobPort): JobTools {
  return {
    snapshot: configuration.current()!,
    ports: { jobs, now } as Ports,
    background: held.background,
    signal: new AbortController().signal,
    until: now() + 60_000,
    progress: () => undefined,
  }
}

function jobOf(data: PayloadOf<'event@1'>['data']): Job<PayloadOf<'event@1'>> {
  const payload = { event: 'order.paid', at: now(), data }
  const traceparent = `00-${'1'.repeat(32)}-${'1'.repeat(16)}-01`
  return {
    id: crypto.randomUUID().replaceAll('-', ''),
    type: 'event',
    version: 1,
    key: 'admin a',
    traceparent,
    payload,
    run: 1,
    token: 1,
  }
}

/** The first call of an object takes longer than anybody waits for it. */
beforeAll(async () => {
  const ids = [...'0123456789abcdef'].map((digit) => digit.repeat(32))
  const areThere = async () => expect(await Promise.all(ids.map((id) => books.read(id)))).not.toContain(undefined)
  await vi.waitFor(areThere, 10_000)
})

it('makes one job for each subscriber, however often it runs', async () => {
  const job = jobOf({ order: 7 })
  const first = await fanOut(job, toolsWith(real))
  expect(first).toMatchObject({
    kind: 'done',
    result: { webhooks: { ops: expect.any(String), log: expect.any(String) } },
  })
  expect(await fanOut({ ...job, run: 2 }, toolsWith(real))).toEqual(first)
  const { webhooks } = (first as unknown as { result: { webhooks: Record<string, string> } }).result
  expect(Object.keys(webhooks)).toEqual(['ops', 'log'])
  const found = await books.read(webhooks.ops!)
  expect(found).toMatchObject({
    kind: 'found',
    job: { type: 'webhook', payload: { url: 'https://ops.example.com/', event: 'order.paid', data: { order: 7 } } },
  })
})

it('is tried again where a webhook is taken by nobody', async () => {
  const away: JobPort = { ...real, post: async () => ({ kind: 'away' }) }
  expect(await fanOut(jobOf(1), toolsWith(away))).toEqual({
    kind: 'again',
    because: 'Nobody has taken the webhook to ops, log.',
  })
})

it('has failed where it is too long for a webhook', async () => {
  expect(await fanOut(jobOf('x'.repeat(119_990)), toolsWith(real))).toEqual({
    kind: 'failed',
    because: 'It is too long for a webhook to ops, log.',
  })
})
