// A pool: its origins, which of them is asked, and what becomes of one that fails.
import * as z from 'zod'
import {
  credentialDigest,
  defaultOriginId,
  expectedText,
  fieldValue,
  id,
  instant,
  MAX_WAIT_MS,
  originUrl,
  probeHeader,
  probePath,
  required,
  selector,
  statusList,
  whole,
  YEAR_SECONDS,
} from './fields.ts'
import { staticSchema } from './static.ts'

const MAX_KEPT_BODY_BYTES = 8_388_608
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
  /** Retries that come to nothing, in percent of the requests of the pool; one with little traffic has a few more. 0: no retries. */
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
