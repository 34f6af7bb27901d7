// The files of a bucket as an origin: what they are served as, in parts, to whom again, how long, and what stands in.
import { afterAll, beforeAll, expect, test } from 'vitest'
import { adminToken, cacheStatus, startGateway, type TestGateway } from './support/gateway.ts'

const origins = [{ url: 'r2:assets' }]
const configuration = {
  pools: {
    site: { origins, static: { fallback: '/app.html', immutable: ['/fonts/*'] } },
    plain: { origins },
  },
  routes: [
    { path: '/*', host: 'plain.test', pools: ['plain'] },
    { path: '/*', pools: ['site'] },
  ],
}

let gateway: TestGateway
beforeAll(async () => {
  gateway = await startGateway(configuration)
  await put('/app.html', '<p>The application</p>')
})
afterAll(() => gateway?.close())

const authorization = `Bearer ${adminToken}`
const api = (path: string, init: RequestInit = {}) =>
  fetch(`${gateway.url}/_weir/api/assets${path}`, { ...init, headers: { authorization, ...init.headers } })
const put = (path: string, body: string, headers: Record<string, string> = {}) =>
  api(path, { method: 'PUT', body, headers })
const get = (path: string, headers: Record<string, string> = {}, method = 'GET') =>
  fetch(gateway.url + path, { method, headers })

test('a file is what its name says, asked for again by browsers, and for a minute by nobody here', async () => {
  const stored = await put('/docs/über uns.html', '<p>About us</p>', { 'content-type': 'image/png' })
  expect([stored.status, await stored.json()]).toEqual([
    201,
    {
      path: '/docs/%C3%BCber%20uns.html',
      type: 'text/html; charset=utf-8',
      bytes: 15,
      etag: stored.headers.get('etag'),
      tag: 'asset:docs/%C3%BCber%20uns.html',
    },
  ])
  const first = await get('/docs/%c3%bcber%20uns.html')
  expect(first.status).toBe(200)
  expect(first.headers.get('content-type')).toBe('text/html; charset=utf-8')
  expect(first.headers.get('cache-control')).toBe('public, no-cache')
  expect(first.headers.get('etag')).toBe(stored.headers.get('etag'))
  expect(first.headers.get('x-content-type-options')).toBe('nosniff')
  expect([...first.headers.keys()].filter((name) => /^surrogate|^cache-tag/.test(name))).toEqual([])
  expect(cacheStatus(first)).toMatch(/^weir; fwd=uri-miss; fwd-status=200; stored/)
  expect(await first.text()).toBe('<p>About us</p>')
  expect(cacheStatus(await get('/docs/%C3%BCber%20uns.html'))).toMatch(/^weir; hit; ttl=(?:60|5\d)$/)
  const again = await get('/docs/%C3%BCber%20uns.html', { 'if-none-match': first.headers.get('etag')! })
  expect([again.status, await again.text()]).toEqual([304, ''])
})

test('parts, heads, and what cannot be', async () => {
  await put('/film.mp4', '0123456789')
  for (const range of ['bytes=2-4', 'bytes=-3'] as const) {
    const part = await get('/film.mp4', { range })
    expect([part.status, part.headers.get('content-type')]).toEqual([206, 'video/mp4'])
    expect(await part.text()).toBe(range === 'bytes=-3' ? '789' : '234')
  }
  expect((await get('/film.mp4', { range: 'bytes=20-' })).status).toBe(416)
  const head = await get('/film.mp4', {}, 'HEAD')
  expect([head.status, head.headers.get('content-length')]).toEqual([200, '10'])
  const posted = await get('/film.mp4', {}, 'POST')
  expect([posted.status, posted.headers.get('allow')]).toEqual([405, 'GET, HEAD'])
})

test('what has its hash in its name, or is said not to change, is kept for a year', async () => {
  for (const path of ['/js/app.3f2a9c1b.js', '/fonts/serif.woff2']) {
    await put(path, 'content')
    const response = await get(path)
    expect([path, response.headers.get('cache-control')]).toEqual([path, 'public, max-age=31536000, immutable'])
    expect(cacheStatus(await get(path))).toMatch(/^weir; hit; ttl=3153\d{4}/)
  }
})

test('a page that is no file is the application; a missing script is missing', async () => {
  const page = await get('/account/orders')
  expect([page.status, await page.text()]).toEqual([200, '<p>The application</p>'])
  expect(page.headers.get('cache-control')).toBe('public, no-cache')
  const folder = await get('/account/')
  expect([folder.status, await folder.text()]).toEqual([200, '<p>The application</p>'])
  const script = await get('/missing.js')
  expect([script.status, script.headers.get('content-type')]).toEqual([404, 'application/problem+json'])
  expect(await script.json()).toMatchObject({ reason: 'no-such-file' })
})

