// Ranges of large content on the wire: they fill aligned slices, and the second reader of a neighbouring range is a hit.
import type { IncomingMessage } from 'node:http'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type CacheBench, reply, startCacheBench } from './support/cache.ts'

const sliceBytes = 65_536

let bench: CacheBench
beforeAll(async () => {
  bench = await startCacheBench({ '/small': { sliceBytes }, '/off': { sliceBytes: 0 }, '/grace': { sliceBytes } })
})
afterAll(() => bench?.close())

function textOf(version: string, size: number): string {
  const line = (index: number) => `${version}${String(index).padStart(9, '0')}`
  return Array.from({ length: Math.ceil(size / 10) }, (_, index) => line(index))
    .join('')
    .slice(0, size)
}

interface Served {
  text: string
  /** The most bytes that it sends of a range. */
  cap: number
  headers: Record<string, string>
  /** The ranges that were asked for. */
  readonly asked: (string | undefined)[]
}

/** An origin that has one content and answers to ranges as RFC 9110 says. */
function serve(text: string, headers: Record<string, string> = { etag: '"1"' }): Served {
  const served: Served = {
    text,
    cap: Number.POSITIVE_INFINITY,
    headers: { 'cache-control': 'max-age=60', ...headers },
    asked: [],
  }
  bench.origin.handle = (request, response) => {
    const { body, status, fields } = answerTo(request, served)
    if (status === 304) response.writeHead(304, fields).end()
    else reply(response, body, fields, status)
  }
  return served
}

function answerTo({ headers: request }: IncomingMessage, { text, cap, headers, asked }: Served) {
  asked.push(request.range)
  if (request['if-none-match'] === headers.etag && headers.etag) return { body: '', status: 304, fields: headers }
  const match = /^bytes=(\d*)-(\d*)$/.exec(request.range ?? '')
  const isOther = request['if-range'] !== undefined && request['if-range'] !== headers.etag
  if (match === null || isOther) return { body: text, status: 200, fields: headers }
  const [, from = '', to = ''] = match
  const first = from === '' ? Math.max(0, text.length - Number(to)) : Number(from)
  const last = from === '' || to === '' ? text.length - 1 : Math.min(Number(to), text.length - 1, first + cap - 1)
  const says = (range: string) => ({ ...headers, 'content-range': `bytes ${range}/${text.length}` })
  if (first > last) return { body: '', status: 416, fields: says('*') }
  return { body: text.slice(first, last + 1), status: 206, fields: says(`${first}-${last}`) }
}

const megabytes = textOf('a', 3_500_000)

async function part(path: string, range: string, headers: Record<string, string> = {}) {
  const answer = await bench.ask(path, { headers: { range: `bytes=${range}`, ...headers } })
  return { ...answer, range: answer.headers.get('content-range') }
}

