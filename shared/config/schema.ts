// The shape of a configuration: every field, its range and its default, here and in the files that it imports. Objects
// are strict, so an unknown field is an error. What concerns several fields at once (a route's pools exist, ids differ) is in cross.ts.
// Objects with defaults inside use prefault({}): an absent object is read as an empty one.

import * as z from 'zod'
import { cacheRuleSchema, hotTierSchema } from './cache.ts'
import {
  batchPath,
  batchTo,
  hostPattern,
  id,
  memberName,
  method,
  pathPattern,
  poolName,
  required,
  whole,
} from './fields.ts'
import { imagesSchema } from './images.ts'
import { jobsSchema } from './jobs.ts'
import { mediaSchema } from './media.ts'
import { notificationsSchema } from './notifications.ts'
import { enqueueSchema } from './origin-events.ts'
import { poolSchema } from './pool.ts'
import { servicesSchema } from './services.ts'
import { sessionsSchema } from './sessions.ts'
import { stateSchema } from './state.ts'
import { canarySchema, mirrorSchema, steeringSchema } from './steering.ts'

export type { QueryRule } from './fields.ts'

const MAX_BATCH_WINDOW_MS = 1000
const MAX_BATCH = 1000

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
