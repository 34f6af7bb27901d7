// Which pool a request gets to, on the wire: by place, by weight, as a canary; and what is mirrored to another one.
import { parseDictionary } from 'structured-headers'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { ask, reply } from './support/cache.ts'
import { adminToken, startGateway, type TestGateway } from './support/gateway.ts'
import { startOrigin, type TestOrigin } from './support/origin.ts'

const names = ['web', 'eu', 'us', 'next', 'shadow'] as const
type Name = (typeof names)[number]

let origins: Record<Name, TestOrigin>
let gateway: TestGateway

const off = { mode: 'off' }
const map = { DE: ['eu'], US: ['us', 'eu'] }
const places = { eu: { latitude: 50.1, longitude: 8.7 }, us: { latitude: 39, longitude: -77.5 } }
const ways: Record<string, object> = {
  country: { by: 'country', map },
  continent: { by: 'continent', map: { EU: ['eu'], NA: ['us'] } },
  colo: { by: 'colo', map: { FRA: ['eu'], IAD: ['us'] } },
  nearest: { by: 'nearest', coordinates: places },
  weight: { by: 'weight', weights: { eu: 1, us: 3 } },
}
const byUser = { pool: 'next', by: 'header:x-user' }

beforeAll(async () => {
  origins = Object.fromEntries(
    await Promise.all(names.map(async (name) => [name, await startOrigin(() => undefined)])),
  ) as Record<Name, TestOrigin>
  const pools = Object.fromEntries(
    names.map((name) => [
      name,
      {
        origins: [{ id: `${name}-1`, url: origins[name].url }],
        policy: 'random',
        timeouts: { headersMs: 10_000 },
        retry: { tries: 1 },
      },
    ]),
  )
  const url = origins.web.url
  const several = {
    origins: [
      { id: 'old', url, state: 'drain' },
      { id: 'next', url, priority: 1 },
      { id: 'first', url, weight: 3 },
    ],
  }
  const all = ['web', 'eu', 'us']
  const entry = new URL('workers/places.ts', import.meta.url).pathname
  gateway = await startGateway(
    {
      pools: { ...pools, several },
      routes: [
        { path: '/several/*', pools: ['several'], cache: off },
        { path: '/several-cached/*', pools: ['several'] },
        ...Object.entries(ways).map(([by, steering]) => ({ path: `/${by}/*`, pools: all, cache: off, steering })),
        { path: '/keyed/*', pools: all, steering: { ...ways.country, keyed: true } },
        { path: '/canary/*', pools: ['web'], cache: off, canary: { ...byUser, percent: 10 } },
        { path: '/all-canary/*', pools: ['web'], cache: off, canary: { ...byUser, percent: 20 } },
        { path: '/cached-canary/*', pools: ['web'], canary: { pool: 'next', percent: 50, by: 'ip' } },
        { path: '/remembered/*', pools: ['web'], canary: { pool: 'next', percent: 50 } },
        { path: '/mirror/*', pools: ['web'], cache: off, mirror: { pool: 'shadow', percent: 100 } },
        { path: '/cached-mirror/*', pools: ['web'], mirror: { pool: 'shadow', percent: 100 } },
        { path: '/tenth/*', pools: ['web'], cache: off, mirror: { pool: 'shadow', percent: 10 } },
      ],
      hotTier: { totalBytes: 0 },
    },
    entry,
  )
})

afterAll(async () => {
  await gateway?.close()
  await Promise.all(Object.values(origins).map((origin) => origin.close()))
})

/** Each answers with its name, to be kept for a minute. */
beforeEach(() => {
  for (const name of names) {
    origins[name].handle = (_, response) => reply(response, name, { 'cache-control': 'public, max-age=60' })
    origins[name].requests = 0
  }
})

let paths = 0
const fresh = (prefix: string) => `/${prefix}/${++paths}`
const from = (cf: object) => ({ 'test-cf': JSON.stringify(cf) })
const whoAnswers = async (path: string, headers: Record<string, string> = {}) =>
  (await ask(gateway.url + path, { headers })).text

