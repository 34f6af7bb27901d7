// Pictures on the fly, on the wire: what is made of them, who may have it made, and what is never decoded.
import { once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { toBeSigned, withSignature } from '../../shared/image/signature.ts'
import { sniff } from '../../shared/image/sniff.ts'
import { encodePng } from '../../workers/cli/demo/png.ts'
import { imageMac } from '../../workers/media/image-signature.ts'
import { claimingPng, movingAvif, movingPng, sample } from '../shared/image/samples.ts'
import { adminToken, cacheStatus, startGateway, type TestGateway } from './support/gateway.ts'
import { startOrigin, type TestOrigin } from './support/origin.ts'

const keys = { now: 'a-secret-of-the-present', before: 'a-secret-of-the-past' }
const IMAGE_KEYS = Object.entries(keys)
  .map(([id, secret]) => `${id}:${secret}`)
  .join(',')

/** What the origin has at a path: bytes, or a way to answer. */
type Content = Buffer | ((request: IncomingMessage, response: ServerResponse) => void)

const contents = new Map<string, Content>()
const seen: IncomingMessage[] = []

function answer(request: IncomingMessage, response: ServerResponse): void {
  seen.push(request)
  const content = contents.get(new URL(request.url!, 'http://origin.test').pathname)
  if (typeof content === 'function') content(request, response)
  else if (content === undefined) response.writeHead(404).end('nothing')
  else response.writeHead(200, fieldsOf(content)).end(content)
}

const fieldsOf = (content: Buffer) => ({
  'content-type': 'image/jpeg',
  'content-length': content.length,
  'cache-control': 'max-age=60',
})

let web: TestOrigin
let cdn: TestOrigin
let gateway: TestGateway

const configuration = () => ({
  pools: { web: { origins: [{ url: web.url }] }, closed: { origins: [{ url: cdn.url }] } },
  routes: [{ path: '/*', pools: ['web'] }],
  images: {
    sources: ['pool:web', `${cdn.url}/open/*`],
    presets: { card: { width: 32, height: 24, fit: 'cover', format: 'webp' }, any: { width: 20, format: 'auto' } },
    maxBytes: 2_000_000,
  },
})

beforeAll(async () => {
  web = await startOrigin(answer)
  cdn = await startOrigin(answer)
  gateway = await startGateway(configuration(), 'test/e2e/workers/images.ts', { IMAGE_KEYS })
})
afterAll(() => Promise.all([gateway?.close(), web?.close(), cdn?.close()]))

/** Bytes that do not get shorter; the same each time (a linear congruential generator). */
function noise(length: number): Uint8Array {
  let state = 1
  const next = () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state >>> 24
  }
  return Uint8Array.from({ length }, next)
}

/** Of more than two hundred kilobytes. */
const noisy = encodePng(300, 300, noise(270_000))
const photo = encodePng(80, 60, new Uint8Array(80 * 60 * 3).fill(90))

let names = 0
/** A path of its own, with this behind it. */
function at(content: Content, extension = 'png'): string {
  const path = `/open/${++names}.${extension}`
  contents.set(path, content)
  return path
}

async function sign(target: string, { id = 'now', secret = keys.now, expires = undefined as number | undefined } = {}) {
  const signed = toBeSigned(target, id, expires)
  return withSignature(signed, await imageMac(secret, signed))
}

const get = (target: string, headers: Record<string, string> = {}, method = 'GET') =>
  fetch(gateway.url + target, { method, headers: { 'cache-control': 'nothing-said', ...headers } })
const image = async (options: string, source: string, headers: Record<string, string> = {}) =>
  get(await sign(`/_weir/image/${options}/${source.replace(/^\//, '')}`), headers)
const sniffed = async (response: Response) => sniff(Buffer.from(await response.arrayBuffer()), true)
const made = async () => (await (await fetch(`${gateway.url}/_test/made`)).json()) as number
const mood = async (mood: string) => void (await fetch(`${gateway.url}/_test/mood?mood=${mood}`))

async function problemOf(response: Response) {
  expect(response.headers.get('content-type')).toBe('application/problem+json')
  expect(response.headers.get('cache-control')).toBe('no-store')
  const { reason, detail } = (await response.json()) as { reason: string; detail: string }
  return { status: response.status, reason, detail }
}

const short = async (response: Response) => {
  const { status, reason } = await problemOf(response)
  return `${status} ${reason}`
}

