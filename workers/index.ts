// The composition root: binds the platform to the ports and exports what Cloudflare calls. Decides nothing.
import { waitUntil } from 'cloudflare:workers'
import { defaultHotTier } from '../shared/config/cache.ts'
import type { BucketName } from '../shared/config/inner-origin.ts'
import { defaultMedia } from '../shared/config/media.ts'
import { mediaTarget } from '../shared/media-path.ts'
import { cacheApiConfiguration } from './adapters/cache-api-configuration.ts'
import { cacheApiStore } from './adapters/cache-api-store.ts'
import { d1Configuration } from './adapters/d1-configuration.ts'
import { d1Purges } from './adapters/d1-purges.ts'
import { d1State } from './adapters/d1-state.ts'
import { decoderFor } from './adapters/decoder.ts'
import { fetchEgress } from './adapters/fetch-egress.ts'
import { fetchHook } from './adapters/fetch-hook.ts'
import { fetchOrigin } from './adapters/fetch-origin.ts'
import { hotState } from './adapters/hot-state.ts'
import { hotStore } from './adapters/hot-store.ts'
import { imagesBinding } from './adapters/images-binding.ts'
import { innerOrigin } from './adapters/inner-origin.ts'
import { kvConfiguration } from './adapters/kv-configuration.ts'
import { networkProbe } from './adapters/network-probe.ts'
import { objectFlights } from './adapters/object-flights.ts'
import { objectJobBooks } from './adapters/object-job-books.ts'
import { objectMonitors } from './adapters/object-monitors.ts'
import { objectRefusals } from './adapters/object-refusals.ts'
import { objectSessionIndex } from './adapters/object-session-index.ts'
import { objectSessions } from './adapters/object-sessions.ts'
import { objectState } from './adapters/object-state.ts'
import { queuesQueue } from './adapters/queues-queue.ts'
import { r2Objects } from './adapters/r2-objects.ts'
import { webCryptoSeal } from './adapters/web-crypto-seal.ts'
import { isAdmin } from './admin/authorise.ts'
import { gatewayApp } from './admin/gateway-app.ts'
import { armMonitors } from './balance/sharing.ts'
import { purgeTags } from './cache/purge-tags.ts'
import { type ConfigurationSources, createConfiguration, publishAgain, readConfiguration } from './configuration.ts'
import { bucketDirectory } from './db/bucket-directory.ts'
import { kvReplicas } from './db/kv-replica.ts'
import { ReadLog } from './db/read-log.ts'
import { type ReadEvent, replicated } from './db/replicas.ts'
import { type Shards, sharded } from './db/shards.ts'
import { finishMoves } from './db/spread.ts'
import { batchObject } from './durable/batch.ts'
import { flightObject } from './durable/flight.ts'
import { jobBookObject } from './durable/job-book.ts'
import { monitorObject } from './durable/monitor.ts'
import { sessionObject } from './durable/session.ts'
import { sessionIndexObject } from './durable/session-index.ts'
import { stateShardObject } from './durable/state-shard.ts'
import type { Env } from './env.ts'
import { consume } from './jobs/consume.ts'
import { consumeDead } from './jobs/dead.ts'
import { jobPort } from './jobs/enqueue.ts'
import type { Handlers } from './jobs/handler.ts'
import { deliverToPool } from './jobs/handlers/deliver.ts'
import { fanOut } from './jobs/handlers/event.ts'
import { makeThumbnail } from './jobs/handlers/thumbnail.ts'
import { webhookHandler } from './jobs/handlers/webhook.ts'
import { type Assets, assetsOrigin } from './media/assets.ts'
import { imageOrigin } from './media/images.ts'
import { type Media, mediaOrigin } from './media/media.ts'
import type { CheckoutQuery } from './ports/checkout-port.ts'
import type { Background, InnerOrigin, Ports } from './ports.ts'
import { problemResponse } from './problem.ts'
import { answerInner, proxy } from './proxy.ts'
import { callOut } from './services/egress.ts'
import { serviceCalls } from './services/service-calls.ts'
import { policy as ownPolicy } from './shop/calls.ts'
import { checkoutWorkflow, workflowRuns } from './shop/checkout/workflow.ts'
import { createShop, type Shop } from './shop/index.ts'

const now = () => Date.now()
const random = () => Math.random()

/** Where nobody has asked for a host. */
const internalHost = 'weir.invalid'

/** A person waits for it. */
const purgePatienceMs = 2_000

/** Of this isolate. */
const reads = new ReadLog()
const onRead = (event: ReadEvent) => reads.record(event)

