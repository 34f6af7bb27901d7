import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { innerOrigin } from '../../../workers/adapters/inner-origin.ts'
import type { InnerOrigin, OriginPort, OriginRequest } from '../../../workers/ports.ts'
import { sourceOf } from '../support/bytes.ts'

beforeEach(() => {
  vi.spyOn(console, 'error').mockReturnValue()
})
afterEach(() => vi.restoreAllMocks())

const onNetwork: OriginRequest[] = []
const network: OriginPort = {
  send(request) {
    onNetwork.push(request)
    return { attempt: Promise.resolve({ kind: 'failed', failure: 'connection' }), abandon: () => undefined }
  },
}

function send(answer: InnerOrigin, more: Partial<OriginRequest> = {}) {
  const fields = new Headers({ 'x-forwarded-proto': 'https', 'x-forwarded-host': 'a.test', 'x-other': '1' })
  const find = (scheme: string, name: string) => (scheme === 'weir' && name === 'here' ? answer : undefined)
  return innerOrigin(find, network).send({
    ...{ url: 'weir:here/path?query', method: 'GET', fields, body: null, headersMs: 1000 },
    ...more,
  })
}

async function answered(answer: InnerOrigin, more?: Partial<OriginRequest>) {
  const ended = await send(answer, more).attempt
  if (ended.kind !== 'answer') throw new Error(ended.failure)
  return ended.response
}

test('it gets the request as the client has addressed it', async () => {
  const body = sourceOf([new TextEncoder().encode('content')]).stream
  const response = await answered(
    async (request) =>
      Response.json([request.method, request.url, request.headers.get('x-other'), await request.text()]),
    { method: 'POST', body },
  )
  expect(await response.json()).toEqual(['POST', 'https://a.test/path?query', '1', 'content'])
})

test('a body of unknown length is one whose end can be told from a cut', async () => {
  const plain = await answered(async () => new Response('text'))
  expect([plain.headers.get('transfer-encoding'), await plain.text()]).toEqual(['chunked', 'text'])
  const measured = await answered(async () => new Response('text', { headers: { 'content-length': '4' } }))
  expect([measured.headers.get('transfer-encoding'), await measured.text()]).toEqual([null, 'text'])
})

test('coded bytes stay as they are', async () => {
  const headers = { 'content-encoding': 'gzip' }
  const response = await answered(async () => new Response('not decoded', { headers, encodeBody: 'manual' }))
  expect([response.headers.get('content-encoding'), await response.text()]).toEqual(['gzip', 'not decoded'])
})

test.each<[string, InnerOrigin, string]>([
  ['throws', () => Promise.reject(new Error('for a test')), 'connection'],
  ['hangs', () => new Promise(() => undefined), 'timeout'],
  ['says what Cloudflare says of an origin that is away', async () => new Response(null, { status: 522 }), 'timeout'],
])('one that %s has failed', async (_, origin, failure) => {
  expect(await send(origin, { headersMs: 20 }).attempt).toMatchObject({ kind: 'failed', failure })
})

test('a client may take its time to send, the origin may not take its time to answer', async () => {
  const slowly = () =>
    new ReadableStream<Uint8Array>({
      async start(controller) {
        for (const text of ['a', 'b', 'c']) {
          await new Promise((resolve) => setTimeout(resolve, 60))
          controller.enqueue(new TextEncoder().encode(text))
        }
        controller.close()
      },
    })
  const read: InnerOrigin = async (request) => new Response(await request.text())
  const response = await answered(read, { method: 'POST', body: slowly(), headersMs: 100 })
  expect(await response.text()).toBe('abc')
  const readAndHang: InnerOrigin = async (request) => {
    await request.text()
    return new Promise(() => undefined)
  }
  const overdue = { kind: 'failed', failure: 'timeout' }
  expect(await send(readAndHang, { method: 'POST', body: slowly(), headersMs: 100 }).attempt).toMatchObject(overdue)
  const bounded = { method: 'POST', body: slowly(), headersMs: 100, leftMs: 90 }
  expect(await send(read, bounded).attempt).toMatchObject(overdue)
})

test('a client that breaks off is no failure of the origin', async () => {
  const { stream } = sourceOf([new TextEncoder().encode('half of it')], 'failure')
  const read: InnerOrigin = async (request) => new Response(await request.text())
  const ended = await send(read, { method: 'POST', body: stream }).attempt
  expect(ended).toMatchObject({ kind: 'failed', clientLeft: true })
})

test('a name that nobody knows does not resolve', async () => {
  const never: InnerOrigin = () => Promise.reject(new Error('not asked'))
  for (const url of ['weir:elsewhere/', 'other:here/'])
    expect(await send(never, { url }).attempt).toEqual({ kind: 'failed', failure: 'unreachable' })
})

test('all else goes over the network', async () => {
  const request = { url: 'https://a.example.com/path' }
  await send(() => Promise.reject(new Error('not asked')), request).attempt
  expect(onNetwork.map(({ url }) => url)).toEqual([request.url])
})

test('who gives up ends it, before the answer and within', async () => {
  let signal: AbortSignal | undefined
  const hanging = send((request) => {
    signal = request.signal
    return new Promise(() => undefined)
  })
  hanging.abandon()
  expect(signal?.aborted).toBe(true)
  const source = sourceOf([new Uint8Array(10)], 'silence')
  const exchange = send(async () => new Response(source.stream))
  const ended = await exchange.attempt
  if (ended.kind !== 'answer') throw new Error(ended.failure)
  const reading = ended.response.arrayBuffer()
  exchange.abandon()
  await expect(reading).rejects.toThrow()
  await expect.poll(() => source.cancelled).toBeDefined()
})
