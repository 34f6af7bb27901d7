// GET /_weir/api/state: what each shard of the shared state holds, what is on its way, and how far behind D1 is.
import { Hono } from 'hono'
import { defaultState } from '../../shared/config/state.ts'
import type { StateReport } from '../../shared/state/page.ts'
import { snapshotOf } from '../configuration.ts'
import { problemResponse } from '../problem.ts'
import type { GatewayEnvironment, GatewayServices } from './gateway-app.ts'
import { wrongMethod } from './problems.ts'

export function shardsApi({ configuration, state, now }: GatewayServices): Hono<GatewayEnvironment> {
  const api = new Hono<GatewayEnvironment>()

  api.get('/', async (context) => {
    const snapshot = await snapshotOf(configuration, now(), context.env.background)
    const { shards } = snapshot?.config.state ?? defaultState
    const reports = await state.report({ shards, version: snapshot?.version ?? 0 })
    const at = now()
    const told = [...reports].filter(([shard, report]) => shard < shards || isConcerned(report))
    const described = told.map(([shard, report]) => ({ shard, ...describe(report, at) }))
    const all = told.flatMap(([, report]) => report ?? [])
    return Response.json(
      {
        shards,
        moving: sum(all, ({ buckets }) => buckets.arriving + buckets.leaving),
        ...lag(all, at),
        list: described,
      },
      { headers: { 'cache-control': 'no-store' } },
    )
  })

  api.all('/', () => problemResponse(wrongMethod('What is known of the shards can be read with GET.', 'GET')))
  return api
}

/** One of an earlier layout that has nothing any more is of no interest; one that is silent may have something. */
function isConcerned(report: StateReport | undefined): boolean {
  if (report === undefined) return true
  const { keys, buckets, unsaved } = report
  return keys + buckets.held + buckets.arriving + buckets.leaving + unsaved.keys > 0
}

const sum = (reports: readonly StateReport[], of: (report: StateReport) => number): number =>
  reports.reduce((total, report) => total + of(report), 0)

function lag(reports: readonly StateReport[], at: number) {
  const since = Math.min(...reports.map(({ unsaved }) => unsaved.since ?? at))
  return {
    unsaved: unsavedFrom(
      sum(reports, ({ unsaved }) => unsaved.keys),
      since,
      at,
    ),
  }
}

const unsavedFrom = (keys: number, since: number, at: number) => ({ keys, lagSeconds: Math.max(0, at - since) / 1000 })

function describe(report: StateReport | undefined, at: number) {
  if (report === undefined) return { because: 'it does not answer' }
  const { keys, bytes, buckets, unsaved } = report
  return { keys, bytes, buckets, unsaved: unsavedFrom(unsaved.keys, unsaved.since ?? at, at) }
}
