// The shape of a configuration: every field, its range and its default. Objects are strict, so an unknown field
// is an error. What concerns several fields at once (a route's pools exist, ids differ) is in cross.ts.
// Objects with defaults inside use prefault({}): an absent object is read as an empty one.

import * as z from 'zod'
import {
  batchPath,
  batchTo,
  cookieName,
  credentialDigest,
  defaultOriginId,
  expectedText,
  fieldValue,
  headerName,
  hostPattern,
  id,
  instant,
  languageTag,
  mediaType,
  memberName,
  method,
  originUrl,
  pathPattern,
  poolName,
  probeHeader,
  probePath,
  queryRule,
  required,
  selector,
  statusList,
  whole,
} from './fields.ts'
import { imagesSchema } from './images.ts'
import { jobsSchema } from './jobs.ts'
import { mediaSchema } from './media.ts'
import { notificationsSchema } from './notifications.ts'
import { enqueueSchema } from './origin-events.ts'
import { servicesSchema } from './services.ts'
import { sessionsSchema } from './sessions.ts'
import { stateSchema } from './state.ts'
import { staticSchema } from './static.ts'
import { canarySchema, mirrorSchema, steeringSchema } from './steering.ts'

export type { QueryRule } from './fields.ts'

const YEAR_SECONDS = 31_536_000
const MAX_WAIT_MS = 600_000
const MAX_KEPT_BODY_BYTES = 8_388_608
const MIN_SLICE_BYTES = 65_536
const MAX_SLICE_BYTES = 16_777_216
const MIN_WINDOW_BYTES = 65_536
const MAX_WINDOW_BYTES = 33_554_432
const MAX_GATHER_MS = 20
const MAX_BATCH_WINDOW_MS = 1000
const MAX_BATCH = 1000
const MAX_HOT_ENTRY_BYTES = 1_048_576
const MAX_HOT_BYTES = 67_108_864
/** Cloudflare's location hints. */
const REGIONS = ['wnam', 'enam', 'sam', 'weur', 'eeur', 'apac', 'apac-ne', 'apac-se', 'oc', 'afr', 'me'] as const

/** One server. */
const originSchema = z
  .strictObject({
    /** Default: the URL's host and port. */
    id: id.optional(),
    /**
     * `scheme://host[:port]`, nothing after it; or inside the same deployment `service:NAME`, a service of the shop, or `r2:NAME`,
     * the files of a bucket.
     */
    url: originUrl,
    /** Share of the traffic beside the other origins of its priority. */
    weight: whole(1, 1000, ': to take an origin out, use "state": "off"').default(1),
    /** 0 is used first; the next number only when all before it are unhealthy. */
    priority: whole(0, 9).default(0),
    /** drain: keeps its clients, gets no new ones. off: gets nothing. */
    state: z.enum(['ready', 'drain', 'off']).default('ready'),
    /** With drain: when its clients have to go too (RFC 3339; ms on output). Absent: they may stay. */
    drainUntil: instant.optional(),
  })
  .transform(({ id, ...origin }) => ({ id: id ?? defaultOriginId(origin.url), ...origin }))

const timeoutsSchema = z.strictObject({
  /** Until the head of the response has come. */
  headersMs: whole(1, MAX_WAIT_MS).default(10_000),
  /**
   * The same over all attempts at this pool and those before it; told to the origin as X-Request-Deadline. A body that is
   * sent once may take its time.
   */
  totalMs: whole(1, MAX_WAIT_MS).default(30_000),
  /** Between two pieces of the body. */
  idleMs: whole(1, MAX_WAIT_MS).default(30_000),
})

const retrySchema = z.strictObject({
  /** Attempts in all, the first included. */
  tries: whole(1, 10).default(2),
  /** Retries, in percent of the requests of the pool; a pool with little traffic has a few more. 0: none. */
  budgetPercent: whole(0, 100).default(20),
  /** Request bodies up to this size are kept so that they can be sent again. */
  maxBodyBytes: whole(0, MAX_KEPT_BODY_BYTES).default(262_144),
})