describe('what is made', () => {
  test.each([
    ['width=40', 'image/png', 40, 30],
    ['w=40,f=webp', 'image/webp', 40, 30],
    ['height=30,format=jpeg,quality=50', 'image/jpeg', 40, 30],
    ['width=20,dpr=2,format=avif', 'image/avif', 40, 30],
    ['width=30,height=30,fit=cover,gravity=left', 'image/png', 30, 30],
    ['width=30,height=30,fit=contain', 'image/png', 30, 23],
    ['width=30,height=30,fit=pad,background=%23ff8800', 'image/png', 30, 30],
    ['width=30,height=30,fit=crop,g=0.1x0.9', 'image/png', 30, 30],
    ['width=400', 'image/png', 80, 60],
    ['width=160,fit=contain', 'image/png', 160, 120],
    ['rotate=90,width=30', 'image/png', 30, 40],
    ['blur=5,sharpen=1.5,width=40', 'image/png', 40, 30],
  ])('%s', async (options, type, width, height) => {
    const response = await image(options, at(photo))
    expect(response.status).toBe(200)
    expect(response.headers.get('content-type')).toBe(type)
    expect(response.headers.get('x-content-type-options')).toBe('nosniff')
    expect(await sniffed(response)).toEqual({ kind: 'picture', picture: { type, width, height, isAnimated: false } })
  })

  test.each([
    ['a JPEG held sideways', sample('jpeg held sideways'), 'image/jpeg', 15, 20],
    ['a GIF of one frame', sample('gif'), 'image/png', 20, 15],
    ['a WebP', sample('webp with transparency'), 'image/webp', 20, 15],
    ['an AVIF', sample('avif'), 'image/avif', 20, 15],
  ])('of %s', async (_, file, type, width, height) => {
    const [side, length] = width > height ? ['width', width] : ['height', height]
    const response = await image(`${side}=${length}`, at(file))
    expect(await sniffed(response)).toMatchObject({ kind: 'picture', picture: { type, width, height } })
  })

  test('of a picture whose name and Content-Type say something else', async () => {
    const lies: Content = (_, response) => response.writeHead(200, { 'content-type': 'text/html' }).end(photo)
    expect((await image('width=40', at(lies, 'txt'))).status).toBe(200)
  })
})

describe('format=auto', () => {
  test('goes by what the client names, and says so to other caches', async () => {
    const path = at(photo)
    const cases = [
      ['image/avif,image/webp,*/*;q=0.8', 'image/avif'],
      ['image/webp,*/*', 'image/webp'],
      ['image/avif;q=0,image/webp', 'image/webp'],
      ['*/*', 'image/png'],
      ['image/png', 'image/png'],
    ]
    const before = await made()
    for (const [accept, type] of cases) {
      const response = await image('width=20,format=auto', path, { accept: accept! })
      expect([accept, response.headers.get('content-type')]).toEqual([accept, type])
      expect(response.headers.get('vary')).toBe('Accept')
      await response.arrayBuffer()
    }
    // One for each type, not one for each Accept; the type is part of the key, and nothing is a variant.
    expect((await made()) - before).toBe(3)
    const again = await image('width=20,format=auto', path, { accept: 'image/webp' })
    expect(cacheStatus(again)).toMatch(/^weir; hit/)
  })

  test('a HEAD of it, too', async () => {
    const head = await get(`/_weir/image/preset=any${at(photo)}`, { accept: 'image/webp' }, 'HEAD')
    expect([head.status, head.headers.get('content-type'), head.headers.get('vary')]).toEqual([
      200,
      'image/webp',
      'Accept',
    ])
  })

  test('is not at the expense of a type that a client may not know', async () => {
    const response = await image('width=20,format=auto', at(sample('lossy webp')), { accept: '*/*' })
    expect(response.headers.get('content-type')).toBe('image/png')
  })
})

