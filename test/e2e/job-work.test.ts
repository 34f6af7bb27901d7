// What jobs do, on the wire: origins of a pool that do some, receivers who verify what they are told, answers of origins
// that others follow from, and origins whose health changes.
import { createHmac, timingSafeEqual } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { adminToken, startGateway, type TestGateway } from './support/gateway.ts'
import { bodyOf, deadUrl, startOrigin, type TestOrigin } from './support/origin.ts'

const secrets = ['whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw', 'the-one-before-that-goes-out-of-use']
const keys = [Buffer.from(secrets[0]!.slice('whsec_'.length), 'base64'), Buffer.from(secrets[1]!)]

/** A request as a server got it. */
interface Got {
  readonly path: string
  readonly headers: IncomingMessage['headers']
  readonly body: Buffer
  readonly at: number
}

interface Server {
  readonly origin: TestOrigin
  readonly got: Got[]
  /** What it answers to a path; 204 where nothing is said. */
  readonly answers: Map<string, (got: Got, response: ServerResponse) => void>
}

async function startServer(): Promise<Server> {
  const got: Got[] = []
  const answers: Server['answers'] = new Map()
  const origin = await startOrigin(async (request, response) => {
    const { url: path = '', headers } = request
    const one = { path, headers, body: await bodyOf(request), at: Date.now() }
    got.push(one)
    const answer = answers.get(path.split('?')[0]!)
    if (answer === undefined) response.writeHead(204).end()
    else answer(one, response)
  })
  return { origin, got, answers }
}

/** A book that a busy machine kept waiting is asked again after 15 s. */
const patienceMs = 25_000

let web: Server
let hooks: Server
/** Whose health changes. */
let watched: Record<'calm' | 'sick' | 'flaps', TestOrigin>
let isSick = false
let gateway: TestGateway
let paths = 0

/** A path that no other test uses. */
const fresh = (prefix: string) => `/${prefix}-${++paths}`
const to = ({ got }: Server, path: string) => got.filter((one) => one.path === path)

const sent = (path: string, count = 1) =>
  expect.poll(() => to(hooks, path).length, { timeout: patienceMs, interval: 20 }).toBeGreaterThanOrEqual(count)

function json(response: ServerResponse, status: number, document: unknown, headers: Record<string, string> = {}): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(document))
}

/** Whether the signature is one that this key makes, over this body. */
function isSigned({ headers }: Got, body: Buffer, key: Buffer): boolean {
  const content = `${headers['webhook-id']}.${headers['webhook-timestamp']}.${body}`
  const own = createHmac('sha256', key).update(content).digest()
  const given = String(headers['webhook-signature']).split(' ')
  return given.some((each) => {
    const [version, mac = ''] = each.split(',')
    const bytes = Buffer.from(mac, 'base64')
    return version === 'v1' && bytes.length === own.length && timingSafeEqual(bytes, own)
  })
}

interface Status {
  readonly state: string
  readonly runs: number
  readonly result?: unknown
  readonly error?: string
}

const authorised = { authorization: `Bearer ${adminToken}` }

async function post(job: object): Promise<string> {
  const response = await fetch(`${gateway.url}/_weir/jobs`, {
    method: 'POST',
    headers: { ...authorised, 'content-type': 'application/json' },
    body: JSON.stringify(job),
  })
  expect(response.status, await response.clone().text()).toBe(202)
  return response.headers.get('location')!
}

async function statusAt(location: string): Promise<Status> {
  return (await (await fetch(gateway.url + location, { headers: authorised })).json()) as Status
}

/** Its status when it is over. */
async function ended(location: string): Promise<Status> {
  const over = ['done', 'dead', 'cancelled', 'expired']
  await expect
    .poll(async () => (await statusAt(location)).state, { timeout: patienceMs, interval: 50 })
    .toSatisfy((state: string) => over.includes(state))
  return statusAt(location)
}