describe('the second reader of a neighbouring range is a hit', () => {
  test('in slices of 1 MiB', async () => {
    const served = serve(megabytes)
    const path = bench.fresh()
    const first = await part(path, '1048000-1048999')
    expect(first).toMatchObject({
      status: 206,
      range: 'bytes 1048000-1048999/3500000',
      text: megabytes.slice(1048000, 1049000),
    })
    expect(first.cache).toBe('weir; fwd=uri-miss; fwd-status=206; stored')
    expect(first.headers.get('content-length')).toBe('1000')
    expect(served.asked).toEqual(['bytes=0-2097151'])
    await expect.poll(async () => (await part(path, '2097000-2097100')).cache).toContain('hit')
    expect(await part(path, '5-9')).toMatchObject({
      status: 206,
      text: megabytes.slice(5, 10),
      range: 'bytes 5-9/3500000',
    })
    expect(served.asked).toHaveLength(1)
  })

  test('what is missing is fetched, and only that', async () => {
    const served = serve(textOf('a', 300_000))
    const path = bench.fresh('/small')
    await part(path, '70000-70009')
    await expect.poll(async () => (await part(path, '131000-131071')).cache).toContain('hit')
    const longer = await part(path, '70000-140000')
    expect(longer.cache).toBe('weir; fwd=partial; fwd-status=206; stored')
    expect(longer.text === served.text.slice(70_000, 140_001)).toBe(true)
    expect(served.asked).toEqual(['bytes=65536-131071', 'bytes=131072-196607'])
    await expect.poll(async () => (await part(path, '70000-140000')).cache).toContain('hit')
  })

  test('open at the end, to the end; then a suffix, and the whole', async () => {
    const served = serve(textOf('a', 300_000))
    const path = bench.fresh('/small')
    const tail = await part(path, '150000-')
    expect(tail).toMatchObject({ status: 206, range: 'bytes 150000-299999/300000' })
    expect(tail.text === served.text.slice(150_000)).toBe(true)
    await expect.poll(async () => (await part(path, '-5')).cache).toContain('hit')
    expect((await part(path, '-5')).text).toBe(served.text.slice(-5))
    const whole = await bench.ask(path)
    expect([whole.status, whole.text === served.text, whole.headers.get('content-range')]).toEqual([200, true, null])
    expect(whole.headers.get('content-length')).toBe('300000')
    await expect.poll(async () => (await bench.ask(path)).cache).toContain('hit')
  })

  test('longer than an origin is asked for at once, and than slices are kept of one request', async () => {
    const served = serve(textOf('a', 2_000_000))
    const path = bench.fresh('/small')
    const all = await part(path, '0-')
    expect(all).toMatchObject({ status: 206, range: 'bytes 0-1999999/2000000' })
    expect(all.text === served.text).toBe(true)
    expect(served.asked).toEqual(['bytes=0-524287', 'bytes=524288-1048575', 'bytes=1048576-1999999'])
  })
})

describe('answered from the note of a sliced content', () => {
  test.each<[string, string, RequestInit & { headers: Record<string, string> }, number, string]>([
    ['a HEAD', 'HEAD', { headers: {} }, 200, ''],
    ['If-None-Match', 'GET', { headers: { 'if-none-match': '"1"', range: 'bytes=0-4' } }, 304, ''],
    ['a range beyond the end', 'GET', { headers: { range: 'bytes=300000-' } }, 416, ''],
  ])('%s', async (_, method, init, status, text) => {
    const served = serve(textOf('a', 300_000))
    const path = bench.fresh('/small')
    await part(path, '0-9')
    await expect.poll(async () => (await part(path, '0-9')).cache).toContain('hit')
    const answer = await bench.ask(path, { ...init, method })
    expect([answer.status, status === 416 ? '' : answer.text]).toEqual([status, text])
    expect(answer.headers.get(status === 416 ? 'content-range' : 'etag')).toBe(
      status === 416 ? 'bytes */300000' : '"1"',
    )
    expect(answer.cache).toContain('hit')
    expect(served.asked).toHaveLength(1)
  })

  test('If-Range that names another version gets the whole', async () => {
    const served = serve(textOf('a', 300_000))
    const path = bench.fresh('/small')
    await part(path, '0-9')
    await expect.poll(async () => (await part(path, '0-9')).cache).toContain('hit')
    const answer = await part(path, '0-9', { 'if-range': '"2"' })
    expect([answer.status, answer.text === served.text]).toEqual([200, true])
  })
})

test('a range of what is no larger than a slice brings all of it, and all of it is stored', async () => {
  const served = serve(textOf('a', 1000), {})
  const path = bench.fresh('/small')
  expect(await part(path, '10-19')).toMatchObject({
    status: 206,
    range: 'bytes 10-19/1000',
    text: served.text.slice(10, 20),
  })
  await expect.poll(async () => (await bench.ask(path)).cache).toContain('hit')
  expect((await bench.ask(path)).text).toBe(served.text)
  expect(served.asked).toEqual(['bytes=0-65535'])
})