describe('the cache', () => {
  test('fifty who ask at once: one fetch, one picture', async () => {
    const path = at(photo)
    const [before, asked] = [await made(), seen.length]
    const target = await sign(`/_weir/image/width=24${path}`)
    const answers = await Promise.all(Array.from({ length: 50 }, () => get(target)))
    const bodies = await Promise.all(answers.map(async (response) => Buffer.from(await response.arrayBuffer())))
    expect(new Set(bodies.map((body) => body.toString('base64'))).size).toBe(1)
    expect(sniff(bodies[0]!, true)).toMatchObject({ picture: { width: 24, height: 18 } })
    expect([(await made()) - before, seen.length - asked]).toEqual([1, 1])
    const next = await get(target)
    expect(cacheStatus(next)).toMatch(/^weir; hit; ttl=\d+/)
    expect(await made()).toBe(before + 1)
  })

  test('one spelling for all that mean the same, whoever has signed it', async () => {
    const path = at(photo)
    const before = await made()
    for (const options of [
      'width=32,height=24,fit=cover,format=webp',
      'f=webp,fit=cover,h=24,w=32',
      'fit=cover,w=16,h=12,dpr=2,format=webp',
    ]) {
      expect((await image(options, path)).status).toBe(200)
    }
    expect((await image('width=32,height=24,fit=cover,format=webp', `pool:web${path}`)).status).toBe(200)
    expect((await get(`/_weir/image/preset=card${path}`)).status).toBe(200)
    expect(await made()).toBe(before + 1)
  })

  test('HEAD, ranges and conditions are those of any answer', async () => {
    const path = at((_, response) =>
      response.writeHead(200, { etag: '"one"', 'cache-control': 'max-age=60' }).end(photo),
    )
    const target = `/_weir/image/preset=card${path}`
    const before = await made()
    const head = await get(target, {}, 'HEAD')
    expect([head.status, head.headers.get('content-type')]).toEqual([200, 'image/webp'])
    expect((await head.arrayBuffer()).byteLength).toBe(0)
    const whole = await get(target)
    const bytes = Buffer.from(await whole.arrayBuffer())
    const etag = whole.headers.get('etag')!
    expect(etag).toMatch(/^W\/"one;\w+"$/)
    expect(await made()).toBe(before + 1)
    const current = await get(target, { 'if-none-match': etag })
    expect([current.status, cacheStatus(current)]).toEqual([304, expect.stringMatching(/^weir; hit/)])
    const unmade = await image('width=33', path, { range: 'bytes=0-9' })
    expect([200, 206]).toContain(unmade.status)
    await unmade.arrayBuffer()
    const part = await get(target, { range: 'bytes=0-9' })
    expect([part.status, Buffer.from(await part.arrayBuffer())]).toEqual([206, bytes.subarray(0, 10)])
  })

  test('what has become stale is asked for again, and made again only where it has changed', async () => {
    let tag = '"one"'
    const path = at((request, response) => {
      const isCurrent = request.headers['if-none-match']?.split(', ').includes(tag)
      response.writeHead(isCurrent ? 304 : 200, { etag: tag, 'cache-control': 'max-age=0, must-revalidate' })
      response.end(isCurrent ? undefined : photo)
    })
    const target = `/_weir/image/preset=card${path}`
    const before = await made()
    await (await get(target)).arrayBuffer()
    const current = await get(target)
    expect(cacheStatus(current)).toMatch(/fwd=stale; fwd-status=304/)
    expect(await sniffed(current)).toMatchObject({ picture: { width: 32 } })
    expect(await made()).toBe(before + 1)
    tag = '"two"'
    const changed = await get(target)
    expect(changed.headers.get('etag')).toContain('two')
    await changed.arrayBuffer()
    expect(await made()).toBe(before + 2)
  })

  test('purged by the tag of the original', async () => {
    const tagged: Content = (_, response) =>
      response.writeHead(200, { 'cache-tag': 'photo-7', 'cache-control': 'max-age=60' }).end(photo)
    const target = `/_weir/image/preset=card${at(tagged)}`
    const first = await get(target)
    expect(first.headers.has('cache-tag')).toBe(false)
    await first.arrayBuffer()
    expect(cacheStatus(await get(target))).toMatch(/^weir; hit/)
    await fetch(`${gateway.url}/_weir/api/purge`, {
      method: 'POST',
      headers: { authorization: `Bearer ${adminToken}` },
      body: '{"tags": ["photo-7"]}',
    })
    expect(cacheStatus(await get(target))).toMatch(/fwd=/)
  })

  test.each([
    ['private', { 'cache-control': 'private, max-age=60' }],
    ['no-store', { 'cache-control': 'no-store' }],
    ['with a cookie', { 'cache-control': 'max-age=60', 'set-cookie': 'a=b' }],
    ['that differs by anything', { 'cache-control': 'max-age=60', vary: '*' }],
  ])('an original that is %s is shared with nobody', async (_, fields) => {
    const target = `/_weir/image/preset=card${at((_, response) => response.writeHead(200, fields).end(photo))}`
    const first = await get(target)
    expect(first.status).toBe(200)
    expect(first.headers.has('set-cookie')).toBe(false)
    await first.arrayBuffer()
    expect(cacheStatus(await get(target))).not.toMatch(/hit;/)
  })

  test('who shows the token is told how it came about', async () => {
    const headers = { authorization: `Bearer ${adminToken}`, 'weir-explain': '?1' }
    const response = await get(`/_weir/image/preset=card${at(photo)}`, headers)
    expect(response.headers.get('weir-explain')).toMatch(/^route="weir:image", verdict=miss/)
    expect(cacheStatus(response)).toContain('stored')
    await response.arrayBuffer()
    expect(seen.at(-1)!.headers.authorization).toBeUndefined()
  })

  test('an origin is asked in nobody’s name', async () => {
    const path = at(photo)
    const headers = { cookie: 'a=b', authorization: 'Bearer x', 'x-api-key': 'k', 'accept-language': 'de' }
    await (await get(`/_weir/image/preset=card${path}`, headers)).arrayBuffer()
    const asked = seen.findLast(({ url }) => url === path)!.headers
    expect(Object.keys(asked).filter((name) => name in headers)).toEqual([])
    expect(asked).toMatchObject({
      accept: expect.stringMatching(/^image\/jpeg,/),
      'x-forwarded-host': new URL(gateway.url).host,
    })
  })
})

