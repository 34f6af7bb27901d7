// Lists in pages, the newest first: each page names the one after it by its own last row.
import { desc, type SQL, sql } from 'drizzle-orm'
import type { SQLiteColumn } from 'drizzle-orm/sqlite-core'
import * as z from 'zod'

interface Listed {
  readonly createdAt: number
  readonly id: string
}

type ListedColumns = Readonly<Record<keyof Listed, SQLiteColumn>>

const mostListed = 100

/** What the query of any list may say; `usual` rows are listed where it says nothing. */
export const pageQuery = (usual: number) => {
  const error = `must be how many, a whole number from 1 to ${mostListed}`
  return {
    after: z
      .string()
      .regex(/^\d{1,15}_[\w-]{1,64}$/, 'must be the "next" of another answer')
      .optional(),
    limit: z.coerce.number(error).int(error).min(1, error).max(mostListed, error).default(usual),
  }
}

export const newestFirst = ({ createdAt, id }: ListedColumns): SQL[] => [desc(createdAt), desc(id)]

/** The condition for what comes after a page whose `next` was `after`. */
export function listedAfter({ createdAt, id }: ListedColumns, after: string | undefined): SQL | undefined {
  if (after === undefined) return undefined
  const cut = after.indexOf('_')
  return sql`(${createdAt}, ${id}) < (${Number(after.slice(0, cut))}, ${after.slice(cut + 1)})`
}

/** Of one row more than the page may have, the page, and `next` where there is more. */
export function pageOf<Row extends Listed>(rows: readonly Row[], limit: number): { shown: Row[]; next?: string } {
  const shown = rows.slice(0, limit)
  const last = shown.at(-1)
  return rows.length > limit && last !== undefined ? { shown, next: `${last.createdAt}_${last.id}` } : { shown }
}