describe('never a byte of another version', () => {
  test('one that has changed since is sent whole, and stored', async () => {
    const served = serve(textOf('a', 300_000))
    const path = bench.fresh('/small')
    await part(path, '0-9')
    await expect.poll(async () => (await part(path, '0-9')).cache).toContain('hit')
    Object.assign(served, { text: textOf('b', 300_000), headers: { ...served.headers, etag: '"2"' } })
    const answer = await part(path, '200000-200009')
    expect([answer.status, answer.text === served.text]).toEqual([200, true])
    await expect.poll(async () => (await part(path, '0-9')).text).toBe(served.text.slice(0, 10))
  })

  test.each([
    ['a longer one', 400_000, '"2"'],
    ['one as long', 300_000, '"2"'],
    ['a longer one of the same tag', 400_000, '"1"'],
  ])('nor where the origin does not heed If-Range: %s', async (_, size, etag) => {
    const served = serve(textOf('a', 300_000))
    const path = bench.fresh('/small')
    await part(path, '0-9')
    await expect.poll(async () => (await part(path, '0-9')).cache).toContain('hit')
    Object.assign(served, { text: textOf('b', size), headers: { ...served.headers, etag } })
    const heedful = bench.origin.handle
    bench.origin.handle = (request, response) => {
      delete request.headers['if-range']
      heedful(request, response)
    }
    const other = await part(path, '200000-200009')
    expect(other).toMatchObject({
      status: 206,
      range: `bytes 200000-200009/${size}`,
      text: served.text.slice(200_000, 200_010),
    })
    await expect.poll(async () => (await part(path, '0-9')).text).toBe(served.text.slice(0, 10))
  })

  test('one that changes in the middle of an answer cuts it', async () => {
    const served = serve(textOf('a', 1_000_000))
    const path = bench.fresh('/small')
    await part(path, '0-9')
    await expect.poll(async () => (await part(path, '0-9')).cache).toContain('hit')
    Object.assign(served, { text: textOf('b', 1_000_000), headers: { ...served.headers, etag: '"2"' } })
    await expect(part(path, '0-999999')).rejects.toThrow()
  })

  test.each<[string, Record<string, string>]>([
    ['no tag', {}],
    ['a weak tag', { etag: 'W/"1"' }],
    ['a date alone', { 'last-modified': 'Mon, 01 Jan 2024 00:00:00 GMT' }],
    ['coded content', { etag: '"1"', 'content-encoding': 'x-odd' }],
    ['uncacheable', { etag: '"1"', 'cache-control': 'private' }],
  ])('what has no guard is not kept in slices: %s', async (_, headers) => {
    const served = serve(textOf('a', 300_000), headers)
    const path = bench.fresh('/small')
    const ask = (range: string) => part(path, range, { 'accept-encoding': 'identity' })
    expect((await ask('10-19')).status).toBe(206)
    served.text = textOf('b', 300_000)
    await expect.poll(async () => (await ask('20-29')).text).toBe(served.text.slice(20, 30))
    // From then on the origin is asked for what the client asks for.
    await expect.poll(async () => (await ask('20-29')) && served.asked.at(-1)).toBe('bytes=20-29')
  })

  test.each<[string, Record<string, string>, string]>([
    ['another place', { 'content-range': 'bytes 65536-131071/300000' }, 'x'.repeat(65_536)],
    ['another length', { 'content-range': 'bytes 0-65535/300000' }, '0123456789'],
    ['more than it says', { 'content-range': 'bytes 0-65535/300000' }, 'x'.repeat(70_000)],
    [
      'several parts',
      { 'content-range': 'bytes 0-65535/300000', 'content-type': 'multipart/byteranges; boundary=x' },
      'x'.repeat(65_536),
    ],
    ['no size', { 'content-range': 'bytes 0-9/*' }, '0123456789'],
    ['nonsense', { 'content-range': 'all of it' }, '0123456789'],
  ])('a part that lies about itself is passed, and nothing is stored: %s', async (_, headers, text) => {
    const path = bench.fresh('/small')
    const fields = { etag: '"1"', 'cache-control': 'max-age=60', ...headers }
    bench.origin.handle = (_, response) => reply(response, text, fields, 206)
    expect(await part(path, '0-9')).toMatchObject({ status: 206, text })
    const served = serve(textOf('a', 300_000))
    expect((await part(path, '0-9')).text).toBe(served.text.slice(0, 10))
  })

  test('a part that is cut looks cut, and nothing of its slice is stored', async () => {
    const path = bench.fresh('/small')
    const text = textOf('a', 300_000)
    bench.origin.handle = (_, response) => {
      const fields = { etag: '"1"', 'cache-control': 'max-age=60', 'content-range': 'bytes 65536-131071/300000' }
      response.writeHead(206, { 'content-length': 65_536, ...fields })
      response.write(text.slice(65_536, 100_000), () => response.socket?.destroy())
    }
    await expect(part(path, '65536-131071')).rejects.toThrow()
    const served = serve(text)
    const again = await part(path, '65536-65545')
    expect(again.text).toBe(text.slice(65_536, 65_546))
    expect(served.asked).toEqual(['bytes=65536-131071'])
  })
})

