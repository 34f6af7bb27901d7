// The shop behind the gateway: what everybody sees comes from the cache and is purged with what it shows, what is
// somebody's own is kept by nobody.
import { once } from 'node:events'
import { connect } from 'node:net'
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest'
import { drawView, type View } from '../../workers/cli/demo/png.ts'
import { seedItems, seedRows } from '../../workers/cli/demo/seed.ts'
import { shopConfiguration } from '../../workers/cli/demo/shop-configuration.ts'
import { type LocalGateway, startLocalGateway } from '../../workers/cli/local-gateway.ts'
import { fillShop } from '../../workers/cli/shop/fill.ts'
import { adminToken, cacheStatus } from './support/gateway.ts'
import { startOrigin, type TestOrigin } from './support/origin.ts'

let gateway: LocalGateway
/** Another server for carts, which keeps nothing. */
let cartOrigin: TestOrigin

const cart = [{ id: 'moon-1-print', quantity: 3 }]

beforeAll(async () => {
  cartOrigin = await startOrigin((_, response) => {
    response.setHeader('weir-session-set', `cart="${JSON.stringify(cart).replaceAll('"', '\\"')}";json`)
    response.end('put there')
  })
  const { pools, routes, ...others } = shopConfiguration
  const both = { origins: [{ url: cartOrigin.url }, { url: 'service:checkout', priority: 1 }] }
  const document = {
    pools: { ...pools, both: { ...both, ejection: { maxPercent: 0 } } },
    routes: [{ path: '/api/cart', host: 'both.test', pools: ['both'], session: true }, ...routes],
    ...others,
  }
  gateway = await startLocalGateway({
    document: JSON.stringify(document),
    port: 0,
    adminToken,
    prepare: async ({ SHOP }) => void (await seedRows(SHOP, seedItems.slice(-40))),
  })
})

afterAll(() => Promise.all([gateway?.close(), cartOrigin?.close()]))

/** A browser without scripts: it keeps its cookie, and follows nothing. */
function visitor() {
  let cookie = ''
  const visit = async (path: string, init: RequestInit = {}): Promise<Response> => {
    const { body, ...rest } = init
    const form = body instanceof FormData ? new Response(body) : undefined
    const type = form?.headers.get('content-type')
    const headers = {
      ...(cookie !== '' && { cookie }),
      ...(type && { 'content-type': type }),
      ...(init.headers as Record<string, string>),
    }
    // In one piece: a form that is sent piece by piece may be refused before its end, and fetch tells of that alone.
    const sent = form === undefined ? body : await form.arrayBuffer()
    const response = await fetch(`${gateway.url}${path}`, {
      redirect: 'manual',
      ...rest,
      ...(sent && { body: sent }),
      headers,
    })
    cookie = response.headers.get('set-cookie')?.split(';')[0] ?? cookie
    return response
  }
  const send = (path: string, fields: Record<string, string>) =>
    visit(path, { method: 'POST', body: new URLSearchParams(fields) })
  const sendJson = (method: string, path: string, value: unknown) =>
    visit(path, { method, headers: { 'content-type': 'application/json' }, body: JSON.stringify(value) })
  return { visit, send, sendJson, cookie: () => cookie }
}

async function seller() {
  const client = visitor()
  const person = { email: `${crypto.randomUUID()}@example.com`, password: 'correct horse', name: 'Ada' }
  expect((await client.sendJson('POST', '/api/account', person)).status).toBe(201)
  return client
}

const pages = ['/', '/items/moon-1-print', '/search?q=moonlight', '/api/items', '/api/items/moon-1-print', '/style.css']