/** So many shards of the orders there were at first: never to be changed. */
const homesOfOrders = 2

function orderShards(env: Env): Shards {
  const bound = env as unknown as Readonly<Record<string, D1Database | undefined>>
  const sources: D1Database[] = []
  for (let database = env.ORDERS_0 as D1Database | undefined; database; database = bound[`ORDERS_${sources.length}`]) {
    sources.push(database)
  }
  const directory = bucketDirectory(env.DB)
  return { name: 'orders', sources, homes: homesOfOrders, directory, now, onRead }
}

let ports: Ports | undefined

/** Of the ports that were made last: all are as good. */
let shop: Shop | undefined

const handlersFor = (env: Env): Handlers => ({
  'thumbnail@1': makeThumbnail,
  'webhook@1': webhookHandler(fetchHook(env.WEBHOOK_SECRET, Boolean(env.LOCAL), now)),
  'event@1': fanOut,
  configured: deliverToPool,
})

/** Made at the first request; what they keep in the Cache API stands under the host that was asked for then. */
const portsFor = (env: Env, url: string): Ports => (ports ??= compose(env, URL.parse(url)?.host ?? internalHost))

/** Of an isolate that has jobs to do and has not had a request yet. */
let jobPorts: Ports | undefined

function portsForJobs(env: Env): Ports {
  if (ports !== undefined) return ports
  jobPorts ??= compose(env, internalHost)
  return jobPorts
}

function shopFor(env: Env): Shop {
  if (shop === undefined) portsForJobs(env)
  return shop!
}

function configurationSources(env: Env, host: string): ConfigurationSources {
  return {
    published: kvConfiguration(env.CONFIG),
    database: d1Configuration(env.DB),
    purges: d1Purges(env.DB),
    lastGood: cacheApiConfiguration(() => caches.open('weir-configuration'), `https://${host}/_weir/configuration`),
  }
}

function compose(env: Env, host: string): Ports {
  const sources = configurationSources(env, host)
  const configuration = createConfiguration(sources, random)
  const monitors = objectMonitors(env.MONITORS)
  const sessions = objectSessions(env.SESSIONS, now)
  const sessionIndex = objectSessionIndex(env.SESSION_INDEX)
  const seal = webCryptoSeal(env.COOKIE_SECRET || env.ADMIN_TOKEN)
  const books = objectJobBooks(env.JOB_BOOKS, env.JOB_WATCHES)
  const jobs = jobPort({ configuration, books, queue: queuesQueue(env.JOBS), now })
  const images = imagesBinding(env.IMAGES)
  const state = hotState(objectState(env.STATE, now), now)
  const store = hotStore(
    cacheApiStore(() => caches.open('weir')),
    now,
    () => configuration.current()?.config.hotTier ?? defaultHotTier,
  )
  const media: Media = {
    objects: r2Objects(env.MEDIA),
    images,
    rule: () => configuration.current()?.config.media ?? defaultMedia,
    now,
  }
  const assets: Assets = { objects: r2Objects(env.ASSETS), now }
  const refusals = objectRefusals(env.REFUSALS, now)
  // A run of a checkout may begin where no request has been yet.
  const servicesRule = async () =>
    (configuration.current() ?? (await configuration.load(now(), () => undefined)))?.config.services
  const calls = serviceCalls({ seal, refusals, rule: servicesRule, own: ownPolicy, now })
  const egress = { outside: fetchEgress, refusals, rule: async () => (await servicesRule())?.egress, now }
  const answer: Ports['gateway'] = (request, background) => answerInner(request, ports, background)
  const services = {
    configuration,
    sources,
    monitors,
    sessions,
    sessionIndex,
    state,
    jobs,
    books,
    seal,
    media,
    assets,
    store,
    calls,
    refusals,
    egress,
    answer,
    reads,
    orders: orderShards(env),
    now,
    checkouts: {
      list: async (query: CheckoutQuery) => shop?.oversight.list(query),
      retry: async (id: string) => shop?.oversight.retry(id) ?? 'away',
    },
    service: (name: string) => shop?.callable(name),
    proxy: (request: Request, background: Background, heard: (response: Response) => void) =>
      proxy(request, ports, background, heard),
  }
  const gateway = gatewayApp({ adminToken: env.ADMIN_TOKEN, imageKeys: env.IMAGE_KEYS, ...services })
  /** By their names, what answers for the gateway's own endpoints. */
  const own = new Map<string, InnerOrigin>([
    ['media', mediaOrigin(media)],
    ['image', imageOrigin({ current: () => configuration.current(), images, ports: () => ports })],
  ])
  const buckets: Readonly<Record<BucketName, InnerOrigin>> = { assets: assetsOrigin(assets) }
  const authorization = `Bearer ${env.ADMIN_TOKEN}`
  const toMedia = (base: string, path: string, init: RequestInit) =>
    Promise.resolve(gateway(new Request(new URL(mediaTarget(path), base), init), waitUntil))
  shop = createShop({
    doors: calls,
    outside: (from, request) => callOut(from, request.url, request, egress),
    database: replicated('shop', env.SHOP, now, onRead),
    orders: sharded(orderShards(env)),
    replica: kvReplicas({ namespace: env.CONFIG, background: waitUntil, now, onRead }),
    sessions: { configuration, sessions, seal, now },
    state: { configuration, state, now },
    purge: (tags) => purgeTags({ configuration, sources, now }, tags, purgePatienceMs),
    pictures: {
      put: (base, path, body) => {
        const headers = { authorization, 'content-length': String(body.size) }
        return toMedia(base, path, { method: 'PUT', headers, body })
      },
      remove: (base, path) => toMedia(base, path, { method: 'DELETE', headers: { authorization } }),
    },
    wakeCheckout: workflowRuns(env.CHECKOUT),
    now,
  })
  /** By the scheme of its URL, the origins inside the Worker. */
  const inner: Readonly<Record<string, (name: string) => InnerOrigin | undefined>> = {
    weir: (name) => own.get(name),
    service: (name) => shop?.origin(name),
    r2: (name) => new Map(Object.entries(buckets)).get(name),
  }
  const ports: Ports = {
    configuration,
    gateway,
    store,
    origins: innerOrigin((scheme, name) => inner[scheme]?.(name), fetchOrigin),
    flights: objectFlights(env.FLIGHTS),
    batches: objectFlights(env.BATCHES),
    monitors,
    jobs,
    state,
    decoderFor,
    sessions,
    seal,
    isAdmin: (authorization) => isAdmin(env.ADMIN_TOKEN, authorization),
    now,
    random,
  }
  return ports
}