describe('an origin may send less than it is asked for', () => {
  test.each([100_000, 60_000, 10_000])('%i bytes at once, from the beginning', async (cap) => {
    const served = serve(textOf('a', 300_000))
    served.cap = cap
    const path = bench.fresh('/small')
    // What it sends is passed on as it is.
    const part1 = await part(path, '0-199999')
    expect(part1.range).toBe(`bytes 0-${cap - 1}/300000`)
    expect(part1.text === served.text.slice(0, cap)).toBe(true)
  })

  test.each([100_000, 60_000, 30_000])('%i bytes at once, from the second slice on', async (cap) => {
    const served = serve(textOf('a', 300_000))
    const path = await held(served)
    served.cap = cap
    const longer = await part(path, '0-199999')
    expect([longer.status, longer.range]).toEqual([206, 'bytes 0-199999/300000'])
    expect(longer.text === served.text.slice(0, 200_000)).toBe(true)
    expect((await bench.ask(path)).text === served.text).toBe(true)
  })

  test('too little to go on: the answer is cut, and the origin is not asked for ever', async () => {
    const served = serve(textOf('a', 300_000))
    const path = await held(served)
    served.cap = 10
    await expect(part(path, '0-199999')).rejects.toThrow()
    expect(served.asked.length).toBeLessThan(50)
  })
})

/** The path of a content of which the first slice is stored. */
async function held(served: Served): Promise<string> {
  const path = bench.fresh('/small')
  await part(path, '0-9')
  await expect.poll(async () => (await part(path, '0-9')).cache).toContain('hit')
  served.asked.length = 0
  return path
}