/** Two clients of whom one is in the canary of `/cached-canary/*` and `/remembered/*`. */
async function bothSides(prefix: string, headersOf: (index: number) => Record<string, string>) {
  const found = new Map<string, Record<string, string>>()
  for (let index = 0; found.size < 2; index++) {
    const headers = headersOf(index)
    const pool = await whoAnswers(fresh(prefix), headers)
    if (!found.has(pool)) found.set(pool, headers)
  }
  return { stable: found.get('web')!, canary: found.get('next')! }
}

test.each<[by: string, cf: object, pool: string]>([
  ['country', { country: 'DE' }, 'eu'],
  ['country', { country: 'US' }, 'us'],
  ['country', { country: 'FR' }, 'web'],
  ['country', {}, 'web'],
  ['continent', { continent: 'NA' }, 'us'],
  ['colo', { colo: 'FRA' }, 'eu'],
  ['nearest', { latitude: '48.85', longitude: '2.35' }, 'eu'],
  ['nearest', { latitude: '40.7', longitude: '-74' }, 'us'],
  ['nearest', { latitude: '', longitude: '-74' }, 'web'],
])('by %s, from %j', async (by, cf, pool) => {
  expect(await whoAnswers(fresh(by), from(cf))).toBe(pool)
  // Our own cookie is taken out, and nothing else is lost of the request.
  expect(await whoAnswers(fresh(by), { ...from(cf), cookie: 'weir-affinity=x' })).toBe(pool)
})

test('by weight', async () => {
  const counts: Record<string, number> = {}
  await Promise.all(
    Array.from({ length: 16 }, async () => {
      for (let time = 0; time < 25; time++) {
        const pool = await whoAnswers('/weight/x')
        counts[pool] = (counts[pool] ?? 0) + 1
      }
    }),
  )
  expect(Object.keys(counts).sort()).toEqual(['eu', 'us'])
  // Four standard deviations of 400 draws.
  expect(Math.abs(counts.eu! / 400 - 0.25)).toBeLessThan(0.087)
})

test('a pool that fails is behind the others, and back in front when it has answered', async () => {
  origins.us.handle = (request) => request.socket.destroy()
  const here = from({ country: 'US' })
  for (let time = 0; time < 6; time++) expect(await whoAnswers(fresh('country'), here)).toBe('eu')
  // Three failures in a row: then it is not asked any more.
  expect(origins.us.requests).toBe(3)
  origins.us.handle = (_, response) => reply(response, 'us', {})
  origins.eu.handle = (request) => request.socket.destroy()
  origins.web.handle = (request) => request.socket.destroy()
  for (let time = 0; time < 4; time++) expect(await whoAnswers(fresh('country'), here)).toBe('us')
  origins.eu.handle = (_, response) => reply(response, 'eu', {})
  expect(await whoAnswers(fresh('country'), here)).toBe('us')
  origins.web.handle = (_, response) => reply(response, 'web', {})
  await gateway.configure(await configuration())
})

/** The same again: with it all that is known of the pools' health is forgotten. */
async function configuration(): Promise<unknown> {
  const response = await fetch(`${gateway.url}/_weir/api/config`, {
    headers: { authorization: `Bearer ${adminToken}` },
  })
  return response.json()
}

test('where the choice is in the key, each pool has its entry, and a POST ends them all', async () => {
  const path = fresh('keyed')
  for (const [country, pool] of [
    ['DE', 'eu'],
    ['US', 'us'],
    ['FR', 'web'],
  ] as const) {
    expect(await whoAnswers(path, from({ country }))).toBe(pool)
    await expect
      .poll(async () => (await ask(gateway.url + path, { headers: from({ country }) })).cache)
      .toContain('hit')
    expect(await whoAnswers(path, from({ country }))).toBe(pool)
  }
  await ask(gateway.url + path, { method: 'POST', headers: from({ country: 'FR' }) })
  for (const country of ['DE', 'US']) {
    expect((await ask(gateway.url + path, { headers: from({ country }) })).cache).toContain('fwd=uri-miss')
  }
})

