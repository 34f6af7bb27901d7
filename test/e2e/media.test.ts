// Media on the wire: what may be put, what is kept of it, who may read it, and the thumbnails that are made of it.
import { once } from 'node:events'
import { connect } from 'node:net'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { sniff } from '../../shared/image/sniff.ts'
import { encodePng } from '../../workers/cli/demo/png.ts'
import { adminToken, cacheStatus, startGateway, type TestGateway } from './support/gateway.ts'
import { sendRaw } from './support/wire.ts'

const card = { width: 32, height: 24, fit: 'cover', format: 'webp' }
const media = { maxBytes: 6_000_000, thumbnails: { card, wide: { width: 64, format: 'jpeg' } } }
const pools = { web: { origins: [{ url: 'http://127.0.0.1:9' }] } }
const configuration = { pools, routes: [{ path: '/*', pools: ['web'] }], media }

let gateway: TestGateway
beforeAll(async () => {
  gateway = await startGateway(configuration, 'test/e2e/workers/media.ts')
})
afterAll(() => gateway?.close())

const authorization = `Bearer ${adminToken}`

/** A picture in one colour; `noise` bytes of metadata make its file larger. */
function picture(width: number, height: number, grey: number, noise = 0): Buffer {
  const png = encodePng(width, height, new Uint8Array(width * height * 3).fill(grey))
  if (noise === 0) return png
  const chunk = Buffer.alloc(12 + noise)
  chunk.writeUInt32BE(noise)
  chunk.write('teXt', 4, 'latin1')
  // Before the last chunk. Nobody looks at its checksum before it is decoded.
  return Buffer.concat([png.subarray(0, -12), chunk, png.subarray(-12)])
}

let names = 0
const fresh = (name = 'picture.png') => `/_weir/media/test-${++names}/${name}`

type Body = NonNullable<RequestInit['body']>

const put = (path: string, body: Body, headers: Record<string, string> = {}) =>
  fetch(gateway.url + path, {
    method: 'PUT',
    body,
    duplex: 'half',
    headers: { authorization, ...headers },
  } as RequestInit)
const get = (path: string, headers: Record<string, string> = {}, method = 'GET') =>
  fetch(gateway.url + path, { method, headers: { 'cache-control': 'nothing-said', ...headers } })
const bytesOf = async (response: Response) => Buffer.from(await response.arrayBuffer())
const made = async () => (await (await fetch(`${gateway.url}/_test/made`)).json()) as number
const heads = async () => (await (await fetch(`${gateway.url}/_test/heads`)).json()) as number
const objects = async () => (await (await fetch(`${gateway.url}/_test/objects`)).json()) as string[]
const chunked = (bytes: Uint8Array) => new Blob([bytes as Uint8Array<ArrayBuffer>]).stream()
const reasonOf = async (response: Response) => ((await response.json()) as { reason: string }).reason

