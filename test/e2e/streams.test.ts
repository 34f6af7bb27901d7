// Bytes flow as they come, in both directions: nothing is held back until its end.
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { request as httpRequest, type ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startGateway, type TestGateway } from './support/gateway.ts'
import { startOrigin, type TestOrigin } from './support/origin.ts'

let origin: TestOrigin
let gateway: TestGateway

beforeAll(async () => {
  origin = await startOrigin(() => undefined)
  gateway = await startGateway({
    pools: { web: { origins: [{ url: origin.url }], policy: 'round-robin', timeouts: { idleMs: 500 } } },
    routes: [
      { path: '/force/*', pools: ['web'], cache: { mode: 'force', ttlSeconds: 60 } },
      { path: '/*', pools: ['web'] },
    ],
  })
})

afterAll(async () => {
  await gateway?.close()
  await origin?.close()
})

/** Reads as text until it holds `wanted`; what comes later is still to be read. */
async function readUntil(reader: ReadableStreamDefaultReader<Uint8Array>, wanted: string): Promise<string> {
  let text = ''
  while (!text.includes(wanted)) {
    const { done, value } = await reader.read()
    if (done) throw new Error(`The body ended before ${wanted}: ${text}`)
    text += new TextDecoder().decode(value)
  }
  return text
}

test.each<[string, string, Record<string, string>]>([
  ['a body of unknown length', '/a', {}],
  ['a body of known length', '/b', { 'content-length': '20' }],
  ['a large body of known length', '/c', { 'content-length': '200010' }],
  ['a body that is being stored', '/force/d', {}],
])('the first bytes of %s come before the last are made', async (_, path, headers) => {
  let open: ServerResponse | undefined
  origin.handle = (_, response) => {
    open = response
    response.writeHead(200, headers)
    response.write('first bytes')
  }
  const response = await fetch(gateway.url + path)
  const reader = response.body!.getReader()
  await readUntil(reader, 'first bytes')
  open?.end('x'.repeat(Number(headers['content-length'] ?? 20) - 11))
  for (;;) if ((await reader.read()).done) break
})

test('the head comes before the first bytes are made', async () => {
  let open: ServerResponse | undefined
  origin.handle = (_, response) => {
    open = response
    response.writeHead(200, { 'x-early': 'yes' })
    response.flushHeaders()
  }
  const response = await fetch(`${gateway.url}/head-first`)
  expect(response.headers.get('x-early')).toBe('yes')
  open?.end('late')
  expect(await response.text()).toBe('late')
})

// Who posts is not on a flight, which keeps watch by itself.
test.each(['GET', 'POST'])(
  'server-sent events arrive one by one, and may be silent for longer than idleMs: %s',
  async (method) => {
    let open: ServerResponse | undefined
    origin.handle = (_, response) => {
      open = response
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      response.write('data: one\n\n')
    }
    const response = await fetch(`${gateway.url}/events`, { method })
    const reader = response.body!.getReader()
    await readUntil(reader, 'data: one')
    await new Promise((resolve) => setTimeout(resolve, 700))
    open?.write('data: two\n\n')
    await readUntil(reader, 'data: two')
    open?.end()
  },
)

test('a client that leaves ends the request at the origin', async () => {
  const left = new Promise<void>((resolve) => {
    origin.handle = (_, response) => {
      response.on('close', () => resolve())
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      const timer = setInterval(() => response.write('data: x\n\n'), 20)
      response.on('close', () => clearInterval(timer))
    }
  })
  const controller = new AbortController()
  const response = await fetch(`${gateway.url}/leave`, { signal: controller.signal })
  await response.body!.getReader().read()
  controller.abort()
  await left
})

test('the first bytes of an upload reach the origin before the last are sent', async () => {
  let uploaded = ''
  const arrived = new Promise<void>((resolve) => {
    origin.handle = (request, response) => {
      request.on('data', (chunk: Buffer) => {
        uploaded += chunk
        resolve()
      })
      request.on('end', () => response.end(`${uploaded.length}`))
    }
  })
  const upload = httpRequest(`${gateway.url}/upload`, { method: 'POST' })
  upload.write('a'.repeat(1000))
  await arrived
  upload.end('b'.repeat(1000))
  const [response] = await once(upload, 'response')
  const [body] = await once(response, 'data')
  expect(String(body)).toBe('2000')
})

test('a 20 MB upload and its echo arrive byte for byte', async () => {
  origin.handle = (request, response) => {
    response.writeHead(200, { 'content-length': request.headers['content-length'] ?? '0' })
    request.pipe(response)
  }
  const body = Buffer.alloc(20_000_000)
  for (let index = 0; index < body.length; index++) body[index] = (index * 31 + (index >> 10)) & 255
  const response = await fetch(`${gateway.url}/echo`, { method: 'PUT', body })
  const echoed = Buffer.from(await response.arrayBuffer())
  const hash = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex')
  expect(hash(echoed)).toBe(hash(body))
})

test('a WebSocket passes through, frames and subprotocol, also where a page is stored', async () => {
  origin.handle = (_, response) => response.writeHead(200, { 'cache-control': 'max-age=60' }).end('a page')
  const page = async () => (await fetch(`${gateway.url}/chat`)).headers.get('cache-status')
  await page()
  expect(await page()).toContain('hit')
  origin.server.once('upgrade', (request, socket: Duplex) => {
    const key = `${request.headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`
    const accept = createHash('sha1').update(key).digest('base64')
    socket.write(
      'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
        `Sec-WebSocket-Accept: ${accept}\r\nSec-WebSocket-Protocol: ${request.headers['sec-websocket-protocol']}\r\n\r\n`,
    )
    socket.on('data', (frame: Buffer) => {
      if ((frame[0]! & 15) === 8) return socket.end(Buffer.from([0x88, 0]))
      // A short masked text frame: answered unmasked, in capitals.
      const mask = frame.subarray(2, 6)
      const text = Buffer.from(frame.subarray(6, 6 + (frame[1]! & 127)).map((byte, index) => byte ^ mask[index % 4]!))
      const reply = Buffer.from(text.toString().toUpperCase())
      socket.write(Buffer.concat([Buffer.from([0x81, reply.length]), reply]))
    })
  })
  const socket = new WebSocket(`${gateway.url.replace('http', 'ws')}/chat`, 'shout')
  await once(socket, 'open')
  expect(socket.protocol).toBe('shout')
  socket.send('hello')
  const [message] = await once(socket, 'message')
  expect(message.data).toBe('HELLO')
  socket.close()
  await once(socket, 'close')
})