const work = (path: string, more: object = {}) => ({ pool: 'web', path, baseDelaySeconds: 0, ...more })

function document() {
  const cache = { mode: 'off' }
  const enqueue = [
    {
      on: 'POST',
      status: '201',
      job: { type: 'thumb', payload: { path: '{response.image}', by: '{request.header.x-user}' } },
    },
    {
      on: 'POST',
      status: '201',
      job: { type: 'event', payload: { event: 'item.made', data: { id: '{response.id}' } } },
    },
  ]
  const monitor = { intervalSeconds: 1, fails: 1, passes: 1, timeoutMs: 5000 }
  return {
    pools: {
      web: {
        origins: [
          { id: 'dead', url: deadUrl },
          { id: 'web', url: web.origin.url },
        ],
        policy: 'round-robin',
      },
      lone: { monitor, origins: [{ id: 'sick', url: watched.sick.url }] },
      works: { origins: [{ url: web.origin.url }, { url: hooks.origin.url }], policy: 'round-robin' },
      shop: { origins: [{ url: web.origin.url }] },
      watched: {
        monitor,
        origins: Object.entries(watched).map(([id, { url }]) => ({ id, url })),
      },
    },
    routes: [
      { path: '/items', pools: ['shop'], cache, enqueue },
      { path: '/*', pools: ['watched'], cache },
    ],
    jobs: {
      webhooks: { baseDelaySeconds: 0 },
      baseDelaySeconds: 0,
      types: {
        report: work('/jobs/report?deep=1'),
        patient: work('/jobs/patient'),
        refused: work('/jobs/refused'),
        long: work('/jobs/long'),
        slow: work('/jobs/slow', { pool: 'works', timeoutSeconds: 1, tries: 1 }),
        broken: work('/jobs/broken', { pool: 'works', tries: 8 }),
        thumb: work('/jobs/thumb'),
      },
      subscribers: {
        items: { url: `${hooks.origin.url}/items`, events: ['item.*'] },
        all: { url: `${hooks.origin.url}/all`, events: ['item.made', 'order.*'] },
        orders: { url: `${hooks.origin.url}/orders`, events: ['order.paid'] },
        health: { url: `${hooks.origin.url}/health`, events: ['origin.*', 'pool.*'] },
      },
    },
    notifications: { holdSeconds: 1, everySeconds: 5 },
  }
}

beforeAll(async () => {
  web = await startServer()
  hooks = await startServer()
  watched = {
    calm: await startOrigin((_, response) => void response.end()),
    sick: await startOrigin((_, response) => void response.writeHead(isSick ? 500 : 200).end()),
    // Another verdict at each probe.
    flaps: await startOrigin(
      (_, response) => void response.writeHead(watched.flaps.requests % 2 === 0 ? 500 : 200).end(),
    ),
  }
  gateway = await startGateway(document(), undefined, { WEBHOOK_SECRET: secrets.join(',') })
  // Begins the probes.
  await fetch(`${gateway.url}/_weir/health`)
})

afterAll(async () => {
  await gateway?.close()
  const origins = [web?.origin, hooks?.origin, ...Object.values(watched ?? {})]
  await Promise.all(origins.map((origin) => origin?.close()))
})

