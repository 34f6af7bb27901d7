// The fields of a route that say which of its pools a request goes to, beside their order and their health. What has to
// agree between them is in cross-steering.ts.
import * as z from 'zod'
import { between, required, selector, whole } from './fields.ts'

const pools = z.array(z.string()).min(1, 'must not be empty: name at least one pool')

export const steeringSchema = z.strictObject({
  /** Where the platform does not tell the place of a request, `*` applies, or else the order of `pools`. */
  by: z.enum(['order', 'weight', 'country', 'continent', 'colo', 'nearest']).default('order'),
  /** By weight: shares of the requests, by pool. 0, or none given: only when the others are unhealthy. */
  weights: z.record(z.string(), whole(0, 1000)).optional(),
  /** By country, continent or colo: for each code the pools that come first, in order; `*` for all other codes. */
  map: z.record(z.string(), pools).optional(),
  /** By nearest: where the pools are, in degrees. Those that are nowhere come last. */
  coordinates: z
    .record(z.string(), z.strictObject({ latitude: between(-90, 90), longitude: between(-180, 180) }))
    .optional(),
  /**
   * Whether the pools serve different things. false: what is stored of one is given to all. true: the pool that a
   * request is meant for is part of its cache key, and what another pool answers in its stead is not stored.
   */
  keyed: z.boolean().default(false),
})

const poolToUse = z.string({ error: required('name a pool') })

/** A share of the clients goes to another pool, always the same clients; what is stored is kept apart. */
export const canarySchema = z.strictObject({
  pool: poolToUse,
  /** Of the clients. To raise it moves clients to the canary and none away. */
  percent: between(0, 100),
  /** What tells one client from another. Until one has the cookie, its address and User-Agent stand in for it. */
  by: selector(['cookie', 'ip'], ['header']).default('cookie'),
})

/**
 * A share of the GETs and HEADs that reach an origin is sent to another pool too, behind the response: with the same
 * fields, credentials included. Nobody waits for its answer or reads it, and its failures count for nothing.
 */
export const mirrorSchema = z.strictObject({ pool: poolToUse, percent: between(0, 100) })

export type Steering = z.output<typeof steeringSchema>
export type Canary = z.output<typeof canarySchema>