describe('what everybody sees', () => {
  it.each(pages)('%s is a hit after the first visit, for whoever is logged in too', async (path) => {
    const first = await visitor().visit(path)
    expect([first.status, first.headers.has('etag')]).toEqual([200, true])
    const client = visitor()
    expect((await client.sendJson('PUT', '/api/cart/items/moon-1-print', { quantity: 1 })).status).toBe(200)
    const second = await client.visit(path)
    expect(cacheStatus(second)).toMatch(/^weir; hit/)
    expect(second.headers.has('set-cookie')).toBe(false)
    expect(await second.text()).toBe(await first.text())
  })

  it('is asked for again with its ETag, and costs nothing then', async () => {
    const etag = (await visitor().visit('/api/items/moon-2-print')).headers.get('etag')!
    const again = await visitor().visit('/api/items/moon-2-print', { headers: { 'if-none-match': etag } })
    expect([again.status, await again.text()]).toEqual([304, ''])
  })

  it('is another after a write, on each page that shows it', async () => {
    const client = await seller()
    const item = { title: 'A coracle', place: 'Otter Bend', description: 'Round.', price: 9_900, stock: 2 }
    for (const path of ['/', '/search?q=coracle']) await (await visitor().visit(path)).text()
    const listed = await client.sendJson('POST', '/api/items', item)
    const place = listed.headers.get('location')!
    const page = place.replace('/api', '')
    for (const path of ['/', '/search?q=coracle']) expect(await (await visitor().visit(path)).text()).toContain(page)
    for (const path of [place, page]) expect(await (await visitor().visit(path)).text()).toMatch(/coracle/)
    expect((await client.sendJson('PATCH', place, { title: 'A round boat' })).status).toBe(200)
    for (const path of ['/', place, page]) {
      const after = await visitor().visit(path)
      expect(cacheStatus(after)).not.toMatch(/hit/)
      expect(await after.text()).toContain('A round boat')
    }
    expect(cacheStatus(await visitor().visit(page))).toMatch(/^weir; hit/)
    expect((await client.visit(place, { method: 'DELETE' })).status).toBe(204)
    expect([(await visitor().visit(place)).status, (await visitor().visit(page)).status]).toEqual([404, 404])
  })
})

test('how many there are of each kind is read from KV whatever is purged, and is another after a write', async () => {
  const served = async (by: string) => {
    const headers = { authorization: `Bearer ${adminToken}` }
    const report = (await (await visitor().visit('/_weir/api/reads', { headers })).json()) as {
      share: number
      counts: { database: string; tolerance: string; by: string; reads: number }[]
    }
    expect(report.share).toBeGreaterThan(0)
    return report.counts.find((count) => count.database === 'kinds' && count.by === by)
  }
  const counted = async () => {
    const response = await visitor().visit('/api/kinds')
    const { kinds } = (await response.json()) as { kinds: { kind: string; items: number }[] }
    return { status: cacheStatus(response), books: kinds.find(({ kind }) => kind === 'book')?.items ?? 0 }
  }
  const { books } = await counted()
  expect((await counted()).status).toMatch(/^weir; hit/)
  const client = await seller()
  const item = { title: 'A log book', kind: 'book', place: 'Lock Seven', description: 'Of logs.', price: 900 }
  const before = (await served('kv'))?.reads ?? 0
  expect((await client.sendJson('POST', '/api/items', item)).status).toBe(201)
  const after = await counted()
  expect([after.books, after.status]).toEqual([books + 1, expect.not.stringMatching(/hit/)])
  expect(await served('kv')).toMatchObject({ tolerance: 'bounded', reads: before + 1 })
  const front = await (await visitor().visit('/')).text()
  expect(front).toContain(`<a href="/?kind=book">book (${books + 1})</a>`)
  const next = /href="([^"]*)" rel="next"/.exec(await (await visitor().visit('/?kind=print')).text())?.[1]
  expect(next).toMatch(/^\/\?kind=print&amp;after=\d/)
})

