// What an authorised request is told beside its answer, and that nobody else is told anything.
import { parseDictionary, parseList } from 'structured-headers'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type CacheBench, reply, startCacheBench } from './support/cache.ts'
import { adminToken } from './support/gateway.ts'

let bench: CacheBench

beforeAll(async () => {
  bench = await startCacheBench({
    '/keyed': { key: { headers: ['x-tenant'], cookies: ['lang'], query: { only: ['page'] } } },
    '/off': { mode: 'off' },
    '/grace': { graceSeconds: 60, ttlSeconds: 0 },
  })
})
afterAll(() => bench?.close())

const authorised = { 'weir-explain': '?1', authorization: `Bearer ${adminToken}` }

async function explained(path: string, init: { headers?: Record<string, string>; method?: string } = {}) {
  const answer = await bench.ask(path, { ...init, headers: { ...authorised, ...init.headers } })
  const members = [...parseDictionary(answer.headers.get('weir-explain')!)]
  const [, parameters] = parseList(answer.cache)[0]!
  const told = members.map(([name, [value]]) => [name, String(value)])
  return { ...Object.fromEntries(told), status: answer.status, keyInStatus: parameters.get('key') }
}

const says = (cacheControl: string, more: Record<string, string> = {}) => {
  bench.origin.handle = (_, response) => reply(response, 'body', { 'cache-control': cacheControl, ...more })
}

test('a miss, then a hit: route, key, verdict and why', async () => {
  says('max-age=60')
  const path = bench.fresh()
  const miss = await explained(path)
  expect(miss).toMatchObject({
    route: 'route-4',
    verdict: 'miss',
    why: 'nothing that may be used is stored under this key; the answer is stored',
  })
  expect(miss).toMatchObject({ key: expect.stringContaining(encodeURIComponent(path)) })
  await expect
    .poll(() => explained(path))
    .toMatchObject({ verdict: 'hit', why: expect.stringMatching(/^fresh for \d+ s more$/) })
  const hit = await explained(path)
  expect(hit).toMatchObject({ keyInStatus: expect.any(String) })
})

test.each(['/off', '/keyed'])(
  '%s: no origin gave an answer: which was asked last, and with what in view',
  async (on) => {
    bench.origin.handle = (_, response) => response.destroy()
    const told = await explained(bench.fresh(on))
    const { origin, pool } = told as unknown as { origin: string; pool: string }
    expect([told.status, pool]).toEqual([503, 'web'])
    expect(told).toMatchObject({
      steering: expect.any(String),
      candidates: expect.stringContaining(`${origin} weight=1`),
    })
  },
)

test('the variant, by what the route keys and by what the origin varies by', async () => {
  says('public, max-age=60', { vary: 'accept-language' })
  const path = `${bench.fresh('/keyed')}?page=2&utm=x`
  const headers = { 'x-tenant': 'a', cookie: 'a=1; lang=fr', 'accept-language': 'de' }
  await explained(path, { headers })
  await expect
    .poll(() => explained(path, { headers }))
    .toMatchObject({ verdict: 'hit', variant: 'x-tenant: a; cookie lang: fr; accept-language: de' })
  expect(await explained(path, { headers: { 'x-tenant': 'b', 'accept-language': 'it' } })).toMatchObject({
    verdict: 'miss',
    variant: 'x-tenant: b; cookie lang; accept-language: it',
    why: expect.stringMatching(/^there are variants under this key, and none for this request;/),
  })
})

test.each<[string, string, string, string, string]>([
  ['pass', '/off', 'GET', 'pass', 'this route is not cached, or the request is an upgrade'],
  ['another method', '', 'OPTIONS', 'pass', 'the method is not answered from a store'],
  ['uncacheable', '', 'GET', 'miss', '…; not stored: the origin says private'],
])('%s', async (_, prefix, method, verdict, why) => {
  says('private')
  const told = await explained(bench.fresh(prefix), { method })
  expect(told).toMatchObject({ verdict, why: expect.stringContaining(why.replace('…', '')) })
})

test('hit-for-miss, stale and validate', async () => {
  says('private')
  const uncacheable = bench.fresh()
  await bench.ask(uncacheable)
  await expect.poll(() => explained(uncacheable)).toMatchObject({ verdict: 'hit-for-miss' })
  says('', { etag: '"1"' })
  const graced = bench.fresh('/grace')
  await bench.ask(graced)
  await expect
    .poll(() => explained(graced))
    .toMatchObject({ verdict: 'stale', why: expect.stringMatching(/^stale for \d+ s, within its grace/) })
  says('no-cache', { etag: '"1"' })
  const validated = bench.fresh()
  await bench.ask(validated)
  await expect
    .poll(() => explained(validated))
    .toMatchObject({ verdict: 'validate', why: expect.stringMatching(/^what is stored is stale/) })
})

test('the token is for the gateway: the origin does not see it, and the answer is as for anybody', async () => {
  says('max-age=60')
  const path = bench.fresh()
  await explained(path)
  expect(bench.seen.at(-1)?.headers).not.toHaveProperty('authorization')
  expect(bench.seen.at(-1)?.headers).not.toHaveProperty('weir-explain')
  await expect.poll(async () => (await bench.ask(path)).cache).toContain('hit')
})

test.each(['?0', '1', '?1;a=1', '?1, ?1', 'yes'])(
  'the token is for the gateway, whatever is asked: %s',
  async (asked) => {
    says('public, max-age=60')
    await bench.ask(bench.fresh(), { headers: { ...authorised, 'weir-explain': asked } })
    expect(bench.seen.at(-1)?.headers).not.toHaveProperty('authorization')
  },
)

test('what it says fits, however long the URL is', async () => {
  says('max-age=60')
  const told = await explained(`${bench.fresh()}/${'x'.repeat(7000)}`)
  expect(told).toMatchObject({ status: 200, verdict: 'miss' })
})

test.each<[string, Record<string, string>]>([
  ['no token', { 'weir-explain': '?1' }],
  ['another token', { 'weir-explain': '?1', authorization: 'Bearer guessed' }],
  ['the token without the question', { authorization: authorised.authorization }],
  ['the question with no for an answer', { ...authorised, 'weir-explain': '?0' }],
])('nobody else is told: %s', async (_, headers) => {
  says('public, max-age=60')
  const answer = await bench.ask(bench.fresh(), { headers })
  expect([answer.status, answer.headers.get('weir-explain')]).toEqual([200, null])
  expect(answer.headers.get('cache-status')).not.toContain('key=')
  expect(bench.seen.at(-1)?.headers).not.toHaveProperty('weir-explain')
})

test('every answer says which purges it has met', async () => {
  says('max-age=60')
  const path = bench.fresh()
  const epochOf = async () => Number((await bench.ask(path)).headers.get('weir-epoch'))
  const before = await epochOf()
  const purge = await fetch(`${bench.gateway.url}/_weir/api/purge`, {
    method: 'POST',
    headers: { authorization: authorised.authorization },
    body: JSON.stringify({ urls: [bench.gateway.url + path] }),
  })
  const { epoch } = (await purge.json()) as { epoch: number }
  expect(epoch).toBeGreaterThan(before)
  expect(await epochOf()).toBe(epoch)
})

test('an origin cannot say these in the gateway’s name', async () => {
  says('max-age=60', { 'weir-epoch': '99', 'weir-explain': 'verdict=hit' })
  const { headers } = await bench.ask(bench.fresh())
  expect([headers.get('weir-epoch'), headers.get('weir-explain')]).toEqual([expect.not.stringContaining('99'), null])
})
