// The demo's origins as they are: real processes on real sockets, asked, killed, revived and orphaned.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders, request, type Server } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { buffer, text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { crc32, gunzipSync, inflateSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { type Origins, startOrigins } from '../../workers/cli/demo/origins.ts'

type Asked = { method?: string; headers?: Record<string, string>; body?: string | Buffer }
type Answered = { status: number; headers: IncomingHttpHeaders; body: Buffer }

const originProgram = fileURLToPath(new URL('../../workers/cli/demo/origin.ts', import.meta.url))
const supervisor = new URL('../../workers/cli/demo/origins.ts', import.meta.url).href

let shop: Origins
let base: string

beforeAll(async () => {
  shop = await startOrigins(['a', 'b', 'c'])
  base = shop.origins[0]!.url
})
afterAll(() => shop.close())

/** One request on a connection of its own; the body as it came, still encoded. */
function ask(url: string, { method = 'GET', headers = {}, body }: Asked = {}): Promise<Answered> {
  return new Promise((resolve, reject) => {
    const outgoing = request(url, { method, headers, agent: false }, async (incoming) => {
      resolve({ status: incoming.statusCode ?? 0, headers: incoming.headers, body: await buffer(incoming) })
    })
    outgoing.on('error', reject)
    outgoing.end(body)
  })
}

async function askJson(url: string, asked?: Asked): Promise<{ status: number; value: unknown }> {
  const { status, body } = await ask(url, asked)
  return { status, value: JSON.parse(body.toString()) }
}

function accepts(url: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(Number(new URL(url).port), '127.0.0.1')
    socket.on('connect', () => resolve(true)).on('error', () => resolve(false))
    socket.on('connect', () => socket.destroy())
  })
}

function run(args: string[]): ChildProcess {
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] })
  onTestFinished(() => void child.kill('SIGKILL'))
  return child
}

async function firstLine(child: ChildProcess): Promise<string> {
  let said = ''
  for await (const chunk of child.stdout!) {
    said += chunk
    if (said.includes('\n')) break
  }
  return said
}