test('a file that is put, replaced or removed is seen at once, also where a fallback has stood in', async () => {
  const text = async (path: string) => (await get(path)).text()
  expect(await text('/guide/')).toContain('application')
  expect(cacheStatus(await get('/guide/'))).toMatch(/^weir; hit/)
  await put('/guide/index.html', 'one')
  expect(await text('/guide/')).toBe('one')
  expect((await put('/guide/index.html', 'two')).status).toBe(200)
  expect(await text('/guide/')).toBe('two')
  expect((await api('/guide/index.html', { method: 'DELETE' })).status).toBe(204)
  expect(await text('/guide/')).toContain('application')
  await put('/app.html', '<p>A new application</p>')
  expect(await text('/guide/')).toContain('new application')
})

test('a folder is asked for again with the slash that its links need, for as long as there is a page in it', async () => {
  const ask = () => fetch(`${gateway.url}/handbook/weirs?q=%2Fa`, { redirect: 'manual' })
  expect((await ask()).status).toBe(200)
  await put('/handbook/weirs/index.html', 'A page')
  const moved = await ask()
  expect([moved.status, moved.headers.get('location')]).toEqual([308, '/handbook/weirs/?q=%2Fa'])
  expect(cacheStatus(await ask())).toMatch(/^weir; hit/)
  expect(await (await get('/handbook/weirs')).text()).toBe('A page')
  await api('/handbook/weirs/index.html', { method: 'DELETE' })
  expect((await ask()).status).toBe(200)
})

test('an empty file is whole, and has no part', async () => {
  await put('/empty.txt', '')
  for (const method of ['GET', 'HEAD']) {
    const response = await get('/empty.txt', {}, method)
    expect([response.status, response.headers.get('content-length'), await response.text()]).toEqual([200, '0', ''])
  }
  const part = await get('/empty.txt', { range: 'bytes=0-' })
  expect([part.status, part.headers.get('content-range')]).toEqual([416, 'bytes */0'])
})

test('a pool without a fallback has none', async () => {
  const { pools } = configuration
  await gateway.configure({ pools, routes: [{ path: '/*', pools: ['plain'] }] })
  expect((await get('/none-of-that')).status).toBe(404)
  await gateway.configure(configuration)
})

test('the list, and what the API says no to', async () => {
  await put('/list/a.txt', 'a')
  await put('/list/b.txt', 'b')
  await put('/listed.txt', 'c')
  const listed = async (query: string) => {
    const { assets } = (await (await api(query)).json()) as { assets: { path: string }[] }
    return assets.map(({ path }) => path)
  }
  expect(await listed('?under=/list')).toEqual(['/list/a.txt', '/list/b.txt'])
  expect(await listed('?under=/list&after=list/a.txt')).toEqual(['/list/b.txt'])
  const cases: [string, RequestInit, number, string][] = [
    ['/a/../%2e%2e%2fb', { method: 'PUT', body: 'x' }, 400, 'bad-target'],
    ['/a//b', { method: 'PUT', body: 'x' }, 400, 'bad-path'],
    ['/a%5cb', { method: 'PUT', body: 'x' }, 400, 'bad-path'],
    ['/list/a.txt', { method: 'PUT', body: 'x', headers: { 'if-none-match': '*' } }, 412, 'changed-meanwhile'],
    ['/list/a.txt', { method: 'PUT', body: 'x', headers: { 'content-range': 'bytes 0-0/2' } }, 400, 'partial-put'],
    ['/list/a.txt', { method: 'PUT', body: 'x', headers: { 'content-encoding': 'gzip' } }, 415, 'coded'],
    ['/list/a.txt', { method: 'DELETE', headers: { 'if-match': '"another"' } }, 412, 'changed-meanwhile'],
    ['/list/a.txt', { method: 'POST', body: 'x' }, 405, 'method-not-allowed'],
    ['/list/a.txt', { method: 'PUT', body: 'x', headers: { authorization: 'Bearer none' } }, 401, 'unauthorised'],
    ['?under=list', {}, 400, 'bad-path'],
  ]
  for (const [path, init, status, reason] of cases) {
    const response = await api(path, init)
    expect([path, response.status, await response.json()]).toEqual([path, status, expect.objectContaining({ reason })])
  }
})
