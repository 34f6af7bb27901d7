// Answers that no origin should give: what becomes of them is a reasoned problem or the answer itself, never a bare 500,
// and never an entry that is wrong.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type CacheBench, reply, startCacheBench } from './support/cache.ts'
import { rawGet } from './support/wire.ts'

let bench: CacheBench
beforeAll(async () => {
  bench = await startCacheBench({ '/force': { mode: 'force', ttlSeconds: 60 } })
})
afterAll(() => bench?.close())

const minute = 'Cache-Control: max-age=60'

/** The origin's next answers, byte for byte; each ends its connection. */
function say(...lines: string[]) {
  bench.origin.handle = ({ socket }) => socket.end([...lines.slice(0, -1), '', lines.at(-1)].join('\r\n'))
}

const soon = (seconds: number) => new Date(Date.now() + seconds * 1000).toUTCString()

describe('is told by a problem, and nothing of it is stored, not even where the route forces it', () => {
  test.each<[string, string[], string]>([
    ['999', ['HTTP/1.1 999 X', minute, 'Content-Length: 2', 'no'], 'origin-protocol'],
    ['600', ['HTTP/1.1 600 X', minute, 'Content-Length: 2', 'no'], 'origin-protocol'],
    ['a switch of protocols', ['HTTP/1.1 101 X', 'Upgrade: x', 'Connection: upgrade', ''], 'origin-protocol'],
    ['a 304 to nobody’s question', ['HTTP/1.1 304 X', 'ETag: "1"', minute, ''], 'origin-protocol'],
    ['1xx, and then nothing', ['HTTP/1.1 100 Continue', ''], 'origin-connection'],
    ['199 as a final status', ['HTTP/1.1 199 X', minute, 'Content-Length: 2', 'no'], 'origin-connection'],
    ['two lengths', ['HTTP/1.1 200 OK', minute, 'Content-Length: 2', 'Content-Length: 3', 'no!'], 'origin-connection'],
    ['a length that is none', ['HTTP/1.1 200 OK', minute, 'Content-Length: x', 'no'], 'origin-connection'],
    ['a NUL in a field', ['HTTP/1.1 200 OK', minute, 'X-A: a\0b', 'Content-Length: 2', 'no'], 'origin-connection'],
    ['no HTTP at all', ['no', ''], 'origin-connection'],
  ])('%s', async (_, lines, reason) => {
    say(...lines)
    const path = bench.fresh('/force')
    const bad = await rawGet(bench.gateway.url, path)
    expect([502, 503]).toContain(bad.status)
    expect(bad.headers['content-type']).toBe('application/problem+json')
    expect(bad.headers['cache-status']).toBe('weir; fwd=uri-miss')
    expect(bad.body).toContain(`"reason": "${reason}"`)
    bench.origin.handle = (_, response) => reply(response, 'good', { 'cache-control': 'max-age=60' })
    // For a moment the failure is everybody's who asks for the same.
    await expect.poll(async () => (await bench.ask(path)).text).toBe('good')
  })
})

describe('is passed on, and never stored', () => {
  test.each<[string, string[], string]>([
    [
      'a 206 to a plain GET',
      ['HTTP/1.1 206 X', 'Content-Range: bytes 0-1/9', minute, 'Content-Length: 2', 'no'],
      'status',
    ],
    ['a 206 without a range', ['HTTP/1.1 206 X', minute, 'Content-Length: 2', 'no'], 'status'],
    ['a Vary that is no list of names', ['HTTP/1.1 200 X', 'Vary: a b', minute, 'Content-Length: 2', 'no'], 'vary'],
    ['a Vary with a star in it', ['HTTP/1.1 200 X', 'Vary: a, *', minute, 'Content-Length: 2', 'no'], 'vary'],
    [
      'a Date a day back',
      ['HTTP/1.1 200 X', `Date: ${soon(-86_400)}`, minute, 'Content-Length: 2', 'no'],
      'stale-on-arrival',
    ],
    [
      'an Expires before a Date a day ahead',
      ['HTTP/1.1 200 X', `Date: ${soon(86_400)}`, `Expires: ${soon(3600)}`, 'Content-Length: 2', 'no'],
      'stale-on-arrival',
    ],
    [
      'lifetimes that contradict each other',
      ['HTTP/1.1 200 X', minute, 'Cache-Control: max-age=0', 'Content-Length: 2', 'no'],
      'stale-on-arrival',
    ],
    [
      'directives that contradict each other',
      ['HTTP/1.1 200 X', 'Cache-Control: public, private, max-age=60', 'Content-Length: 2', 'no'],
      'private',
    ],
  ])('%s', async (_, lines, detail) => {
    say(...lines)
    const path = bench.fresh()
    const bad = await rawGet(bench.gateway.url, path)
    expect(bad.headers['cache-status']).toMatch(new RegExp(`^weir; fwd=uri-miss; fwd-status=20[06]; detail=${detail}$`))
    bench.origin.handle = (_, response) => reply(response, 'good', { 'cache-control': 'max-age=60' })
    expect((await bench.ask(path)).text).toBe('good')
  })
})

test('a Date a day ahead makes nothing older or younger', async () => {
  say('HTTP/1.1 200 OK', `Date: ${soon(86_400)}`, minute, 'Content-Length: 2', 'ok')
  const path = bench.fresh()
  await bench.ask(path)
  await expect.poll(async () => (await bench.ask(path)).cache).toMatch(/^weir; hit; ttl=[56]\d$/)
  expect((await bench.ask(path)).headers.get('age')).toMatch(/^\d$/)
})

test('what comes behind a Content-Length that is too small is nobody’s answer', async () => {
  say('HTTP/1.1 200 OK', minute, 'Content-Length: 2', 'okHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nother')
  const path = bench.fresh()
  expect((await bench.ask(path)).text).toBe('ok')
  await expect.poll(async () => (await bench.ask(path)).cache).toContain('hit')
  expect((await bench.ask(path)).text).toBe('ok')
})

test('103, and then the answer: only the last is stored', async () => {
  say(
    'HTTP/1.1 103 Early Hints',
    'Link: </a>',
    'X-Early: 1',
    `HTTP/1.1 200 OK\r\n${minute}\r\nContent-Length: 2\r\n\r\nok`,
  )
  const path = bench.fresh()
  expect(await bench.ask(path)).toMatchObject({ status: 200, text: 'ok' })
  await expect.poll(async () => (await bench.ask(path)).cache).toContain('hit')
  expect((await bench.ask(path)).headers.get('x-early')).toBeNull()
})
