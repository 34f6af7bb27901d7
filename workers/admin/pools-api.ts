// GET /_weir/api/pools: what is known of each pool and origin, here and by way of the pools' objects.
import { Hono } from 'hono'
import { type Ejected, isHealthy } from '../../shared/balance/health.ts'
import { originKey } from '../../shared/balance/monitor.ts'
import type { OriginState, PoolState } from '../../shared/balance/pool.ts'
import type { MonitorWord } from '../../shared/balance/shared-view.ts'
import { namedPools } from '../../shared/snapshot.ts'
import { shareNow, viewOf } from '../balance/sharing.ts'
import { snapshotOf } from '../configuration.ts'
import { problemResponse } from '../problem.ts'
import type { GatewayEnvironment, GatewayServices } from './gateway-app.ts'
import { wrongMethod } from './problems.ts'

export function poolsApi(services: GatewayServices): Hono<GatewayEnvironment> {
  const { configuration, now } = services
  const api = new Hono<GatewayEnvironment>()

  api.get('/', async (context) => {
    const { background } = context.env
    const snapshot = await snapshotOf(configuration, now(), background)
    const pools = snapshot ? namedPools(snapshot) : new Map<string, PoolState>()
    await shareNow(pools, services)
    const at = now()
    const described = Object.fromEntries([...pools].map(([name, state]) => [name, describePool(state, at)]))
    return Response.json({ pools: described }, { headers: { 'cache-control': 'no-store' } })
  })

  api.all('/', () => problemResponse(wrongMethod('What is known of the pools can be read with GET.', 'GET')))
  return api
}

function describePool(state: PoolState, at: number) {
  const { pool, origins } = state
  const view = viewOf(state)
  const described = origins.map((each) => describe(each, view[originKey(each.origin)]?.word, at))
  return { policy: pool.policy, monitored: pool.monitor !== undefined, origins: described }
}

/** What is over, or not known, is absent. `inFlight` and `failuresInARow` are of this isolate alone. */
function describe({ origin, inFlight, latency, health }: OriginState, word: MonitorWord | undefined, at: number) {
  const { ejected, failuresInARow } = health
  const { id, state } = origin
  return {
    id,
    state,
    healthy: isHealthy(health, at),
    ...(word !== undefined && at < word.until && { monitor: describeWord(word) }),
    ...(ejected !== undefined && { ejected: describeEjection(ejected) }),
    ...(latency.at > 0 && { latency: { ms: Math.round(latency.ms), at: instant(latency.at) } }),
    failuresInARow,
    inFlight,
  }
}

const instant = (at: number): string => new Date(at).toISOString()

function describeWord({ verdict, since, because }: MonitorWord) {
  return { verdict, since: instant(since), because }
}

function describeEjection({ because, at, until }: Ejected) {
  return { because, since: instant(at), until: instant(until) }
}
