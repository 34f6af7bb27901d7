// A body that the origin cuts is never stored, whatever its framing, and looks cut to the client.
import type { ServerResponse } from 'node:http'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startGateway, type TestGateway } from './support/gateway.ts'
import { startOrigin, type TestOrigin } from './support/origin.ts'
import { rawGet, type WireAnswer } from './support/wire.ts'

let origin: TestOrigin
let gateway: TestGateway

beforeAll(async () => {
  origin = await startOrigin(() => undefined)
  const cache = { mode: 'force', ttlSeconds: 60 }
  gateway = await startGateway({
    pools: { web: { origins: [{ url: origin.url }], timeouts: { idleMs: 300 } } },
    routes: [{ path: '/*', pools: ['web'], cache }],
  })
})

afterAll(async () => {
  await gateway?.close()
  await origin?.close()
})

const big = 'x'.repeat(300_000)

/** Sends what is given of a longer body, and then cuts the connection or falls silent. */
type Cut = (response: ServerResponse) => void

const head = 'HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\n'

const cuts: [string, Cut][] = [
  ['small, Content-Length', (r) => r.socket?.end(`${head}Content-Length: 100\r\n\r\nhalf`)],
  ['large, Content-Length', (r) => r.socket?.end(`${head}Content-Length: 400000\r\n\r\n${big}`)],
  [
    'reset in the middle, Content-Length',
    (r) => r.socket?.write(`${head}Content-Length: 100\r\n\r\nhalf`, () => r.socket?.resetAndDestroy()),
  ],
  ['nothing after the head, Content-Length', (r) => r.socket?.end(`${head}Content-Length: 100\r\n\r\n`)],
  ['chunked, no last chunk', (r) => r.socket?.end(`${head}Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n`)],
  ['chunked, in the middle of a chunk', (r) => r.socket?.end(`${head}Transfer-Encoding: chunked\r\n\r\n64\r\nhalf`)],
  ['chunked, large', (r) => r.socket?.end(`${head}Transfer-Encoding: chunked\r\n\r\n493e0\r\n${big}\r\n`)],
  ['silent for longer than idleMs, Content-Length', (r) => r.socket?.write(`${head}Content-Length: 100\r\n\r\nhalf`)],
  [
    'silent for longer than idleMs, chunked',
    (r) => r.socket?.write(`${head}Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n`),
  ],
]

/** Whether a client can tell that bytes are missing. */
function looksCut({ status, headers, body }: WireAnswer): boolean {
  // The connection closed without an answer.
  if (status === 0) return true
  const length = headers['content-length']
  return length === undefined ? !body.endsWith('0\r\n\r\n') : body.length < Number(length)
}

test.each(cuts)('cut: %s', async (title, cut) => {
  const path = `/${encodeURIComponent(title)}`
  origin.handle = (_, response) => cut(response)
  const answer = await rawGet(gateway.url, path)
  expect(looksCut(answer)).toBe(true)
  origin.handle = (_, response) => response.end('whole')
  const after = await rawGet(gateway.url, path)
  expect(after.headers['cache-status']).toContain('fwd=uri-miss')
  expect(after.body).toContain('whole')
})

test.each(['GET', 'POST'])(
  'RFC 9112 §6.3: Transfer-Encoding overrides a Content-Length that is too small: %s',
  async (method) => {
    origin.handle = (_, response) => {
      response.socket?.end(`${head}Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n`)
    }
    for (let time = 0; time < 2; time++) {
      const response = await fetch(`${gateway.url}/both`, { method })
      expect([response.status, await response.text()]).toEqual([200, 'hello'])
    }
  },
)

test('a body that ends with its connection is not stored: a cut one would look the same', async () => {
  origin.handle = (_, response) => response.socket?.end(`${head}Connection: close\r\n\r\nperhaps whole`)
  const first = await rawGet(gateway.url, '/close-delimited')
  expect(first.body).toContain('perhaps whole')
  expect(first.headers['cache-status']).toContain('detail=framing')
  const second = await rawGet(gateway.url, '/close-delimited')
  expect(second.headers['cache-status']).toContain('fwd=uri-miss')
})

test('a client that leaves early does not spoil the entry for the others', async () => {
  let finish = () => undefined as unknown
  origin.handle = (_, response) => {
    response.writeHead(200, { 'content-length': '200000' })
    response.write('a'.repeat(100_000))
    finish = () => response.end('b'.repeat(100_000))
  }
  const controller = new AbortController()
  const leaving = await fetch(`${gateway.url}/left`, { signal: controller.signal })
  await leaving.body?.getReader().read()
  controller.abort()
  finish()
  origin.handle = (_, response) => response.end('other')
  const later = await (await fetch(`${gateway.url}/left`)).text()
  expect(later === 'other' || later === 'a'.repeat(100_000) + 'b'.repeat(100_000)).toBe(true)
})

test.each([
  ['with a Content-Length', true],
  ['chunked', false],
])('a body larger than what is held in memory is stored whole, %s', async (title, withLength) => {
  const body = Buffer.alloc(5_000_000, 'weir ')
  origin.handle = (_, response) => {
    response.writeHead(200, withLength ? { 'content-length': body.length } : {})
    response.write(body.subarray(0, 2_000_000))
    response.end(body.subarray(2_000_000))
  }
  const url = `${gateway.url}/large-${withLength}`
  const first = Buffer.from(await (await fetch(url)).arrayBuffer())
  expect(first.equals(body)).toBe(true)
  await expect
    .poll(async () => {
      const response = await fetch(url)
      const bytes = Buffer.from(await response.arrayBuffer())
      return response.headers.get('cache-status')?.includes('hit') ? bytes.equals(body) : title
    })
    .toBe(true)
})

test.each([
  ['with a Content-Length', 'Content-Length: 5000000', 'x'.repeat(4_000_000)],
  ['chunked', 'Transfer-Encoding: chunked', `3d0900\r\n${'x'.repeat(4_000_000)}\r\n`],
])('a large body that is cut is not stored, %s', async (title, framing, body) => {
  const path = `/large-cut-${title.length}`
  origin.handle = (_, response) => response.socket?.end(`${head}${framing}\r\n\r\n${body}`)
  const cut = await fetch(gateway.url + path)
    .then((response) => response.text())
    .catch(() => 'cut')
  expect(cut).toBe('cut')
  origin.handle = (_, response) => response.end('whole')
  expect(await (await fetch(gateway.url + path)).text()).toBe('whole')
})
