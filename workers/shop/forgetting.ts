// What was done for a checkout is forgotten with it, long after that is over, and not before: only the checkout knows.
import { type SQL, type SQLWrapper, sql } from 'drizzle-orm'
import * as z from 'zod'

export const mostForgotten = 500

export const forgetting = z.strictObject({ keys: z.array(z.string().max(100)).min(1).max(mostForgotten) })

/** One value for all of them: a statement takes 100 at most. */
export const isAmong = (column: SQLWrapper, keys: readonly string[]): SQL =>
  sql`${column} IN (SELECT value FROM json_each(${JSON.stringify(keys)}))`
