// The shop on the databases and objects of the platform, and clients of it that keep their cookies as a browser does.
import { applyD1Migrations } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { parseDocument } from '../../../shared/config/parse.ts'
import { noPurges } from '../../../shared/purge.ts'
import { makeSnapshot } from '../../../shared/snapshot.ts'
import { objectSessions } from '../../../workers/adapters/object-sessions.ts'
import { objectState } from '../../../workers/adapters/object-state.ts'
import { webCryptoSeal } from '../../../workers/adapters/web-crypto-seal.ts'
import type { StatePorts } from '../../../workers/client/state.ts'
import { bucketDirectory } from '../../../workers/db/bucket-directory.ts'
import { kvReplicas } from '../../../workers/db/kv-replica.ts'
import { replicated } from '../../../workers/db/replicas.ts'
import { sharded } from '../../../workers/db/shards.ts'
import { serviceCalls } from '../../../workers/services/service-calls.ts'
import { internalPrefix, policy, type Service } from '../../../workers/shop/calls.ts'
import { workflowRuns } from '../../../workers/shop/checkout/workflow.ts'
import { createShop, type ShopSurroundings } from '../../../workers/shop/index.ts'

const parsed = parseDocument({
  pools: { web: { origins: [{ url: 'http://127.0.0.1:9' }] } },
  routes: [{ path: '/*', pools: ['web'] }],
})
if (!parsed.ok) throw new Error(JSON.stringify(parsed.error))
const snapshot = makeSnapshot(1, parsed.value.config, noPurges, () => 0)

const now = () => Date.now()

const configuration: StatePorts['configuration'] = {
  held: () => snapshot,
  load: async () => snapshot,
}

export const sharedState: StatePorts = { configuration, state: objectState(env.STATE, now), now }

export async function migrateShop(): Promise<void> {
  await applyD1Migrations(env.SHOP, env.SHOP_MIGRATIONS)
  await applyD1Migrations(env.ORDERS_0, env.ORDERS_MIGRATIONS)
  await applyD1Migrations(env.ORDERS_1, env.ORDERS_MIGRATIONS)
}

export interface ShopUnderTest {
  /** Every tag that was purged, in order. */
  readonly purged: string[]
  client(): ShopClient
  /** What the checkout asks of another service, below its internal paths. */
  internal(to: Service, method: string, path: string, body?: object): Promise<Response>
  /** As the clock does. */
  watch(): Promise<void>
  /** What another one asks. */
  internalFrom(from: Service, to: Service, method: string, path: string, body?: object): Promise<Response>
}

export interface ShopClient {
  /** An object is sent as JSON; a form as a form. */
  ask(service: string, method: string, path: string, body?: object, headers?: Record<string, string>): Promise<Response>
  /** With an account of its own. */
  register(): Promise<void>
}

export function shopUnderTest(over: Partial<ShopSurroundings> = {}): ShopUnderTest {
  const purged: string[] = []
  const seal = webCryptoSeal('a secret')
  const refusals = { record: async () => undefined, list: async () => undefined }
  const shop = createShop({
    outside: async () => new Response(null, { status: 502 }),
    doors: serviceCalls({ seal, refusals, rule: async () => undefined, own: policy, now }),
    database: replicated('shop', env.SHOP, now),
    orders: sharded({
      name: 'orders',
      sources: [env.ORDERS_0, env.ORDERS_1],
      homes: 2,
      directory: bucketDirectory(env.DB),
      now,
    }),
    replica: kvReplicas({ namespace: env.CONFIG, background: () => undefined, now }),
    wakeCheckout: workflowRuns(env.CHECKOUT),
    state: sharedState,
    sessions: {
      configuration,
      sessions: objectSessions(env.SESSIONS, now),
      seal,
      now,
    },
    purge: async (tags) => purged.push(...tags) > 0,
    pictures: {
      put: async () => new Response(null, { status: 201 }),
      remove: async () => new Response(null, { status: 204 }),
    },
    now,
    ...over,
  })
  const client = (): ShopClient => {
    let cookie = ''
    const ask: ShopClient['ask'] = async (service, method, path, body, headers = {}) => {
      const isForm = body instanceof FormData || body instanceof URLSearchParams
      const content = body && (await (isForm ? new Response(body) : Response.json(body)).blob())
      const request = new Request(`http://shop.test${path}`, {
        method,
        headers: {
          cookie,
          ...(content && { 'content-type': content.type, 'content-length': String(content.size) }),
          ...headers,
        },
        ...(content && { body: content }),
        redirect: 'manual',
      })
      const response = await shop.origin(service)!(request)
      cookie = response.headers.get('set-cookie')?.split(';')[0] ?? cookie
      return response
    }
    const register = async () => {
      const account = { email: `${crypto.randomUUID()}@example.com`, password: 'correct horse', name: 'Ada' }
      const { status } = await ask('account', 'POST', '/api/account', account)
      if (status !== 201) throw new Error(`Registering was answered with ${status}.`)
    }
    return { ask, register }
  }
  const internal: ShopUnderTest['internal'] = (...asked) => internalFrom('checkout', ...asked)
  const internalFrom: ShopUnderTest['internalFrom'] = (from, to, method, path, body) =>
    shop.callsOf(from)(
      to,
      new Request(`http://${to}.invalid${internalPrefix}${path}`, {
        method,
        ...(body !== undefined && { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
      }),
    )
  return { purged, client, internal, internalFrom, watch: () => shop.watch() }
}
