// What the search has not heard of yet is told to it: after each change, and by the clock where that has failed.
import { and, eq, ne } from 'drizzle-orm'
import type { ShopPorts } from '../ports.ts'
import { type Item, itemOf } from './item.ts'
import { items } from './tables.ts'

const mostAtOnce = 50
/** No service reads more at once; a single item is far from it. */
const mostBytes = 60_000

/** Never rejects: an item that cannot be found today can be bought all the same. */
export async function indexBehind({ database, calls }: ShopPorts): Promise<void> {
  try {
    const { value: behind } = await database.read({ kind: 'primary' }, (db) =>
      db.select().from(items).where(ne(items.indexed, items.version)).limit(mostAtOnce),
    )
    for (const part of inParts(behind)) {
      const body = JSON.stringify(part.map(itemOf))
      const headers = { 'content-type': 'application/json' }
      const told = await calls('search', new Request(searchUrl, { method: 'POST', headers, body }))
      if (!told.ok) throw new Error(`The search has answered ${told.status}.`)
      await database.write((db) => {
        const [first, ...others] = part.map(({ id, version }) =>
          db
            .update(items)
            .set({ indexed: version })
            .where(and(eq(items.id, id), eq(items.version, version))),
        )
        return db.batch([first!, ...others])
      })
    }
  } catch (error) {
    console.error('The search does not know all items yet; it is told again within a minute.', error)
  }
}

/** Before an item goes: whoever tells the search of this version afterwards, or of an earlier one, tells it in vain. */
export async function forget({ calls }: Pick<ShopPorts, 'calls'>, { id, version }: Item): Promise<void> {
  const url = `${searchUrl}/${encodeURIComponent(id)}?version=${version}`
  const told = await calls('search', new Request(url, { method: 'DELETE' }))
  if (!told.ok) throw new Error(`The search has answered ${told.status}, and the item ${id} stays.`)
}

function inParts(behind: readonly Item[]): Item[][] {
  const parts: Item[][] = []
  let bytes = Number.POSITIVE_INFINITY
  for (const item of behind) {
    const more = new TextEncoder().encode(JSON.stringify(itemOf(item))).byteLength + 1
    if (bytes + more > mostBytes) {
      parts.push([])
      bytes = 2
    }
    parts.at(-1)?.push(item)
    bytes += more
  }
  return parts
}

const searchUrl = 'http://search.invalid/internal/documents'
