// What the shop sells. Everybody reads it, mostly out of the gateway's cache; who is logged in may list items and change
// those that are theirs. What changes is purged by its tag, and told to the search.
import { and, eq, inArray, sql } from 'drizzle-orm'
import * as z from 'zod'
import { writtenMediaPath } from '../../../shared/media-path.ts'
import type { Problem } from '../../problem.ts'
import { kinds } from '../kinds.ts'
import { listedAfter, newestFirst, pageOf, pageQuery } from '../listing.ts'
import { newId } from '../new-id.ts'
import type { ShopPorts } from '../ports.ts'
import {
  checked,
  Refused,
  readJson,
  type ShopContext,
  serviceApp,
  sharedJson,
  userOf,
  withSession,
} from '../service.ts'
import { forget, indexBehind } from './indexing.ts'
import { type Item, itemOf, itemTag, listTag } from './item.ts'
import { kindCounts } from './kinds.ts'
import { noteUnshown, removeUnshown, unlessUnshown } from './pictures.ts'
import { reservationRoutes } from './stock.ts'
import { items } from './tables.ts'

/** A purge reaches other places within a minute or so; what it misses is gone after this. */
const keptSeconds = 300

/** What the cache keeps for all is read from the primary: what a replica lags behind would be kept for minutes. */
const forAll = { kind: 'primary' } as const

const line = (most: number) =>
  z.string('must be a text').trim().min(1, 'must not be empty').max(most, `must have ${most} characters at most`)

const amount = (least: number, most: number, what: string) => {
  const error = `must be ${what}, a whole number from ${least} to ${most}`
  return z.int(error).min(least, error).max(most, error)
}

const picture = z
  .string('must be a text')
  .refine((path) => writtenMediaPath(path).ok, 'must be the path of a picture, such as "/_weir/media/items/1.jpg"')

const newItem = z.strictObject({
  title: line(120),
  kind: z.enum(kinds, `must be one of ${kinds.join(', ')}`).default('print'),
  place: line(120),
  description: line(4000),
  price: amount(1, 10_000_000, 'the price in pence'),
  stock: amount(1, 10_000, 'how many there are').default(1),
  picture: picture.optional(),
})

const change = newItem
  .partial()
  .extend({ kind: z.enum(kinds).optional(), stock: amount(0, 10_000, 'how many there are').optional() })
  .refine((fields) => Object.keys(fields).length > 0, 'must name something to change')

const listing = z.strictObject({
  ...pageQuery(24),
  kind: z.enum(kinds, `must be one of ${kinds.join(', ')}`).optional(),
  ids: z
    .string()
    .regex(/^[\w-]{1,64}(,[\w-]{1,64}){0,99}$/, 'must be up to 100 ids with commas between them')
    .transform((ids) => ids.split(','))
    .optional(),
})

