// The composition root: binds the platform to the ports and exports what Cloudflare calls. Decides nothing.
import { defaultHotTier } from '../shared/config/schema.ts'
import { cacheApiConfiguration } from './adapters/cache-api-configuration.ts'
import { cacheApiStore } from './adapters/cache-api-store.ts'
import { d1Configuration } from './adapters/d1-configuration.ts'
import { d1Purges } from './adapters/d1-purges.ts'
import { d1State } from './adapters/d1-state.ts'
import { decoderFor } from './adapters/decoder.ts'
import { fetchOrigin } from './adapters/fetch-origin.ts'
import { hotState } from './adapters/hot-state.ts'
import { hotStore } from './adapters/hot-store.ts'
import { kvConfiguration } from './adapters/kv-configuration.ts'
import { networkProbe } from './adapters/network-probe.ts'
import { objectFlights } from './adapters/object-flights.ts'
import { objectMonitors } from './adapters/object-monitors.ts'
import { objectState } from './adapters/object-state.ts'
import { webCryptoSeal } from './adapters/web-crypto-seal.ts'
import { isAdmin } from './admin/authorise.ts'
import { gatewayApp } from './admin/gateway-app.ts'
import { type ConfigurationSources, createConfiguration, publishAgain, readConfiguration } from './configuration.ts'
import { batchObject } from './durable/batch.ts'
import { flightObject } from './durable/flight.ts'
import { monitorObject } from './durable/monitor.ts'
import { stateShardObject } from './durable/state-shard.ts'
import type { Env } from './env.ts'
import type { Ports } from './ports.ts'
import { problemResponse } from './problem.ts'
import { proxy } from './proxy.ts'
import { armMonitors } from './sharing.ts'

const now = () => Date.now()
const random = () => Math.random()

/** Where nobody has asked for a host. */
const internalHost = 'weir.invalid'

let ports: Ports | undefined

/** Made at the first request; what they keep in the Cache API stands under the host that was asked for then. */
const portsFor = (env: Env, url: string): Ports => (ports ??= compose(env, URL.parse(url)?.host ?? internalHost))

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
  const state = hotState(objectState(env.STATE), now)
  const gateway = gatewayApp({
    adminToken: env.ADMIN_TOKEN,
    configuration,
    sources,
    monitors,
    state,
    proxy: (request, background) => proxy(request, composed, background),
    now,
  })
  const store = hotStore(
    cacheApiStore(() => caches.open('weir')),
    now,
    () => configuration.current()?.config.hotTier ?? defaultHotTier,
  )
  const composed: Ports = {
    configuration,
    gateway,
    store,
    origins: fetchOrigin,
    flights: objectFlights(env.FLIGHTS),
    batches: objectFlights(env.BATCHES),
    monitors,
    state,
    decoderFor,
    seal: webCryptoSeal(env.COOKIE_SECRET || env.ADMIN_TOKEN),
    isAdmin: (authorization) => isAdmin(env.ADMIN_TOKEN, authorization),
    now,
    random,
  }
  return composed
}

export const Flight = flightObject(portsFor)
export const Batch = batchObject(portsFor)

export const Monitor = monitorObject({
  readConfiguration: (env) => readConfiguration(configurationSources(env, internalHost)),
  probe: networkProbe,
  now,
  random,
})

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

  async scheduled(_, env) {
    const sources = configurationSources(env, internalHost)
    await publishAgain(sources)
    await armMonitors(await readConfiguration(sources), objectMonitors(env.MONITORS))
  },
} satisfies ExportedHandler<Env>
