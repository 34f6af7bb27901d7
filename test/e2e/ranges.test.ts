// Ranges (RFC 9110 §14) of what is stored as a whole, and a range that is asked of a miss.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Asked, type CacheBench, reply, startCacheBench } from './support/cache.ts'

let bench: CacheBench
beforeAll(async () => {
  bench = await startCacheBench()
})
afterAll(() => bench?.close())

const alphabet = 'abcdefghijklmnopqrstuvwxyz'
const large = Array.from({ length: 200_000 }, (_, index) => String(index).padStart(8, '0')).join('')
const lastModified = 'Mon, 01 Jan 2024 00:00:00 GMT'

/** A path whose whole content is stored. */
async function stored(body: string, headers: Record<string, string> = {}): Promise<string> {
  const path = bench.fresh()
  bench.origin.handle = (_, response) => reply(response, body, { 'cache-control': 'max-age=60', ...headers })
  await bench.ask(path)
  await expect.poll(async () => (await bench.ask(path)).cache).toContain('hit')
  bench.origin.handle = (_, response) => reply(response, 'the origin was asked', {})
  return path
}

describe.each([
  ['small', alphabet],
  ['large', large],
])('from a stored whole: %s', (_, body) => {
  const size = body.length
  test.each<[string, string, number, number]>([
    ['from the start', 'bytes=0-4', 0, 4],
    ['from the middle', 'bytes=10-19', 10, 19],
    ['one byte', 'bytes=25-25', 25, 25],
    ['open at the end', `bytes=${size - 5}-`, size - 5, size - 1],
    ['a suffix', 'bytes=-3', size - 3, size - 1],
    ['beyond the end', `bytes=${size - 2}-${size + 10}`, size - 2, size - 1],
    ['across a megabyte, or all', 'bytes=1-1200000', 1, Math.min(size - 1, 1_200_000)],
  ])('%s', async (_, range, first, last) => {
    const path = await stored(body, { 'content-type': 'text/x-alphabet' })
    const part = await bench.ask(path, { headers: { range } })
    expect(part.status).toBe(206)
    expect(part.headers.get('content-range')).toBe(`bytes ${first}-${last}/${size}`)
    expect(part.headers.get('content-type')).toBe('text/x-alphabet')
    expect(part.text === body.slice(first, last + 1)).toBe(true)
    expect(part.cache).toContain('hit')
  })
})

test.each<[string, string, string]>([
  ['another unit', 'lines=0-1', ''],
  ['malformed', 'bytes=4-2', ''],
  ['more ranges than are worth it', `bytes=${Array.from({ length: 20 }, (_, i) => `${i * 4}-${i * 4}`).join(',')}`, ''],
])('the whole for a range that is %s', async (_, range) => {
  const path = await stored(alphabet.repeat(4))
  expect(await bench.ask(path, { headers: { range } })).toMatchObject({ status: 200, text: alphabet.repeat(4) })
})

test('416 beyond the content', async () => {
  const path = await stored(alphabet)
  const answer = await bench.ask(path, { headers: { range: 'bytes=26-' } })
  expect(answer.status).toBe(416)
  expect(answer.headers.get('content-range')).toBe('bytes */26')
  expect(JSON.parse(answer.text)).toMatchObject({ reason: 'range-not-satisfiable' })
})

test('several ranges in one multipart', async () => {
  const path = await stored(alphabet, { 'content-type': 'text/plain' })
  const answer = await bench.ask(path, { headers: { range: 'bytes=0-1, -2' } })
  const boundary = /^multipart\/byteranges; boundary=(\S+)$/.exec(answer.headers.get('content-type')!)![1]
  expect(answer.status).toBe(206)
  expect(answer.headers.get('content-length')).toBe(String(answer.text.length))
  expect(answer.text.split('\r\n')).toEqual([
    `--${boundary}`,
    'Content-Type: text/plain',
    'Content-Range: bytes 0-1/26',
    '',
    'ab',
    `--${boundary}`,
    'Content-Type: text/plain',
    'Content-Range: bytes 24-25/26',
    '',
    'yz',
    `--${boundary}--`,
    '',
  ])
})