describe('who may have one made', () => {
  const now = () => Math.floor(Date.now() / 1000)

  test('who signs, with either key, and with an end to it', async () => {
    const target = `/_weir/image/width=21${at(photo)}`
    expect((await get(await sign(target))).status).toBe(200)
    expect((await get(await sign(target, { id: 'before', secret: keys.before }))).status).toBe(200)
    expect((await get(await sign(target, { expires: now() + 60 }))).status).toBe(200)
  })

  test('nobody else', async () => {
    const target = `/_weir/image/width=22${at(photo)}`
    const [before, asked] = [await made(), seen.length]
    const cases = {
      unsigned: target,
      'another secret': await sign(target, { secret: 'another-secret-altogether' }),
      'an unknown key': await sign(target, { id: 'later' }),
      expired: await sign(target, { expires: now() - 1 }),
      'other options': (await sign(target)).replace('width=22', 'width=23'),
      'another picture': (await sign(target)).replace('/open/', '/opem/'),
      'a later end': (await sign(target, { expires: now() - 1 })).replace(/exp=\d+/, `exp=${now() + 60}`),
      'no end': (await sign(target, { expires: now() - 1 })).replace(/exp=\d+&/, ''),
      'another key’s name': (await sign(target)).replace('kid=now', 'kid=before'),
      'a query more': `${await sign(target)}&a=b`,
      'a query before': (await sign(target)).replace('?', '?a=b&'),
    }
    const told: Record<string, string> = {}
    for (const [name, altered] of Object.entries(cases)) told[name] = await short(await get(altered))
    expect(told).toEqual({
      unsigned: '403 image-unsigned',
      'another secret': '403 image-signature',
      'an unknown key': '403 image-key',
      expired: '403 image-expired',
      'other options': '403 image-signature',
      'another picture': '403 image-signature',
      'a later end': '403 image-signature',
      'no end': '403 image-signature',
      'another key’s name': '403 image-signature',
      'a query more': '403 image-unsigned',
      'a query before': '403 image-signature',
    })
    expect([await made(), seen.length]).toEqual([before, asked])
  })

  test('with any one character altered', async () => {
    const target = await sign(`/_weir/image/width=25${at(photo)}`, { expires: now() + 60 })
    expect((await get(target)).status).toBe(200)
    const start = '/_weir/image/'.length
    const places = Array.from({ length: target.length - start }, (_, index) => start + index)
    const altered = places.map((place) => {
      const next = target[place] === 'x' ? 'y' : 'x'
      return target.slice(0, place) + next + target.slice(place + 1)
    })
    const statuses = await Promise.all(altered.map(async (each) => (await get(each)).status))
    expect(statuses.filter((status) => status < 400)).toEqual([])
  })

  test('anybody, by a preset, but not with a query of their own', async () => {
    const path = at(photo)
    const preset = await get(`/_weir/image/preset=card${path}`)
    expect([preset.status, preset.headers.get('content-type')]).toEqual([200, 'image/webp'])
    expect(await short(await get(`/_weir/image/preset=card${path}?v=2`))).toBe('403 image-unsigned')
    expect((await get(await sign(`/_weir/image/preset=card${path}?v=2`))).status).toBe(200)
    expect(seen.at(-1)!.url).toBe(`${path}?v=2`)
    expect(await problemOf(await get(`/_weir/image/preset=cart${path}`))).toMatchObject({
      status: 404,
      reason: 'no-such-preset',
      detail: expect.stringContaining('did you mean "card"?'),
    })
  })

  test('only as it is meant', async () => {
    const path = at(photo)
    const asked = seen.length
    const wrong = ['width=x', 'widht=1', 'width=5000', 'fit=squeeze', 'width=1,w=2', 'dpr=2', 'preset=card,width=3']
    for (const options of wrong) expect(await short(await image(options, path))).toBe('400 bad-image-options')
    expect(await short(await get('/_weir/image/width=3'))).toBe('400 bad-image-source')
    expect((await get('/_weir/image/preset=card/a.png', {}, 'POST')).status).toBe(405)
    expect(seen.length).toBe(asked)
  })
})