test('what another pool answers in its stead is not stored', async () => {
  origins.eu.handle = (request) => request.socket.destroy()
  const path = fresh('keyed')
  const asked = () => ask(gateway.url + path, { headers: from({ country: 'DE' }) })
  const first = await asked()
  expect([first.text, first.cache]).toEqual(['web', 'weir; fwd=uri-miss; fwd-status=200; detail=other-pool'])
  origins.eu.handle = (_, response) => reply(response, 'eu', {})
  await expect.poll(async () => (await asked()).text).toBe('eu')
})

test('a canary gets its share of the clients, always the same ones, and more of them when it grows', async () => {
  const sides = { canary: new Set<string>(), wider: new Set<string>() }
  const clients = Array.from({ length: 400 }, (_, index) => `user-${index}`)
  await Promise.all(
    Array.from({ length: 16 }, async (_, first) => {
      for (let index = first; index < clients.length; index += 16) {
        const user = { 'x-user': clients[index]! }
        const pool = await whoAnswers('/canary/x', user)
        expect(await whoAnswers('/canary/y', user)).toBe(pool)
        if (pool === 'next') sides.canary.add(clients[index]!)
        if ((await whoAnswers('/all-canary/x', user)) === 'next') sides.wider.add(clients[index]!)
      }
    }),
  )
  expect(Math.abs(sides.canary.size / 4 - 10)).toBeLessThan(3)
  expect([...sides.canary].filter((client) => !sides.wider.has(client))).toEqual([])
  expect(sides.wider.size).toBeGreaterThan(sides.canary.size)
})

test('a canary never mixes with the others in the cache, nor in a flight', async () => {
  const { stable, canary } = await bothSides('cached-canary', (index) => ({ 'cf-connecting-ip': `192.0.2.${index}` }))
  const path = fresh('cached-canary')
  const crowd = Array.from({ length: 20 }, (_, index) => (index % 2 === 0 ? stable : canary))
  const answers = await Promise.all(crowd.map((headers) => whoAnswers(path, headers)))
  expect(answers).toEqual(crowd.map((headers) => (headers === stable ? 'web' : 'next')))
  for (const [headers, pool] of [
    [stable, 'web'],
    [canary, 'next'],
  ] as const) {
    const again = await ask(gateway.url + path, { headers })
    expect([again.text, again.cache]).toEqual([pool, expect.stringContaining('hit')])
  }
})

test('a client keeps its side when its address changes, by a cookie that comes with what is its own', async () => {
  const { stable, canary } = await bothSides('remembered', (index) => ({ 'user-agent': `browser ${index}` }))
  for (const name of ['web', 'next'] as const) {
    origins[name].handle = (request, response) =>
      reply(response, `${name} ${request.headers.cookie ?? ''}`, {
        'cache-control': request.url?.includes('mine') ? 'no-store' : 'public, max-age=60',
      })
  }
  for (const [mine, other, pool] of [
    [stable, canary, 'web'],
    [canary, stable, 'next'],
  ] as const) {
    const shared = await ask(gateway.url + fresh('remembered'), { headers: mine })
    expect(shared.headers.get('set-cookie')).toBeNull()
    const own = await ask(`${gateway.url + fresh('remembered')}/mine`, { headers: mine })
    const cookie = own.headers.get('set-cookie')!.split(';')[0]!
    for (const path of ['', '/mine']) {
      const again = await ask(gateway.url + fresh('remembered') + path, { headers: { ...other, cookie } })
      expect([again.text, again.headers.get('set-cookie')]).toEqual([`${pool} `, null])
    }
  }
})

