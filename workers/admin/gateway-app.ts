// What the gateway answers itself, below /_weir/: its health, and the admin API.
import { Hono } from 'hono'
import { isDown } from '../../shared/balance/shared-view.ts'
import { namedPools, type Snapshot } from '../../shared/snapshot.ts'
import { shareNow } from '../balance/sharing.ts'
import { type Configuration, type ConfigurationSources, snapshotOf } from '../configuration.ts'
import type { MovingShards } from '../db/bucket-moves.ts'
import type { ReadLog } from '../db/read-log.ts'
import type { CheckoutPort } from '../ports/checkout-port.ts'
import type { JobBookPort, JobPort, JobWatchPort, JournalPort } from '../ports/job-port.ts'
import type { SessionIndexPort, SessionPort } from '../ports/session-port.ts'
import type { StatePort } from '../ports/state-port.ts'
import type { Background, MonitorPort, Ports, SealPort } from '../ports.ts'
import { problemResponse } from '../problem.ts'
import { type AssetsServices, assetsApi, assetsPath } from './assets-api.ts'
import { type Caller, requireToken } from './authorise.ts'
import { checkoutsApi } from './checkouts-api.ts'
import { configApi } from './config-api.ts'
import { imageApi } from './image-api.ts'
import { jobsAdminApi, jobsApi } from './jobs-api.ts'
import { type MediaServices, mediaApi } from './media-api.ts'
import { orderShardsApi } from './order-shards-api.ts'
import { poolsApi } from './pools-api.ts'
import { purgeApi } from './purge-api.ts'
import { readsApi } from './reads-api.ts'
import { egressApi, refusalsApi, type ServicesServices, serviceApi } from './services-api.ts'
import { sessionApi } from './session-api.ts'
import { shardsApi } from './shards-api.ts'
import { stateApi, statePath } from './state-api.ts'
import { userSessionsApi } from './user-sessions-api.ts'

export interface GatewayServices {
  readonly adminToken: string | undefined
  readonly configuration: Configuration
  readonly sources: ConfigurationSources
  readonly monitors: MonitorPort
  readonly sessions: SessionPort
  readonly sessionIndex: SessionIndexPort
  /** Has an inner route answer (`answerInner` of proxy.ts). */
  readonly answer: Ports['gateway']
  readonly jobs: JobPort
  readonly books: JobBookPort & JobWatchPort & Pick<JournalPort, 'advance'>
  readonly seal: SealPort
  /** What the URLs of images are signed with (env.ts). */
  readonly imageKeys?: string | undefined
  readonly state: StatePort
  /** What has served the reads of databases. */
  readonly reads: Pick<ReadLog, 'report'>
  readonly checkouts: CheckoutPort
  /** The shards of the orders. */
  readonly orders: MovingShards
  /** The life of a request, for what the gateway asks of its own routes. */
  readonly proxy: (request: Request, background: Background, heard: (response: Response) => void) => Promise<Response>
  readonly now: () => number
}

/** What a handler gets beside the request. */
export interface GatewayEnvironment {
  Bindings: { readonly background: Background }
  /** Where `requireCaller` has let the request through. */
  Variables: { readonly caller: Caller; readonly snapshot: Snapshot | undefined }
}

export function gatewayApp(services: AssetsServices & MediaServices & ServicesServices): Ports['gateway'] {
  const app = new Hono<GatewayEnvironment>()
  app.get('/_weir/health', async (context) => {
    const { configuration, now } = services
    const { background } = context.env
    const snapshot = await snapshotOf(configuration, now(), background)
    await shareNow(snapshot ? namedPools(snapshot) : new Map(), services)
    const troubles = [...configuration.troubles(), ...poolTroubles(snapshot)]
    return health(new URL(context.req.url).hostname, snapshot !== undefined, troubles)
  })
  app.use('/_weir/api/*', requireToken(services.adminToken))
  app.route(assetsPath, assetsApi(services))
  app.route('/_weir/api/checkouts', checkoutsApi(services))
  app.route('/_weir/api/config', configApi(services))
  app.route('/_weir/api/jobs', jobsAdminApi(services))
  app.route('/_weir/api/pools', poolsApi(services))
  app.route('/_weir/api/purge', purgeApi(services))
  app.route('/_weir/api/reads', readsApi(services))
  app.route('/_weir/api/shards', orderShardsApi(services))
  app.route('/_weir/api/refusals', refusalsApi(services))
  app.route('/_weir/api/sessions', userSessionsApi(services))
  app.route('/_weir/service', serviceApi(services))
  app.route('/_weir/egress', egressApi(services))
  app.route('/_weir/session', sessionApi(services))
  app.route('/_weir/jobs', jobsApi(services))
  app.route('/_weir/image', imageApi(services))
  app.route('/_weir/media', mediaApi(services))
  app.route('/_weir/api/state', shardsApi(services))
  app.route(statePath, stateApi(services))
  app.notFound((context) =>
    problemResponse({
      status: 404,
      reason: 'no-such-endpoint',
      detail: `The gateway has nothing at ${context.req.path}.`,
    }),
  )
  app.onError((error) => {
    console.error(error)
    return problemResponse({ status: 500, reason: 'internal', detail: 'The gateway failed at this; its log says why.' })
  })
  return (request, background) => app.fetch(request, { background })
}

/** Names pools, and no origin. */
function poolTroubles(snapshot: Snapshot | undefined): string[] {
  return [...(snapshot?.pools ?? [])]
    .filter(([, state]) => isDown(state))
    .map(([name]) => `the monitor of the pool "${name}" finds no origin healthy`)
}

function health(hostname: string, configured: boolean, troubles: readonly string[]): Response {
  const because = [...troubles]
  if (!configured) because.push('there is no configuration to serve by')
  if (hostname.endsWith('.workers.dev')) {
    because.push('this host is on workers.dev, where the Cache API keeps nothing: give the Worker a domain of yours')
  }
  const status = because.length === 0 ? 'ok' : 'degraded'
  return Response.json(
    { status, ...(because.length > 0 && { because }) },
    { status: configured ? 200 : 503, headers: { 'cache-control': 'no-store' } },
  )
}
