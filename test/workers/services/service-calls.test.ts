// Calls between services: who may, by which identity, and what the callee's door makes of anything else.
import { beforeEach, expect, test } from 'vitest'
import { defaultServices } from '../../../shared/config/services.ts'
import type { Refusal } from '../../../shared/services/refusal.ts'
import { webCryptoSeal } from '../../../workers/adapters/web-crypto-seal.ts'
import type { InnerOrigin } from '../../../workers/ports.ts'
import { serviceCalls } from '../../../workers/services/service-calls.ts'

const policy = [
  { from: 'pool:web', to: ['catalog'] },
  { from: 'search', to: [] },
]
const own = { checkout: ['payment'], search: ['catalog'] }

let now: number
let refused: Refusal[]
let seen: Request[]
beforeEach(() => {
  now = 1_000_000
  refused = []
  seen = []
})

const callsOn = (secret: string) =>
  serviceCalls({
    seal: webCryptoSeal(secret),
    refusals: { record: async (refusal) => void refused.push(refusal), list: async () => undefined },
    rule: async () => ({ ...defaultServices, policy }),
    own,
    now: () => now,
  })
const calls = callsOn('a secret')
const service: InnerOrigin = async (request) => {
  seen.push(request)
  return Response.json({ caller: request.headers.get('weir-caller'), body: await request.text() })
}
const post = (path = '/internal/charge?order=1') =>
  new Request(`https://shop.test${path}`, { method: 'POST', body: 'content', headers: { 'weir-caller': 'admin' } })

test.each([
  ['checkout', 'payment', 200],
  ['pool:web', 'catalog', 200],
  ['admin', 'payment', 200],
  ['checkout', 'catalog', 403],
  ['pool:web', 'payment', 403],
  ['pool:other', 'catalog', 403],
  // The table says so, whatever it was built to do.
  ['search', 'catalog', 403],
  ['constructor', 'payment', 403],
])('%s to %s: %i', async (from, to, status) => {
  const response = await calls.call(from, to, post(), calls.behindDoor(to, service))
  expect(response.status).toBe(status)
  if (status === 200) {
    expect(await response.json()).toEqual({ caller: from, body: 'content' })
    expect(seen[0]?.headers.has('weir-service-identity')).toBe(false)
    expect(refused).toEqual([])
  } else {
    expect(await response.json()).toMatchObject({ reason: 'service-not-allowed', status: 403 })
    expect(seen).toEqual([])
    expect(refused).toEqual([
      { at: now, caller: from, callee: to, method: 'POST', path: '/internal/charge', because: 'service-not-allowed' },
    ])
  }
})

/** The request that the checkout sends to payment, with its identity. */
async function sent(from = calls): Promise<Request> {
  let shown: Request | undefined
  await from.call('checkout', 'payment', post(), async (request) => {
    shown = request
    return new Response()
  })
  return shown!
}

const withIdentityOf = (request: Request, { headers }: Request): Request => {
  request.headers.set('weir-service-identity', headers.get('weir-service-identity')!)
  return request
}

test.each<[string, string, () => Promise<Request>]>([
  ['none', 'service-no-identity', async () => post()],
  ['of another target', 'service-identity', async () => withIdentityOf(post('/internal/charge?order=2'), await sent())],
  [
    'of another method',
    'service-identity',
    async () => withIdentityOf(new Request('https://shop.test/internal/charge?order=1'), await sent()),
  ],
  ['of another gateway', 'service-identity', async () => sent(callsOn('another secret'))],
  [
    'of an earlier time',
    'service-identity',
    async () => {
      const request = await sent()
      now += 30_000
      return request
    },
  ],
  [
    'with another name in it',
    'service-identity',
    async () => {
      const request = await sent()
      const identity = request.headers.get('weir-service-identity')!
      request.headers.set('weir-service-identity', identity.replace('checkout', 'catalog'))
      return request
    },
  ],
  [
    'that lasts longer',
    'service-identity',
    async () => {
      const request = await sent()
      const identity = request.headers.get('weir-service-identity')!
      request.headers.set('weir-service-identity', identity.replace(/^\d+/, '1059999'))
      return request
    },
  ],
])('an identity %s opens nothing', async (_, because, make) => {
  const response = await calls.behindDoor('payment', service)(await make())
  expect([response.status, await response.json()]).toEqual([403, expect.objectContaining({ reason: because })])
  expect(seen).toEqual([])
  expect(refused.at(-1)).toMatchObject({ caller: 'nobody', callee: 'payment', because })
})

test('an identity for one service is none for another, and is good for half a minute', async () => {
  const request = await sent()
  expect((await calls.behindDoor('order', service)(request.clone() as Request)).status).toBe(403)
  now += 29_999
  expect((await calls.behindDoor('payment', service)(request)).status).toBe(200)
})