describe('a job of a type that the configuration names', () => {
  test('is a POST to its pool, past an origin that is dead, and what that answers is its result', async () => {
    web.answers.set('/jobs/report', (_, response) => json(response, 200, { pages: 12 }))
    const location = await post({ type: 'report', payload: { month: '2026-10' } })
    expect(await ended(location)).toMatchObject({ state: 'done', runs: 1, result: { pages: 12 } })
    const [got, ...more] = to(web, '/jobs/report?deep=1')
    expect(more).toEqual([])
    expect(JSON.parse(String(got!.body))).toEqual({ month: '2026-10' })
    expect(got!.headers).toMatchObject({
      'content-type': 'application/json',
      'idempotency-key': location.split('/').at(-1),
      'weir-job': 'report@1',
      traceparent: expect.stringMatching(/^00-/),
    })
  })

  test('is tried again after the time that the origin names, under the same key', async () => {
    web.answers.set('/jobs/patient', (_, response) => {
      if (to(web, '/jobs/patient').length < 2) json(response, 429, {}, { 'retry-after': '1' })
      else response.writeHead(200, { 'content-type': 'text/plain' }).end('at last')
    })
    expect(await ended(await post({ type: 'patient', payload: null }))).toMatchObject({ runs: 2, result: 'at last' })
    const [first, second] = to(web, '/jobs/patient')
    expect(second!.at - first!.at).toBeGreaterThanOrEqual(950)
    expect(second!.headers['idempotency-key']).toBe(first!.headers['idempotency-key'])
  })

  test('is dead at once where the origin will not have it', async () => {
    web.answers.set('/jobs/refused', (_, response) => json(response, 422, {}))
    expect(await ended(await post({ type: 'refused', payload: 1 }))).toMatchObject({
      state: 'dead',
      runs: 1,
      error: 'Status 422.',
    })
  })

  test('is done even if its result is too long to keep', async () => {
    web.answers.set('/jobs/long', (_, response) =>
      response.writeHead(200, { 'content-type': 'text/plain' }).end('x'.repeat(65_537)),
    )
    const result = { omitted: 'it has more than 65536 bytes' }
    expect(await ended(await post({ type: 'long', payload: 1 }))).toMatchObject({ state: 'done', result })
  })

  test('that fails or takes too long ejects nobody', async () => {
    for (const { answers } of [web, hooks]) {
      answers.set('/jobs/broken', (_, response) => json(response, 500, {}))
      answers.set('/jobs/slow', () => undefined)
    }
    const [broken, slow] = await Promise.all([post({ type: 'broken', payload: 1 }), post({ type: 'slow', payload: 1 })])
    expect(await ended(broken)).toMatchObject({ state: 'dead', runs: 8, error: 'Status 500.' })
    expect(await ended(slow)).toMatchObject({ state: 'dead', runs: 1 })
    for (const server of [web, hooks]) expect(to(server, '/jobs/broken').length).toBeGreaterThanOrEqual(3)
    const response = await fetch(`${gateway.url}/_weir/api/pools`, { headers: authorised })
    const { pools } = (await response.json()) as { pools: { works: { origins: { ejected?: unknown }[] } } }
    expect(pools.works.origins).toHaveLength(2)
    for (const origin of pools.works.origins) expect(origin).not.toHaveProperty('ejected')
  })
})