describe('originals', () => {
  test('are put, and read through the cache', async () => {
    const path = fresh()
    const bytes = picture(40, 30, 90)
    const stored = await put(path, bytes, { 'content-type': 'text/html' })
    expect(stored.status).toBe(201)
    expect(stored.headers.get('location')).toBe(path)
    expect(await stored.json()).toMatchObject({
      path,
      type: 'image/png',
      bytes: bytes.length,
      width: 40,
      height: 30,
      thumbnails: { card: `${path}?preset=card`, wide: `${path}?preset=wide` },
    })
    const first = await get(path)
    expect(first.status).toBe(200)
    expect(first.headers.get('content-type')).toBe('image/png')
    expect(first.headers.get('x-content-type-options')).toBe('nosniff')
    expect(first.headers.get('cache-control')).toBe('public, no-cache')
    expect(first.headers.get('etag')).toBe(stored.headers.get('etag'))
    expect(cacheStatus(first)).toMatch(/^weir; fwd=uri-miss; fwd-status=200; stored/)
    expect((await bytesOf(first)).equals(bytes)).toBe(true)
    const second = await get(path)
    expect(cacheStatus(second)).toMatch(/^weir; hit; ttl=8\d{4}/)
    expect((await bytesOf(second)).equals(bytes)).toBe(true)
    // What else the bucket knows is nobody's business.
    expect([...second.headers.keys()].filter((name) => /^surrogate|^cache-tag|meta|r2|secret/.test(name))).toEqual([])
  })

  test('are given in parts, and not again to who has them', async () => {
    const path = fresh()
    const bytes = picture(40, 30, 91, 3000)
    const etag = (await put(path, bytes)).headers.get('etag')!
    for (const because of ['miss', 'hit']) {
      const part = await get(path, { range: 'bytes=100-199' })
      expect([because, part.status, part.headers.get('content-range')]).toEqual([
        because,
        206,
        `bytes 100-199/${bytes.length}`,
      ])
      expect((await bytesOf(part)).equals(bytes.subarray(100, 200))).toBe(true)
    }
    expect((await get(path, { range: 'bytes=100-199', 'if-range': '"another"' })).status).toBe(200)
    expect((await get(path, { range: 'bytes=99999-' })).status).toBe(416)
    const again = await get(path, { 'if-none-match': etag })
    expect([again.status, again.headers.get('etag'), await again.text()]).toEqual([304, etag, ''])
    const head = await get(path, {}, 'HEAD')
    expect([head.status, head.headers.get('content-length')]).toEqual([200, String(bytes.length)])
  })

  test.each([
    ['of known length', 5_900_000, (bytes: Buffer) => bytes],
    ['of unknown length, in one part', 5000, chunked],
    ['of unknown length, in several parts', 5_900_000, chunked],
  ])('come as a stream %s', async (_, noise, bodyOf) => {
    const path = fresh()
    const bytes = picture(40, 30, 92, noise)
    expect((await put(path, bodyOf(bytes))).status).toBe(201)
    expect((await bytesOf(await get(path))).equals(bytes)).toBe(true)
    expect((await objects()).filter((name) => name.startsWith('//staged/'))).toEqual([])
  })

  test('are replaced and removed at once', async () => {
    const path = fresh()
    const [one, two] = [picture(40, 30, 1), picture(40, 30, 2)]
    await put(path, one)
    expect((await bytesOf(await get(path))).equals(one)).toBe(true)
    const replaced = await put(path, two)
    expect(replaced.status).toBe(200)
    expect((await bytesOf(await get(path))).equals(two)).toBe(true)
    const removed = await fetch(gateway.url + path, { method: 'DELETE', headers: { authorization } })
    expect(removed.status).toBe(204)
    expect((await get(path)).status).toBe(404)
    expect((await objects()).filter((name) => name.includes(path.split('/')[3]!))).toEqual([])
  })

  test('are there at once for who has just heard that they are not', async () => {
    const path = fresh()
    const missing = [await get(path), await get(path)]
    expect(missing.map(({ status }) => status)).toEqual([404, 404])
    expect(missing[1]!.headers.get('cache-control')).toBe('no-store')
    await put(path, picture(40, 30, 3))
    expect((await get(path)).status).toBe(200)
  })
})

