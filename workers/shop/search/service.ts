// The search: an index of its own (FTS5), which the catalog fills. Every word has to be there, the last one may be begun only.
import { and, eq, lte, sql } from 'drizzle-orm'
import * as z from 'zod'
import { internalPrefix } from '../calls.ts'
import type { ShopPorts } from '../ports.ts'
import { checked, readJson, serviceApp, sharedJson } from '../service.ts'
import { documents } from './tables.ts'

/** What is found may be as old as a replica: it is kept no longer than a replica may lag and nobody minds. */
const keptSeconds = 30

const question = z.strictObject({
  q: z
    .string('is required: what to search for')
    .trim()
    .min(1, 'must not be empty: what to search for')
    .max(100, 'must have 100 characters at most'),
  limit: z.coerce
    .number('must be a number')
    .pipe(z.int('must be a whole number').min(1, 'must be 1 at least').max(100, 'must be 100 at most'))
    .default(24),
})

const listed = z
  .array(
    z.looseObject({
      ...{ id: z.string(), version: z.int() },
      ...{ title: z.string(), place: z.string(), kind: z.string(), description: z.string() },
    }),
  )
  .max(100)

/** The last version that is to be forgotten. */
const removal = z.strictObject({ version: z.coerce.number().pipe(z.int().min(1)) })

export function searchService({ database }: ShopPorts) {
  const app = serviceApp('search')

  app.get('/api/search', async (context) => {
    const { q, limit } = checked(context.req.query(), question)
    const match = matchOf(q)
    const { value: found } =
      match === undefined
        ? { value: [] }
        : await database.read({ kind: 'unconstrained' }, (db) =>
            db.all<{ item: string }>(
              sql`SELECT item FROM documents WHERE documents MATCH ${match}
                ORDER BY bm25(documents, 0, 0, 0, 10, 5, 3, 1), id LIMIT ${limit}`,
            ),
          )
    const answer = { q, items: found.map(({ item }) => JSON.parse(item)) }
    return sharedJson(context, answer, { seconds: keptSeconds, tags: ['items'] })
  })

  app.post(`${internalPrefix}documents`, async (context) => {
    const given = await readJson(context, listed)
    if (given.length === 0) return context.body(null, 204)
    await database.write((db) => {
      const [first, ...others] = given.flatMap((item) => {
        const { id, version, title, place, kind, description } = item
        return [
          db.delete(documents).where(and(eq(documents.id, id), lte(documents.version, version))),
          // What is newer stays.
          db.insert(documents).select(
            sql`SELECT ${id}, ${version}, ${JSON.stringify(item)}, ${title}, ${place}, ${kind}, ${description}
              WHERE NOT EXISTS (SELECT 1 FROM documents WHERE id = ${id})`,
          ),
        ]
      })
      return db.batch([first!, ...others])
    })
    return context.body(null, 204)
  })

  app.delete(`${internalPrefix}documents/:id`, async (context) => {
    const { version } = checked(context.req.query(), removal)
    const id = context.req.param('id')
    await database.write((db) =>
      db.batch([
        db.delete(documents).where(and(eq(documents.id, id), lte(documents.version, version))),
        // Nobody finds it, and what is no newer does not come back: a call of before may still be on its way.
        db.insert(documents).select(
          sql`SELECT ${id}, ${version + 1}, '', '', '', '', ''
            WHERE NOT EXISTS (SELECT 1 FROM documents WHERE id = ${id})`,
        ),
      ]),
    )
    return context.body(null, 204)
  })

  return app
}

/** In the words of FTS5, where a text in quotes is nothing but a text; undefined where nothing is left to search for. */
function matchOf(q: string): string | undefined {
  const words = q.normalize('NFKC').match(/[\p{L}\p{N}]+/gu) ?? []
  return words.length === 0 ? undefined : `${words.map((word) => `"${word}"`).join(' ')}*`
}
