// One configuration, made ready for requests: routes compiled, pools ready to choose from. A request takes one
// snapshot at its start and keeps it, so that none sees half of two configurations.
import { type PoolState, startPool } from './balance/pool.ts'
import type { Course } from './balance/steering.ts'
import type { Config, Route } from './config/schema.ts'
import { innerRoutes } from './inner-routes.ts'
import type { Purges } from './purge.ts'
import { compileRoutes, type Router } from './routing.ts'

export interface Snapshot {
  /** Counts up with every replacement. */
  readonly version: number
  readonly config: Config
  readonly router: Router
  /** Of what the gateway answers itself. */
  readonly innerRouter: Router
  /** By name; among them those of the inner routes, whose names no configuration can give. */
  readonly pools: ReadonlyMap<string, PoolState>
  readonly purges: Purges
}

/** `random` gives numbers in [0, 1): each isolate starts its turns elsewhere. */
export function makeSnapshot(version: number, config: Config, purges: Purges, random: () => number): Snapshot {
  const inner = innerRoutes(config)
  const all = [...Object.entries(config.pools), ...Object.entries(inner.pools)]
  const pools = new Map(all.map(([name, pool]) => [name, startPool(pool, random)]))
  return { version, config, router: compileRoutes(config), innerRouter: compileRoutes(inner), pools, purges }
}

/** The pools that the configuration names, in its order. */
export function namedPools({ config, pools }: Snapshot): ReadonlyMap<string, PoolState> {
  return new Map(Object.keys(config.pools).map((name) => [name, pools.get(name)!]))
}

/** The pools of a course; those of the route where the course was set by another configuration. */
export function poolsOf(snapshot: Snapshot, route: Route, { pools }: Pick<Course, 'pools'>): PoolState[] {
  const names = pools.every((name) => snapshot.pools.has(name)) ? pools : route.pools
  return names.map((name) => snapshot.pools.get(name)!)
}
