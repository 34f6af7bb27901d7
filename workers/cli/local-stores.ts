// A Worker that puts the stores of a local gateway in order before the first request. It does so on the spot: over
// Miniflare's bridge each statement would be a round trip for which the program stands still.
import { d1Configuration } from '../adapters/d1-configuration.ts'
import { kvConfiguration } from '../adapters/kv-configuration.ts'
import type { Env } from '../env.ts'

/** What is to be there. */
export interface Order {
  /** By the binding of the database. */
  readonly migrations: Readonly<Record<string, readonly Migration[]>>
  /** The configuration; absent: what is there already, if any. */
  readonly document?: string
}

export interface Migration {
  readonly name: string
  readonly statements: readonly string[]
}

type Stores = Pick<Env, 'DB' | 'CONFIG'>

export default {
  async fetch(request: Request, stores: Stores): Promise<Response> {
    const { migrations, document } = (await request.json()) as Order
    const databases = stores as unknown as Readonly<Record<string, Env['DB']>>
    await Promise.all(Object.entries(migrations).map(([binding, each]) => migrate(databases[binding]!, each)))
    if (document !== undefined) await seed(stores, document)
    return new Response()
  },
}

/** Applies the migrations that this database has not seen, in the table in which wrangler notes them too. */
async function migrate(database: Env['DB'], migrations: readonly Migration[]): Promise<void> {
  const table =
    'id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT UNIQUE, applied_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP NOT NULL'
  await database.prepare(`CREATE TABLE IF NOT EXISTS d1_migrations (${table})`).run()
  const { results } = await database.prepare('SELECT name FROM d1_migrations').all<{ name: string }>()
  const applied = new Set(results.map((row: { name: string }) => row.name))
  for (const { name, statements } of migrations) {
    if (applied.has(name)) continue
    const noted = database.prepare('INSERT INTO d1_migrations (name) VALUES (?)').bind(name)
    await database.batch([...statements.map((statement) => database.prepare(statement)), noted])
  }
}

async function seed({ DB, CONFIG }: Stores, document: string): Promise<void> {
  const database = d1Configuration(DB)
  const current = await database.read()
  if (current?.document !== document) await database.append(document, undefined, Date.now())
  // Read again: with the purges of earlier runs.
  await kvConfiguration(CONFIG).write((await database.read())!)
}