describe('what is missing is asked for in nobody’s name', () => {
  test('without credentials, cookies, and fields that the first did not have', async () => {
    serve(textOf('a', 300_000), { etag: '"1"', 'cache-control': 'public, max-age=60' })
    const path = bench.fresh('/small')
    await part(path, '0-9')
    await expect.poll(async () => (await part(path, '0-9')).cache).toContain('hit')
    await part(path, '70000-70009', { authorization: 'Bearer x', cookie: 'a=1', foo: '1', 'x-api-key': 'k' })
    const sent = bench.seen.at(-1)!.headers
    for (const name of ['authorization', 'cookie', 'foo', 'x-api-key']) expect(sent).not.toHaveProperty(name)
  })

  test.each<[string, Record<string, string>]>([
    ['private', { 'cache-control': 'private' }],
    ['a cookie', { 'set-cookie': 'a=1' }],
    ['another Vary', { vary: 'accept-language' }],
    ['another type', { 'content-type': 'text/html' }],
  ])('a part that is not for others is not stored, and ends what is: %s', async (_, headers) => {
    const served = serve(textOf('a', 300_000))
    const path = await held(served)
    Object.assign(served.headers, headers)
    const wanted = served.text.slice(70_000, 70_010)
    expect((await part(path, '70000-70009')).text).toBe(wanted)
    const again = await part(path, '70000-70009', { 'accept-language': 'xx' })
    expect([again.text, again.cache.includes('hit;')]).toEqual([wanted, false])
  })

  test.each([300_000, 1000])(
    'a part that repeats what its request has said is not stored: of %i bytes',
    async (size) => {
      const served = serve('', { etag: '"1"', 'content-type': 'text/html' })
      const heedless = bench.origin.handle
      bench.origin.handle = (request, response) => {
        served.text = `${request.headers['user-agent']}`.padEnd(size, '.')
        heedless(request, response)
      }
      const path = bench.fresh('/small')
      const evil = '"><script src=//evil.example></script>'
      expect((await part(path, '0-99', { 'user-agent': evil })).text).toContain(evil)
      for (let time = 0; time < 5; time++)
        expect((await part(path, '0-99', { 'user-agent': 'Innocent/1.0' })).text).not.toContain('evil')
      expect((await bench.ask(path, { headers: { 'user-agent': 'Innocent/1.0' } })).text).not.toContain('evil')
    },
  )

  test.each([403, 429, 302, 416, 503])('a %i to one who asks for what is missing ends nothing', async (status) => {
    const served = serve(textOf('a', 300_000))
    const path = await held(served)
    bench.origin.handle = (_, response) => reply(response, 'no', {}, status)
    expect((await part(path, '70000-70009')).status).toBe(status)
    expect((await part(path, '0-9')).cache).toContain('hit')
  })

  test.each([404, 410])('a %i to one who asks for what is missing ends all of it', async (status) => {
    const served = serve(textOf('a', 300_000))
    const path = await held(served)
    bench.origin.handle = (_, response) => reply(response, 'gone', {}, status)
    for (const range of ['70000-70009', '0-9']) expect((await part(path, range)).status).toBe(status)
  })

  test('a 304 to nobody’s question is an origin’s error', async () => {
    const served = serve(textOf('a', 300_000))
    const path = await held(served)
    bench.origin.handle = (_, response) => response.writeHead(304, { etag: '"1"' }).end()
    expect((await part(path, '70000-70009')).status).toBe(502)
    expect((await part(path, '0-9')).cache).toContain('hit')
  })
})

test('one that has changed is cut once, and whole from then on', async () => {
  const served = serve(textOf('a', 300_000))
  const path = await held(served)
  Object.assign(served, { text: textOf('b', 300_000), headers: { ...served.headers, etag: '"2"' } })
  await expect(bench.ask(path)).rejects.toThrow()
  expect((await bench.ask(path)).text === served.text).toBe(true)
  expect((await part(path, '0-9')).text).toBe(served.text.slice(0, 10))
})

test('a range does not keep a whole from the store that is under way', async () => {
  const path = bench.fresh()
  const text = textOf('a', 100_000)
  const fields = { etag: 'W/"1"', 'cache-control': 'max-age=60', 'content-length': text.length }
  const begun = Promise.withResolvers<() => void>()
  bench.origin.handle = ({ headers: { range } }, response) => {
    const part = { ...fields, 'content-length': 1, 'content-range': `bytes 0-0/${text.length}` }
    if (range !== undefined) return response.writeHead(206, part).end('a')
    response.writeHead(200, fields).write(text.slice(0, 1000))
    begun.resolve(() => response.end(text.slice(1000)))
    return undefined
  }
  const whole = bench.ask(path)
  const finish = await begun.promise
  await part(path, '0-0')
  finish()
  expect((await whole).text === text).toBe(true)
  await expect.poll(async () => (await bench.ask(path)).cache).toContain('hit')
})

