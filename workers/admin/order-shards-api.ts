// /_weir/api/shards: which shard has how many buckets of the orders, and moves of buckets while all goes on.
import { Hono } from 'hono'
import * as z from 'zod'
import { bucketCount } from '../../shared/state/place.ts'
import { type MovingShards, moveBucket } from '../db/bucket-moves.ts'
import { bucketOfAccount } from '../db/shards.ts'
import { bucketsByShard, spread } from '../db/spread.ts'
import { type Problem, problemResponse } from '../problem.ts'
import type { GatewayEnvironment, GatewayServices } from './gateway-app.ts'
import { jsonBody } from './json-body.ts'
import { wrongMethod } from './problems.ts'

/** At a time; fewer where they have many rows. */
const mostMoves = 40
const usualMoves = 25

const noStore = { headers: { 'cache-control': 'no-store' } }

export function orderShardsApi({ orders }: GatewayServices): Hono<GatewayEnvironment> {
  const api = new Hono<GatewayEnvironment>()
  const shard = z
    .int()
    .min(0)
    .max(orders.sources.length - 1)
  const bucket = z
    .int()
    .min(0)
    .max(bucketCount - 1)
  const account = z.string().min(1)
  const moveSchema = z.union([z.strictObject({ bucket, to: shard }), z.strictObject({ account, to: shard })])
  const spreadSchema = z.strictObject({
    over: z.int().min(1).max(orders.sources.length).default(orders.sources.length),
    atMost: z.int().min(1).max(mostMoves).default(usualMoves),
  })

  api.get('/', () =>
    orAway(async () => {
      const places = await orders.directory.read()
      const counts = bucketsByShard(places, orders.homes, orders.sources.length)
      const moving = [...places].flatMap(([number, { movingTo }]) =>
        movingTo === undefined ? [] : { bucket: number, to: nameOf(movingTo) },
      )
      return { shards: counts.map((buckets, number) => ({ shard: nameOf(number), buckets })), moving }
    }),
  )

  api.post('/move', (context) =>
    orAway(async () => {
      const body = await jsonBody(context, '{"account": "ada", "to": 1}')
      if (!body.ok) return body.error
      const parsed = moveSchema.safeParse(body.value)
      if (!parsed.success) return invalidMove(orders)
      const { to, ...named } = parsed.data
      const moved = 'bucket' in named ? named.bucket : bucketOfAccount('orders', named.account)
      const outcome = await moveBucket(orders, moved, to)
      return outcome.kind === 'overtaken' ? overtaken : { bucket: moved, to: nameOf(to), ...outcome }
    }),
  )

  api.post('/spread', (context) =>
    orAway(async () => {
      const body = await jsonBody(context, `{"over": ${orders.sources.length}}`, {})
      if (!body.ok) return body.error
      const parsed = spreadSchema.safeParse(body.value)
      if (!parsed.success) return invalidSpread(orders)
      return spread(orders, parsed.data.over, parsed.data.atMost)
    }),
  )

  const use = 'The shards are listed with GET at /_weir/api/shards; POST …/move and …/spread move buckets.'
  api.all('/move', () => problemResponse(wrongMethod(use, 'POST')))
  api.all('/spread', () => problemResponse(wrongMethod(use, 'POST')))
  api.all('/', () => problemResponse(wrongMethod(use, 'GET')))
  return api
}

const nameOf = (shard: number): string => `orders-${shard}`

async function orAway(answer: () => Promise<Problem | object>): Promise<Response> {
  try {
    const given = await answer()
    return isProblem(given) ? problemResponse(given) : Response.json(given, noStore)
  } catch (error) {
    console.error(error)
    return problemResponse(away)
  }
}

const isProblem = (given: Problem | object): given is Problem => 'status' in given && 'reason' in given

const away: Problem = {
  status: 503,
  reason: 'shard-unavailable',
  detail: 'A database does not answer, or its migrations were not applied. Nothing is lost: send it again to go on.',
  headers: { 'retry-after': '5' },
}

const overtaken: Problem = {
  status: 409,
  reason: 'move-overtaken',
  detail: 'Somebody else moves this bucket at the same time. Look at /_weir/api/shards, and send it again in a while.',
}

const shardsOf = ({ sources }: MovingShards): string => `a shard from 0 to ${sources.length - 1}`

const invalidMove = (orders: MovingShards): Problem => ({
  status: 422,
  reason: 'invalid-move',
  detail: `Send {"bucket": 17, "to": 1} or {"account": "ada", "to": 1}: a bucket from 0 to ${bucketCount - 1}, and ${shardsOf(orders)}. Nothing was changed.`,
})

const invalidSpread = ({ sources }: MovingShards): Problem => ({
  status: 422,
  reason: 'invalid-spread',
  detail: `Send {"over": ${sources.length}, "atMost": ${usualMoves}}: over 1 to ${sources.length} shards, at most ${mostMoves} buckets at a time. Nothing was changed.`,
})
