// Who calls whom, on the wire: services by the policy and with a credential, places outside by the list, and what was
// refused, for the administrator.
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { encodePng } from '../../workers/cli/demo/png.ts'
import { adminToken, startGateway, type TestGateway } from './support/gateway.ts'

const digest = (credential: string) => `sha256:${createHash('sha256').update(credential).digest('hex')}`
const origins = [{ url: 'http://127.0.0.1:9' }]

const pixel = Buffer.from(encodePng(1, 1, Uint8Array.of(90, 120, 160)))

let gateway: TestGateway
let outside: Server
let elsewhere: Server
let asked: { url: string; method: string; headers: IncomingMessage['headers']; body: string }[]

function answer(request: IncomingMessage, response: ServerResponse): void {
  const url = request.url!
  const port = portOf(elsewhere)
  const places: Record<string, string> = {
    '/v1/moved': '/v1/here',
    '/v1/away': `http://127.0.0.1:${port}/v2/there`,
    '/v1/inside': 'http://169.254.169.254/latest/meta-data/',
    '/v1/unlisted': '/secret',
    '/v1/round': '/v1/round',
  }
  const location = places[url]
  if (location !== undefined) response.writeHead(307, { location }).end()
  else if (url === '/v1/picture') response.writeHead(200, { 'content-type': 'image/png' }).end(pixel)
  else if (url.startsWith('/v1/status/')) response.writeHead(Number(url.split('/')[3])).end('<p>10.0.0.1 is down</p>')
  else if (url === '/v1/large') response.writeHead(200, { 'content-length': 3000 }).end('x'.repeat(3000))
  else if (url === '/v1/endless') {
    response.writeHead(200)
    response.write('x'.repeat(1500))
    response.end('x'.repeat(1500))
  } else if (url !== '/v1/silent')
    response
      .writeHead(url === '/v1/busy' ? 503 : 200, {
        'content-type': 'text/plain',
        'set-cookie': 'theirs=1',
        'weir-session-set': 'user="admin"',
        'cache-control': 'public, max-age=3600',
        'cache-tag': 'items',
      })
      .end('their answer')
}