describe('what is refused leaves what was there before', () => {
  afterEach(() => fetch(`${gateway.url}/_test/fail`))

  const svg = '<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
  const bomb = Buffer.from(picture(1, 1, 0))
  bomb.writeUInt32BE(10_000, 16)
  bomb.writeUInt32BE(10_000, 20)
  test.each<[string, Body, number, string]>([
    ['a text called .jpg', 'This is a text, whatever its name is. It has to be long enough.', 415, 'no-picture'],
    ['an SVG', svg, 415, 'svg'],
    ['a page', '<!doctype html><script>alert(1)</script>', 415, 'no-picture'],
    ['the beginning of a picture', picture(40, 30, 0).subarray(0, 20), 422, 'broken-picture'],
    ['a picture whose end is missing', picture(40, 30, 0).subarray(0, -8), 422, 'broken-picture'],
    ['a long one whose end is missing', picture(40, 30, 0, 400_000).subarray(0, -8), 422, 'broken-picture'],
    ['the same, of unknown length', chunked(picture(40, 30, 0, 400_000).subarray(0, -8)), 422, 'broken-picture'],
    ['a picture of 100 million pixels', bomb, 422, 'too-many-pixels'],
    ['more bytes than are allowed, of unknown length', chunked(picture(40, 30, 0, 6_000_000)), 413, 'too-many-bytes'],
    ['nothing', '', 400, 'no-content'],
  ])('%s', async (_, body, status, reason) => {
    const path = fresh('photo.jpg')
    const before = picture(40, 30, 4)
    await put(path, before)
    const count = await made()
    const refused = await put(path, body, { 'content-type': 'image/jpeg' })
    expect([refused.status, await reasonOf(refused)]).toEqual([status, reason])
    expect((await bytesOf(await get(path))).equals(before)).toBe(true)
    expect(await made()).toBe(count)
    expect((await objects()).filter((name) => name.startsWith('//staged/'))).toEqual([])
  })

  test('a picture of a type that is not among those that are taken', async () => {
    await gateway.configure({ ...configuration, media: { ...media, types: ['image/jpeg', 'image/webp'] } })
    const path = fresh()
    const refused = await put(path, picture(40, 30, 5))
    await gateway.configure(configuration)
    expect([refused.status, await reasonOf(refused)]).toEqual([415, 'wrong-type'])
    expect((await get(path)).status).toBe(404)
  })

  test('more bytes than are allowed, before the first of them has come', async () => {
    const fields = `Host: gateway.test\r\nConnection: close\r\nAuthorization: ${authorization}\r\nContent-Length: 6000001`
    const refused = await sendRaw(gateway.url, `PUT ${fresh()} HTTP/1.1\r\n${fields}\r\n\r\n`)
    expect([refused.status, JSON.parse(refused.body).reason]).toEqual([413, 'too-many-bytes'])
  })

  const sendCut = async (path: string, framing: string, bytes: Buffer) => {
    const { hostname, port } = new URL(gateway.url)
    const socket = connect(Number(port), hostname)
    socket.on('error', () => undefined)
    socket.write(`PUT ${path} HTTP/1.1\r\nHost: gateway.test\r\nAuthorization: ${authorization}\r\n${framing}\r\n\r\n`)
    await new Promise((resolve) => socket.write(bytes, resolve))
    socket.destroy()
    await once(socket, 'close')
  }

  test('an upload that was cut', async () => {
    const path = fresh()
    const bytes = picture(40, 30, 5, 5_400_000)
    const chunk = Buffer.concat([Buffer.from(`${bytes.length.toString(16)}\r\n`), bytes, Buffer.from('\r\n')])
    await sendCut(path, `Content-Length: ${bytes.length + 1}`, bytes)
    await sendCut(path, 'Transfer-Encoding: chunked', chunk)
    await sendCut(path, 'Transfer-Encoding: chunked', chunk.subarray(0, 70_000))
    // Each of them is over when another one has come and gone.
    const other = fresh()
    await put(other, bytes)
    expect((await get(path)).status).toBe(404)
    const left = await objects()
    expect(left.filter((name) => name.startsWith('//staged/') || name.includes(path.split('/')[3]!))).toEqual([])
  })

  test('a database without which nothing can be purged: the change is there, and is to be sent again', async () => {
    const path = fresh()
    const [one, two] = [picture(40, 30, 17), picture(40, 30, 18)]
    await put(path, one)
    await (await get(path)).arrayBuffer()
    await fetch(`${gateway.url}/_test/fail?what=batch`)
    const stored = await put(path, two)
    await fetch(`${gateway.url}/_test/fail`)
    expect([stored.status, await reasonOf(stored)]).toEqual([503, 'not-purged'])
    expect((await put(path, two)).status).toBe(200)
    expect((await bytesOf(await get(path))).equals(two)).toBe(true)
  })

  test('a change on a condition that does not hold', async () => {
    const path = fresh()
    const [one, two] = [picture(40, 30, 6), picture(40, 30, 7)]
    expect((await put(path, one, { 'if-match': '*' })).status).toBe(412)
    const etag = (await put(path, one, { 'if-none-match': '*' })).headers.get('etag')!
    const refused = await put(path, two, { 'if-none-match': '*' })
    expect([refused.status, refused.headers.get('etag')]).toEqual([412, etag])
    expect((await put(path, two, { 'if-match': '"another"' })).status).toBe(412)
    expect((await put(path, two, { 'if-match': etag, 'content-range': 'bytes 0-3/9' })).status).toBe(400)
    const remove = (tag: string) =>
      fetch(gateway.url + path, { method: 'DELETE', headers: { authorization, 'if-match': tag } })
    expect((await remove('"another"')).status).toBe(412)
    expect((await bytesOf(await get(path))).equals(one)).toBe(true)
    const past = new Date(Date.now() - 60_000).toUTCString()
    expect((await put(path, two, { 'if-unmodified-since': past })).status).toBe(412)
    expect((await get(path, { 'if-match': '"another"' })).status).toBe(412)
    expect((await get(path, { 'if-match': etag })).status).toBe(200)
    expect((await put(path, two, { 'if-match': etag })).status).toBe(200)
    expect((await remove((await get(path)).headers.get('etag')!)).status).toBe(204)
  })

  test('all but one of those who go by the same at the same time', async () => {
    const path = fresh()
    const together = async (condition: Record<string, string>) => {
      const begun = (await heads()) + 4
      const go = Promise.withResolvers<void>()
      const puts = Array.from({ length: 4 }, async (_, grey) => {
        const later = async function* () {
          const bytes = picture(40, 30, grey + begun)
          yield bytes.subarray(0, 10)
          await go.promise
          yield bytes.subarray(10)
        }
        return (await put(path, ReadableStream.from(later()) as ReadableStream<Uint8Array>, condition)).status
      })
      // All of them have seen what there is before the first of them changes it.
      await expect.poll(heads).toBe(begun)
      go.resolve()
      return (await Promise.all(puts)).sort()
    }
    expect(await together({ 'if-none-match': '*' })).toEqual([201, 412, 412, 412])
    const etag = (await get(path)).headers.get('etag')!
    expect(await together({ 'if-match': etag })).toEqual([200, 412, 412, 412])
  })

  test('a store that is away', async () => {
    const path = fresh()
    const before = picture(40, 30, 8)
    await put(path, before)
    for (const what of ['head', 'put']) {
      await fetch(`${gateway.url}/_test/fail?what=${what}`)
      expect((await put(path, picture(40, 30, 9))).status).toBe(503)
      await fetch(`${gateway.url}/_test/fail`)
    }
    const shown = await get(`${path}?preset=card`)
    await shown.arrayBuffer()
    for (const what of ['head', 'get']) {
      await fetch(`${gateway.url}/_test/fail?what=${what}`)
      const hit = await get(`${path}?preset=card`)
      expect([hit.status, hit.headers.get('etag')]).toEqual([200, shown.headers.get('etag')])
    }
    const failed = await get(path)
    expect([failed.status, failed.headers.get('cache-control')]).toEqual([503, 'no-store'])
    await fetch(`${gateway.url}/_test/fail`)
    // A flight's failure is everybody's for a moment.
    await expect.poll(async () => (await get(path)).status, { timeout: 5000 }).toBe(200)
    expect((await bytesOf(await get(path))).equals(before)).toBe(true)
  })
})