describe('what is somebody’s own', () => {
  it('is never kept, and not shown to anybody else', async () => {
    const ada = await seller()
    await ada.send('/cart/items/moon-1-print', { more: '2' })
    const personal = ['/cart', '/account', '/checkout', '/sell', '/orders', '/api/cart', '/api/account', '/api/orders']
    for (const path of personal) {
      for (const _ of [1, 2]) {
        const response = await ada.visit(path)
        expect([path, response.status, response.headers.get('cache-control')]).toEqual([path, 200, 'no-store'])
        expect(cacheStatus(response)).toMatch(/^weir; fwd=bypass/)
        expect(cacheStatus(response)).not.toContain('stored')
      }
      const others = await (await visitor().visit(path)).text()
      expect(others).not.toMatch(/Ada|moon-1-print/)
    }
  })

  it('a person can register, fill a cart, change it, log out, and log in to the same account', async () => {
    const grace = visitor()
    const person = { email: 'grace@example.com', password: 'nanosecond', name: 'Grace <3' }
    const put = await grace.send('/cart/items/moon-1-print', { more: '2' })
    expect([put.status, put.headers.get('location')]).toEqual([303, '/cart'])
    const registered = await grace.send('/account/register', { ...person, next: '/cart' })
    expect([registered.status, registered.headers.get('location')]).toEqual([303, '/cart'])
    expect(await (await grace.visit('/cart')).text()).toContain('value="2"')
    expect(await (await grace.visit('/account')).text()).toContain('Hello, Grace &lt;3')
    const wrong = await grace.send('/cart/items/moon-1-print', { quantity: '100' })
    expect([wrong.status, await wrong.text()]).toEqual([422, expect.stringContaining('a whole number from 0 to 99')])
    await grace.send('/cart/items/moon-1-print', { quantity: '0' })
    expect(await (await grace.visit('/cart')).text()).toContain('nothing in it yet')
    expect((await grace.send('/account/logout', {})).status).toBe(303)
    expect(await (await grace.visit('/account')).text()).toContain('Who are you?')
    const login = { email: person.email, password: person.password, next: 'https://evil.test/' }
    const again = await grace.send('/account/login', login)
    expect([again.status, again.headers.get('location')]).toEqual([303, '/account'])
    expect(await (await grace.visit('/account')).text()).toContain('Hello, Grace &lt;3')
  })

  it('who guesses passwords is stopped, by whichever way they come, and nobody who is elsewhere', async () => {
    const guess = (path: string, fields: Record<string, string>) =>
      fetch(`${gateway.url}${path}`, {
        method: 'POST',
        headers: { ...fields, 'content-type': 'application/json' },
        body: JSON.stringify({ email: 'alan@example.com', password: 'incorrect horse' }),
      })
    const from = (address: string) => ({ 'cf-connecting-ip': address })
    const statuses = await Promise.all(
      Array.from({ length: 11 }, async () => (await guess('/api/account/login', from('203.0.113.7'))).status),
    )
    expect(statuses.sort()).toEqual([...Array<number>(10).fill(401), 429])
    const login = new URLSearchParams({ email: 'alan@example.com', password: 'incorrect horse' })
    const page = await visitor().visit('/account/login', {
      ...{ method: 'POST', body: login, headers: from('203.0.113.7') },
    })
    expect([page.status, await page.text()]).toEqual([429, expect.stringContaining('try again in')])
    // As an origin of a pool asks, for the client that the gateway has told it of.
    const called = { authorization: `Bearer ${adminToken}`, 'x-forwarded-for': '203.0.113.7' }
    expect((await guess('/_weir/service/account/api/account/login', called)).status).toBe(429)
    expect((await guess('/api/account/login', from('203.0.113.8'))).status).toBe(401)
    // A client's own word is not taken for it.
    const forged = { ...from('203.0.113.7'), 'x-forwarded-for': '203.0.113.9' }
    expect((await guess('/api/account/login', forged)).status).toBe(429)
  })

  it('no other site sends forms in somebody’s name', async () => {
    const headers = { 'sec-fetch-site': 'cross-site' }
    const body = new URLSearchParams({ more: '1' })
    const response = await visitor().visit('/cart/items/moon-1-print', { method: 'POST', headers, body })
    expect([response.status, response.headers.has('set-cookie')]).toEqual([403, false])
  })

  it('two tabs that put something in at the same time both have it in', async () => {
    const client = visitor()
    await client.sendJson('PUT', '/api/cart/items/moon-1-print', { quantity: 1 })
    await Promise.all(
      ['moon-2-print', 'moon-3-print', 'dawn-3-print'].map((id) =>
        client.sendJson('POST', `/api/cart/items/${id}`, { quantity: 1 }),
      ),
    )
    const { lines } = (await (await client.visit('/api/cart')).json()) as { lines: object[] }
    expect(lines).toHaveLength(4)
  })
})

