// POST /_weir/api/purge: cached responses are made invalid by what names them. In force here at once, and everywhere
// as soon as a configuration would be.
import { Hono } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import { canonicalTarget } from '../../shared/http/target.ts'
import { keyedUrl } from '../../shared/key.ts'
import { parsePurgeRequest } from '../../shared/purge-request.ts'
import type { Snapshot } from '../../shared/snapshot.ts'
import { publish, snapshotOf } from '../configuration.ts'
import { problemResponse } from '../problem.ts'
import { within } from '../within.ts'
import type { GatewayEnvironment, GatewayServices } from './gateway-app.ts'
import { jsonBody } from './json-body.ts'
import { databaseAway, invalid, maxBodyBytes, patienceMs, tooLarge, wrongMethod } from './problems.ts'

export function purgeApi({ configuration, sources, now }: GatewayServices): Hono<GatewayEnvironment> {
  const api = new Hono<GatewayEnvironment>()

  api.post(
    '/',
    bodyLimit({ maxSize: maxBodyBytes, onError: () => problemResponse(tooLarge('A purge')) }),
    async (context) => {
      const body = await jsonBody(context, '{"urls": ["https://www.example.com/page"]}')
      if (!body.ok) return problemResponse(body.error)
      const { background } = context.env
      const snapshot = await snapshotOf(configuration, now(), background)
      const parsed = parsePurgeRequest(body.value, (url) => keyedUrls(snapshot, url))
      if (!parsed.ok) return problemResponse(invalid('purge', parsed.error))
      const purges = await within(patienceMs, () => sources.purges.append(parsed.value, now()))
      if (purges === undefined) return problemResponse(databaseAway('Send the purge again: twice does no harm.'))
      configuration.adoptPurges(purges)
      const published = await publish(sources, patienceMs)
      return Response.json({ epoch: purges.epoch, published }, { headers: { 'cache-control': 'no-store' } })
    },
  )

  api.all('/', () => problemResponse(wrongMethod('Send what is to be purged with POST.', 'POST')))
  return api
}

/** The URL with the part of its query that the route keys, which is the one that the entry has. */
function keyedUrls(snapshot: Snapshot | undefined, url: string): string[] {
  const target = canonicalTarget(url)
  const routing = target.ok ? snapshot?.router('GET', target.value) : undefined
  if (!target.ok || routing?.kind !== 'route') return []
  return [keyedUrl(target.value, routing.route.cache.key)]
}