describe('where from', () => {
  test('an address that the list has', async () => {
    const response = await image('width=40', `${cdn.url}${at(photo)}`)
    expect(await sniffed(response)).toMatchObject({ picture: { width: 40 } })
    expect((await image('width=40', encodeURIComponent(`${cdn.url}${at(photo)}?v=1`))).status).toBe(200)
    expect(seen.at(-1)!.url).toMatch(/\?v=1$/)
  })

  test.each([
    ['a pool that it has not', () => 'pool:closed/open/a.png'],
    ['another path', () => `${cdn.url}/shut/a.png`],
    ['another port', () => `http://127.0.0.1:9/open/a.png`],
    ['another host', () => 'https://cdn.example.com/open/a.png'],
    ['loopback in one number', () => `http://2130706433:${new URL(cdn.url).port}/shut/a.png`],
    ['the gateway itself', () => 'pool:web/_weir/health'],
  ])('not %s', async (_, source) => {
    const asked = seen.length
    expect(await short(await image('width=40', source()))).toBe('403 image-source-forbidden')
    expect(seen.length).toBe(asked)
  })

  const moved =
    (location: string): Content =>
    (_, response) =>
      response.writeHead(302, { location }).end()

  test('by way of redirects, within what the list has', async () => {
    const path = at(photo)
    for (const location of [path, `${web.url}${path}`, `${gateway.url}${path}`, `${cdn.url}${path}`]) {
      const response = await image('width=26', at(moved(location)))
      expect([location, response.status]).toEqual([location, 200])
      await response.arrayBuffer()
    }
    const chain = [1, 2].reduce((next) => at(moved(next)), at(moved(path)))
    expect((await image('width=26', chain)).status).toBe(200)
    expect(await short(await image('width=26', at(moved(chain))))).toBe('502 source-redirects')
  })

  test('is not kept where the redirect was for this once', async () => {
    const path = at(photo)
    const once = (_: IncomingMessage, response: ServerResponse) =>
      response.writeHead(302, { location: path, 'cache-control': 'no-store' }).end()
    const from = at(once)
    for (let time = 0; time < 2; time++) {
      const response = await image('width=28', from)
      expect([response.status, response.headers.get('cache-control')]).toEqual([200, 'private, no-store'])
      expect(cacheStatus(response)).not.toMatch(/hit;|stored/)
      await response.arrayBuffer()
    }
  })

  test.each([
    ['a private host', () => 'http://10.0.0.1/open/a.png'],
    ['the metadata of a cloud', () => 'http://169.254.169.254/latest/meta-data'],
    ['loopback in one number', () => `http://2130706433:${new URL(cdn.url).port}/shut/a.png`],
    ['loopback within IPv6', () => `http://[::ffff:7f00:1]:${new URL(cdn.url).port}/open/a.png`],
    ['what the list does not have', () => `${cdn.url}/shut/a.png`],
    ['another scheme', () => 'file:///etc/passwd'],
    ['a URL with a password', () => cdn.url.replace('//', '//a:b@')],
    ['the gateway’s own', () => '/_weir/api/config'],
  ])('not by way of a redirect to %s', async (_, location) => {
    contents.set('/shut/a.png', photo)
    const path = at(moved(location()))
    const asked = seen.length
    expect(await short(await image('width=27', path))).toBe('502 source-redirects')
    expect(seen.slice(asked).map(({ url }) => url)).toEqual([path])
  })
})

