// What follows from an origin's answer, and what may never come of it: a delay, another answer, a job of half a body.
import { env } from 'cloudflare:workers'
import { beforeEach, describe, expect, it, test, vi } from 'vitest'
import { decoderFor } from '../../workers/adapters/decoder.ts'
import { objectSessions } from '../../workers/adapters/object-sessions.ts'
import { webCryptoSeal } from '../../workers/adapters/web-crypto-seal.ts'
import { createConfiguration } from '../../workers/configuration.ts'
import type { JobDraft } from '../../workers/ports/job-port.ts'
import type { Ports } from '../../workers/ports.ts'
import { proxy } from '../../workers/proxy.ts'
import { type HeldBackground, holdBackground } from './support/background.ts'
import { memorySources } from './support/configurations.ts'
import { memoryStore } from './support/memory-store.ts'

let held: HeldBackground
let ports: Ports
let drafts: JobDraft[]
let enqueue: Ports['jobs']['enqueue']
let answer: () => Response

const abandon = () => undefined
const now = 1_700_000_000_000

const thumbnail = { type: 'thumbnail', payload: { path: '{response.image}', preset: 'card' } }
const told = {
  type: 'event',
  payload: { event: 'item.made', data: { at: '{answer.location}', by: '{request.header.x-user}' } },
}

function configure(events: readonly object[]): void {
  const configuration = createConfiguration(memorySources(), () => 0)
  const document = {
    pools: { web: { origins: [{ url: 'http://127.0.0.1:9001' }] } },
    routes: [{ path: '/*', pools: ['web'], enqueue: events }],
  }
  configuration.adopt({ version: 1, document: JSON.stringify(document) })
  expect(configuration.current()).toBeDefined()
  ports = { ...ports, configuration }
}

beforeEach(() => {
  vi.spyOn(console, 'warn').mockReturnValue()
  held = holdBackground()
  drafts = []
  enqueue = async (draft) => {
    drafts.push(draft)
    return { id: 'an-id' }
  }
  answer = () => json({ id: 7, image: 'photos/7.jpg' })
  ports = {
    configuration: createConfiguration(memorySources(), () => 0),
    store: memoryStore(),
    gateway: () => new Response(null, { status: 404 }),
    origins: { send: () => ({ attempt: Promise.resolve({ kind: 'answer', response: answer(), abandon }), abandon }) },
    flights: { join: async () => undefined },
    batches: { join: async () => undefined },
    monitors: { share: async () => undefined, arm: async () => undefined },
    sessions: objectSessions(env.SESSIONS, () => now),
    state: { apply: async () => undefined, fill: async () => undefined, report: async () => new Map() },
    jobs: { enqueue: (draft, background) => enqueue(draft, background), post: async () => ({ kind: 'away' }) },
    decoderFor,
    seal: webCryptoSeal('a secret'),
    isAdmin: async () => false,
    now: () => now,
    random: () => 0,
  }
  configure([{ on: 'POST', status: '201', job: thumbnail }])
})

function json(document: unknown, init: ResponseInit = { status: 201 }): Response {
  const text = JSON.stringify(document)
  const headers = { 'content-type': 'application/json', 'content-length': String(text.length), ...init.headers }
  return new Response(text, { ...init, headers })
}

const gzipped = (text: string) => new Response(text).body!.pipeThrough(new CompressionStream('gzip'))

async function ask(method = 'POST'): Promise<Response> {
  const headers = { 'x-user': 'ada' }
  const body = method === 'POST' || method === 'PUT' ? '{}' : null
  return proxy(new Request('http://gateway.test/items?a=1', { method, headers, body }), ports, held.background)
}

/** The drafts that follow from one request, and what its client got. */
async function follow(method?: string): Promise<string> {
  const text = await (await ask(method)).text()
  await held.settled()
  return text
}

it('a job follows, filled from the answer, and the client gets the answer as it is', async () => {
  expect(await follow()).toBe('{"id":7,"image":"photos/7.jpg"}')
  expect(drafts).toEqual([
    {
      type: 'thumbnail',
      version: 1,
      payload: { path: 'photos/7.jpg', preset: 'card' },
      traceparent: expect.stringMatching(/^00-/),
    },
  ])
})

it('what needs no body follows from the head, and an event is dated', async () => {
  configure([{ job: told }])
  answer = () => new Response(null, { status: 204, headers: { location: '/items/7' } })
  expect(await follow()).toBe('')
  expect(drafts.map(({ payload }) => payload)).toEqual([
    { at: now, event: 'item.made', data: { at: '/items/7', by: 'ada' } },
  ])
})