export const Flight = flightObject(portsFor)
export const Batch = batchObject(portsFor)

export const JobBook = jobBookObject({ now, random })
export { JobWatch } from './durable/job-watch.ts'

export const Monitor = monitorObject({
  readConfiguration: (env) => readConfiguration(configurationSources(env, internalHost)),
  probe: networkProbe,
  async post(env, draft, background) {
    const { kind } = await portsForJobs(env).jobs.post(draft, background)
    return kind !== 'away' && kind !== 'unconfigured'
  },
  now,
  random,
})

export const Checkout = checkoutWorkflow((env) => shopFor(env).checkouts)

export const Session = sessionObject({ now })
export { Refusals } from './durable/refusals.ts'

export const SessionIndex = sessionIndexObject({ sessionOf: (env, id) => env.SESSIONS.getByName(id), now })
export const StateShard = stateShardObject({
  database: (env) => d1State(env.DB),
  now,
  unique: () => crypto.randomUUID(),
})

export default {
  async fetch(request, env, context) {
    try {
      return await proxy(request, portsFor(env, request.url), (work) => context.waitUntil(work))
    } catch (error) {
      console.error(error)
      return problemResponse({
        status: 500,
        reason: 'internal',
        detail: 'The gateway failed at this; its log says why.',
      })
    }
  },

  async queue(batch, env, context) {
    const services = {
      ports: portsForJobs(env),
      journal: objectJobBooks(env.JOB_BOOKS, env.JOB_WATCHES),
      background: (work: Promise<unknown>) => context.waitUntil(work),
    }
    if (batch.queue.endsWith('-dead')) await consumeDead(batch, services)
    else await consume(batch, { ...services, deadLetters: queuesQueue(env.JOBS_DEAD), handlers: handlersFor(env) })
  },

  async scheduled(_, env) {
    const sources = configurationSources(env, internalHost)
    await publishAgain(sources)
    await armMonitors(await readConfiguration(sources), objectMonitors(env.MONITORS))
    // Best effort: the next minute comes. Neither waits for the other, whose database may be silent.
    await Promise.all([
      finishMoves(orderShards(env)).catch((error) => console.warn('Moves of buckets were not ended:', error)),
      shopFor(env)
        .watch()
        .catch((error) => console.warn('Checkouts were not looked at:', error)),
    ])
  },
} satisfies ExportedHandler<Env>