describe('without a binding that makes pictures', () => {
  let unbound: TestGateway
  beforeAll(async () => {
    unbound = await startGateway(configuration(), 'test/e2e/workers/media-unbound.ts')
  })
  afterAll(() => unbound?.close())

  test('the original stands in, and what is none is refused all the same', async () => {
    const whole = at((_, response) => {
      response.writeHead(200, { 'cache-control': 'max-age=60', 'content-length': noisy.length }).end(noisy)
    })
    for (const verdict of [/fwd=uri-miss.*stored/, /^weir; hit/]) {
      const response = await fetch(`${unbound.url}/_weir/image/preset=card${whole}`)
      expect(cacheStatus(response)).toMatch(verdict)
      expect(response.headers.get('content-type')).toBe('image/png')
      expect(Buffer.from(await response.arrayBuffer()).equals(noisy)).toBe(true)
    }
    const bomb = await fetch(`${unbound.url}/_weir/image/preset=card${at(claimingPng(10_000, 10_000))}`)
    expect(await short(bomb)).toBe('422 too-many-pixels')
  })

  test('what is cut on its way ends as cut, and is not kept', async () => {
    const path = at((_, response) => {
      response.writeHead(200, { 'cache-control': 'max-age=60' })
      response.write(noisy.subarray(0, 100_000), () => response.destroy())
    })
    const cut = fetch(`${unbound.url}/_weir/image/preset=card${path}`).then((response) => response.arrayBuffer())
    await expect(cut).rejects.toThrow()
    contents.set(path, noisy)
    const next = await fetch(`${unbound.url}/_weir/image/preset=card${path}`)
    expect(Buffer.from(await next.arrayBuffer()).equals(noisy)).toBe(true)
  })

  test('and without keys nothing is signed', async () => {
    const response = await fetch(unbound.url + (await sign(`/_weir/image/width=20${at(photo)}`)))
    expect((await problemOf(response)).detail).toContain('wrangler secret put IMAGE_KEYS')
  })
})

describe('what is never decoded', () => {
  const svg = Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>')
  const text = Buffer.from('This is a text, whatever its name says.')

  test.each([
    ['a bomb of a hundred million pixels', claimingPng(10_000, 10_000), '422 too-many-pixels'],
    ['an SVG', svg, '415 svg'],
    ['a text named .jpg', text, '415 no-picture'],
    ['nothing', Buffer.alloc(0), '415 no-picture'],
    ['a GIF that moves', sample('moving gif'), '415 animated'],
    ['a WebP that moves', sample('moving webp'), '415 animated'],
    ['a PNG that moves', movingPng(), '415 animated'],
    ['an AVIF that moves', movingAvif(), '415 animated'],
    ['a picture that is cut in its header', photo.subarray(0, 20), '422 broken-picture'],
    ['more bytes than are allowed', Buffer.concat([photo, Buffer.alloc(2_000_000)]), '422 too-many-bytes'],
    [
      'a header that does not end',
      Buffer.concat([sample('jpeg').subarray(0, 2), Buffer.alloc(1_500_000, 0xff)]),
      '422 long-header',
    ],
  ])('%s', async (_, file, problem) => {
    const before = await made()
    expect(await short(await image('width=28', at(file, 'jpg')))).toBe(problem)
    expect(await made()).toBe(before)
  })

  test('nor is more of a bomb read than it takes to know it', async () => {
    let sent = 0
    let isCut = false
    const path = at(async (_, response) => {
      const closed = once(response, 'close')
      response.writeHead(200, { 'content-type': 'image/png' })
      response.write(claimingPng(10_000, 10_000))
      const piece = Buffer.alloc(65_536)
      while (!response.closed && sent < 200_000_000) {
        sent += piece.length
        if (!response.write(piece)) await Promise.race([once(response, 'drain'), closed])
      }
      isCut = !response.writableFinished
    })
    expect(await short(await image('width=28', path))).toBe('422 too-many-pixels')
    await expect.poll(() => isCut).toBe(true)
    expect(sent).toBeLessThan(20_000_000)
  })

  test('more bytes than are allowed, of which nothing was said before', async () => {
    const path = at((_, response) => {
      response.writeHead(200)
      response.write(noisy)
      response.end(Buffer.alloc(2_000_000))
    })
    expect(await short(await image('width=28', path))).toBe('422 too-many-bytes')
  })

  test('a size that would be too large is not made', async () => {
    const before = await made()
    const thin = encodePng(2, 2000, new Uint8Array(2 * 2000 * 3))
    expect(await short(await image('width=4000,fit=contain', at(thin)))).toBe('422 too-large-made')
    expect(await made()).toBe(before)
  })
})