test('a person checks out, watches the order come through, and finds it among the others', async () => {
  const client = await seller()
  const stockBefore = await stockOf('dawn-2-print')
  await client.send('/cart/items/dawn-2-print', { more: '2' })
  const page = await (await client.visit('/checkout')).text()
  const fieldOf = (name: string) => new RegExp(`name="${name}" value="([^"]*)"`).exec(page)?.[1] ?? ''
  const address = { name: 'Ada', street: '1 Mill Lane', city: 'Fenny Bridge', country: 'GB' }
  const hidden = { key: fieldOf('key'), total: fieldOf('total') }
  const wrong = await client.send('/checkout', { ...address, ...hidden, country: 'Britain', payment: 'card' })
  expect([wrong.status, await wrong.text()]).toEqual([422, expect.stringContaining('two capital letters')])
  const orders = []
  // Sent twice, as by somebody who has pressed the button twice: bought once.
  for (const _ of [1, 2]) orders.push(await client.send('/checkout', { ...address, ...hidden, payment: 'card' }))
  expect(orders.map(({ status }) => status)).toEqual([303, 303])
  const [place, again] = orders.map(({ headers }) => headers.get('location')!)
  expect(again).toBe(place)
  await expect.poll(async () => (await client.visit(place!)).text(), { timeout: 20_000 }).toContain('Thank you')
  for (const path of [place!, place!.replace('/orders', '/api/checkout'), place!.replace('/orders', '/api/orders')]) {
    const own = await client.visit(path)
    expect([path, own.status, own.headers.get('cache-control')]).toEqual([path, 200, 'no-store'])
  }
  expect(await (await client.visit('/orders')).text()).toContain(place)
  expect(await (await client.visit('/cart')).text()).toContain('nothing in it yet')
  expect(await stockOf('dawn-2-print')).toBe(stockBefore - 2)
  expect((await (await seller()).visit(place!)).status).toBe(404)
})

async function stockOf(id: string): Promise<number> {
  const item = (await (await visitor().visit(`/api/items/${id}`)).json()) as { stock: number }
  return item.stock
}

test('a cart outlives the origin that has filled it', async () => {
  const client = visitor()
  const { hostname, port } = new URL(gateway.url)
  const at = `http://both.test:${port}/api/cart`
  const { request } = await import('node:http')
  const through = (cookie: string) =>
    new Promise<{ status: number; cookie: string; text: string }>((resolve, reject) => {
      const headers = { host: new URL(at).host, ...(cookie !== '' && { cookie }) }
      request({ hostname, port, path: '/api/cart', headers }, async (response) => {
        let text = ''
        for await (const chunk of response) text += chunk
        const set = response.headers['set-cookie']?.[0]?.split(';')[0] ?? cookie
        resolve({ status: response.statusCode!, cookie: set, text })
      })
        .on('error', reject)
        .end()
    })
  const filled = await through('')
  expect(filled.text).toBe('put there')
  await cartOrigin.close()
  const after = await through(filled.cookie)
  expect(JSON.parse(after.text)).toMatchObject({ lines: [{ id: 'moon-1-print', quantity: 3 }] })
  expect((await client.visit('/api/cart')).status).toBe(200)
})

