// The pictures of items that are gone, or have another one: noted in the transaction that makes it so, and removed at once,
// or by the clock where that has failed. Only what the shop has kept by itself is removed, and only what no item shows:
// whoever lists an item may name any picture, also another's.
import { and, eq, sql } from 'drizzle-orm'
import type { Writer } from '../../db/replicas.ts'
import { within } from '../../within.ts'
import type { ShopPorts } from '../ports.ts'
import type { Item } from './item.ts'
import { items, unshownPictures } from './tables.ts'

/** As the page that lists an item names them: nobody can guess it. */
const keptByShop = /^items\/[\w-]{22}$/
const patienceMs = 2_000
const mostAtOnce = 20

/** To be sent before what takes the picture from this version of the item, in one batch. */
export const noteUnshown = (db: Writer, { id, version, picture }: Item, now: number) =>
  db
    .insert(unshownPictures)
    .select(
      sql`SELECT ${items.picture}, ${now} FROM ${items}
        WHERE ${and(eq(items.id, id), eq(items.version, version))} AND ${keptByShop.test(picture ?? '') ? 1 : 0}`,
    )
    .onConflictDoNothing()

/** For what an item is to show: none, where it is about to be removed. */
export const unlessUnshown = (path: string) =>
  sql<string>`CASE WHEN NOT EXISTS (SELECT 1 FROM ${unshownPictures} WHERE ${eq(unshownPictures.path, path)}) THEN ${path} END`

/** Never rejects: what is left is tried again by the clock. `base` is a URL of the gateway. */
export async function removeUnshown(ports: ShopPorts, base: string, path: string | null): Promise<void> {
  if (path !== null && keptByShop.test(path)) await within(patienceMs, () => remove(ports, base, path))
}

/** All that is left. */
export async function removeAllUnshown(ports: ShopPorts, base: string): Promise<void> {
  await within(patienceMs, async () => {
    const { value: left } = await ports.database.read({ kind: 'primary' }, (db) =>
      db.select().from(unshownPictures).orderBy(unshownPictures.at).limit(mostAtOnce),
    )
    for (const { path } of left) await removeUnshown(ports, base, path)
  })
}

async function remove({ database, pictures }: ShopPorts, base: string, path: string): Promise<void> {
  const { value: shown } = await database.read({ kind: 'primary' }, (db) => db.$count(items, eq(items.picture, path)))
  if (shown === 0) {
    const { ok, status } = await pictures.remove(base, path)
    if (!ok) throw new Error(`The picture ${path}, which no item shows, was not removed: ${status}.`)
  }
  await database.write((db) => db.delete(unshownPictures).where(eq(unshownPictures.path, path)))
}