/** What each part says that it is, and its bytes. */
function partsIn({ headers, text }: Asked): [contentRange: string, bytes: string][] {
  const boundary = /^multipart\/byteranges; boundary=(\S+)$/.exec(headers.get('content-type')!)![1]
  const parts = text.split(`--${boundary}`).slice(1, -1)
  return parts.map((part) => [/^content-range: (.*)\r$/im.exec(part)![1]!, part.split('\r\n\r\n')[1]!.slice(0, -2)])
}

test.each<[string, string, [number, number][]]>([
  [
    'far apart',
    'bytes=0-1,700000-700009,1599998-',
    [
      [0, 1],
      [700_000, 700_009],
      [1_599_998, 1_599_999],
    ],
  ],
  [
    'and long',
    'bytes=2-1200000,1200002-1200003',
    [
      [2, 1_200_000],
      [1_200_002, 1_200_003],
    ],
  ],
  [
    'at its end',
    'bytes=1500000-1500001,-4',
    [
      [1_500_000, 1_500_001],
      [1_599_996, 1_599_999],
    ],
  ],
])('several ranges of what is large: %s', async (_, range, expected) => {
  const path = await stored(large)
  const answer = await bench.ask(path, { headers: { range } })
  expect(answer).toMatchObject({ status: 206, cache: expect.stringContaining('hit') })
  expect(answer.headers.get('content-length')).toBe(String(answer.text.length))
  expect(partsIn(answer)).toEqual(
    expected.map(([first, last]) => [`bytes ${first}-${last}/${large.length}`, large.slice(first, last + 1)]),
  )
})

test('several ranges of what is small come in the order in which they were asked for', async () => {
  const path = await stored(alphabet)
  const answer = await bench.ask(path, { headers: { range: 'bytes=-2,3-4' } })
  expect(partsIn(answer)).toEqual([
    ['bytes 24-25/26', 'yz'],
    ['bytes 3-4/26', 'de'],
  ])
})

test('the whole of what is large for several in another order', async () => {
  const path = await stored(large)
  const answer = await bench.ask(path, { headers: { range: 'bytes=1500000-1500001,0-1' } })
  expect([answer.status, answer.text === large]).toEqual([200, true])
})

test.each<[string, string, number]>([
  ['the tag', '"1"', 206],
  ['another tag', '"2"', 200],
  ['a weak tag', 'W/"1"', 200],
  ['the date', lastModified, 206],
  ['another date', 'Tue, 02 Jan 2024 00:00:00 GMT', 200],
])('If-Range: %s', async (_, ifRange, status) => {
  const path = await stored(alphabet, { etag: '"1"', 'last-modified': lastModified })
  const answer = await bench.ask(path, { headers: { range: 'bytes=0-1', 'if-range': ifRange } })
  expect([answer.status, answer.text]).toEqual([status, status === 206 ? 'ab' : alphabet])
})

test('a range asked of a miss makes no cut entry', async () => {
  bench.origin.handle = (request, response) =>
    request.headers.range !== undefined
      ? reply(response, 'ab', { 'cache-control': 'max-age=60', 'content-range': 'bytes 0-1/26' }, 206)
      : reply(response, alphabet, { 'cache-control': 'max-age=60' })
  const path = bench.fresh()
  expect(await bench.ask(path, { headers: { range: 'bytes=0-1' } })).toMatchObject({ status: 206, text: 'ab' })
  expect(await bench.ask(path)).toMatchObject({ status: 200, text: alphabet })
})

test('a HEAD with a range is a HEAD of the whole', async () => {
  const path = await stored(alphabet)
  const head = await bench.ask(path, { method: 'HEAD', headers: { range: 'bytes=0-1' } })
  expect([head.status, head.headers.get('content-length')]).toEqual([200, '26'])
})
