// Errors that lie between fields: ids that clash, pools that do not exist, a mode without its time. Reads the
// document itself and passes over what has the wrong shape (the schema reports that), so that a wrong field
// hides no other error. Decides nothing about single fields.

import { hotTierSchema } from './cache.ts'
import { imagesErrors } from './cross-images.ts'
import { jobErrors } from './cross-jobs.ts'
import { originEventErrors } from './cross-origin-events.ts'
import { servicesErrors } from './cross-services.ts'
import { stateErrors } from './cross-state.ts'
import { steeringErrors } from './cross-steering.ts'
import { type ConfigError, listNames, quote } from './errors.ts'
import { batchPath, defaultOriginId, originUrl, pathPattern } from './fields.ts'
import { parseInnerOrigin } from './inner-origin.ts'
import { compilePath } from './pattern.ts'
import { defaultRouteId } from './schema.ts'
import { sessionsSchema } from './sessions.ts'
import { asFields, asList, error, type Fields, repeats } from './shape.ts'

/** All errors between the fields of a document of any shape. */
export const crossErrors = (document: unknown): ConfigError[] => {
  const { pools, routes, hotTier, sessions, images, jobs, state, services } = asFields(document)
  const names = new Set(Object.keys(asFields(pools)))
  return [
    ...Object.entries(asFields(pools)).flatMap(([name, pool]) => poolErrors(name, asFields(pool))),
    ...asList(routes).flatMap((route, index) => [
      ...routeErrors(index, asFields(route), names),
      ...originEventErrors(index, asFields(route), asFields(jobs)),
    ]),
    ...sameRouteIds(asList(routes)),
    ...sharedCredentials(asFields(pools)),
    ...entryBeyondTotal(asFields(hotTier)),
    ...idleBeyondAbsolute(asFields(sessions)),
    ...imagesErrors(asFields(images), names),
    ...jobErrors(asFields(jobs), names),
    ...stateErrors(asFields(state), names, asList(routes)),
    ...servicesErrors(asFields(services), asFields(pools)),
  ]
}

const poolErrors = (name: string, pool: Fields): ConfigError[] => {
  const origins = asList(pool.origins).map(asFields)
  return [
    ...reservedName(name),
    ...sameOriginIds(name, origins),
    ...allOff(name, origins),
    ...monitorErrors(name, asFields(pool.monitor)),
    ...probedInside(name, pool, origins),
    ...staticElsewhere(name, pool, origins),
    ...idleDeadlines(name, origins),
    ...forgetfulAffinity(name, asFields(pool.affinity)),
  ]
}

const monitorErrors = (name: string, monitor: Fields): ConfigError[] => {
  const at = (...place: PropertyKey[]) => ['pools', name, 'monitor', ...place]
  const forHttp = ['method', 'path', 'headers', 'expectStatus', 'expectBody'].filter((field) => field in monitor)
  return [
    ...(monitor.type === 'tcp' ? forHttp : []).map((field) =>
      error(at(field), 'has no meaning with "type": "tcp", which sends no request: remove it'),
    ),
    ...(monitor.method === 'HEAD' && monitor.type !== 'tcp' && monitor.expectBody !== undefined
      ? [error(at('expectBody'), 'has no meaning with "method": "HEAD", whose responses have no body: use GET')]
      : []),
    ...repeats(asList(monitor.regions)).map(({ value, index }) =>
      error(at('regions', index), `names the region ${quote(value)} a second time: remove it`),
    ),
  ]
}

/** Probes go over the network. */
const probedInside = (name: string, { monitor }: Fields, origins: readonly Fields[]): ConfigError[] => {
  // A list may have holes, which `find` does not pass over.
  const [inside] = origins.filter(({ url }) => typeof url === 'string' && parseInnerOrigin(url) !== undefined)
  return monitor === undefined || inside === undefined
    ? []
    : [error(['pools', name, 'monitor'], `cannot probe ${quote(inside.url)}, which is inside the gateway: remove it`)]
}

const staticElsewhere = (name: string, pool: Fields, origins: readonly Fields[]): ConfigError[] =>
  pool.static === undefined || origins.some(({ url }) => typeof url === 'string' && url.startsWith('r2:'))
    ? []
    : [
        error(
          ['pools', name, 'static'],
          'is for pools with an origin such as "r2:assets", and this one has none: remove it',
        ),
      ]

/** zod drops this name without a word, and it is a trap for whatever reads pools by name. */
const reservedName = (name: string): ConfigError[] =>
  name === '__proto__' ? [error(['pools', name], 'is a reserved name: choose another')] : []

const sameOriginIds = (name: string, origins: readonly Fields[]): ConfigError[] =>
  repeats(origins.map(originId)).map(({ value, first, index }) =>
    error(
      ['pools', name, 'origins', index, 'id'],
      `is ${quote(value)}, the id of origins[${first}] (the default is the host and port of the URL): give each an "id" of its own`,
    ),
  )

const originId = ({ id, url }: Fields): unknown => {
  if (id !== undefined) return id
  const { data } = originUrl.safeParse(url)
  return data && defaultOriginId(data)
}