const hedgeSchema = z.strictObject({
  /** How long a GET, HEAD or OPTIONS may be without an answer before another origin is asked beside the first. */
  afterMs: whole(1, MAX_WAIT_MS).default(300),
  /** Hedges, in percent of the requests of the pool; a pool with little traffic has a few more. 0: none. */
  budgetPercent: whole(0, 100).default(5),
})

const monitorSchema = z.strictObject({
  /** http: a request, judged by its response. tcp: a connection is opened and closed (not to hosts behind Cloudflare). */
  type: z.enum(['http', 'tcp']).default('http'),
  method: z.enum(['GET', 'HEAD']).default('GET'),
  /** What is asked for, on every origin of the pool. Redirects are not followed. */
  path: probePath.default('/healthz'),
  /** Sent with it; names in lower case on output. */
  headers: z.record(probeHeader, fieldValue).default({}),
  /** Statuses that count as healthy: one, a range, or several with commas. */
  expectStatus: statusList.default('200-299'),
  /** What must stand in the first 64 KiB of the body. Absent: the body is not read. */
  expectBody: expectedText.optional(),
  /** Between two probes of an origin, a tenth more or less. */
  intervalSeconds: whole(1, 3600).default(10),
  /** Until all of the response has come that is read, or the connection is open. */
  timeoutMs: whole(1, MAX_WAIT_MS).default(2000),
  /** Failures in a row that make an origin unhealthy. */
  fails: whole(1, 100).default(3),
  /** Successes in a row that make it healthy again. */
  passes: whole(1, 100).default(2),
  /** Where it is probed from; the majority decides. Absent: from one place, wherever the pool was first used. */
  regions: z.array(z.enum(REGIONS)).min(1, 'must not be empty: name at least one region, or remove it').optional(),
})

const ejectionSchema = z.strictObject({
  /** Failed attempts in a row that eject an origin. */
  failures: whole(1, 1000).default(3),
  /** Time of the first ejection; it grows with each further one, up to 300 seconds. */
  baseSeconds: whole(1, 3600).default(30),
  /** Share of the pool that may be ejected at once, of two or more origins at least one; 0 turns ejection off. */
  maxPercent: whole(0, 100).default(50),
})

/** A client's requests go to one origin, where they go to an origin by themselves: what is shared is anybody's. */
const affinitySchema = z.strictObject({
  /** What tells one client from another; only a cookie remembers, the others are hashed over what is ready. */
  by: selector(['cookie', 'ip'], ['header']).default('cookie'),
  /** How long the cookie keeps its origin after the client's last request. */
  ttlSeconds: whole(1, YEAR_SECONDS).default(1800),
  /**
   * When that origin is unhealthy or off. temporary: another until it is back. sticky: another for good (cookie only).
   * none: an error.
   */
  onFailure: z.enum(['temporary', 'sticky', 'none']).default('temporary'),
})

/** Origins that serve the same thing. */
export const poolSchema = z.strictObject({
  origins: z
    .array(originSchema, { error: required('give at least one origin') })
    .min(1, 'must not be empty: give at least one origin'),
  /**
   * Which origin of the pool; each heeds the weights. least-request and peak-ewma take the better of two that are drawn:
   * by what is under way, and by that and how long each takes. hash: one key, one origin, while it is not overloaded.
   */
  policy: z.enum(['round-robin', 'random', 'least-request', 'peak-ewma', 'hash']).default('peak-ewma'),
  /** What the hash policy hashes; a request that has no such header or cookie goes by chance. */
  hashOn: selector(['ip', 'path', 'url', 'session'], ['header', 'cookie']).default('ip'),
  timeouts: timeoutsSchema.prefault({}),
  retry: retrySchema.prefault({}),
  /** Absent: off. */
  hedge: hedgeSchema.optional(),
  /** Active probes. Absent: off. */
  monitor: monitorSchema.optional(),
  /** Passive and timed; on by default. */
  ejection: ejectionSchema.prefault({}),
  /** With less than this share of healthy origins, health is ignored and all are used. */
  panicPercent: whole(0, 100).default(50),
  /** Absent: off. */
  affinity: affinitySchema.optional(),
  /** For origins that are `r2:NAME`. Absent: each path is a file, and what has a hash in its name never changes. */
  static: staticSchema.optional(),
  /** What its origins may show to the gateway's own endpoints, several for rotation. Empty: they may use none. */
  credentials: z
    .array(credentialDigest)
    .max(8, 'must be 8 at most: remove those that nobody uses any more')
    .default([]),
})

