// /_weir/api/checkouts: the checkouts of the shop, those first that have been at one step the longest; and one that is stuck
// is run again at once rather than at its time.
import { Hono } from 'hono'
import * as z from 'zod'
import { explain, toErrors } from '../../shared/config/issues.ts'
import type { ListedCheckout } from '../ports/checkout-port.ts'
import { type Problem, problemResponse } from '../problem.ts'
import type { GatewayEnvironment, GatewayServices } from './gateway-app.ts'
import { invalid, wrongMethod } from './problems.ts'

const noStore = { 'cache-control': 'no-store' }
const mostListed = 100

const states = ['stuck', 'running', 'done', 'undone'] as const
const limit = `must be a whole number from 1 to ${mostListed}`

const querySchema = z.strictObject({
  /** stuck: nothing has changed for five minutes, and it is not over. */
  state: z.enum(states, `must be one of ${states.join(', ')}`).default('stuck'),
  limit: z.string().transform(Number).pipe(z.int(limit).min(1, limit).max(mostListed, limit)).default(50),
  /** What the page before has said. */
  cursor: z
    .string()
    .regex(/^\d{1,15}-[\w-]{1,100}$/, 'must be the "next" of a page')
    .optional(),
})

export function checkoutsApi({ checkouts }: GatewayServices): Hono<GatewayEnvironment> {
  const api = new Hono<GatewayEnvironment>()

  api.get('/', async ({ req }) => {
    const parsed = querySchema.safeParse(req.query(), { error: explain })
    if (!parsed.success) return problemResponse(invalid('query', errorsOf(parsed.error)))
    const { cursor, ...query } = parsed.data
    const listed = await checkouts.list({ ...query, after: cursor === undefined ? undefined : placeOf(cursor) })
    if (listed === undefined) return problemResponse(away)
    const last = listed.length === query.limit ? listed.at(-1) : undefined
    const next = last && { next: `${last.since}-${last.id}` }
    return Response.json({ checkouts: listed.map(told), ...next }, { headers: noStore })
  })

  api.post('/:id/retry', async (context) => {
    const id = context.req.param('id')
    switch (await checkouts.retry(id)) {
      case 'begun':
        return Response.json({ id, retried: true }, { status: 202, headers: noStore })
      case 'absent':
        return problemResponse(noCheckout)
      case 'over':
        return problemResponse(over)
      default:
        return problemResponse(away)
    }
  })

  api.all('/', () => problemResponse(wrongMethod('Checkouts can be listed with GET.', 'GET')))
  api.all('/:id/retry', () => problemResponse(wrongMethod('A checkout is run again with POST.', 'POST')))
  return api
}

const errorsOf = ({ issues }: z.ZodError) => issues.flatMap((issue) => toErrors(querySchema, issue))

function placeOf(cursor: string) {
  const dash = cursor.indexOf('-')
  return { since: Number(cursor.slice(0, dash)), id: cursor.slice(dash + 1) }
}

function told({ startedAt, since, ...checkout }: ListedCheckout) {
  return { ...checkout, startedAt: new Date(startedAt).toISOString(), since: new Date(since).toISOString() }
}

const noCheckout: Problem = {
  status: 404,
  reason: 'no-such-checkout',
  detail: 'There is no checkout of this id; those that are over are forgotten after 90 days.',
}

const over: Problem = {
  status: 409,
  reason: 'checkout-over',
  detail: 'This checkout is over, done or undone: there is nothing left to run.',
}

const away: Problem = {
  status: 503,
  reason: 'checkouts-unavailable',
  detail: 'The database of the shop or its Workflows do not answer. Nothing is lost: send it again.',
  headers: { 'retry-after': '5' },
}
