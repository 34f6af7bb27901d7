// The consumers of the queue and of the dead letters, on real books: what becomes of each message, and of its run.
import { createExecutionContext, createMessageBatch, getQueueResult } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import type { Envelope, Json } from '../../../shared/jobs/envelope.ts'
import { objectJobBooks } from '../../../workers/adapters/object-job-books.ts'
import { createConfiguration } from '../../../workers/configuration.ts'
import { consume, settleEach } from '../../../workers/jobs/consume.ts'
import { consumeDead } from '../../../workers/jobs/dead.ts'
import type { Handler } from '../../../workers/jobs/handler.ts'
import type { Letter } from '../../../workers/ports/job-port.ts'
import type { Ports } from '../../../workers/ports.ts'
import { type HeldBackground, holdBackground } from '../support/background.ts'
import { memorySources } from '../support/configurations.ts'

const books = objectJobBooks(env.JOB_BOOKS, env.JOB_WATCHES)
/** What is told about an envelope beside its type, by the name in its payload. */
let doing: Record<string, Handler>
let letters: Letter[]
let held: HeldBackground
let ports: Ports

beforeEach(() => {
  vi.spyOn(console, 'warn').mockReturnValue()
  vi.spyOn(console, 'error').mockReturnValue()
  letters = []
  held = holdBackground()
  doing = { well: async () => ({ kind: 'done', result: 'well' }) }
  const configuration = createConfiguration(memorySources(), () => 0)
  const types = { work: { pool: 'web', path: '/work' }, hasty: { pool: 'web', path: '/', timeoutSeconds: 1, tries: 1 } }
  const document = {
    pools: { web: { origins: [{ url: 'http://127.0.0.1:9001' }] } },
    routes: [{ path: '/*', pools: ['web'] }],
    jobs: { types, tries: 2, baseDelaySeconds: 100, leaseSeconds: 2 },
  }
  configuration.adopt({ version: 1, document: JSON.stringify(document) })
  ports = { configuration, now: () => Date.now() } as unknown as Ports
})

afterEach(async () => {
  await held.settled()
  vi.restoreAllMocks()
})

const envelopeOf = (payload: Json, type = 'work'): Envelope => {
  const id = crypto.randomUUID().replaceAll('-', '')
  const traceparent = `00-${id}-${id.slice(16)}-01`
  return { type, version: 1, id, key: `admin ${id}`, deadline: Date.now() + 600_000, traceparent, payload }
}

/** What became of each message: acknowledged, or retried after so many seconds. */
async function settled(bodies: readonly unknown[], queue = 'weir-jobs'): Promise<(number | 'acknowledged')[]> {
  const messages = bodies.map((body, index) => ({ id: String(index), timestamp: new Date(), attempts: 1, body }))
  const batch = createMessageBatch(queue, messages)
  const retries = batch.messages.map((message) => vi.spyOn(message, 'retry'))
  const { background } = held
  const handlers = { configured: ((job, tools) => doing[String(job.payload)]!(job, tools)) satisfies Handler }
  const send = async (message: unknown) => letters.push(message as Letter) > 0
  if (queue.endsWith('-dead')) await consumeDead(batch, { ports, journal: books, background })
  else await consume(batch, { ports, journal: books, background, handlers, deadLetters: { send } })
  const result = await getQueueResult(batch, createExecutionContext())
  return messages.map(({ id }, index) =>
    result.explicitAcks.includes(id) ? 'acknowledged' : (retries[index]!.mock.calls[0]?.[0]?.delaySeconds ?? -1),
  )
}

const jobOf = async ({ id }: Pick<Envelope, 'id'>) => {
  const found = await books.read(id)
  return found?.kind === 'found' ? found.job : undefined
}

