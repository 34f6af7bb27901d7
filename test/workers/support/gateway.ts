// The gateway's own endpoints on stores in memory, with requests as an administrator makes them.
import { env } from 'cloudflare:workers'
import { defaultMedia } from '../../../shared/config/media.ts'
import { objectSessionIndex } from '../../../workers/adapters/object-session-index.ts'
import { objectSessions } from '../../../workers/adapters/object-sessions.ts'
import { r2Objects } from '../../../workers/adapters/r2-objects.ts'
import { webCryptoSeal } from '../../../workers/adapters/web-crypto-seal.ts'
import { gatewayApp } from '../../../workers/admin/gateway-app.ts'
import { type Configuration, type ConfigurationSources, createConfiguration } from '../../../workers/configuration.ts'
import { bucketDirectory } from '../../../workers/db/bucket-directory.ts'
import type { InnerOrigin, MonitorPort } from '../../../workers/ports.ts'
import { type HeldBackground, holdBackground } from './background.ts'

export const token = 'a-token-for-tests'
export const configUrl = 'http://gateway.test/_weir/api/config'
export const purgeUrl = 'http://gateway.test/_weir/api/purge'

export interface GatewayUnderTest {
  readonly configuration: Configuration
  readonly held: HeldBackground
  /** With the token, unless `init` says otherwise. */
  ask(url: string, init?: RequestInit): Promise<Response>
  /** Replaces the configuration. */
  put(body: BodyInit, headers?: Record<string, string>): Promise<Response>
  /** Purges what the object names; a text is sent as it is. */
  purge(body: BodyInit | object): Promise<Response>
}

const quiet: MonitorPort = { share: async () => undefined, arm: async () => undefined }

/** What the endpoints work by: objects and stores of the platform, but no jobs, no pools' objects and no inner routes. */
export function servicesOn(sources: ConfigurationSources, now = () => Date.now()) {
  const configuration = createConfiguration(sources, () => 0)
  return {
    ...{ adminToken: token as string | undefined, configuration, sources, monitors: quiet, ...noJobs, now },
    seal: webCryptoSeal('a secret'),
    media: { objects: r2Objects(env.MEDIA), images: undefined, rule: () => defaultMedia, now },
    assets: { objects: r2Objects(env.ASSETS), now },
    calls: { call: async () => nothing(), behindDoor: (_: string, service: InnerOrigin) => service },
    service: () => undefined,
    refusals: noRefusals,
    egress: { outside: { send: unanswered }, refusals: noRefusals, rule: unanswered, now },
    store: { forget: async () => undefined },
    sessions: objectSessions(env.SESSIONS, now),
    sessionIndex: objectSessionIndex(env.SESSION_INDEX),
    state: { apply: unanswered, fill: unanswered, report: async () => new Map() },
    reads: { report: () => [] },
    orders: { sources: [env.ORDERS_0, env.ORDERS_1], homes: 2, directory: bucketDirectory(env.DB), now: Date.now },
    checkouts: { list: async () => undefined, retry: async () => 'away' as const },
    proxy: async () => new Response(),
    answer: () => new Response(null, { status: 404 }),
  }
}

/** `adminToken` is the one that is configured, where it is not the one that is shown. */
export function gatewayOn(
  sources: ConfigurationSources,
  { adminToken }: { readonly adminToken: string | undefined } = { adminToken: token },
  monitors = quiet,
): GatewayUnderTest {
  const services = { ...servicesOn(sources), adminToken, monitors }
  const { configuration } = services
  const app = gatewayApp(services)
  const held = holdBackground()
  const ask = async (url: string, init: RequestInit = {}) => {
    const headers = { authorization: `Bearer ${token}`, ...(init.headers as Record<string, string>) }
    return app(new Request(url, { ...init, headers }), held.background)
  }
  return {
    configuration,
    held,
    ask,
    put: (body, headers = {}) => ask(configUrl, { method: 'PUT', body, headers }),
    purge: (body) => {
      const isPlain = Object.getPrototypeOf(body) === Object.prototype
      return ask(purgeUrl, { method: 'POST', body: isPlain ? JSON.stringify(body) : (body as BodyInit) })
    },
  }
}

const unanswered = async () => undefined
const nothing = () => new Response()
const noRefusals = { record: unanswered, list: unanswered }

/** Nobody takes any, and no book answers. */
const noJobs = {
  jobs: { enqueue: unanswered, post: async () => ({ kind: 'away' }) as const },
  books: {
    ...{ read: unanswered, change: unanswered, watch: unanswered, advance: unanswered },
    list: async () => ({ jobs: [], isWhole: false }),
    sweep: async () => ({ count: 0, jobs: [], hasMore: false, isWhole: false }),
  },
}
