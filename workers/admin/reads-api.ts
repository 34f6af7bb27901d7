// GET /_weir/api/reads: which copy of a database has served how many reads of this isolate, and how fast. What
// stands in KV is a copy too.
import { Hono } from 'hono'
import { problemResponse } from '../problem.ts'
import type { GatewayEnvironment, GatewayServices } from './gateway-app.ts'
import { wrongMethod } from './problems.ts'

export function readsApi({ reads }: GatewayServices): Hono<GatewayEnvironment> {
  const api = new Hono<GatewayEnvironment>()
  api.get('/', () => {
    const counts = reads.report()
    const all = sum(counts)
    const byReplicas = sum(counts.filter(({ by }) => by !== 'primary'))
    return Response.json(
      { of: 'this isolate', reads: all, byReplicas, share: all === 0 ? null : byReplicas / all, counts },
      { headers: { 'cache-control': 'no-store' } },
    )
  })
  api.all('/', () => problemResponse(wrongMethod('What has served reads can be read with GET.', 'GET')))
  return api
}

const sum = (counts: readonly { readonly reads: number }[]): number =>
  counts.reduce((total, { reads }) => total + reads, 0)