describe('what an origin serves', () => {
  const html = 'text/html; charset=utf-8'
  const json = 'application/json'
  const table: [path: string, status: number, type: string, cacheControl: string][] = [
    ['/', 200, html, 'public, max-age=30'],
    ['/items.json', 200, json, 'public, max-age=30'],
    ['/items/dawn', 200, html, 'public, max-age=30'],
    ['/items/dawn.json', 200, json, 'public, max-age=30'],
    ['/items/none', 404, json, 'no-store'],
    ['/items/none.json', 404, json, 'no-store'],
    ['/sell', 200, html, 'public, max-age=3600'],
    ['/cart', 200, html, 'private'],
    ['/cart.json', 200, json, 'no-store'],
    ['/style.css', 200, 'text/css; charset=utf-8', 'public, max-age=3600'],
    ['/photos/dawn.png', 200, 'image/png', 'public, max-age=3600'],
    ['/photos/none.png', 404, json, 'no-store'],
    ['/now', 200, json, 'no-store'],
    ['/me', 200, html, 'private'],
    ['/slow?ms=20', 200, json, 'no-store'],
    ['/slow?ms=soon', 400, json, 'no-store'],
    ['/fail?status=503', 503, json, 'no-store'],
    ['/fail?status=599', 599, json, 'no-store'],
    ['/fail?status=404', 400, json, 'no-store'],
    ['/healthz', 200, 'text/plain; charset=utf-8', 'no-store'],
    ['/none', 404, json, 'no-store'],
    ['//now', 404, json, 'no-store'],
  ]
  test.each(table)('GET and HEAD %s: %i', async (path, status, type, cacheControl) => {
    const got = await ask(base + path)
    const head = await ask(base + path, { method: 'HEAD' })
    const expected = { 'content-type': type, 'cache-control': cacheControl, 'x-origin': 'a' }
    expect(got).toMatchObject({ status, headers: expected })
    expect(head).toMatchObject({ status, headers: expected, body: Buffer.alloc(0) })
    expect(Number(got.headers['content-length'])).toBe(got.body.length)
    expect(head.headers['content-length']).toBe(got.headers['content-length'])
    expect(got.headers.vary).toBe(path === '/style.css' ? 'Accept-Encoding' : undefined)
    if (type === json) JSON.parse(got.body.toString())
  })

  test.each([
    ['POST', '/', 'GET, HEAD'],
    ['DELETE', '/items/dawn', 'GET, HEAD'],
    ['GET', '/orders', 'POST'],
    ['HEAD', '/login', 'POST'],
  ])('%s %s: 405 with Allow', async (method, path, allow) => {
    expect(await ask(base + path, { method })).toMatchObject({ status: 405, headers: { allow, 'x-origin': 'a' } })
  })

  test('the page says who made it, and all that it shows is there', async () => {
    const page = (await ask(base)).body.toString()
    expect(page).toMatch(/made by origin <b>a<\/b>\s*<time datetime="\d{4}-/)
    const own = [...page.matchAll(/(?:src|href)="(\/(?:photos|items|style)[^"]*)"/g)].map((found) => found[1]!)
    expect(own.length).toBeGreaterThan(12)
    for (const path of new Set(own)) expect(await ask(base + path)).toMatchObject({ status: 200 })
    expect(page).not.toMatch(/(?:src|href)="(?:https?:)?\/\//)
  })

  test('/now names the process', async () => {
    const { value } = await askJson(`${base}/now`)
    expect(value).toEqual({ origin: 'a', now: expect.stringMatching(/Z$/), pid: shop.origins[0]!.pid() })
  })

  test('/slow waits for as long as it says', async () => {
    const startMs = performance.now()
    expect((await askJson(`${base}/slow?ms=120`)).value).toEqual({ origin: 'a', waitedMs: 120 })
    expect(performance.now() - startMs).toBeGreaterThan(115)
  })

  test('/events: an event at once and one a second later; the origin goes on when the client has left', async () => {
    const response = await fetch(`${base}/events`)
    expect(response.headers.get('content-type')).toBe('text/event-stream')
    let said = ''
    for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) {
      said += chunk
      if (said.split('\n\n').length > 2) break
    }
    expect(said).toMatch(/^data: \{"origin":"a","now":"[^"]+"\}\n\ndata: \{"origin":"a"/)
    expect((await ask(`${base}/healthz`)).body.toString()).toBe('ok')
  })
})

describe('validators', () => {
  test('304 for the ETag of the page, weak or among others; 200 for another origin’s', async () => {
    const page = await ask(base)
    const etag = page.headers.etag!
    expect(etag).toMatch(/^"a-[^"]+"$/)
    for (const tags of [etag, `"x", W/${etag}`, '*']) {
      const again = await ask(base, { headers: { 'If-None-Match': tags } })
      expect(again).toMatchObject({ status: 304, body: Buffer.alloc(0) })
      expect(again.headers).toMatchObject({ 'cache-control': 'public, max-age=30', 'x-origin': 'a' })
      if (tags !== '*') expect(again.headers.etag).toBe(etag)
    }
    const other = await ask(shop.origins[1]!.url, { headers: { 'If-None-Match': etag } })
    expect(other).toMatchObject({ status: 200, headers: { 'x-origin': 'b' } })
    expect(other.headers['last-modified']).toBe(page.headers['last-modified'])
  })

  test('RFC 9110 §8.8.1: pages with different bytes have different strong ETags', async () => {
    const pages = [await ask(base), await ask(`${base}/?2`), await ask(shop.origins[1]!.url)]
    const bodies = new Set(pages.map((page) => page.body.toString()))
    expect(new Set(pages.map((page) => page.headers.etag)).size).toBe(bodies.size)
  })

  test.each(['/items.json', '/items/moon', '/items/moon.json', '/sell', '/style.css', '/photos/moon.png'])(
    'origins agree on %s',
    async (path) => {
      const [one, two] = await Promise.all(shop.origins.slice(0, 2).map(({ url }) => ask(url + path)))
      expect(one!.headers.etag).toBe(two!.headers.etag)
      expect(one!.headers['last-modified']).toBe(two!.headers['last-modified'])
      expect(one!.body.equals(two!.body)).toBe(true)
      const again = await ask(shop.origins[2]!.url + path, { headers: { 'If-None-Match': one!.headers.etag! } })
      expect(again.status).toBe(304)
    },
  )

  test('style.css: gzip for those who accept it, with an ETag of its own', async () => {
    const url = `${base}/style.css`
    const plain = await ask(url)
    const packed = await ask(url, { headers: { 'Accept-Encoding': 'br, gzip;q=0.5' } })
    expect(packed.headers).toMatchObject({ 'content-encoding': 'gzip', vary: 'Accept-Encoding' })
    expect(gunzipSync(packed.body).equals(plain.body)).toBe(true)
    expect(packed.headers.etag).not.toBe(plain.headers.etag)
    for (const header of ['br', 'gzip;q=0', 'gzip;q=0, *', 'identity']) {
      expect((await ask(url, { headers: { 'Accept-Encoding': header } })).headers['content-encoding']).toBeUndefined()
    }
  })
})

test('photos are PNG files of 320 by 240, whole, and no two alike', async () => {
  const { value } = await askJson(`${base}/items.json`)
  const { items } = value as { items: { image: string }[] }
  const files = await Promise.all(items.map(async ({ image }) => (await ask(base + image)).body))
  for (const file of files) {
    expect(file.subarray(0, 8).toString('hex')).toBe('89504e470d0a1a0a')
    const chunks = chunksOf(file)
    expect(chunks.map((chunk) => chunk.type)).toEqual(['IHDR', 'IDAT', 'IEND'])
    // Width, height, eight bits, truecolour, the only methods there are, no interlace.
    expect(chunks[0]!.data.toString('hex')).toBe('00000140000000f00802000000')
    expect(inflateSync(chunks[1]!.data).length).toBe(240 * (1 + 320 * 3))
  }
  expect(new Set(files.map((file) => file.toString('base64'))).size).toBe(items.length)
})

function chunksOf(file: Buffer): { type: string; data: Buffer }[] {
  const chunks = []
  for (let at = 8; at < file.length; ) {
    const end = at + 8 + file.readUInt32BE(at)
    expect(file.readUInt32BE(end)).toBe(crc32(file.subarray(at + 4, end)))
    chunks.push({ type: file.toString('latin1', at + 4, at + 8), data: file.subarray(at + 8, end) })
    at = end + 4
  }
  return chunks
}

const form = (fields: Record<string, string>, headers?: Record<string, string>): Asked => ({
  method: 'POST',
  headers: { 'Content-Type': 'application/x-www-form-urlencoded', ...headers },
  body: new URLSearchParams(fields).toString(),
})

describe('sign-in', () => {
  test('is for the gateway to keep, in a session of a new id, and /me greets by it', async () => {
    const login = await ask(`${base}/login?user=ada`, { method: 'POST' })
    expect(login).toMatchObject({ status: 303, headers: { location: '/me', 'cache-control': 'no-store' } })
    expect(login.headers).toMatchObject({ 'weir-session-set': 'user="ada"', 'weir-session-regenerate': '?1' })
    const page = await ask(`${base}/me`, { headers: { 'Weir-Session': 'cart.moon=2, user="ada"' } })
    expect(page.body.toString()).toContain('Hello, ada')
    expect((await ask(`${base}/me`)).body.toString()).toContain('Nobody is signed in')
  })

  test('any name is safe in the session and on the page', async () => {
    const login = await ask(`${base}/login?user=${encodeURIComponent('<b>"Å";')}`, { method: 'POST' })
    const session = String(login.headers['weir-session-set'])
    const page = (await ask(`${base}/me`, { headers: { 'Weir-Session': session } })).body.toString()
    expect(page).toContain('Hello, &#60;b&#62;&#34;Å&#34;;')
    for (const odd of ['', '?user=', '?user=a%0d%0ab', `?user=${'a'.repeat(41)}`]) {
      expect((await ask(`${base}/login${odd}`, { method: 'POST' })).status).toBe(400)
    }
  })
})

describe('the cart', () => {
  test('is in the session, a value for each item', async () => {
    const first = await ask(`${base}/cart`, form({ item: 'moon' }))
    expect(first).toMatchObject({ status: 303, headers: { location: '/cart', 'weir-session-set': 'cart.moon=1' } })
    const session = { 'Weir-Session': 'cart.moon=1, cart.dawn=3, user="ada"' }
    const change = async (fields: Record<string, string>) => (await ask(`${base}/cart`, form(fields, session))).headers
    expect((await change({ item: 'moon' }))['weir-session-set']).toBe('cart.moon=2')
    expect((await change({ item: 'moon', quantity: '7' }))['weir-session-set']).toBe('cart.moon=7')
    expect((await change({ item: 'moon', quantity: '0' }))['weir-session-delete']).toBe('cart.moon')
    const { value } = await askJson(`${base}/cart.json`, { headers: session })
    expect(value).toEqual({
      origin: 'a',
      cart: [
        { id: 'dawn', name: 'Dawn at the weir', quantity: 3 },
        { id: 'moon', name: 'Moonlit lock', quantity: 1 },
      ],
      totalPence: 3 * 1800 + 2400,
    })
    expect((await ask(`${base}/cart`, { headers: session })).body.toString()).toContain('Your cart: £78.00')
  })

  test.each([
    [{}, 404],
    [{ item: 'none' }, 404],
    [{ item: 'moon', quantity: '' }, 400],
    [{ item: 'moon', quantity: '-1' }, 400],
    [{ item: 'moon', quantity: '1.5' }, 400],
    [{ item: 'moon', quantity: '100' }, 400],
  ])('%j is refused with %i', async (fields, status) => {
    const refused = await ask(`${base}/cart`, form(fields as Record<string, string>))
    expect(refused.status).toBe(status)
    expect(refused.headers['weir-session-set']).toBeUndefined()
  })
})

/** They stay until the end: whom they have been introduced to, the origins go on asking. */
const keepers: Server[] = []
afterAll(() => {
  for (const keeper of keepers) keeper.close()
})

/** A gateway that takes what origins give it, as far as they can tell. */
async function startKeeper(): Promise<{ url: string; pictures: Map<string, Buffer>; lists: Map<string, string> }> {
  const [pictures, lists] = [new Map<string, Buffer>(), new Map<string, string>()]
  const server = createServer(async (incoming, response) => {
    const { method, url = '', headers } = incoming
    if (headers.authorization !== 'Bearer of the pool') return response.writeHead(401).end('{}')
    if (url.startsWith('/_weir/media/')) {
      const bytes = await buffer(incoming)
      pictures.set(url, bytes)
      const isPicture = bytes.subarray(1, 4).toString() === 'PNG'
      return response.writeHead(isPicture ? 201 : 415).end('{"detail": "The file is no picture."}')
    }
    const etag = `"${lists.get(url)?.length}"`
    if (method === 'GET') return response.writeHead(lists.has(url) ? 200 : 404, { ETag: etag }).end(lists.get(url))
    const mayPut = headers['if-match'] === (lists.has(url) ? etag : undefined)
    if (mayPut) lists.set(url, (await buffer(incoming)).toString())
    return response.writeHead(mayPut ? 200 : 412).end()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  keepers.push(server)
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, pictures, lists }
}

describe('listing an item', () => {
  const png = Buffer.concat([Buffer.from('\x89PNG\r\n--b', 'latin1'), Buffer.alloc(300_000, '\r\n--boundar')])
  const describing = { name: 'Weir <at> dawn', place: 'Ford', price: '18.50' }

  function fileForm(fields: Record<string, string>, file: Buffer | undefined): FormData {
    const form = new FormData()
    for (const [name, value] of Object.entries(fields)) form.set(name, value)
    if (file !== undefined) form.set('photo', new Blob([Uint8Array.from(file)]), 'dawn.png')
    return form
  }
  const post = (path: string, fields: Record<string, string>, file: Buffer | undefined = png) =>
    fetch(base + path, { method: 'POST', body: fileForm(fields, file), redirect: 'manual' })

  test('nobody is there to keep it, before a gateway has been introduced', async () => {
    expect((await post('/items.json', describing)).status).toBe(503)
  })

  test('201 with its picture, of which every byte has come, and all origins show it', async () => {
    const keeper = await startKeeper()
    shop.introduce({ url: keeper.url, credential: 'of the pool' })
    await expect.poll(async () => (await post('/items.json', describing)).status).toBe(201)
    await shop.kill('c')
    await shop.revive('c')
    const response = await post('/items.json', describing)
    const item = (await response.json()) as { id: string; image: string }
    expect(item).toEqual({
      id: expect.stringMatching(/^[0-9a-f]{12}$/),
      name: 'Weir <at> dawn',
      place: 'Ford',
      pricePence: 1850,
      image: `/_weir/media/items/${item.id}`,
      thumbnail: `/_weir/media/items/${item.id}?preset=card`,
    })
    expect(response.headers.get('location')).toBe(`/items/${item.id}`)
    expect(keeper.pictures.get(item.image)?.equals(png)).toBe(true)
    for (const { url } of shop.origins) {
      expect((await askJson(`${url}/items/${item.id}.json`)).value).toEqual(item)
      for (const path of ['/', `/items/${item.id}`]) {
        expect((await ask(url + path)).body.toString()).toContain('Weir &#60;at&#62; dawn')
      }
    }
  })

  test('from a browser: the page of the item, or the form again with what is wrong', async () => {
    const keeper = await startKeeper()
    shop.introduce({ url: keeper.url, credential: 'of the pool' })
    await expect.poll(async () => (await post('/sell', describing)).status).toBe(303)
    expect((await post('/sell', describing)).headers.get('location')).toMatch(/^\/items\/[0-9a-f]{12}$/)
    const refused = await post('/sell', describing, Buffer.from('<svg>'))
    expect(refused.status).toBe(415)
    expect(await refused.text()).toContain('role="alert">The file is no picture.')
    expect(JSON.parse([...keeper.lists.values()][0]!)).toHaveLength(2)
  })

  test.each<[string, number, Record<string, string>, Buffer?]>([
    ['no name', 400, { price: '1' }],
    ['a long name', 400, { ...describing, name: 'a'.repeat(61) }],
    ['a long place', 400, { ...describing, place: 'a'.repeat(81) }],
    ['an odd price', 400, { ...describing, price: '1e3' }],
    ['fields that never end', 413, { ...describing, more: 'a'.repeat(70_000) }],
  ])('with %s: %i', async (_, status, fields) => {
    expect((await post('/items.json', fields)).status).toBe(status)
  })

  test('without a file, cut off, or of another type', async () => {
    const send = (type: string, body: string) =>
      ask(`${base}/items.json`, { method: 'POST', headers: { 'Content-Type': type }, body })
    const part = '--x\r\nContent-Disposition: form-data; name="name"\r\n\r\nDawn'
    const type = 'multipart/form-data; boundary=x'
    expect(await send(type, `${part}\r\n--x--\r\n`)).toMatchObject({ status: 400 })
    expect(await send(type, part)).toMatchObject({ status: 400 })
    expect(await send('application/json', '{}')).toMatchObject({ status: 415 })
  })
})

describe('orders', () => {
  const post = (body: string): Promise<Answered> => ask(`${base}/orders`, { method: 'POST', body })

  test('201 with Location and the order', async () => {
    const order = { item: 'moon', count: 2 }
    const { status, headers, body } = await post(JSON.stringify(order))
    const echoed = JSON.parse(body.toString())
    expect({ status, echoed }).toEqual({ status: 201, echoed: { id: expect.any(String), origin: 'a', order } })
    expect(headers.location).toBe(`/orders/${echoed.id}`)
  })

  test('400 for what is no JSON', async () => {
    expect((await post('{')).status).toBe(400)
    expect((await post('')).status).toBe(400)
  })

  test('64 KiB are read, and not a byte more', async () => {
    const limit = 64 * 1024
    expect((await post(JSON.stringify('x'.repeat(limit - 2)))).status).toBe(201)
    expect((await post(JSON.stringify('x'.repeat(limit - 1)))).status).toBe(413)
    expect((await post('x'.repeat(limit * 20))).status).toBe(413)
  })
})

describe('kill and revive', () => {
  test('a killed origin refuses connections, a revived one listens on the same port', async () => {
    const b = shop.origins[1]!
    const before = b.pid()
    await shop.kill('b')
    expect(b.pid()).toBeUndefined()
    expect(await accepts(b.url)).toBe(false)
    expect(await accepts(shop.origins[2]!.url)).toBe(true)
    await shop.kill('b')
    await shop.revive('b')
    await shop.revive('b')
    expect((await ask(`${b.url}/now`)).headers['x-origin']).toBe('b')
    expect(b.pid()).not.toBe(before)
  })

  test('a page of the life before stands after a revival', async () => {
    const { url } = shop.origins[1]!
    const etag = (await ask(url)).headers.etag!
    await shop.kill('b')
    await shop.revive('b')
    expect((await ask(url, { headers: { 'If-None-Match': etag } })).status).toBe(304)
  })

  test('over the control server', async () => {
    const control = shop.controlUrl
    const post = (path: string) => askJson(control + path, { method: 'POST' })
    expect(await post('/kill/b')).toEqual({ status: 200, value: { origin: 'b', state: 'dead' } })
    expect(await accepts(shop.origins[1]!.url)).toBe(false)
    const { value } = await askJson(control)
    const [a, b, c] = shop.origins
    expect(value).toEqual({
      origins: [
        { id: 'a', url: a!.url, state: 'alive', pid: a!.pid() },
        { id: 'b', url: b!.url, state: 'dead' },
        { id: 'c', url: c!.url, state: 'alive', pid: c!.pid() },
      ],
    })
    expect(await post('/revive/b')).toEqual({ status: 200, value: { origin: 'b', state: 'alive' } })
    expect(await accepts(b!.url)).toBe(true)
    expect(await post('/kill/z')).toMatchObject({ status: 404, value: { ids: ['a', 'b', 'c'] } })
    expect(await ask(`${control}/kill/b`)).toMatchObject({ status: 405, headers: { allow: 'POST' } })
    expect((await post('/drain/b')).status).toBe(404)
  })

  test('concurrent changes of one origin happen one after another', async () => {
    const { url } = shop.origins[1]!
    await Promise.all([shop.kill('b'), shop.revive('b'), shop.revive('b'), shop.kill('b'), shop.revive('b')])
    expect(await accepts(url)).toBe(true)
    await Promise.all([shop.revive('b'), shop.kill('b'), shop.kill('b')])
    expect(await accepts(url)).toBe(false)
    await shop.revive('b')
  })

  test('an origin that dies by itself is known to be dead, and can be revived', async () => {
    const b = shop.origins[1]!
    process.kill(b.pid()!, 'SIGTERM')
    await expect.poll(() => b.pid()).toBeUndefined()
    await shop.revive('b')
    expect(await accepts(b.url)).toBe(true)
  })

  test('unknown and equal ids are refused', async () => {
    await expect(shop.kill('z')).rejects.toThrow('no origin z')
    await expect(startOrigins(['a', 'a'])).rejects.toThrow('must differ')
    await expect(startOrigins(['fine', 'not fine'])).rejects.toThrow('usage')
  })

  test('after close nothing listens and nothing is revived', async () => {
    const brief = await startOrigins(['x'])
    await brief.close()
    expect(await accepts(brief.origins[0]!.url)).toBe(false)
    expect(await accepts(brief.controlUrl)).toBe(false)
    await expect(brief.revive('x')).rejects.toThrow('closed')
    await brief.close()
  })
})

describe('an origin as a process', () => {
  test('says one line when it listens, and leaves on SIGTERM', async () => {
    const child = run([originProgram, '--id', 'solo', '--port', '0'])
    const line = await firstLine(child)
    const { id, port } = JSON.parse(line) as { id: string; port: number }
    expect(line).toBe(`{"id":"solo","port":${port}}\n`)
    expect((await ask(`http://127.0.0.1:${port}/healthz`)).headers['x-origin']).toBe(id)
    child.kill('SIGTERM')
    expect(await once(child, 'exit')).toEqual([0, null])
  })

  test('a port in use: exit code 1, and the reason', async () => {
    const { port } = new URL(base)
    const child = run([originProgram, '--id', 'late', '--port', port])
    const [said, complaint, [code]] = await Promise.all([text(child.stdout!), text(child.stderr!), once(child, 'exit')])
    expect({ said, complaint, code }).toEqual({ said: '', complaint: `origin late: port ${port} is in use\n`, code: 1 })
  })

  test.each([[[]], [['--id', 'a b']], [['--id', 'a', '--port', '65536']], [['--id', 'a', '--what']]])(
    'wrong arguments %j: exit code 2, and the usage',
    async (args) => {
      const child = run([originProgram, ...args])
      const [complaint, [code]] = await Promise.all([text(child.stderr!), once(child, 'exit')])
      expect(complaint).toContain('usage')
      expect(code).toBe(2)
    },
  )

  test('leaves when its parent is killed without warning', async () => {
    const script = `import { startOrigins } from ${JSON.stringify(supervisor)}
      console.log(JSON.stringify((await startOrigins(['a', 'b'])).origins.map(({ url }) => url)))`
    const parent = run(['--input-type=module', '--eval', script])
    const urls = JSON.parse(await firstLine(parent)) as string[]
    expect(await Promise.all(urls.map(accepts))).toEqual([true, true])
    parent.kill('SIGKILL')
    await once(parent, 'exit')
    await expect.poll(() => Promise.all(urls.map(accepts)), { timeout: 5000 }).toEqual([false, false])
  })
})
