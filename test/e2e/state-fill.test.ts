// A key that is missing is filled from a route: once for all who ask, in nobody's name, and only with what everybody may
// have.
import { afterAll, beforeAll, beforeEach, expect, it, test } from 'vitest'
import { adminToken, startGateway, type TestGateway } from './support/gateway.ts'
import { startOrigin, type TestOrigin } from './support/origin.ts'

let origin: TestOrigin
let gateway: TestGateway

const shared = { 'content-type': 'application/json', 'cache-control': 'max-age=60' }

beforeAll(async () => {
  origin = await startOrigin(() => undefined)
  const pools = ['web']
  gateway = await startGateway({
    pools: { web: { origins: [{ url: origin.url }] } },
    routes: [
      // Nothing but the state collapses what is asked for here.
      { id: 'items', path: '/items/*', pools, cache: { mode: 'off' } },
      { id: 'rest', path: '/*', pools },
    ],
    state: {
      namespaces: {
        items: { fill: { route: 'items', path: '/items/{key}?full=1' }, maxBytes: 1000 },
        brief: { fill: { route: 'items', path: '/items/{key}' }, ttlSeconds: 7 },
        wrong: { fill: { route: 'rest', path: '/items/{key}' } },
      },
    },
  })
})

beforeEach(() => {
  origin.requests = 0
})

afterAll(async () => {
  await gateway?.close()
  await origin?.close()
})

const ask = (path: string, init: RequestInit = {}) =>
  fetch(`${gateway.url}/_weir/state/${path}`, {
    ...init,
    headers: { authorization: `Bearer ${adminToken}`, cookie: 'mine=1', 'accept-language': 'de', ...init.headers },
  })

const reasonOf = async (response: Response) => ((await response.json()) as { reason: string }).reason

it('once for 200 who ask at the same time, and not again', async () => {
  const answered = Promise.withResolvers<void>()
  origin.handle = async (_, response) => {
    await answered.promise
    response.writeHead(200, shared).end('{"price": 3}')
  }
  const asked = Array.from({ length: 200 }, () => ask('items/a'))
  setTimeout(answered.resolve, 200)
  const texts = await Promise.all(asked.map(async (response) => (await response).text()))
  expect(new Set(texts)).toEqual(new Set(['{"price": 3}']))
  expect(origin.requests).toBe(1)
  const again = await ask('items/a')
  expect(await again.text()).toBe('{"price": 3}')
  expect(again.headers.get('content-type')).toBe('application/json')
  expect(Number(again.headers.get('weir-ttl'))).toBeLessThanOrEqual(60)
  expect(origin.requests).toBe(1)
})

it('for all who wait, also where the first of them has left', async () => {
  const [asked, answered] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  origin.handle = async (_, response) => {
    asked.resolve()
    await answered.promise
    response.writeHead(200, shared).end('for all')
  }
  const leaving = new AbortController()
  const first = ask('items/left', { signal: leaving.signal }).catch(() => undefined)
  await asked.promise
  leaving.abort()
  await first
  const second = ask('items/left')
  await new Promise((resolve) => setTimeout(resolve, 200))
  answered.resolve()
  expect(await (await second).text()).toBe('for all')
  expect(origin.requests).toBe(1)
})

it('in nobody’s name, by the path of the namespace, the key encoded', async () => {
  let seen = {}
  origin.handle = ({ url, headers: { cookie, authorization, 'accept-language': language } }, response) => {
    seen = { url, cookie, authorization, language }
    response.writeHead(200, shared).end('x')
  }
  expect((await ask('items/a%20b/c%3Fd')).status).toBe(200)
  expect(seen).toEqual({ url: '/items/a%20b%2Fc%3Fd?full=1' })
})

it('for as long as the namespace says, where it does', async () => {
  origin.handle = (_, response) => response.writeHead(200, shared).end('x')
  expect((await ask('brief/a')).headers.get('weir-ttl')).toBe('7')
})

test.each([
  ['an error', 500, shared],
  ['what is private', 200, { 'cache-control': 'private, max-age=60' }],
  ['what is not to be stored', 200, { 'cache-control': 'no-store' }],
  ['what sets a cookie', 200, { ...shared, 'set-cookie': 'id=1' }],
  ['what says something of a session', 200, { ...shared, 'weir-session-set': 'user="ada"' }],
  ['what caches like this are not to store', 200, { ...shared, 'surrogate-control': 'no-store' }],
  ['what is stale on arrival', 200, { 'cache-control': 'max-age=0' }],
  ['what differs by everything', 200, { ...shared, vary: '*' }],
  ['what comes coded, though that was not asked for', 200, { ...shared, 'content-encoding': 'br' }],
])('is not kept, and nobody gets it: %s', async (title, status, headers) => {
  origin.handle = (_, response) => response.writeHead(status, headers).end('secret')
  const key = `items/${encodeURIComponent(title)}`
  for (let count = 1; count <= 2; count++) {
    const response = await ask(key)
    expect(response.status).toBe(502)
    expect(await reasonOf(response)).toBe('not-filled')
    expect(origin.requests).toBe(count)
  }
  origin.handle = (_, response) => response.writeHead(200, shared).end('for all')
  expect(await (await ask(key)).text()).toBe('for all')
})

it('not with what is too large, nor with half of it', async () => {
  origin.handle = (_, response) => response.writeHead(200, shared).end('x'.repeat(1001))
  expect((await ask('items/large')).status).toBe(502)
  origin.handle = (_, response) => {
    response.writeHead(200, { ...shared, 'content-length': 100 })
    response.write('half', () => response.destroy())
  }
  expect((await ask('items/half')).status).toBe(502)
})

it('with nothing where there is nothing', async () => {
  origin.handle = (_, response) => response.writeHead(404, shared).end('none')
  const response = await ask('items/none')
  expect(response.status).toBe(404)
  expect(await reasonOf(response)).toBe('no-such-key')
})

it('says so where the route does not take the path, and where the key would change it', async () => {
  expect(await (await ask('wrong/a')).text()).toContain('is not taken by the route \\"rest\\"')
  expect((await ask('items/%2E%2E')).status).toBeGreaterThanOrEqual(400)
  expect(origin.requests).toBe(0)
})

it('never undoes what is put, or removed, while the route is asked', async () => {
  const asked = Promise.withResolvers<void>()
  const answered = Promise.withResolvers<void>()
  origin.handle = async (_, response) => {
    asked.resolve()
    await answered.promise
    response.writeHead(200, shared).end(origin.requests === 1 ? 'old' : 'new')
  }
  const reading = ask('items/busy')
  await asked.promise
  await ask('items/busy', { method: 'PUT', body: 'put' })
  await ask('items/busy', { method: 'DELETE' })
  answered.resolve()
  expect(await (await reading).text()).toBe('new')
  const found = ask('items/other')
  await ask('items/other', { method: 'PUT', body: 'put' })
  expect(['put', 'new']).toContain(await (await found).text())
  expect(await (await ask('items/other')).text()).toBe('put')
})
