// What clients may do to entries that others get. All else of the proxy is tested on the wire.
import { env } from 'cloudflare:workers'
import { beforeEach, expect, it } from 'vitest'
import { objectSessions } from '../../workers/adapters/object-sessions.ts'
import { webCryptoSeal } from '../../workers/adapters/web-crypto-seal.ts'
import { createConfiguration } from '../../workers/configuration.ts'
import type { Attempt, OriginRequest, Ports } from '../../workers/ports.ts'
import { proxy } from '../../workers/proxy.ts'
import { type HeldBackground, holdBackground } from './support/background.ts'
import { memorySources } from './support/configurations.ts'
import { memoryStore } from './support/memory-store.ts'

let held: HeldBackground
let ports: Ports

/** An origin that speaks the language that it is asked for, in a header or a cookie. */
function speak({ fields }: OriginRequest): Response {
  const cookie = /(?:^|; )lang=([^;]*)/.exec(fields.get('cookie') ?? '')?.[1]
  const text = `${cookie ?? fields.get('accept-language') ?? 'no'} language`
  return new Response(text, {
    headers: { 'cache-control': 'public, max-age=60', 'content-length': String(text.length) },
  })
}

const abandon = () => undefined
const answering = async (request: OriginRequest): Promise<Attempt> => ({
  kind: 'answer',
  response: speak(request),
  abandon,
})

beforeEach(() => {
  const configuration = createConfiguration(memorySources(), () => 0)
  const cache = { key: { headers: ['accept-language'], cookies: ['lang'] } }
  const document = {
    pools: { web: { origins: [{ url: 'http://127.0.0.1:9001' }] } },
    routes: [{ path: '/*', pools: ['web'], cache }],
  }
  configuration.adopt({ version: 1, document: JSON.stringify(document) })
  held = holdBackground()
  ports = {
    configuration,
    store: memoryStore(),
    gateway: () => new Response(null, { status: 404 }),
    origins: { send: (request) => ({ attempt: answering(request), abandon }) },
    flights: { join: async () => undefined },
    batches: { join: async () => undefined },
    monitors: { share: async () => undefined, arm: async () => undefined },
    jobs: { enqueue: async () => undefined, post: async () => ({ kind: 'away' }) },
    state: { apply: async () => undefined, fill: async () => undefined, report: async () => new Map() },
    decoderFor: () => undefined,
    sessions: objectSessions(env.SESSIONS, () => Date.now()),
    seal: webCryptoSeal('a secret'),
    isAdmin: async () => false,
    now: () => Date.now(),
    random: () => 0,
  }
})

async function ask(headers: Record<string, string>): Promise<string> {
  const response = await proxy(new Request('http://gateway.test/', { headers }), ports, held.background)
  const text = await response.text()
  await held.settled()
  return text
}

it('each language has its entry', async () => {
  for (let time = 0; time < 2; time++) {
    expect(await ask({ 'accept-language': 'fr' })).toBe('fr language')
    expect(await ask({ 'accept-language': 'en' })).toBe('en language')
    expect(await ask({ cookie: 'lang=de' })).toBe('de language')
    expect(await ask({})).toBe('no language')
  }
})

it('a cookie that comes twice spoils no entry of others', async () => {
  await ask({ cookie: 'lang=fr; lang=de' })
  expect(await ask({ cookie: 'lang=de' })).toBe('de language')
})

// A client nominates what the entry is named by; the origin never sees it, and answers for everybody who sends it.
it('RFC 9110 §7.6.1: a field that Connection nominates spoils no entry of others', async () => {
  await ask({ 'accept-language': 'fr', connection: 'accept-language' })
  expect(await ask({ 'accept-language': 'fr' })).toBe('fr language')
})

it('what proved uncacheable is remembered for two minutes', async () => {
  const begun = Date.now()
  let clock = begun
  const joined: number[] = []
  const flights = { join: async () => void joined.push((clock - begun) / 1000) }
  const respond = () => new Response('mine', { headers: { 'cache-control': 'private', 'content-length': '4' } })
  const attempt = async () => ({ kind: 'answer', response: respond(), abandon }) as const
  ports = { ...ports, now: () => clock, flights, origins: { send: () => ({ attempt: attempt(), abandon }) } }
  for (const seconds of [0, 1, 119, 120, 121, 240]) {
    clock = begun + seconds * 1000
    await ask({})
  }
  expect(joined).toEqual([0, 120, 240])
})

it('RFC 9110 §7.6.1: nor does a cookie', async () => {
  await ask({ cookie: 'lang=fr', connection: 'cookie' })
  expect(await ask({ cookie: 'lang=fr' })).toBe('fr language')
})