describe('paths', () => {
  test.each([
    ['nothing', '/_weir/media/'],
    ['an empty segment', '/_weir/media/a//b.png'],
    ['a slash at the end', '/_weir/media/a/'],
    ['a hidden slash', '/_weir/media/a%2Fb.png'],
    ['a hidden backslash', '/_weir/media/a%5cb.png'],
    ['a hidden way up', '/_weir/media/a/..%2f..%2fb.png'],
    ['a control character', '/_weir/media/a%0d%0ab.png'],
    ['a NUL', '/_weir/media/a%00.png'],
    ['no UTF-8', '/_weir/media/a%ff.png'],
    ['too much', `/_weir/media/${'a'.repeat(513)}`],
  ])('with %s are refused', async (_, path) => {
    const refused = await put(path, picture(40, 30, 10))
    expect(refused.status).toBe(400)
    expect((await get(path)).status).toBe(400)
  })

  test('that lead out of media reach no object', async () => {
    await put('/_weir/media/kept.png', picture(40, 30, 11))
    for (const path of ['/_weir/media/../kept.png', '/_weir/media/x/../../media/../originals/kept.png'])
      expect((await get(path)).status).toBe(404)
  })

  test('of one spelling and another are one picture, of odd characters too', async () => {
    const plain = fresh("Grüße (1), 50% & 'co' #1 + ?.png")
    const [, , , folder = '', name = ''] = plain.split('/')
    const path = `/_weir/media/${folder}/${encodeURIComponent(name)}`
    const other = path.replace('(', '%28').replaceAll("'", '%27').replace('Gr', '%47r')
    const [one, two] = [picture(40, 30, 12), picture(40, 30, 13)]
    const stored = await put(path, one)
    expect([stored.status, stored.headers.get('location')]).toEqual([201, path])
    expect((await bytesOf(await get(other))).equals(one)).toBe(true)
    expect((await put(other, two)).status).toBe(200)
    expect((await bytesOf(await get(path))).equals(two)).toBe(true)
  })
})