export function catalogService(ports: ShopPorts) {
  const { database, now } = ports
  const app = serviceApp('catalog')
  const logged = withSession(ports)
  const kindsNow = kindCounts(ports)

  app.get('/api/items', async (context) => {
    const asked = checked(context.req.query(), listing)
    const limit = asked.ids?.length ?? asked.limit
    const { value: found } = await database.read(forAll, (db) =>
      db
        .select()
        .from(items)
        .where(whereOf(asked))
        .orderBy(...newestFirst(items))
        .limit(limit + 1),
    )
    const { shown, next } = pageOf(found, limit)
    const list = { items: shown.map(itemOf), next }
    const tags = [listTag, ...shown.map(({ id }) => itemTag(id))]
    return sharedJson(context, list, { seconds: keptSeconds, tags })
  })

  app.get('/api/items/:id', async (context) => {
    const id = context.req.param('id')
    const row = await itemBy(id)
    if (row === undefined) throw new Refused(noItem(id))
    return sharedJson(context, itemOf(row), { seconds: keptSeconds, tags: [itemTag(id)], etag: etagOf(row.version) })
  })

  app.post('/api/items', logged, async (context) => {
    const { picture: path, ...given } = await readJson(context, newItem)
    const seller = await userOf(context)
    const common = { id: newId(), currency: 'GBP', seller, version: 1, createdAt: now() }
    const picture = pathOf(path)
    const row = { ...common, ...given, picture: picture && unlessUnshown(picture) }
    const [item] = await context.var.view.write(database, (db) => db.insert(items).values(row).returning())
    await kindsNow.recount()
    await changed([listTag, itemTag(row.id)])
    return context.json(itemOf(item!), 201, { location: `/api/items/${row.id}`, etag: etagOf(1) })
  })

  app.patch('/api/items/:id', logged, async (context) => {
    const { picture: path, ...given } = await readJson(context, change)
    const row = await ownItem(context)
    const picture = pathOf(path)
    const hasOther = picture !== undefined && picture !== row.picture
    const fields = { ...given, ...(hasOther && { picture: unlessUnshown(picture) }) }
    const rows = await context.var.view.write(database, async (db) => {
      const changes = db
        .update(items)
        .set({ ...fields, version: sql`${items.version} + 1` })
        .where(and(eq(items.id, row.id), eq(items.version, row.version)))
        .returning()
      return hasOther ? (await db.batch([noteUnshown(db, row, now()), changes]))[1] : changes
    })
    const [after] = rows
    if (after === undefined) throw new Refused(changedMeanwhile)
    if (hasOther) await removeUnshown(ports, context.req.url, row.picture)
    if (after.kind !== row.kind) await kindsNow.recount()
    await changed([listTag, itemTag(row.id)])
    return context.json(itemOf(after), 200, { etag: etagOf(after.version) })
  })

  app.delete('/api/items/:id', logged, async (context) => {
    const item = await ownItem(context)
    const { id, version } = item
    await forget(ports, item)
    const [, gone] = await context.var.view.write(database, (db) =>
      db.batch([
        noteUnshown(db, item, now()),
        db
          .delete(items)
          .where(and(eq(items.id, id), eq(items.version, version)))
          .returning({ id: items.id }),
      ]),
    )
    if (gone.length === 0) throw new Refused(changedMeanwhile)
    await kindsNow.recount()
    await changed([listTag, itemTag(id)])
    await removeUnshown(ports, context.req.url, item.picture)
    return context.body(null, 204)
  })

  app.route('/', kindsNow.routes)
  app.route('/', reservationRoutes(ports, changed))

  async function itemBy(id: string): Promise<Item | undefined> {
    const { value } = await database.read(forAll, (db) => db.select().from(items).where(eq(items.id, id)).limit(1))
    return value[0]
  }

  /** The write stands in any case; where a cache could not be told, it is seen when what is kept has become old. */
  async function changed(tags: readonly string[]): Promise<void> {
    await indexBehind(ports)
    if (!(await ports.purge(tags)))
      console.warn(`Not purged: ${tags.join(', ')}. It is kept for ${keptSeconds} s more.`)
  }

  /** The item, if it is this user's and still the one that If-Match names. */
  async function ownItem(context: ShopContext): Promise<Item> {
    const user = await userOf(context)
    const id = context.req.param('id') ?? ''
    const row = await itemBy(id)
    if (row === undefined) throw new Refused(noItem(id))
    if (row.seller !== user) throw new Refused(notYours)
    const wanted = context.req.header('if-match')
    if (wanted !== undefined && wanted !== '*' && wanted !== etagOf(row.version)) throw new Refused(changedMeanwhile)
    return row
  }

  return app
}

const whereOf = ({ after, kind, ids }: z.output<typeof listing>) =>
  and(ids && inArray(items.id, ids), kind && eq(items.kind, kind), listedAfter(items, after))

function pathOf(picture: string | undefined): string | undefined {
  const path = picture === undefined ? undefined : writtenMediaPath(picture)
  return path?.ok ? path.value : undefined
}

const etagOf = (version: number): string => `"v${version}"`

const noItem = (id: string): Problem => ({
  status: 404,
  reason: 'no-such-item',
  detail: `There is no item ${id}: GET /api/items lists those that there are.`,
})

const notYours: Problem = {
  status: 403,
  reason: 'not-yours',
  detail: 'This item was listed by somebody else, who alone may change it.',
}

const changedMeanwhile: Problem = {
  status: 412,
  reason: 'changed-meanwhile',
  detail: 'The item is not the one any more that you have seen: GET it, and decide again. Nothing was changed.',
}