const allOff = (name: string, origins: readonly Fields[]): ConfigError[] =>
  origins.length > 0 && origins.every(({ state }) => state === 'off')
    ? [error(['pools', name, 'origins'], 'are all "off": set the state of at least one to "ready"')]
    : []

const idleDeadlines = (name: string, origins: readonly Fields[]): ConfigError[] =>
  origins.flatMap(({ state, drainUntil }, index) =>
    drainUntil === undefined || state === 'drain'
      ? []
      : [error(['pools', name, 'origins', index, 'drainUntil'], 'has no effect without "state": "drain": remove it')],
  )

/** Who shows a credential is one pool. */
const sharedCredentials = (pools: Fields): ConfigError[] => {
  const all = Object.entries(pools).flatMap(([name, pool]) =>
    asList(asFields(pool).credentials).map((digest, index) => ({ name, digest, index })),
  )
  const digests = all.map(({ digest }) => (typeof digest === 'string' ? digest.toLowerCase() : undefined))
  return repeats(digests).map(({ first, index }) =>
    error(
      ['pools', all[index]!.name, 'credentials', all[index]!.index],
      `is a credential of the pool ${quote(all[first]!.name)} already: give each pool its own`,
    ),
  )
}

const forgetfulAffinity = (name: string, { by = 'cookie', onFailure }: Fields): ConfigError[] =>
  onFailure === 'sticky' && by !== 'cookie'
    ? [
        error(
          ['pools', name, 'affinity', 'onFailure'],
          'cannot be "sticky" here, since only a cookie remembers another origin: use "by": "cookie", or "temporary"',
        ),
      ]
    : []

const routeErrors = (index: number, route: Fields, names: ReadonlySet<string>): ConfigError[] => [
  ...missingPools(index, asList(route.pools), names),
  ...repeats(asList(route.pools)).map(({ value, index: at }) =>
    error(['routes', index, 'pools', at], `names the pool ${quote(value)} a second time: remove it`),
  ),
  ...forceWithoutTime(index, asFields(route.cache)),
  ...steeringErrors(index, route, names),
  ...batchElsewhere(index, route),
]

const missingPools = (index: number, pools: readonly unknown[], names: ReadonlySet<string>): ConfigError[] =>
  pools.flatMap((pool, at) =>
    // Without any pool, that is the error to mend first.
    typeof pool !== 'string' || names.has(pool) || names.size === 0
      ? []
      : [
          error(
            ['routes', index, 'pools', at],
            `names no pool: the pools are ${listNames([...names])}; got ${quote(pool)}`,
          ),
        ],
  )

const forceWithoutTime = (index: number, cache: Fields): ConfigError[] =>
  cache.mode === 'force' && cache.ttlSeconds === undefined
    ? [
        error(
          ['routes', index, 'cache', 'ttlSeconds'],
          'is required with "mode": "force": say how long responses are fresh',
        ),
      ]
    : []

/** A name in the one reads as a segment that only a name or a star of the other can take. */
const batchElsewhere = (index: number, { path, batch }: Fields): ConfigError[] => {
  const { data: own } = pathPattern.safeParse(path)
  const { data: reads } = batchPath.safeParse(asFields(batch).path)
  return own === undefined || reads === undefined || compilePath(own)(reads)
    ? []
    : [
        error(
          ['routes', index, 'batch', 'path'],
          `is ${quote(reads)}, but the route takes ${quote(own)}: put it on the route that takes all of these paths`,
        ),
      ]
}

const sameRouteIds = (routes: readonly unknown[]): ConfigError[] =>
  repeats(routes.map((route, index) => asFields(route).id ?? defaultRouteId(index))).map(({ value, first, index }) =>
    error(['routes', index, 'id'], `is ${quote(value)}, the id of routes[${first}]: give each an "id" of its own`),
  )

const entryBeyondTotal = (hotTier: Fields): ConfigError[] => {
  const { data: entry = 0 } = hotTierSchema.shape.entryBytes.safeParse(hotTier.entryBytes)
  const { data: total = 0 } = hotTierSchema.shape.totalBytes.safeParse(hotTier.totalBytes)
  const byDefault = hotTier.entryBytes === undefined ? ' by default' : ''
  return total > 0 && entry > total
    ? [
        error(
          ['hotTier', 'entryBytes'],
          `is ${entry}${byDefault}, more than "totalBytes" (${total}): write at most ${total}`,
        ),
      ]
    : []
}

const idleBeyondAbsolute = (sessions: Fields): ConfigError[] => {
  const { data: idle = 0 } = sessionsSchema.shape.idleSeconds.safeParse(sessions.idleSeconds)
  const { data: absolute = idle } = sessionsSchema.shape.absoluteSeconds.safeParse(sessions.absoluteSeconds)
  return idle > absolute
    ? [
        error(
          ['sessions', 'idleSeconds'],
          `is ${idle}, more than "absoluteSeconds" (${absolute}), which ends a session anyway: write at most ${absolute}`,
        ),
      ]
    : []
}