describe('thumbnails', () => {
  test('are made at once for a crowd that asks, and once', async () => {
    const path = fresh()
    await put(path, picture(400, 400, 200))
    const before = await made()
    const crowd = await Promise.all(Array.from({ length: 50 }, () => get(`${path}?preset=card`)))
    const bodies = await Promise.all(crowd.map(bytesOf))
    expect(new Set(crowd.map(({ status }) => status))).toEqual(new Set([200]))
    expect((await made()) - before).toBe(1)
    expect(sniff(bodies[0]!, true)).toEqual({
      kind: 'picture',
      picture: { type: 'image/webp', width: 32, height: 24, isAnimated: false },
    })
    expect(bodies.every((body) => body.equals(bodies[0]!))).toBe(true)
    expect(crowd[0]!.headers.get('content-type')).toBe('image/webp')
    const hit = await get(`${path}?preset=card`)
    expect(cacheStatus(hit)).toMatch(/^weir; hit/)
    const wide = sniff(await bytesOf(await get(`${path}?preset=wide&other=1`)), true)
    expect(wide).toMatchObject({ picture: { type: 'image/jpeg', width: 64, height: 64 } })
  })

  test('are kept: who asks after a purge gets the same one', async () => {
    const path = fresh()
    await put(path, picture(400, 400, 201))
    const first = await get(`${path}?preset=card`)
    const count = await made()
    const purge = { tags: [`media:${path.slice('/_weir/media/'.length)}`] }
    await fetch(`${gateway.url}/_weir/api/purge`, {
      method: 'POST',
      headers: { authorization },
      body: JSON.stringify(purge),
    })
    const second = await get(`${path}?preset=card`)
    expect(cacheStatus(second)).toContain('fwd=uri-miss')
    expect(second.headers.get('etag')).toBe(first.headers.get('etag'))
    expect(await made()).toBe(count)
  })

  test('are those of the new original as soon as it is there', async () => {
    const path = fresh()
    const twin = fresh()
    for (const grey of [10, 120, 240]) {
      const stored = await put(path, picture(200, 100, grey))
      expect(stored.ok).toBe(true)
      const shown = await bytesOf(await get(`${path}?preset=card`))
      await put(twin, picture(200, 100, grey))
      expect(shown.equals(await bytesOf(await get(`${twin}?preset=card`)))).toBe(true)
    }
    await fetch(gateway.url + path, { method: 'DELETE', headers: { authorization } })
    expect((await get(`${path}?preset=card`)).status).toBe(404)
  })

  test('of old originals are not kept', async () => {
    const path = fresh()
    const before = (await objects()).length
    await put(path, picture(200, 100, 20))
    await get(`${path}?preset=card`)
    await put(path, picture(200, 100, 21))
    await get(`${path}?preset=card`)
    await expect.poll(async () => (await objects()).length).toBe(before + 2)
    await fetch(gateway.url + path, { method: 'DELETE', headers: { authorization } })
    await expect.poll(async () => (await objects()).length).toBe(before)
  })

  test('are of the new original where it came while that of the old one was made', async () => {
    const path = fresh()
    await put(path, picture(200, 100, 22))
    const before = await objects()
    const count = await made()
    await fetch(`${gateway.url}/_test/hold?is=true`)
    const asking = get(`${path}?preset=card`)
    await expect.poll(made).toBe(count + 1)
    await put(path, picture(200, 100, 222))
    await fetch(`${gateway.url}/_test/hold`)
    const [shown, again] = [await bytesOf(await asking), await bytesOf(await get(`${path}?preset=card`))]
    expect(again.equals(shown)).toBe(true)
    expect(await made()).toBe(count + 2)
    expect(await objects()).toHaveLength(before.length + 1)
  })

  test('never mix what was there before with what is there now', async () => {
    const path = fresh()
    let isOver = false
    const tags: string[] = []
    const seen: { etag: string; known: number }[] = []
    const readers = Array.from({ length: 4 }, async () => {
      while (!isOver) {
        const known = tags.length
        const response = await get(path)
        await response.arrayBuffer()
        if (response.status === 200) seen.push({ etag: response.headers.get('etag')!, known })
        await (await get(`${path}?preset=card`)).arrayBuffer()
      }
    })
    for (let grey = 0; grey < 12; grey++) {
      const stored = await put(path, picture(60, 60, grey * 20))
      tags.push(stored.headers.get('etag')!)
    }
    isOver = true
    await Promise.all(readers)
    // Nobody who asked after an answer got anything older than what it was about.
    expect(seen.length).toBeGreaterThan(0)
    expect(seen.filter(({ etag, known }) => tags.includes(etag) && tags.indexOf(etag) < known - 1)).toEqual([])
  })

  test('of a picture that moves show its beginning', async () => {
    const path = fresh('moving.gif')
    const frame = 'IfkEAAoAAAAsAAAAAAEAAQAAAgJEAQA='
    const start = Buffer.from('R0lGODlhAQABAIAAAAAAAP///w==', 'base64')
    const loop = Buffer.from('\x21\xff\x0bNETSCAPE2.0\x03\x01\x00\x00\x00', 'latin1')
    const moving = Buffer.concat([
      start,
      loop,
      Buffer.from(frame, 'base64'),
      Buffer.from(frame, 'base64'),
      Buffer.from(';'),
    ])
    const stored = await put(path, moving)
    expect([stored.status, ((await stored.json()) as { type: string }).type]).toEqual([201, 'image/gif'])
    expect(sniff(await bytesOf(await get(`${path}?preset=card`)), true)).toMatchObject({
      picture: { type: 'image/webp', width: 32, height: 24, isAnimated: false },
    })
  })

  test('without a preset of that name are not made', async () => {
    const path = fresh()
    await put(path, picture(40, 30, 14))
    const missing = await get(`${path}?preset=poster`)
    expect([missing.status, ((await missing.json()) as { detail: string }).detail]).toEqual([
      404,
      'There is no preset "poster": the presets are card, wide.',
    ])
    expect((await get(`${path}?preset=__proto__`)).status).toBe(404)
  })

  test('of what only looks like a picture are refused, and tried again with another original', async () => {
    const path = fresh()
    const broken = picture(40, 30, 15)
    broken.fill(0, 41, broken.length - 12)
    await put(path, broken)
    const refused = await get(`${path}?preset=card`)
    expect([refused.status, await reasonOf(refused)]).toEqual([422, 'no-thumbnail'])
    await put(path, picture(40, 30, 15))
    expect((await get(`${path}?preset=card`)).status).toBe(200)
  })
})

