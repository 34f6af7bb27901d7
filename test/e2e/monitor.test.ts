// Monitors on the wire: real origins that are probed each second, by way of the Worker's own objects and alarms.
import { once } from 'node:events'
import { type AddressInfo, createServer, type Server } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { adminToken, startGateway, type TestGateway } from './support/gateway.ts'
import { startOrigin, type TestOrigin } from './support/origin.ts'

interface Known {
  readonly id: string
  readonly monitor?: { readonly verdict: string; readonly since: string; readonly because: string }
  readonly latency?: unknown
}

const names = ['status', 'redirect', 'body', 'slow', 'well', 'ill', 'sick', 'crowd'] as const
type Name = (typeof names)[number]

const well = () => new Response('all is well')
const failing = () => new Response('', { status: 500 })

/** What each origin says of itself at /healthz; its pages are well, whatever that is. */
const healthz = Object.fromEntries(names.map((name) => [name, well])) as Record<Name, () => Response | undefined>
Object.assign(healthz, { ill: failing, sick: failing })

/** Ways to fail a probe, and what the monitor makes of them. */
const failures: [Name, () => Response | undefined, string][] = [
  ['status', failing, 'status 500'],
  ['redirect', () => new Response('', { status: 302, headers: { location: '/' } }), 'status 302'],
  // What is expected comes behind the first 64 KiB.
  ['body', () => new Response(`${'x'.repeat(65_536)}well`), 'status 200, but not the expected body'],
  ['slow', () => undefined, 'no answer within 1500 ms'],
]

const origins = {} as Record<Name, TestOrigin>
const probes: { name: Name; method: string | undefined; key: string | undefined }[] = []
/** Probes of one origin under many names, at once and at most so far. */
const crowd = { now: 0, most: 0 }
let plain: Server
let plainUrl: string
let gateway: TestGateway

beforeAll(async () => {
  for (const name of names) {
    origins[name] = await startOrigin(async (request, response) => {
      if (request.url !== '/healthz') return void response.end(name)
      probes.push({ name, method: request.method, key: request.headers['x-key']?.toString() })
      if (name === 'crowd') await crowded()
      const said = healthz[name]()
      if (said === undefined) return
      response.writeHead(said.status, Object.fromEntries(said.headers)).end(await said.text())
    })
  }
  plain = createServer((socket) => socket.on('error', () => undefined)).listen(0, '127.0.0.1')
  await once(plain, 'listening')
  plainUrl = `http://127.0.0.1:${(plain.address() as AddressInfo).port}`
  gateway = await startGateway(document())
})

afterAll(async () => {
  await gateway?.close()
  await Promise.all(Object.values(origins).map((origin) => origin.close()))
  plain?.close()
})

async function crowded(): Promise<void> {
  crowd.most = Math.max(crowd.most, ++crowd.now)
  await new Promise((resolve) => setTimeout(resolve, 20))
  crowd.now--
}

const origin = (name: Name) => ({ id: name, url: origins[name].url })
// A busy machine is not to be taken for a silent one.
const monitor = { intervalSeconds: 1, fails: 1, passes: 2, timeoutMs: 10_000 }

/** For each way to fail a pool of which the other origin is well, and some more. */
function document() {
  const policy = 'round-robin'
  const pairs = Object.fromEntries(failures.map(([name]) => [name, [origin(name), origin('well')]]))
  const pools: Record<string, { policy: string; monitor?: object; origins: readonly object[] }> = {
    ...Object.fromEntries(Object.entries(pairs).map(([name, pair]) => [name, { policy, monitor, origins: pair }])),
    body: {
      policy,
      monitor: { ...monitor, expectBody: 'well', headers: { 'X-Key': 'secret' } },
      origins: pairs.body!,
    },
    slow: { policy, monitor: { ...monitor, timeoutMs: 1500, passes: 1 }, origins: pairs.slow! },
    name: { policy, monitor, origins: [{ id: 'nobody', url: 'http://no-such-host.invalid' }, origin('well')] },
    tcp: { policy, monitor: { ...monitor, type: 'tcp' }, origins: [{ id: 'plain', url: plainUrl }] },
    regions: { policy, monitor: { ...monitor, regions: ['weur', 'enam', 'apac'] }, origins: [origin('well')] },
    ill: { policy, monitor, origins: [origin('ill'), origin('sick')] },
    crowd: {
      policy,
      monitor,
      origins: Array.from({ length: 15 }, (_, index) => ({ ...origin('crowd'), id: `crowd-${index}` })),
    },
    unwatched: { policy, origins: [origin('status'), origin('well')] },
  }
  const cache = { mode: 'off' }
  const canary = { path: '/canary', pools: ['regions'], cache, canary: { pool: 'next', percent: 100, by: 'ip' } }
  pools.next = { policy, monitor, origins: [origin('sick'), origin('well')] }
  return { pools, routes: [canary, ...Object.keys(pools).map((name) => ({ path: `/${name}`, pools: [name], cache }))] }
}