it('settles each message by itself', async () => {
  doing.ill = async () => ({ kind: 'again', because: 'ill' })
  doing.waiting = async () => ({ kind: 'again', because: 'busy', afterSeconds: 300 })
  doing.throwing = () => Promise.reject(new Error('broken'))
  doing.dying = async () => ({ kind: 'failed', because: 'no use' })
  const envelopes = ['well', 'ill', 'waiting', 'throwing', 'dying', 'well'].map((name) => envelopeOf(name))
  const became = await settled([...envelopes, 'no envelope'])
  expect(became.map((each) => (typeof each === 'number' ? Math.round(each / 50) * 50 : each))).toEqual([
    ...['acknowledged', 100, 300, 100, 'acknowledged', 'acknowledged', 'acknowledged'],
  ])
  const jobs = await Promise.all(envelopes.map(jobOf))
  expect(jobs.map((job) => [job?.state, job?.error ?? job?.result])).toEqual([
    ['done', 'well'],
    ['failed', 'ill'],
    ['failed', 'busy'],
    ['failed', 'broken'],
    ['dead', 'no use'],
    ['done', 'well'],
  ])
  expect(letters.map(({ because, message }) => [because, message])).toEqual(
    expect.arrayContaining([
      ['no use', envelopes[4]],
      [expect.stringMatching(/^The message is no envelope/), 'no envelope'],
    ]),
  )
})

it('has a message again whose settlement throws, and settles its neighbours', async () => {
  const bodies = ['well', 'throws', 'well']
  const messages = bodies.map((body, index) => ({ id: String(index), timestamp: new Date(), attempts: 1, body }))
  const batch = createMessageBatch('weir-jobs', messages)
  await settleEach(batch, async ({ body }) => {
    if (body === 'throws') throw new Error('broken')
    return { kind: 'acknowledge' }
  })
  const { explicitAcks, retryMessages } = await getQueueResult(batch, createExecutionContext())
  expect([explicitAcks, retryMessages.map(({ msgId }) => msgId)]).toEqual([['0', '2'], ['1']])
})

it('runs a job once, however often its message comes at once', async () => {
  let runs = 0
  doing.well = async () => ({ kind: 'done', result: ++runs })
  const envelope = envelopeOf('well')
  expect(new Set(await settled(Array(10).fill(envelope)))).toEqual(new Set(['acknowledged']))
  expect(await settled([envelope])).toEqual(['acknowledged'])
  expect(runs).toBe(1)
})

it('gives up a run that takes too long, and tells its handler', async () => {
  const told = Promise.withResolvers<unknown>()
  doing.slow = (_, { signal }) => {
    signal.addEventListener('abort', () => told.resolve(signal.reason))
    return new Promise(() => undefined)
  }
  const envelope = envelopeOf('slow', 'hasty')
  expect(await settled([envelope])).toEqual(['acknowledged'])
  expect(await told.promise).toBe('It took too long.')
  expect(await jobOf(envelope)).toMatchObject({ state: 'dead', error: 'It took too long.' })
})

it('keeps a run that says nothing alive, and stops one that was cancelled', async () => {
  const envelope = envelopeOf('slow')
  let beats = 0
  doing.slow = async (_, { signal }) => {
    // Longer than its lease; its book would have given it up.
    await vi.waitFor(() => expect(beats).toBeGreaterThan(4), 10_000)
    expect(await jobOf(envelope)).toMatchObject({ state: 'running', runs: 1 })
    await books.change(envelope.id, 'admin', 'cancel')
    await new Promise((resolve) => signal.addEventListener('abort', resolve))
    return { kind: 'done' }
  }
  const { advance } = books
  vi.spyOn(books, 'advance').mockImplementation((...given) => {
    beats++
    return advance(...given)
  })
  expect(await settled([envelope])).toEqual(['acknowledged'])
  expect(await jobOf(envelope)).toMatchObject({ state: 'cancelled' })
})