const keyRuleSchema = z.strictObject({
  /** Which parameters of the query belong to the cache key. */
  query: queryRule.default('all'),
  /** Whether their order does not matter: they are sorted by name, for the origin too. */
  sortQuery: z.boolean().default(false),
  /** Request headers whose values belong to it; lower case on output. */
  headers: z.array(headerName).default([]),
  /** Cookies whose values belong to it. */
  cookies: z.array(cookieName).default([]),
})

const sliceSize = whole(0, MAX_SLICE_BYTES).refine(
  (bytes) => bytes === 0 || bytes >= MIN_SLICE_BYTES,
  `must be 0, or from ${MIN_SLICE_BYTES} to ${MAX_SLICE_BYTES}`,
)

/** The bounds of a flight: what it holds, and who may wait for it. */
export const flightSchema = z.strictObject({
  /** Of a body: held for those who read more slowly than the fastest; half of it is what the origin may be ahead. */
  windowBytes: whole(MIN_WINDOW_BYTES, MAX_WINDOW_BYTES).default(8_388_608),
  /** So many share one flight. */
  maxReaders: whole(1, 10_000).default(5000),
  /** How long one of them waits for the head of what another asked for; then it asks by itself. */
  maxWaitMs: whole(1, MAX_WAIT_MS).default(10_000),
  /** Whoever comes beyond maxReaders. direct: asks by itself. refuse: gets 503 with Retry-After. */
  beyond: z.enum(['direct', 'refuse']).default('direct'),
  /** How long a range waits for others of the same content, to be asked for as one with them. */
  gatherMs: whole(0, MAX_GATHER_MS).default(5),
})

const cacheRuleSchema = z.strictObject({
  /** respect: what the origin says (RFC 9111). force: ttlSeconds, whatever it says. */
  mode: z.enum(['off', 'respect', 'force']).default('respect'),
  /** Freshness: with force always, with respect when the origin says nothing (absent: heuristic rules). */
  ttlSeconds: whole(0, YEAR_SECONDS).optional(),
  /** How long after that a stale response may be served while a new one is fetched (RFC 5861 §3). */
  graceSeconds: whole(0, YEAR_SECONDS).default(0),
  /** How long after that a stale response may be served because the origin fails (RFC 5861 §4). */
  errorGraceSeconds: whole(0, YEAR_SECONDS).default(0),
  /** How long instead of errorGraceSeconds while the pool is sick: then what is stale is served at once. */
  sickGraceSeconds: whole(0, YEAR_SECONDS).default(0),
  /** How long a stale response is held for its validator alone. */
  keepSeconds: whole(0, YEAR_SECONDS).default(86_400),
  key: keyRuleSchema.prefault({}),
  /**
   * Which headers reach the origin that are not in the key, beside the standard ones, where its answer may be stored;
   * and no cookies. Absent: with respect all of them, and the answers to some are not stored; with force none.
   */
  unkeyed: z.array(headerName).optional(),
  /** What the origin offers: the best of these for the client stands for its Accept-Language. */
  languages: z.array(languageTag).min(1, 'must not be empty: name at least one language').optional(),
  /** The same for Accept. */
  types: z.array(mediaType).min(1, 'must not be empty: name at least one media type').optional(),
  /** How many responses of one URL may differ by Vary; beyond them nothing more is stored. */
  maxVariants: whole(1, 1000).default(64),
  /** Ranges are asked for, and kept, in slices of this size; 0: as the client asks, and not kept. */
  sliceBytes: sliceSize.default(1_048_576),
  /** Where equal requests that miss wait for one fetch. */
  collapse: z.enum(['off', 'colo', 'global']).default('colo'),
  flight: flightSchema.prefault({}),
})