describe('a webhook', () => {
  const webhook = (url: string) => ({
    type: 'webhook',
    payload: { url, event: 'order.paid', at: 1_700_000_000_000, data: { order: 7 } },
  })

  test('is signed with every secret, and verifies as it is and not with a byte altered', async () => {
    const path = fresh('signed')
    expect(await ended(await post(webhook(hooks.origin.url + path)))).toMatchObject({ state: 'done' })
    const [got] = to(hooks, path)
    expect(JSON.parse(String(got!.body))).toEqual({
      type: 'order.paid',
      timestamp: '2023-11-14T22:13:20.000Z',
      data: { order: 7 },
    })
    expect(Math.abs(Number(got!.headers['webhook-timestamp']) - got!.at / 1000)).toBeLessThan(10)
    const altered = Buffer.from(got!.body)
    altered[altered.length - 3]! ^= 1
    for (const key of keys) {
      expect(isSigned(got!, got!.body, key)).toBe(true)
      expect(isSigned(got!, altered, key)).toBe(false)
    }
    expect(isSigned(got!, got!.body, Buffer.from('a key of somebody else, long enough'))).toBe(false)
  })

  test('is sent again with the same id while its receiver fails, and signed anew', async () => {
    const path = fresh('again')
    hooks.answers.set(path, (_, response) => void response.writeHead(to(hooks, path).length < 3 ? 503 : 200).end())
    const location = await post(webhook(hooks.origin.url + path))
    expect(await ended(location)).toMatchObject({ state: 'done', runs: 3 })
    const got = to(hooks, path)
    expect(new Set(got.map(({ headers }) => headers['webhook-id']))).toEqual(new Set([location.split('/').at(-1)]))
    expect(got.every((one) => isSigned(one, one.body, keys[0]!))).toBe(true)
  })

  test('follows no redirect', async () => {
    const [path, elsewhere] = [fresh('moved'), fresh('elsewhere')]
    hooks.answers.set(
      path,
      (_, response) => void response.writeHead(307, { location: hooks.origin.url + elsewhere }).end(),
    )
    const error = 'Status 307: redirects are not followed.'
    expect(await ended(await post(webhook(hooks.origin.url + path)))).toMatchObject({ state: 'dead', runs: 1, error })
    expect(to(hooks, elsewhere)).toEqual([])
  })

  test('goes to no private address', async () => {
    const error = 'The URL must be on the public internet, and its host is not.'
    const urls = ['https://169.254.169.254/latest/meta-data/', 'https://10.0.0.1/', 'https://[::ffff:127.0.0.1]/']
    const locations = await Promise.all(urls.map((url) => post(webhook(url))))
    for (const location of locations) expect(await ended(location)).toMatchObject({ state: 'dead', runs: 1, error })
  })
})

test('an event goes to those who want it, once each', async () => {
  const job = { type: 'event', payload: { event: 'order.paid', at: 1_700_000_000_000, data: { order: 8 } } }
  const status = await ended(await post(job))
  expect(status).toMatchObject({
    state: 'done',
    result: { webhooks: { all: expect.any(String), orders: expect.any(String) } },
  })
  const mine = (path: string) => to(hooks, path).filter(({ body }) => String(body).includes('"order":8'))
  await expect.poll(() => mine('/all').length + mine('/orders').length, { timeout: patienceMs }).toBe(2)
  for (const [got] of [mine('/all'), mine('/orders')]) expect(isSigned(got!, got!.body, keys[0]!)).toBe(true)
  expect(mine('/items')).toEqual([])
})

test('how a job has ended is told to its callback, whose receiver fails first', async () => {
  const path = fresh('callback')
  hooks.answers.set(path, (_, response) => void response.writeHead(to(hooks, path).length < 2 ? 500 : 204).end())
  web.answers.set('/jobs/report', (_, response) => json(response, 200, { pages: 3 }))
  const location = await post({ type: 'report', payload: 1, callback: hooks.origin.url + path })
  await sent(path, 2)
  const [first, second] = to(hooks, path)
  expect(isSigned(second!, second!.body, keys[0]!)).toBe(true)
  expect(second!.headers['webhook-id']).toBe(first!.headers['webhook-id'])
  expect(JSON.parse(String(second!.body))).toMatchObject({
    type: 'job.done',
    data: { id: location.split('/').at(-1), state: 'done', result: { pages: 3 } },
  })
})

describe('after an answer', () => {
  let made = 0
  beforeEach(() => {
    web.answers.set('/items', (_, response) => json(response, 201, { id: ++made, image: `photos/${made}.jpg` }))
  })
  const list = () => fetch(`${gateway.url}/items`, { method: 'POST', headers: { 'x-user': 'ada' }, body: '{}' })
  const thumbsOf = (id: number) =>
    to(web, '/jobs/thumb').filter(({ body }) => String(body) === `{"path":"photos/${id}.jpg","by":"ada"}`)

  test('follow the jobs that its route names, filled from it', async () => {
    const { id } = (await (await list()).json()) as { id: number }
    await expect.poll(() => thumbsOf(id).length, { timeout: patienceMs }).toBe(1)
    const told = (path: string) => to(hooks, path).filter(({ body }) => String(body).includes(`"data":{"id":${id}}`))
    await expect.poll(() => told('/items').length + told('/all').length, { timeout: patienceMs }).toBe(2)
  })

  test('follows nothing where it is another', async () => {
    web.answers.set('/items', (_, response) => json(response, 409, { id: 99, image: 'photos/99.jpg' }))
    expect((await list()).status).toBe(409)
    web.answers.set('/items', (_, response) => json(response, 201, { id: 98 }))
    expect(await (await list()).json()).toEqual({ id: 98 })
    await expect.poll(() => to(hooks, '/items').some(({ body }) => String(body).includes('{"id":98}'))).toBe(true)
    expect(thumbsOf(99)).toEqual([])
  })
})