test('a mirror gets the same reads, and nothing else', async () => {
  const seen: string[] = []
  origins.shadow.handle = (request, response) => {
    seen.push(`${request.method} ${request.url} ${request.headers.cookie}`)
    reply(response, 'shadow', {})
  }
  const path = fresh('mirror')
  const headers = { cookie: 'a=1' }
  expect(await whoAnswers(`${path}?q=1`, headers)).toBe('web')
  await ask(gateway.url + path, { method: 'POST', headers })
  await ask(gateway.url + path, { method: 'HEAD', headers })
  await expect.poll(() => seen).toHaveLength(2)
  expect(seen.sort()).toEqual([`GET ${path}?q=1 a=1`, `HEAD ${path} a=1`])
  const cached = fresh('cached-mirror')
  expect(await whoAnswers(cached)).toBe('web')
  await expect.poll(async () => (await ask(gateway.url + cached)).cache).toContain('hit')
  expect(seen.filter((line) => line.includes(cached))).toHaveLength(1)
})

test('a mirror gets its share', async () => {
  for (let batch = 0; batch < 10; batch++) {
    await Promise.all(Array.from({ length: 40 }, () => whoAnswers('/tenth/x')))
  }
  // Four standard deviations of 400 draws around 40.
  expect(Math.abs(origins.shadow.requests - 40)).toBeLessThan(24)
})

test.each<[string, () => void]>([
  ['hangs', () => (origins.shadow.handle = () => undefined)],
  ['fails', () => (origins.shadow.handle = (request) => request.socket.destroy())],
  [
    'never ends',
    () => (origins.shadow.handle = (_, response) => void response.writeHead(200).write('x'.repeat(1_000_000))),
  ],
])('a mirror that %s harms nobody', async (_, fail) => {
  fail()
  const answers = await Promise.all(Array.from({ length: 100 }, () => ask(`${gateway.url}/mirror/x`)))
  for (const { status, text } of answers) expect([status, text]).toEqual([200, 'web'])
  expect(origins.web.requests).toBe(100)
})

test('an authorised request is told which pool and origin has answered, and why', async () => {
  const admin = { 'weir-explain': '?1', authorization: `Bearer ${adminToken}` }
  const told = async (path: string, headers: Record<string, string>) => {
    const { headers: fields } = await ask(gateway.url + path, { headers: { ...admin, ...headers } })
    const members = [...parseDictionary(fields.get('weir-explain')!)].map(([name, [value]]) => [name, String(value)])
    return Object.fromEntries(members)
  }
  expect(await told(fresh('nearest'), from({ latitude: '48.85', longitude: '2.35' }))).toMatchObject({
    pool: 'eu',
    origin: 'eu-1',
    steering: 'nearest, 479 km',
    candidates: expect.stringMatching(/^eu-1 weight=1 inFlight=0 latency=(\?|\d+ms) ready$/),
  })
  // Each as it was at the choice, the first choice first, those without a chance behind.
  expect(await told(fresh('several'), {})).toMatchObject({
    pool: 'several',
    origin: 'first',
    candidates:
      'first weight=3 inFlight=0 latency=? ready; next priority=1 weight=1 inFlight=0 latency=? ready; old weight=0 inFlight=0 latency=? drain',
  })
  // A flight knows them if it was begun by who asks.
  expect(await told(fresh('several-cached'), {})).toMatchObject({
    candidates: expect.stringMatching(/^first weight=3 inFlight=0 /),
  })
  const cached = fresh('cached-canary')
  const through = await told(cached, {})
  expect(through).toMatchObject({
    pool: expect.stringMatching(/web|next/),
    origin: expect.stringMatching(/-1$/),
    steering: expect.stringMatching(/of the 50 % of the canary$/),
  })
  await expect.poll(() => told(cached, {})).not.toHaveProperty('origin')
  const { headers } = await ask(gateway.url + fresh('nearest'))
  expect([...headers].join()).not.toContain('eu-1')
})