async function listen(): Promise<Server> {
  const server = createServer(async (request, response) => {
    let body = ''
    for await (const chunk of request) body += chunk
    asked.push({ url: request.url!, method: request.method!, headers: request.headers, body })
    answer(request, response)
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  return server
}

const portOf = (server: Server) => (server.address() as AddressInfo).port

/** Where these services may call out. */
const configurationFor = (from: string[]) => ({
  pools: {
    web: { origins, credentials: [digest('of-the-web')] },
    other: { origins, credentials: [digest('of-the-other')] },
    pages: { origins: [{ url: 'service:pages' }] },
  },
  routes: [{ path: '/*', pools: ['pages'], session: true, cache: { mode: 'off' } }],
  services: {
    policy: [
      { from: 'pool:web', to: ['catalog', 'account'] },
      { from: 'pages', to: ['account', 'catalog', 'checkout', 'search'] },
      // It was built to ask the search, the checkout to ask the catalog.
      { from: 'catalog', to: [] },
      { from: 'checkout', to: ['payment'] },
    ],
    egress: {
      allow: [
        `http://127.0.0.1:${portOf(outside)}/v1/*`,
        `http://127.0.0.1:${portOf(elsewhere)}/v2/*`,
        'https://*.example.com/*',
      ],
      from,
      timeoutMs: 1000,
      maxBytes: 2000,
    },
  },
})

beforeAll(async () => {
  ;[outside, elsewhere] = [await listen(), await listen()]
  gateway = await startGateway(configurationFor(['pages']))
})
afterAll(async () => {
  await gateway?.close()
  for (const server of [outside, elsewhere]) server?.closeAllConnections()
  for (const server of [outside, elsewhere]) server?.close()
})
beforeEach(() => {
  asked = []
})

const ask = (path: string, credential: string | undefined = 'of-the-web', init: RequestInit = {}) =>
  fetch(gateway.url + path, {
    redirect: 'manual',
    ...init,
    headers: { ...(credential && { authorization: `Bearer ${credential}` }), ...init.headers },
  })
/** Somebody with an account, in a browser: a path alone is visited, a form is sent there. */
async function person() {
  let cookie = ''
  const client = async (path: string, form?: FormData | URLSearchParams) => {
    const body = form && (await new Response(form).blob())
    const init = body && { method: 'POST', body, headers: { 'content-type': body.type } }
    const response = await ask(path, '', { ...init, headers: { cookie, ...init?.headers } })
    cookie = response.headers.get('set-cookie')?.split(';')[0] ?? cookie
    return response
  }
  const email = `${crypto.randomUUID()}@example.com`
  const registered = await client(
    '/account/register',
    new URLSearchParams({ email, password: 'correct horse', name: 'Ada' }),
  )
  expect(registered.status).toBe(303)
  return client
}

const reasonOf = async (response: Response) => [response.status, ((await response.json()) as { reason: string }).reason]
const refusals = async () => {
  const response = await ask('/_weir/api/refusals', adminToken)
  return ((await response.json()) as { refusals: Record<string, string>[] }).refusals
}

describe('services', () => {
  test('answer a pool that may call them', async () => {
    const response = await ask('/_weir/service/catalog/api/items?limit=1')
    expect([response.status, await response.json()]).toEqual([200, expect.objectContaining({ items: [] })])
    // What the catalog says of how long it may be kept is for whoever asks.
    expect(response.headers.get('cache-control')).toContain('s-maxage')
    expect((await ask('/_weir/service/catalog/api/items', adminToken)).status).toBe(200)
    // Whatever the path is, it names no other host.
    expect((await ask('/_weir/service/catalog//evil.test:99999/api/items')).status).toBe(404)
    const missing = await ask('/_weir/service/catalog/api/items/none')
    expect(missing.status).toBe(404)
  })

  test('know the session by the token that was given to that pool, and by no other', async () => {
    const begun = async (credential: string) => {
      const init = { method: 'POST', body: JSON.stringify({ values: { user: 'none-yet' } }) }
      return ((await (await ask('/_weir/session', credential, init)).json()) as { token: string }).token
    }
    const account = async (headers: Record<string, string>) =>
      reasonOf(await ask('/_weir/service/account/api/account', 'of-the-web', { headers }))
    expect(await account({})).toEqual([401, 'not-logged-in'])
    expect(await account({ 'weir-session-token': await begun('of-the-web') })).toEqual([401, 'no-account'])
    expect(await account({ 'weir-session-token': await begun('of-the-other') })).toEqual([401, 'not-logged-in'])
    expect(await account({ 'weir-session': 'user="none-yet"' })).toEqual([401, 'not-logged-in'])
  })

  test('and nobody else: what is refused is remembered', async () => {
    const shown = { 'weir-caller': 'admin', 'weir-service-identity': `9999999999999.admin.${'a'.repeat(43)}` }
    const items = '/_weir/service/catalog/api/items?secret=1'
    expect(await reasonOf(await ask(items, 'of-the-other', { headers: shown }))).toEqual([403, 'service-not-allowed'])
    expect(await reasonOf(await ask('/_weir/service/search/api/search'))).toEqual([403, 'service-not-allowed'])
    expect(await reasonOf(await ask(items, 'made-up', { headers: shown }))).toEqual([401, 'unauthorised'])
    expect(await refusals()).toEqual([
      expect.objectContaining({ caller: 'nobody', callee: 'catalog', because: 'unauthorised' }),
      expect.objectContaining({ caller: 'pool:web', callee: 'search', because: 'service-not-allowed' }),
      {
        at: expect.stringMatching(/^20\d\d-.*Z$/),
        caller: 'pool:other',
        callee: 'catalog',
        method: 'GET',
        path: '/api/items',
        because: 'service-not-allowed',
      },
    ])
    expect((await ask('/_weir/api/refusals')).status).toBe(401)
  })

  test('ask each other by the same table, whatever they were built to ask', async () => {
    expect((await ask('/', '')).status).toBe(200)
    const client = await person()
    const page = await client('/orders')
    expect([page.status, await page.text()]).toEqual([403, expect.stringContaining('That did not work')])
    const cart = await client('/cart/items/any', new URLSearchParams({ more: '1' }))
    expect([cart.status, await cart.text()]).toEqual([503, expect.stringContaining('The catalog does not answer')])
    const told = (await refusals()).slice(0, 2)
    expect(told.map(({ caller, callee, method, path }) => [caller, callee, method, path])).toEqual([
      ['checkout', 'catalog', 'GET', '/api/items/any'],
      ['pages', 'order', 'GET', '/api/orders'],
    ])
  })

  test('what services do for each other is for no pool, nor what is internal', async () => {
    expect(await reasonOf(await ask('/_weir/service/payment/charge'))).toEqual([403, 'service-not-allowed'])
    expect((await refusals())[0]).toMatchObject({ caller: 'pool:web', callee: 'payment', path: '/charge' })
    expect((await ask('/_weir/service/catalog/internal/reservations', adminToken)).status).toBe(404)
    for (const path of ['payment/charge', 'none/', 'constructor/', ''])
      expect([path, ...(await reasonOf(await ask(`/_weir/service/${path}`, adminToken)))]).toEqual([
        path,
        404,
        'no-such-service',
      ])
  })
})

describe('calls out', () => {
  test('are for services too, by the same list and in their own names', async () => {
    const client = await person()
    const sell = (path: string) => {
      const form = new FormData()
      const item = { title: 'A raft', place: 'Lock Seven', description: 'Logs.', price: '12.50', stock: '1' }
      const address = `http://127.0.0.1:${portOf(outside)}${path}`
      for (const [name, value] of Object.entries({ ...item, address })) form.set(name, value)
      return client('/sell', form)
    }
    const listed = await sell('/v1/picture')
    expect(listed.status).toBe(303)
    expect(asked.map(({ url, headers }) => [url, headers.cookie])).toEqual([['/v1/picture', undefined]])
    const page = await (await client(listed.headers.get('location')!)).text()
    const [, picture] = /<img src="([^"?]+)/.exec(page) ?? []
    const shown = await fetch(gateway.url + picture)
    expect([shown.headers.get('content-type'), (await shown.bytes()).length]).toEqual(['image/png', pixel.length])
    expect((await sell('/v9/picture')).status).toBe(422)
    expect(await refusals()).toContainEqual(
      expect.objectContaining({ caller: 'pages', path: '/v9/picture', because: 'egress-forbidden' }),
    )
    await gateway.configure(configurationFor([]))
    expect((await sell('/v1/picture')).status).toBe(422)
    expect((await refusals())[0]).toMatchObject({ caller: 'pages', because: 'egress-caller' })
    expect(asked.length).toBe(1)
    await gateway.configure(configurationFor(['pages']))
  })

  const call = (path: string, init: RequestInit & { credential?: string } = {}) =>
    ask(`/_weir/egress/http://127.0.0.1:${portOf(outside)}${path}`, init.credential, init)

  test('carry what the caller says, but not who it is; the answer is kept by nobody', async () => {
    const headers = {
      cookie: 'a=1',
      'x-api-key': 'theirs',
      'x-forwarded-for': '10.0.0.1',
      'weir-session-token': 'of-a-session',
      'content-type': 'text/plain',
    }
    for (const _ of [1, 2]) {
      const response = await call('/v1/here?q=1', { method: 'POST', body: 'content', headers })
      expect([response.status, await response.text()]).toEqual([200, 'their answer'])
      expect(response.headers.get('cache-control')).toBe('no-store')
      for (const name of ['set-cookie', 'weir-session-set', 'cache-tag']) expect(response.headers.get(name)).toBe(null)
    }
    expect(asked.map(({ method, url, body }) => [method, url, body])).toEqual([
      ['POST', '/v1/here?q=1', 'content'],
      ['POST', '/v1/here?q=1', 'content'],
    ])
    expect(asked[0]?.headers).toMatchObject({ 'x-api-key': 'theirs', via: '1.1 weir', 'content-type': 'text/plain' })
    for (const name of ['authorization', 'cookie', 'x-forwarded-for', 'weir-session-token'])
      expect(asked[0]?.headers[name]).toBe(undefined)
    expect((await call('/v1/here')).headers.get('cache-control')).toBe('no-store')
    expect((await call('/v1/busy')).status).toBe(503)
  })

  test('a URL may come as one segment too', async () => {
    const url = encodeURIComponent(`http://127.0.0.1:${portOf(outside)}/v1/here?q=1&r=%20`)
    expect((await ask(`/_weir/egress/${url}`)).status).toBe(200)
    expect(asked[0]?.url).toBe('/v1/here?q=1&r=%20')
  })

  test('are sent on where the list has that too, and say less there', async () => {
    expect(await (await call('/v1/moved', { headers: { 'x-api-key': 'theirs' } })).text()).toBe('their answer')
    expect(asked.map(({ url, headers }) => [url, headers['x-api-key']])).toEqual([
      ['/v1/moved', 'theirs'],
      ['/v1/here', 'theirs'],
    ])
    asked = []
    expect((await call('/v1/away', { headers: { 'x-api-key': 'theirs' } })).status).toBe(200)
    expect(asked.map(({ url, headers }) => [url, headers['x-api-key']])).toEqual([
      ['/v1/away', 'theirs'],
      ['/v2/there', undefined],
    ])
    for (const path of ['/v1/inside', '/v1/unlisted']) {
      asked = []
      expect(await reasonOf(await call(path))).toEqual([403, 'egress-redirect'])
      expect(asked.map(({ url }) => url)).toEqual([path])
    }
    expect(await reasonOf(await call('/v1/round'))).toEqual([502, 'egress-redirects'])
    const posted = await call('/v1/moved', { method: 'POST', body: 'x' })
    expect([posted.status, posted.headers.get('location')]).toEqual([307, '/v1/here'])
    expect((await refusals()).slice(0, 2).map(({ caller, callee, path }) => [caller, callee, path])).toEqual([
      ['pool:web', `http://127.0.0.1:${portOf(outside)}`, '/secret'],
      ['pool:web', 'http://169.254.169.254', '/latest/meta-data/'],
    ])
  })

  test('are bounded in size and time, and come from there', async () => {
    expect(await reasonOf(await call('/v1/large'))).toEqual([502, 'egress-too-large'])
    await expect(call('/v1/endless').then((response) => response.text())).rejects.toThrow()
    for (const status of [999, 522])
      expect(await reasonOf(await call(`/v1/status/${status}`))).toEqual([502, 'egress-unreachable'])
    expect(await reasonOf(await call('/v1/silent'))).toEqual([504, 'egress-timeout'])
    asked = []
    expect(await reasonOf(await call('/v1/here', { method: 'POST', body: 'x'.repeat(2001) }))).toEqual([
      413,
      'too-large',
    ])
    expect(asked).toEqual([])
  })

  test.each([
    ['http://127.0.0.1:1/v1/here', 403, 'egress-forbidden'],
    ['https://10.0.0.1/', 403, 'egress-forbidden'],
    ['https://[::1]/', 403, 'egress-forbidden'],
    ['https://2130706433/', 403, 'egress-forbidden'],
    ['https://example.com/', 403, 'egress-forbidden'],
    ['https://a.example.com/_weir/api/config', 403, 'egress-forbidden'],
    ['https://a:b@a.example.com/', 400, 'egress-url'],
    ['ftp://a.example.com/', 400, 'egress-url'],
    ['', 400, 'egress-url'],
  ])('may not go to %s', async (url, status, reason) => {
    expect(await reasonOf(await ask(`/_weir/egress/${encodeURIComponent(url)}`))).toEqual([status, reason])
  })

  test('are for nobody without a credential', async () => {
    expect(await reasonOf(await call('/v1/here', { credential: 'made-up' }))).toEqual([401, 'unauthorised'])
    expect(asked).toEqual([])
    const secret = encodeURIComponent('https://ada:secret@api.example.com/v1/?key=secret')
    expect((await ask(`/_weir/egress/${secret}`, 'made-up')).status).toBe(401)
    const nobodys = { caller: 'nobody', because: 'unauthorised' }
    const [latest, before] = await refusals()
    expect(latest).toMatchObject({ ...nobodys, callee: 'https://api.example.com', path: '/v1/' })
    expect(before).toMatchObject({ ...nobodys, callee: `http://127.0.0.1:${portOf(outside)}`, path: '/v1/here' })
  })
})