/** Single reads that the origin can be asked for in one request. Absent: each is asked for by itself. */
const batchSchema = z.strictObject({
  /** Which paths are single reads: literal text, and one `:name` where the id stands. */
  path: batchPath,
  /** What is asked for in their place: `{ids}` stands for the ids, percent-encoded and joined by commas. */
  to: batchTo,
  /** How the answer is taken apart. json: a list of objects, or an object with one such list among its members. */
  split: z.enum(['json']).default('json'),
  /** The member of each object that holds its id. */
  by: memberName.default('id'),
  /** How long the first one waits for others. */
  windowMs: whole(0, MAX_BATCH_WINDOW_MS).default(10),
  /** So many ids are asked for at once: as many as the origin gives in one answer. */
  max: whole(2, MAX_BATCH).default(100),
})

const methodList = z.array(method)

/** A match on a request, and what to do with it. */
export const routeSchema = z.strictObject({
  /** Default: `route-1` for the first, and so on; filled in by the list, which knows the position. */
  id: id.optional(),
  /** `*`, an exact host, or `*.example.com` for its subdomains. */
  host: hostPattern.default('*'),
  /** Literal text, `*` for any run of characters, `:name` for one segment. */
  path: pathPattern,
  methods: methodList
    .min(1, 'must not be empty: name at least one method')
    .default(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']),
  /** Methods that may be sent to a second origin without an Idempotency-Key. */
  retryMethods: methodList.default(['GET', 'HEAD', 'OPTIONS']),
  /** Where requests go, in this order. */
  pools: z
    .array(z.string(), { error: required('name at least one pool') })
    .min(1, 'must not be empty: name at least one pool'),
  /** What puts one of them before the others. Pools without a healthy origin go behind those that have one. */
  steering: steeringSchema.prefault({}),
  /** Absent: off. */
  canary: canarySchema.optional(),
  /** Absent: off. */
  mirror: mirrorSchema.optional(),
  cache: cacheRuleSchema.prefault({}),
  /** Absent: off. */
  batch: batchSchema.optional(),
  /** Jobs that follow from its answers. */
  enqueue: enqueueSchema,
  /** Whether the origins get the values of the client's session, and may change them. */
  session: z.boolean().default(false),
})

/** What each isolate holds in its own memory of what it is asked for again and again. */
export const hotTierSchema = z.strictObject({
  /** Larger bodies are not held. */
  entryBytes: whole(0, MAX_HOT_ENTRY_BYTES).default(65_536),
  /** All that is held; the least recently used goes first. 0 turns the tier off. */
  totalBytes: whole(0, MAX_HOT_BYTES).default(16_777_216),
  /** How long an entry is served without a look at the cache of the data centre. */
  trustSeconds: whole(0, 60).default(5),
})

export type HotTier = z.output<typeof hotTierSchema>

export const defaultHotTier: HotTier = hotTierSchema.parse({})

/** The id of a route that was given none, from its position. */
export const defaultRouteId = (index: number): string => `route-${index + 1}`

/** The whole document. Parse with `parseConfig`, which also checks what lies between the fields. */
export const configSchema = z.strictObject({
  pools: z
    .record(poolName, poolSchema, { error: required('name at least one pool') })
    .refine((pools) => Object.keys(pools).length > 0, 'must not be empty: name at least one pool'),
  /** The first that matches is taken. */
  routes: z
    .array(routeSchema, { error: required('give at least one route') })
    .min(1, 'must not be empty: give at least one route')
    .transform((routes) => routes.map(({ id, ...route }, index) => ({ id: id ?? defaultRouteId(index), ...route }))),
  hotTier: hotTierSchema.prefault({}),
  sessions: sessionsSchema.prefault({}),
  jobs: jobsSchema.prefault({}),
  notifications: notificationsSchema.prefault({}),
  media: mediaSchema.prefault({}),
  images: imagesSchema.prefault({}),
  /** The shared state cache. */
  state: stateSchema.prefault({}),
  /** Calls between services, and out of here. */
  services: servicesSchema.prefault({}),
})

export type Config = z.output<typeof configSchema>
export type Pool = Config['pools'][string]
export type Origin = Pool['origins'][number]
export type Policy = Pool['policy']
export type ProbeRule = NonNullable<Pool['monitor']>
export type Affinity = NonNullable<Pool['affinity']>
export type Route = Config['routes'][number]
export type CacheRule = Route['cache']
export type BatchRule = NonNullable<Route['batch']>