test('where no job can be enqueued the answer is what it is', { timeout: 60_000 }, async () => {
  const { pools, routes, jobs } = document()
  const unwatched = { pools: { ...pools, watched: pools.shop, lone: pools.shop }, routes, jobs }
  const jobless = await startGateway(unwatched, 'test/e2e/workers/jobless.ts')
  try {
    web.answers.set('/items', (_, response) => json(response, 201, { id: 97, image: 'photos/97.jpg' }))
    const asked = Array.from({ length: 5 }, () => fetch(`${jobless.url}/items`, { method: 'POST', body: '{}' }))
    for (const response of await Promise.all(asked)) {
      expect(response.status).toBe(201)
      expect(await response.json()).toEqual({ id: 97, image: 'photos/97.jpg' })
    }
  } finally {
    await jobless.close()
  }
})

describe('a change of health', () => {
  const toldOf = (origin: string | undefined, pool = 'watched') =>
    to(hooks, '/health')
      .map((got) => ({ got, told: JSON.parse(String(got.body)) as { type: string; data: Record<string, unknown> } }))
      .filter(({ told }) => told.data.pool === pool && told.data.origin === origin)

  test('is told once, by a signed webhook, to a receiver that fails first', async () => {
    hooks.answers.set('/health', ({ headers }, response) => {
      const isFirst =
        to(hooks, '/health').filter((got) => got.headers['webhook-id'] === headers['webhook-id']).length < 2
      response.writeHead(isFirst ? 500 : 204).end()
    })
    isSick = true
    await expect.poll(() => toldOf('sick').length, { timeout: patienceMs }).toBe(2)
    const [first, second] = toldOf('sick')
    expect(second!.got.headers['webhook-id']).toBe(first!.got.headers['webhook-id'])
    expect(isSigned(second!.got, second!.got.body, keys[0]!)).toBe(true)
    expect(second!.told).toMatchObject({
      type: 'origin.health',
      data: { pool: 'watched', origin: 'sick', status: 'down', was: 'up', because: 'status 500', suppressed: 0 },
    })
  })

  test('of all origins of a pool is told of the pool', async () => {
    await expect.poll(() => toldOf(undefined, 'lone').length, { timeout: patienceMs }).toBeGreaterThanOrEqual(1)
    expect(toldOf(undefined, 'lone')[0]!.told).toMatchObject({
      type: 'pool.health',
      data: { pool: 'lone', status: 'down', was: 'up', because: 'no origin is up' },
    })
    expect(toldOf(undefined)).toEqual([])
  })

  test('of an origin that flaps is told once, and not at each change', async () => {
    await expect.poll(() => toldOf('flaps').length, { timeout: patienceMs }).toBeGreaterThanOrEqual(1)
    expect(watched.flaps.requests).toBeGreaterThanOrEqual(5)
    const ids = new Set(toldOf('flaps').map(({ got }) => got.headers['webhook-id']))
    expect(ids.size).toBe(1)
    expect(toldOf('flaps')[0]!.told.data).toMatchObject({
      status: 'flapping',
      was: 'up',
      suppressed: expect.any(Number),
    })
    expect(toldOf('calm')).toEqual([])
    // Nobody was told of the other again meanwhile.
    expect(toldOf('sick')).toHaveLength(2)
  })
})