async function poolsKnown(): Promise<Record<string, { origins: Known[] }>> {
  const headers = { authorization: `Bearer ${adminToken}` }
  const response = await fetch(`${gateway.url}/_weir/api/pools`, { headers })
  return ((await response.json()) as { pools: Record<string, { origins: Known[] }> }).pools
}

/** What the monitor says of an origin now. */
async function said(pool: string, id: string): Promise<string> {
  const known = (await poolsKnown())[pool]!.origins.find((each) => each.id === id)?.monitor
  return known === undefined ? 'nothing' : `${known.verdict}: ${known.because}`
}

const comesToSay = (pool: string, id: string, words: string | RegExp) =>
  expect.poll(() => said(pool, id), { timeout: 15_000, interval: 100 }).toMatch(words)

/** Who answers ten requests, one after the other. */
async function answering(path: string): Promise<string[]> {
  const answers = new Set<string>()
  for (let count = 0; count < 10; count++) answers.add(await (await fetch(`${gateway.url}${path}`)).text())
  return [...answers].sort()
}

/** Four clients ask all the time meanwhile. */
async function whileAsking(path: string, work: () => Promise<void>): Promise<void> {
  let isOver = false
  const clients = [1, 2, 3, 4].map(async () => {
    while (!isOver) await (await fetch(`${gateway.url}${path}`)).text()
  })
  try {
    await work()
  } finally {
    isOver = true
    await Promise.all(clients)
  }
}

test('what is well is up, by http and by tcp, from one place and from several', async () => {
  for (const [name] of failures) await comesToSay(name, name, /^up: status 200$/)
  await comesToSay('tcp', 'plain', /^up: connected$/)
  await comesToSay('regions', 'well', /^up: weur: status 200; enam: status 200; apac: status 200$/)
  expect(await answering('/status')).toEqual(['status', 'well'])
})

test('a probe carries what the configuration says', () => {
  expect(probes.find(({ name }) => name === 'body')).toEqual({ name: 'body', method: 'GET', key: 'secret' })
})

test('a name that does not resolve is down, and the probes of the others go on', async () => {
  await comesToSay('name', 'nobody', /^down: no connection$/)
  await comesToSay('name', 'well', /^up: status 200$/)
})

test('six origins are probed at a time', async () => {
  await comesToSay('crowd', 'crowd-14', /^up: status 200$/)
  expect(crowd.most).toBe(6)
})

test('where the monitor finds nobody healthy, health says so, and all are used', async () => {
  await comesToSay('ill', 'ill', /^down: status 500$/)
  await comesToSay('ill', 'sick', /^down: status 500$/)
  const health = await (await fetch(`${gateway.url}/_weir/health`)).json()
  expect(health).toEqual({ status: 'degraded', because: ['the monitor of the pool "ill" finds no origin healthy'] })
  expect(await answering('/ill')).toEqual(['ill', 'sick'])
})

test('what the monitor of a canary says is heard by the canary’s own requests', async () => {
  await expect.poll(() => answering('/canary'), { timeout: 15_000 }).toEqual(['well'])
})

test('isolates share what they have seen of a pool that is not probed', async () => {
  await fetch(`${gateway.url}/unwatched`)
  const known = (await poolsKnown()).unwatched!.origins
  expect(known.every((each) => each.monitor === undefined)).toBe(true)
  expect(known.some((each) => each.latency !== undefined)).toBe(true)
})

test('an origin that serves well is taken out by the word of the monitor alone, and comes back', async () => {
  for (const [name, ill] of failures) healthz[name] = ill
  plain.close()
  // Answers that were under way when the word came do not speak against it.
  await whileAsking('/status', () => comesToSay('status', 'status', 'down: status 500'))
  for (const [name, , because] of failures) {
    await comesToSay(name, name, `down: ${because}`)
    expect(await answering(`/${name}`)).toEqual(['well'])
  }
  await comesToSay('tcp', 'plain', /^down: no connection$/)
  for (const [name] of failures) healthz[name] = well
  for (const [name] of failures) {
    await comesToSay(name, name, /^up: status 200$/)
    // What comes back gets its share little by little.
    await expect.poll(() => answering(`/${name}`), { timeout: 20_000 }).toContain(name)
  }
})

test('another configuration: an origin that is new is probed, and of a pool without a monitor nothing is said', async () => {
  const { pools, routes } = document()
  const { monitor: _, ...unwatched } = pools.redirect!
  await gateway.configure({
    pools: { slow: { ...pools.slow, origins: [{ ...origin('slow'), id: 'renamed' }] }, redirect: unwatched },
    routes: routes.filter(({ path }) => path === '/slow' || path === '/redirect'),
  })
  expect(await said('redirect', 'redirect')).toBe('nothing')
  await comesToSay('slow', 'renamed', /^up: status 200$/)
  expect(await said('slow', 'slow')).toBe('nothing')
})