describe('what goes wrong', () => {
  test.each([
    ['a PNG', noisy],
    ['a JPEG', sample('progressive jpeg')],
    ['a JPEG with a small picture within', sample('jpeg held sideways')],
    ['a GIF', sample('gif')],
    ['a WebP', sample('lossy webp')],
    ['an AVIF', sample('avif')],
  ])('%s whose file is cut near its end', async (_, file) => {
    const before = await made()
    expect(await short(await image('width=28', at(file.subarray(0, -3))))).toBe('422 broken-picture')
    // Pieces of a larger one may be on their way to be decoded before its end has come, and never are.
    if (file.length < 10_000) expect(await made()).toBe(before)
  })

  test('a file that is cut, of whose length nothing was said, and one that is broken within: nothing is kept', async () => {
    const broken = Buffer.from(noisy)
    broken.fill(7, 40_000, 60_000)
    for (const file of [noisy.subarray(0, 30_000), broken]) {
      const path = at((_, response) => response.writeHead(200, { 'cache-control': 'max-age=60' }).end(file))
      const target = `/_weir/image/preset=card${path}`
      expect(await short(await get(target))).toBe('422 broken-picture')
      contents.set(path, photo)
      expect((await get(target)).status).toBe(200)
    }
  })

  test.each([
    ['404', 404, '404 no-such-picture'],
    ['410', 410, '404 no-such-picture'],
    ['403', 403, '502 source-failed'],
    ['500', 500, '502 source-failed'],
    ['503', 503, '502 source-failed'],
    ['204', 204, '502 source-failed'],
  ])('the origin answers %s', async (_, status, problem) => {
    const path = at((_, response) => response.writeHead(status, { 'cache-control': 'max-age=60' }).end())
    const target = `/_weir/image/preset=card${path}`
    expect(await short(await get(target))).toBe(problem)
    // Nothing of it is kept.
    contents.set(path, photo)
    expect((await get(target)).status).toBe(200)
  })

  test('the origin breaks off', async () => {
    const path = at((_, response) => {
      response.writeHead(200, { 'content-length': noisy.length })
      response.write(noisy.subarray(0, 100_000), () => response.destroy())
    })
    expect(await short(await image('width=29', path))).toBe('502 source-cut')
    contents.set(path, photo)
    expect((await image('width=29', path)).status).toBe(200)
  })

  test('the origin breaks off before it has said anything', async () => {
    const path = at((request) => request.destroy())
    expect(await short(await image('width=29', path))).toBe('502 source-unreachable')
  })

  test('the origin says that nothing was modified, though nobody has asked', async () => {
    const path = at((_, response) => response.writeHead(304).end())
    expect(await short(await get(`/_weir/image/preset=card${path}`, { 'if-none-match': '"x"' }))).toBe(
      '502 source-failed',
    )
  })

  test('the origin sends it in a coding', async () => {
    const path = at((_, response) => response.writeHead(200, { 'content-encoding': 'gzip' }).end(photo))
    expect(await short(await image('width=29', path))).toBe('502 source-coded')
  })

  test('what makes pictures is away: what is stale stands in, and nothing is kept of the failure', async () => {
    let control = 'max-age=0, stale-while-revalidate=0, stale-if-error=600'
    const path = at((_, response) => response.writeHead(200, { 'cache-control': control }).end(photo))
    const target = `/_weir/image/preset=card${path}`
    await (await get(target)).arrayBuffer()
    await mood('fail')
    try {
      const stale = await get(target)
      expect([stale.status, cacheStatus(stale)]).toEqual([200, expect.stringMatching(/fwd=stale.*error-grace/)])
      expect(await sniffed(stale)).toMatchObject({ picture: { width: 32 } })
      control = 'max-age=60'
      const other = `/_weir/image/preset=any${path}`
      expect(await short(await get(other))).toBe('503 images-unavailable')
      await mood('')
      expect((await get(other)).status).toBe(200)
    } finally {
      await mood('')
    }
  })
})