it('tells the last word of much progress', async () => {
  const envelope = envelopeOf('busy')
  let words = 0
  doing.busy = async (_, { progress }) => {
    for (let percent = 0; percent <= 80; percent++) progress(percent, `page ${percent}`)
    await vi.waitFor(async () => expect((await jobOf(envelope))?.progress?.percent).toBe(80), 5000)
    words = (await jobOf(envelope))!.changes
    return { kind: 'done' }
  }
  await settled([envelope])
  // Opened, begun, and two words: what came first, and what came last.
  expect(words).toBeLessThanOrEqual(4)
})

it('keeps no result that is too long, and says so: the work is done', async () => {
  doing.long = async () => ({ kind: 'done', result: 'x'.repeat(70_000) })
  const envelope = envelopeOf('long')
  await settled([envelope])
  const job = await jobOf(envelope)
  expect(job).toMatchObject({
    state: 'done',
    error: 'Its result was not kept: it has 70002 bytes, and 65536 are the most.',
  })
  expect(job?.result).toBeUndefined()
})

it('has a message again where its book does not answer', async () => {
  vi.spyOn(books, 'begin').mockResolvedValue(undefined)
  expect(await settled([envelopeOf('well')])).toEqual([15])
})

it('has what the book does not hear of done again, when its lease is over', async () => {
  const { finish } = books
  const finishing = vi.spyOn(books, 'finish').mockResolvedValue(undefined)
  let runs = 0
  doing.well = async () => ({ kind: 'done', result: ++runs })
  const envelope = envelopeOf('well')
  vi.useFakeTimers({ toFake: ['setTimeout'], shouldAdvanceTime: true, advanceTimeDelta: 500 })
  expect(await settled([envelope])).toEqual(['acknowledged'])
  vi.useRealTimers()
  expect(finishing.mock.calls.length).toBeGreaterThan(2)
  finishing.mockImplementation(finish)
  await vi.waitFor(async () => expect((await jobOf(envelope))?.state).toBe('failed'), 10_000)
}, 20_000)

it('finds the envelope of what the queue has given up, and the reason of what has one', async () => {
  const [lost, done] = [envelopeOf('well'), envelopeOf('well')]
  await settled([done])
  const letter = { because: 'no envelope at all', message: [1, 2], messageId: crypto.randomUUID() }
  expect(await settled([lost, done, letter], 'weir-jobs-dead')).toEqual(Array(3).fill('acknowledged'))
  expect(await jobOf(lost)).toMatchObject({
    state: 'dead',
    error: expect.stringMatching(/^The queue has delivered it/),
  })
  expect(await jobOf(done)).toMatchObject({ state: 'done' })
  const { jobs } = await books.list({ states: ['dead'], type: 'unreadable', limit: 10 })
  expect(jobs).toMatchObject([{ error: 'no envelope at all', payload: [1, 2] }])
})

it('leaves a job alone that was queued anew before the letter of its death was read', async () => {
  doing.dying = async () => ({ kind: 'failed', because: 'no use' })
  const envelope = envelopeOf('dying')
  await settled([envelope])
  expect(await books.change(envelope.id, 'admin', 'retry')).toMatchObject({ kind: 'changed' })
  await settled(letters, 'weir-jobs-dead')
  expect(await jobOf(envelope)).toMatchObject({ state: 'queued' })
})

it('waits for no longer than a queue can', async () => {
  vi.spyOn(books, 'begin').mockResolvedValue({ kind: 'wait', ms: 1e9 })
  expect(await settled([envelopeOf('well')])).toEqual([43_200])
})

it('writes letters that a queue can take', async () => {
  const long = '\u20ac'.repeat(40_000)
  const unknown = Object.fromEntries(Array.from({ length: 5000 }, (_, n) => [`unknown-${n}`, n]))
  expect(await settled([long, unknown])).toEqual(['acknowledged', 'acknowledged'])
  const bytes = letters.map((letter) => new TextEncoder().encode(JSON.stringify(letter)).length)
  expect(bytes.every((each) => each < 120_000)).toBe(true)
  expect(letters[1]).toMatchObject({ message: unknown })
})