describe('a body that is read', () => {
  const piece = (text: string) => new TextEncoder().encode(text)
  const inPieces = (...pieces: string[]) =>
    new ReadableStream({
      type: 'bytes',
      async start(controller) {
        for (const each of pieces) {
          await Promise.resolve()
          controller.enqueue(piece(each))
        }
        controller.close()
      },
    })
  const stream = { status: 201, headers: { 'content-type': 'application/problem+json; charset=utf-8' } }

  test.each<[title: string, answer: () => Response]>([
    ['in pieces, of unknown length', () => new Response(inPieces('{"ima', 'ge":"photos', '/7.jpg"}'), stream)],
    [
      'coded',
      () =>
        new Response(gzipped('{"image":"photos/7.jpg"}'), {
          status: 201,
          headers: { 'content-type': 'application/json', 'content-encoding': 'gzip' },
          encodeBody: 'manual',
        }),
    ],
    ['of 65,536 bytes', () => json({ image: 'photos/7.jpg', more: 'x'.repeat(65_536 - 34) })],
  ])('%s', async (_, given) => {
    answer = given
    await follow()
    expect(drafts.map(({ payload }) => payload)).toEqual([{ path: 'photos/7.jpg', preset: 'card' }])
  })
})

describe('no job follows', () => {
  test.each<[title: string, answer: () => Response]>([
    ['from another status', () => json({ image: 'a' }, { status: 200 })],
    ['from a failure', () => json({ image: 'a' }, { status: 422 })],
    ['from an answer without what is wanted', () => json({ id: 7 })],
    ['from null', () => json(null)],
    ['from no JSON', () => new Response('{"image":"a"}', { status: 201, headers: { 'content-type': 'text/plain' } })],
    [
      'from what only says so',
      () => new Response('image', { status: 201, headers: { 'content-type': 'application/json' } }),
    ],
    [
      'from no UTF-8',
      () =>
        new Response(new Uint8Array([0x22, 0xff, 0x22]), {
          status: 201,
          headers: { 'content-type': 'application/json' },
        }),
    ],
    ['from nothing', () => new Response(null, { status: 201, headers: { 'content-type': 'application/json' } })],
    ['from more than 65,536 bytes', () => json({ image: 'a', more: 'x'.repeat(65_536) })],
    [
      'from more when decoded',
      () =>
        new Response(gzipped(JSON.stringify({ image: 'a', more: 'x'.repeat(65_536) })), {
          status: 201,
          headers: { 'content-type': 'application/json', 'content-encoding': 'gzip' },
          encodeBody: 'manual',
        }),
    ],
    [
      'in a coding that nobody knows',
      () =>
        new Response('{"image":"a"}', {
          status: 201,
          headers: { 'content-type': 'application/json', 'content-encoding': 'rot13' },
          encodeBody: 'manual',
        }),
    ],
  ])('%s, and the client gets it whole', async (_, given) => {
    answer = given
    const whole = await given().text()
    expect(await follow()).toBe(whole)
    expect(drafts).toEqual([])
  })

  it('from another method', async () => {
    await follow('PUT')
    expect(drafts).toEqual([])
  })

  it('from a body that was cut', async () => {
    const { readable, writable } = new FixedLengthStream(100)
    const writer = writable.getWriter()
    void writer.write(new TextEncoder().encode('{"image":"a"}')).catch(() => undefined)
    answer = () => new Response(readable, { status: 201, headers: { 'content-type': 'application/json' } })
    const reader = (await ask()).body!.getReader()
    // What has come by then would be JSON, and a whole one.
    expect(new TextDecoder().decode((await reader.read()).value)).toBe('{"image":"a"}')
    await writer.abort(new Error('cut'))
    await expect(reader.read()).rejects.toThrow()
    await held.settled()
    expect(drafts).toEqual([])
  })
})

it('the client waits for no job, and hears of no failure', async () => {
  let settle: (() => void) | undefined
  enqueue = () => new Promise((resolve) => (settle = () => resolve(undefined)))
  const response = await ask()
  expect(response.status).toBe(201)
  expect(await response.json()).toEqual({ id: 7, image: 'photos/7.jpg' })
  await vi.waitFor(() => expect(settle).toBeDefined())
  settle?.()
  await held.settled()
})

it('several follow from one answer', async () => {
  configure([
    { job: thumbnail },
    { job: { ...thumbnail, payload: { ...thumbnail.payload, preset: 'large' } } },
    { job: told },
  ])
  answer = () => json({ image: 'a' }, { status: 200, headers: { location: '/items/7' } })
  await follow()
  expect(drafts.map(({ type }) => type).sort()).toEqual(['event', 'thumbnail', 'thumbnail'])
})
