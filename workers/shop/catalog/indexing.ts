// What the search has not heard of yet is told to it: after each change, and by the clock where that has failed.
import { and, eq, ne } from 'drizzle-orm'
import type { ShopPorts } from '../ports.ts'
import { itemOf } from './item.ts'
import { items } from './tables.ts'

const mostAtOnce = 50

/** Never rejects: an item that cannot be found today can be bought all the same. */
export async function indexBehind({ database, calls }: ShopPorts): Promise<void> {
  try {
    const { value: behind } = await database.read({ kind: 'primary' }, (db) =>
      db.select().from(items).where(ne(items.indexed, items.version)).limit(mostAtOnce),
    )
    if (behind.length === 0) return
    const body = JSON.stringify(behind.map(itemOf))
    const headers = { 'content-type': 'application/json' }
    const told = await calls('search', new Request(searchUrl, { method: 'POST', headers, body }))
    if (!told.ok) throw new Error(`The search has answered ${told.status}.`)
    for (const { id, version } of behind) {
      const isSame = and(eq(items.id, id), eq(items.version, version))
      await database.write((db) => db.update(items).set({ indexed: version }).where(isSame))
    }
  } catch (error) {
    console.error('The search does not know all items yet; it is told again within a minute.', error)
  }
}

const searchUrl = 'http://search.invalid/internal/documents'