test('beyond the slices that one answer is made of it is no hit, and nothing for only-if-cached', async () => {
  const served = serve(textOf('a', 65_536 * 14))
  const path = bench.fresh('/small')
  for (const first of [0, 6, 12]) {
    const last = Math.min((first + 6) * 65_536, served.text.length) - 1
    await part(path, `${first * 65_536}-${last}`)
  }
  await expect.poll(async () => (await part(path, '0-500000')).cache).toContain('hit')
  expect((await part(path, '0-', { 'cache-control': 'only-if-cached' })).status).toBe(504)
  const all = await part(path, '0-')
  expect([all.text === served.text, all.cache]).toEqual([true, 'weir; fwd=partial; fwd-status=206; stored'])
})

test('a stale one is validated, and lives on', async () => {
  const served = serve(textOf('a', 300_000), { etag: '"1"', 'cache-control': 'max-age=0, no-cache' })
  const path = bench.fresh('/small')
  await part(path, '0-9')
  await expect.poll(async () => (await part(path, '0-9')).cache).toBe('weir; fwd=stale; fwd-status=304; stored')
  expect((await part(path, '20-29')).text).toBe(served.text.slice(20, 30))
  served.headers.etag = '"2"'
  served.text = textOf('b', 300_000)
  expect(await part(path, '20-29')).toMatchObject({ status: 206, text: served.text.slice(20, 30) })
})

test('a client that leaves midway leaves whole slices behind', async () => {
  const served = serve(textOf('a', 3_000_000))
  const path = bench.fresh('/small')
  const controller = new AbortController()
  const response = await fetch(bench.gateway.url + path, { headers: { range: 'bytes=0-' }, signal: controller.signal })
  await response.body!.getReader().read()
  controller.abort()
  await expect.poll(async () => (await part(path, '0-9')).cache).toContain('hit')
  expect((await part(path, '60000-70000')).text).toBe(served.text.slice(60_000, 70_001))
})

test('only-if-cached asks nobody for what is missing', async () => {
  const served = serve(textOf('a', 300_000))
  const path = bench.fresh('/small')
  await part(path, '0-9')
  const stored = { 'cache-control': 'only-if-cached' }
  await expect.poll(async () => (await part(path, '0-9', stored)).status).toBe(206)
  expect((await part(path, '60000-70000', stored)).status).toBe(504)
  expect(served.asked).toHaveLength(1)
})

test.each([
  ['of a HEAD', 'HEAD', '0-9'],
  ['several', 'GET', '0-9, 200000-200009'],
  ['a suffix', 'GET', '-5'],
])('a range that no slices are asked for is the client’s own: %s', async (_, method, range) => {
  const served = serve(textOf('a', 300_000))
  await bench.ask(bench.fresh('/small'), { method, headers: { range: `bytes=${range}` } })
  expect(served.asked).toEqual([`bytes=${range}`])
})

test('more of what is not for others than is asked for at once comes from the origin as it is', async () => {
  const served = serve(textOf('a', 2_000_000), { etag: '"1"', 'cache-control': 'private' })
  const long = await part(bench.fresh('/small'), '0-999999')
  expect(long.text === served.text.slice(0, 1_000_000)).toBe(true)
})

test('a range of what is stored whole, and is stale, asks whether all of it is current', async () => {
  const served = serve(textOf('a', 300_000), { etag: '"1"', 'cache-control': 'no-cache' })
  const path = bench.fresh('/small')
  await bench.ask(path)
  await expect.poll(async () => (await part(path, '0-9')).cache).toBe('weir; fwd=stale; fwd-status=304; stored')
  expect(served.asked.at(-1)).toBeUndefined()
})

test('a slice size of 0: the range is the origin’s, and nothing is kept', async () => {
  const served = serve(textOf('a', 300_000))
  const path = bench.fresh('/off')
  for (let time = 0; time < 2; time++) expect((await part(path, '5-9')).text).toBe(served.text.slice(5, 10))
  expect(served.asked).toEqual(['bytes=5-9', 'bytes=5-9'])
})
