// How many items of each kind there are, for whoever begins to look around. It takes a walk over all items, everybody asks
// for it, and it changes only where an item comes, goes, or is another: so it is read from a replica in KV, whatever else is
// purged, and counted again by those writes. Nobody sees it older than `staleSeconds`.
//
//   GET /api/kinds   {"kinds": [{"kind": "print", "items": 48}], "countedAt": "…", "staleSeconds": 60}
import { count } from 'drizzle-orm'
import { Hono } from 'hono'
import type { ShopPorts } from '../ports.ts'
import { type ShopEnvironment, sharedJson } from '../service.ts'
import { listTag } from './item.ts'
import { items } from './tables.ts'

const staleSeconds = 60
const all = 'all'

export function kindCounts({ database, replica, now }: ShopPorts) {
  const counts = replica({
    name: 'kinds',
    staleSeconds,
    async load() {
      const { value } = await database.read({ kind: 'primary' }, (db) =>
        db.select({ kind: items.kind, items: count() }).from(items).groupBy(items.kind).orderBy(items.kind),
      )
      return value
    },
  })
  const routes = new Hono<ShopEnvironment>()

  routes.get('/api/kinds', async (context) => {
    const { value: kinds = [], ageMs = 0 } = (await counts.read(all)) ?? {}
    const counted = { kinds, countedAt: new Date(now() - ageMs).toISOString(), staleSeconds }
    const ageSeconds = Math.ceil(ageMs / 1000)
    return sharedJson(context, counted, { seconds: staleSeconds, tags: [listTag], ageSeconds })
  })

  return {
    routes,
    /** After each write that changes them. Never rejects: what could not be told is seen when the old counts are too old. */
    recount: () => counts.renew(all),
  }
}