test('clients may keep what they have been given for as long as is configured, from now on', async () => {
  const path = fresh()
  await gateway.configure({ ...configuration, media: { ...media, clientSeconds: 60 } })
  await put(path, picture(40, 30, 25))
  await (await get(path)).arrayBuffer()
  const hit = await get(path)
  await gateway.configure(configuration)
  expect([cacheStatus(hit).slice(0, 9), hit.headers.get('cache-control'), hit.headers.get('age')]).toEqual([
    'weir; hit',
    'public, max-age=60',
    null,
  ])
})

test('whoever shows the token is told how an answer came about', async () => {
  const path = fresh()
  await put(path, picture(40, 30, 26))
  const told = await get(`${path}?preset=card`, { authorization, 'weir-explain': '?1' })
  expect(told.headers.get('weir-explain')).toMatch(/route="weir:media", verdict=miss.*origin="media"/)
  expect(cacheStatus(told)).toContain('stored')
})

describe('who may', () => {
  test.each(['PUT', 'DELETE', 'POST'])('%s: only with a credential', async (method) => {
    const refused = await fetch(gateway.url + fresh(), {
      method,
      ...(method !== 'DELETE' && { body: picture(4, 4, 1) }),
    })
    expect([refused.status, await reasonOf(refused)]).toEqual([401, 'unauthorised'])
  })

  test('other methods are not allowed', async () => {
    const refused = await fetch(gateway.url + fresh(), { method: 'POST', headers: { authorization } })
    expect([refused.status, refused.headers.get('allow')]).toEqual([405, 'GET, HEAD, PUT, DELETE'])
  })

  test('what is closed is read with a credential alone, and shared by no cache on the way', async () => {
    const path = fresh()
    const bytes = picture(40, 30, 16)
    await put(path, bytes)
    await (await get(path)).arrayBuffer()
    const digest = Buffer.from(await crypto.subtle.digest('SHA-256', Buffer.from('a-credential'))).toString('hex')
    const closed = {
      ...configuration,
      pools: { web: { ...pools.web, credentials: [`sha256:${digest}`] } },
      media: { ...media, read: 'closed' },
    }
    await gateway.configure(closed)
    try {
      for (const target of [path, `${path}?preset=card`]) {
        expect((await get(target)).status).toBe(401)
        expect((await get(target, { authorization: 'Bearer another' })).status).toBe(401)
        for (const because of ['miss', 'hit']) {
          const shown = await get(target, { authorization: 'Bearer a-credential', cookie: 'a=b' })
          expect([shown.status, shown.headers.get('cache-control')]).toEqual([200, 'private, no-cache'])
          expect(cacheStatus(shown)).toContain(because)
        }
        expect((await get(target)).status).toBe(401)
      }
      expect((await put(path, bytes, { authorization: 'Bearer a-credential' })).status).toBe(200)
    } finally {
      await gateway.configure(configuration)
    }
    expect((await get(path)).status).toBe(200)
  })
})