describe('listing an item with a photograph', () => {
  const colour = [90, 120, 160] as const
  const view: View = {
    ...{ sky: { top: colour, low: colour }, light: { x: 0.5, y: 0.3, radius: 0.1, colour }, hills: [colour] },
    ...{ water: colour, stars: false, seed: 1 },
  }

  const form = (photograph: Blob, more: Record<string, string> = {}) => {
    const fields = {
      title: 'A raft',
      kind: 'other',
      place: 'Lock Seven',
      description: 'Logs.',
      price: '12.50',
      stock: '1',
    }
    const form = new FormData()
    for (const [name, value] of Object.entries({ ...fields, ...more })) form.set(name, value)
    form.set('photograph', photograph, 'raft.png')
    return form
  }

  it('ends with a page that shows it as a thumbnail, and both are gone with it', async () => {
    const client = await seller()
    const photograph = new Blob([new Uint8Array(drawView(view))], { type: 'image/png' })
    const response = await client.visit('/sell', { method: 'POST', body: form(photograph) })
    expect(response.status).toBe(303)
    const page = await (await visitor().visit(response.headers.get('location')!)).text()
    expect(page).toContain('£12.50')
    const [, picture] = /<img src="([^"]+)"/.exec(page) ?? []
    const thumbnail = await visitor().visit(picture!)
    expect([thumbnail.status, thumbnail.headers.get('content-type')]).toEqual([200, 'image/webp'])
    const original = picture!.split('?')[0]!
    expect((await visitor().visit(original)).status).toBe(200)
    const item = `/api${response.headers.get('location')}`
    expect((await client.visit(item, { method: 'DELETE' })).status).toBe(204)
    for (const path of [original, picture!]) expect((await visitor().visit(path)).status).toBe(404)
  })

  it('is asked to wait while many send theirs, and for nobody who has left in the middle', async () => {
    const client = await seller()
    const { hostname, port, host } = new URL(gateway.url)
    const silent = [1, 2, 3].map(() => connect(Number(port), hostname))
    for (const socket of silent) {
      socket.write(
        `POST /sell HTTP/1.1\r\nhost: ${host}\r\ncookie: ${client.cookie()}\r\ncontent-length: ${12 * 1024 * 1024}\r\n` +
          'content-type: multipart/form-data; boundary=b\r\n\r\n--b\r\n',
      )
    }
    // Two are waited for, whichever they are.
    const [answer] = await Promise.race(silent.map((socket) => once(socket, 'data')))
    expect(String(answer)).toMatch(/^HTTP\/1\.1 503 /)
    const listing = async () =>
      (await client.visit('/sell', { method: 'POST', body: form(new Blob([]), { price: 'much' }) })).status
    expect(await listing()).toBe(503)
    for (const socket of silent) socket.destroy()
    await expect.poll(listing).toBe(422)
  })

  it('is for who is logged in, and refuses what is no picture and no price', async () => {
    const text = new Blob(['no picture'], { type: 'image/png' })
    expect((await visitor().visit('/sell', { method: 'POST', body: form(text) })).status).toBe(401)
    const client = await seller()
    const noPicture = await client.visit('/sell', { method: 'POST', body: form(text) })
    expect([noPicture.status, await noPicture.text()]).toEqual([415, expect.stringContaining('role="alert"')])
    const noPrice = await client.visit('/sell', { method: 'POST', body: form(new Blob([]), { price: 'much' }) })
    expect([noPrice.status, await noPrice.text()]).toEqual([422, expect.stringContaining('the price in pence')])
  })
})

describe('a shop is filled from outside', () => {
  const lines: string[] = []
  const fill = (token = adminToken, items = seedItems.slice(-42, -38)) =>
    fillShop(gateway.url, token, (line) => lines.push(line), items)

  it('with what is missing, and no more', async () => {
    await fill()
    const list = (await (await visitor().visit('/api/items?limit=1')).json()) as { items: { picture: string }[] }
    const newest = list.items[0]!
    const { id: _, title, picture } = seedItems.at(-41)!
    expect(newest).toMatchObject({ title, picture: `/_weir/media/${picture}` })
    expect((await visitor().visit(newest.picture)).headers.get('content-type')).toBe('image/png')
    await fill()
    expect(lines.slice(2)).toEqual([expect.stringMatching(/^Listed 2 items\./), 'All items are listed already.'])
  })

  it('or says why not', async () => {
    await expect(fill('wrong', seedItems.slice(0, 1))).rejects.toThrow('PUT /_weir/media/seed/dawn-1.png: 401. Send a')
    await expect(fillShop('http://127.0.0.1:9', adminToken, () => {})).rejects.toThrow('limit=100: no answer (')
  })
})
