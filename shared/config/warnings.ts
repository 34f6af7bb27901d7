// What is allowed but probably not meant: routes that never match, pools without use, addresses that will not
// work in production. Takes a configuration without errors.

import { reachOf } from '../address.ts'
import { poolOfSourceRule } from '../image/sources.ts'
import { type ConfigError, formatPath, quote } from './errors.ts'
import type { Config } from './schema.ts'
import { findShadows } from './shadow.ts'

const RESERVED_PREFIX = '/_weir/'

/** All warnings for a configuration and the document it was read from. */
export const findWarnings = (config: Config, document: unknown): ConfigError[] => [
  ...deadRoutes(config),
  ...unusedPools(config),
  ...bareAddresses(config),
  ...idleBatches(config),
  ...wholeCookies(config),
  ...mixedVersions(config, document),
  ...idleFields(config, document),
  ...slowProbes(config),
]

const deadRoutes = ({ routes }: Config): ConfigError[] => {
  const reserved = routes.flatMap(({ path }, index) =>
    path.startsWith(RESERVED_PREFIX)
      ? [warning(['routes', index, 'path'], `can never match: paths under ${RESERVED_PREFIX} belong to the gateway`)]
      : [],
  )
  const shadowed = findShadows(routes).map(({ index, by }) =>
    warning(
      ['routes', index],
      `can never match: routes[${by}] (${quote(routes[by]?.id)}) takes all its requests; move this route before it`,
    ),
  )
  return [...reserved, ...shadowed]
}

/** Who has credentials may only be one that asks: for state, jobs or services. */
const unusedPools = ({ pools, routes, jobs, images }: Config): ConfigError[] => {
  const used = new Set([
    ...routes.flatMap(({ pools, canary, mirror }) => [...pools, canary?.pool, mirror?.pool]),
    ...Object.values(jobs.types).map(({ pool }) => pool),
    ...images.sources.map(poolOfSourceRule),
  ])
  return Object.entries(pools)
    .filter(([name, { credentials }]) => !used.has(name) && credentials.length === 0)
    .map(([name]) =>
      warning(['pools', name], 'no route uses this pool: name it in the "pools" of a route, or remove it'),
    )
}

const bareAddresses = ({ pools }: Config): ConfigError[] =>
  Object.entries(pools).flatMap(([name, { origins }]) =>
    origins.flatMap(({ url }, index) =>
      isBareAddress(URL.parse(url)?.hostname ?? '')
        ? [
            warning(
              ['pools', name, 'origins', index, 'url'],
              'Cloudflare refuses fetches to bare IP addresses in production: give it a host name',
            ),
          ]
        : [],
    ),
  )

/** Addresses of a network of one's own are for a laptop, where they work. */
const isBareAddress = (host: string): boolean => (reachOf(host) ?? 'own') !== 'own'

const idleBatches = ({ routes }: Config): ConfigError[] =>
  routes.flatMap(({ methods, cache, batch }, index) => {
    const because =
      (!methods.includes('GET') && 'the route takes no GET') ||
      (cache.mode === 'off' && 'its "cache" has "mode": "off", and what is not stored is not shared') ||
      (cache.collapse === 'off' && 'its "cache" has "collapse": "off"')
    return batch && because ? [warning(['routes', index, 'batch'], `has no effect: ${because}`)] : []
  })

/** Who has cookies that are not named is taken for somebody, and a forced route sends none of them on. */
const wholeCookies = ({ routes }: Config): ConfigError[] =>
  routes.flatMap(({ cache }, index) =>
    cache.key.headers.includes('cookie')
      ? [
          warning(
            ['routes', index, 'cache', 'key', 'headers'],
            'cannot tell by "cookie": name the cookies that count in "cookies" instead',
          ),
        ]
      : [],
  )

/** Chance is how two versions are tried, and the cache would hand out whichever came first. */
const mixedVersions = ({ routes }: Config, document: unknown): ConfigError[] =>
  valuesAt(document, ['routes', '*', 'steering']).flatMap(({ path, value }) => {
    const { steering, cache } = routes[Number(path[1])]!
    const isSaid = typeof value === 'object' && value !== null && 'keyed' in value
    return steering.by !== 'weight' || cache.mode === 'off' || isSaid
      ? []
      : [
          warning(
            path,
            'what is stored of one pool is given to all: write "keyed": false if the pools serve the same, "keyed": true or a "canary" if not',
          ),
        ]
  })

/** Fields that another field makes meaningless. */
const idleFields = ({ pools }: Config, document: unknown): ConfigError[] => {
  const poolAt = (path: readonly PropertyKey[]) => pools[String(path[1])]!
  return [
    ...valuesAt(document, ['pools', '*', 'hashOn'])
      .filter(({ path, value }) => poolAt(path).policy !== 'hash' && value !== 'ip')
      .map(({ path }) => warning(path, 'has no effect without "policy": "hash"')),
    ...valuesAt(document, ['pools', '*', 'affinity', 'ttlSeconds'])
      .filter(({ path }) => poolAt(path).affinity?.by !== 'cookie')
      .map(({ path }) => warning(path, 'has no effect: only a cookie remembers, and the others are hashed each time')),
  ]
}

/** Rounds of an origin that is silent never end before the next is due. */
const slowProbes = ({ pools }: Config): ConfigError[] =>
  Object.entries(pools).flatMap(([name, { monitor }]) =>
    monitor !== undefined && monitor.timeoutMs > monitor.intervalSeconds * 1000
      ? [
          warning(
            ['pools', name, 'monitor', 'timeoutMs'],
            'is longer than "intervalSeconds": a silent origin makes the probes of its pool rarer than that',
          ),
        ]
      : [],
  )

type Found = { readonly path: readonly PropertyKey[]; readonly value: unknown }

/** The values that were written at a place; `*` stands for every name or position. */
const valuesAt = (value: unknown, [head, ...rest]: readonly string[], path: readonly PropertyKey[] = []): Found[] => {
  if (value === undefined) return []
  if (head === undefined) return [{ path, value }]
  if (typeof value !== 'object' || value === null) return []
  if (Array.isArray(value)) return value.flatMap((item, index) => valuesAt(item, rest, [...path, index]))
  return Object.entries(value)
    .filter(([name]) => head === '*' || head === name)
    .flatMap(([name, item]) => valuesAt(item, rest, [...path, name]))
}

const warning = (path: readonly PropertyKey[], message: string): ConfigError => ({ path: formatPath(path), message })