test('thumbnails are made behind an upload, once, before anybody has asked', async () => {
  await fetch(`${gateway.url}/_test/work`)
  const path = fresh()
  const count = await made()
  const stored = (await (await put(path, picture(200, 100, 24))).json()) as { jobs: string[] }
  const jobOf = async (url: string) =>
    (await (await fetch(gateway.url + url, { headers: { authorization } })).json()) as {
      state: string
      result: unknown
    }
  const ended = async () => (await Promise.all(stored.jobs.map(jobOf))).map(({ state }) => state)
  await expect.poll(ended, { timeout: 10_000 }).toEqual(['done', 'done'])
  const [card] = await Promise.all(stored.jobs.map(jobOf))
  const shown = await get(`${path}?preset=card`)
  expect(card?.result).toEqual({ type: 'image/webp', bytes: (await bytesOf(shown)).length })
  await (await get(`${path}?preset=wide`)).arrayBuffer()
  expect((await made()) - count).toBe(2)
})

test('a new size of a preset is in force at once', async () => {
  const path = fresh()
  await put(path, picture(200, 100, 22))
  await (await get(`${path}?preset=card`)).arrayBuffer()
  await gateway.configure({ ...configuration, media: { ...media, thumbnails: { card: { ...card, width: 16 } } } })
  const shown = sniff(await bytesOf(await get(`${path}?preset=card`)), true)
  await gateway.configure(configuration)
  expect(shown).toMatchObject({ picture: { width: 16, height: 24 } })
})

test('without an Images binding the original stands in', async () => {
  const other = await startGateway(configuration, 'test/e2e/workers/media-unbound.ts')
  try {
    const bytes = picture(40, 30, 23)
    const path = fresh()
    await fetch(other.url + path, { method: 'PUT', body: bytes, headers: { authorization } })
    const shown = await fetch(`${other.url}${path}?preset=card`)
    expect([shown.status, shown.headers.get('content-type')]).toEqual([200, 'image/png'])
    expect((await bytesOf(shown)).equals(bytes)).toBe(true)
    expect(cacheStatus(await fetch(`${other.url}${path}?preset=card`))).toMatch(/^weir; hit; ttl=(?:60|59)/)
  } finally {
    await other.close()
  }
})
