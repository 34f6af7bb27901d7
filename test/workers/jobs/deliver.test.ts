// What an origin is asked to do for a job, and what is made of its answers. How it is balanced is tested on the wire.
import { beforeEach, describe, expect, it, test, vi } from 'vitest'
import type { Failure } from '../../../shared/balance/attempt.ts'
import { webCryptoSeal } from '../../../workers/adapters/web-crypto-seal.ts'
import { createConfiguration } from '../../../workers/configuration.ts'
import type { Job, JobTools, Outcome } from '../../../workers/jobs/handler.ts'
import { deliverToPool } from '../../../workers/jobs/handlers/deliver.ts'
import type { Attempt, OriginRequest, Ports } from '../../../workers/ports.ts'
import { holdBackground } from '../support/background.ts'
import { memorySources } from '../support/configurations.ts'

const now = 1_700_000_000_000
const job: Job = {
  ...{ id: '0'.repeat(32), type: 'report', version: 3, key: 'admin a', payload: { month: 10 }, run: 2, token: 5 },
  traceparent: `00-${'1'.repeat(32)}-${'1'.repeat(16)}-01`,
}

const seal = webCryptoSeal('a secret')

let asked: OriginRequest[]
let abandoned: number
let stopping: AbortController
let answer: (request: OriginRequest) => Promise<Attempt>

const abandon = () => void abandoned++
const answering = (response: () => Response) => async (): Promise<Attempt> => {
  return { kind: 'answer', response: response(), abandon }
}
const failing = (failure: Failure) => async (): Promise<Attempt> => ({ kind: 'failed', failure })

beforeEach(() => {
  asked = []
  abandoned = 0
  stopping = new AbortController()
  answer = answering(() => new Response(null, { status: 204 }))
})

function toolsWith(pool: object = {}): JobTools {
  const configuration = createConfiguration(memorySources(), () => 0)
  const document = {
    pools: { web: { origins: [{ url: 'http://one.test' }, { url: 'http://two.test' }], ...pool } },
    routes: [{ path: '/*', pools: ['web'] }],
    jobs: { types: { report: { pool: 'web', path: '/jobs/report' } } },
  }
  configuration.adopt({ version: 1, document: JSON.stringify(document) })
  const origins: Ports['origins'] = {
    send(request) {
      asked.push(request)
      return { attempt: answer(request), abandon }
    },
  }
  const monitors: Ports['monitors'] = { share: async () => undefined, arm: async () => undefined }
  return {
    snapshot: configuration.current()!,
    ports: { origins, monitors, seal, now: () => now, random: () => 0 } as unknown as Ports,
    background: holdBackground().background,
    signal: stopping.signal,
    until: now + 45_000,
    progress: () => undefined,
  }
}

const deliver = (pool?: object): Promise<Outcome> => deliverToPool(job, toolsWith(pool))

it('asks with the payload, under the id of the job, for as long as its run may take', async () => {
  expect(await deliver()).toEqual({ kind: 'done', result: null })
  expect(asked).toHaveLength(1)
  const { url, method, fields, body, headersMs } = asked[0]!
  expect(url).toMatch(/^http:\/\/(one|two)\.test\/jobs\/report$/)
  expect([method, new TextDecoder().decode(body as Uint8Array), headersMs]).toEqual(['POST', '{"month":10}', 45_000])
  expect(Object.fromEntries(fields)).toMatchObject({
    'content-type': 'application/json',
    'idempotency-key': job.id,
    'weir-job': 'report@3',
    'weir-job-run': '2',
    traceparent: job.traceparent,
    'x-request-deadline': String(now + 45_000),
  })
})

test.each<[title: string, answer: () => Promise<Attempt>, requests: number, outcome: Outcome]>([
  ['an origin that dies', failing('connection'), 2, again('No origin of the pool "web" has answered (connection).')],
  ['one that is unwell', answering(() => new Response(null, { status: 503 })), 2, again('Status 503.')],
  ['one whose own fault it is', answering(() => new Response(null, { status: 500 })), 1, again('Status 500.')],
  [
    'one that has no time now',
    answering(() => new Response(null, { status: 429, headers: { 'retry-after': '30' } })),
    1,
    { ...again('Status 429.'), afterSeconds: 30 },
  ],
  [
    'one that will not',
    answering(() => new Response(null, { status: 400 })),
    1,
    { kind: 'failed', because: 'Status 400.' },
  ],
])('%s', async (_, given, requests, outcome) => {
  answer = given
  expect(await deliver({ policy: 'round-robin' })).toEqual(outcome)
  expect(asked).toHaveLength(requests)
})

function again(because: string): Outcome & { kind: 'again' } {
  return { kind: 'again', because }
}

it('comes again when the first origin is tried again, where all are ejected', async () => {
  const tools = toolsWith({ panicPercent: 0 })
  for (const origin of tools.snapshot.pools.get('web')!.origins) {
    origin.health = {
      ...origin.health,
      ejected: { because: 'failures', at: now, until: now + 20_000, trialAt: undefined },
    }
  }
  const because = 'No origin of the pool "web" is ready.'
  expect(await deliverToPool(job, tools)).toEqual({ kind: 'again', because, afterSeconds: 20 })
  expect(asked).toEqual([])
})

it('waits for a configuration that knows its type', async () => {
  const because = 'The configuration names no jobs of the type "raport".'
  expect(await deliverToPool({ ...job, type: 'raport' }, toolsWith())).toEqual({ kind: 'again', because })
})

it('lets go of its origin when the run is ended', async () => {
  answer = () => new Promise(() => undefined)
  void deliver()
  await vi.waitFor(() => expect(asked).toHaveLength(1))
  stopping.abort()
  expect(abandoned).toBe(1)
})

describe('the result', () => {
  const typed = (type: string, body: BodyInit, more: Record<string, string> = {}) =>
    answering(() => new Response(body, { headers: { 'content-type': type, ...more } }))

  test.each<[title: string, answer: () => Promise<Attempt>, result: unknown]>([
    ['JSON', typed('application/json', '{"a":[1]}'), { a: [1] }],
    ['JSON of another kind', typed('application/hal+json; charset=utf-8', 'true'), true],
    ['what is no JSON though it says so', typed('application/json', 'done'), 'done'],
    ['a text', typed('text/plain', 'done'), 'done'],
    ['an empty one', typed('text/plain', ''), null],
    ['a text of 65,536 bytes', typed('text/plain', 'x'.repeat(65_536)), 'x'.repeat(65_536)],
    ['a longer one', typed('text/plain', 'x'.repeat(65_537)), { omitted: 'it has more than 65536 bytes' }],
    ['a picture', typed('image/png', 'x'), { omitted: 'it is no text' }],
    ['a coded text', typed('text/plain', 'x', { 'content-encoding': 'gzip' }), { omitted: 'it is coded' }],
  ])('%s', async (_, given, result) => {
    answer = given
    expect(await deliver()).toEqual({ kind: 'done', result })
  })

  test('that is cut is none, and the work is done', async () => {
    const { readable, writable } = new FixedLengthStream(100)
    const writer = writable.getWriter()
    writer.write(new TextEncoder().encode('half')).catch(() => undefined)
    answer = answering(() => new Response(readable, { headers: { 'content-type': 'text/plain' } }))
    const outcome = deliver()
    await vi.waitFor(() => expect(asked).toHaveLength(1))
    writer.abort(new Error('cut')).catch(() => undefined)
    expect(await outcome).toEqual({ kind: 'done', result: { omitted: 'it was cut' } })
  })
})
