// The gateway on a laptop: the Worker as `npm run deploy` would send it, in Miniflare, with a configuration.
// It listens on loopback, on a socket of the Worker's own, so that nothing rewrites headers or codings on the way.
import { readdir, readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import {
  convertV4MiniflareOptions,
  Log,
  LogLevel,
  Miniflare,
  MiniflareCoreError,
  type MiniflareOptions,
} from 'miniflare'
import { d1Configuration } from '../adapters/d1-configuration.ts'
import { kvConfiguration } from '../adapters/kv-configuration.ts'
import type { Env } from '../env.ts'
import { migrationFolder } from './databases.ts'
import { type Declared, declared } from './declared.ts'
import { choosePort } from './port.ts'

export interface LocalGatewayOptions {
  /** JSON text of a valid configuration, in force before the first request; absent: what the state holds, if any. */
  readonly document?: string
  /** Refused where it is in use; absent: 8787 or the next that is free; 0: any. */
  readonly port?: number
  readonly adminToken?: string
  /** A folder that keeps D1, KV and the cache between runs; absent: a fresh state that is thrown away. */
  readonly stateFolder?: string
  /** Gets what the Worker writes with console.warn and console.error. */
  readonly onLog?: (line: string) => void
  /** Another main file for the Worker, from the root on, to measure or to watch it. */
  readonly entry?: string
  /** Puts into the stores what is to be there before the first request. */
  readonly prepare?: (stores: LocalStores) => Promise<void>
  /** Texts that the Worker finds in its environment beside what wrangler.toml binds. */
  readonly variables?: Readonly<Record<string, string>>
}

export type LocalStores = Pick<Env, 'DB' | 'SHOP' | 'CONFIG' | 'MEDIA'>

export interface LocalGateway {
  /** Without a slash at the end. */
  readonly url: string
  /** Ends the gateway and all its processes. */
  close(): Promise<void>
}

const root = fileURLToPath(new URL('../..', import.meta.url))
const defaultPort = 8787

/** Resolves when the gateway accepts requests. Throws an Error with a message for people where it cannot. */
export async function startLocalGateway(options: LocalGatewayOptions): Promise<LocalGateway> {
  // Miniflare would look its own location up on the network.
  process.env.CLOUDFLARE_CF_FETCH_ENABLED = 'false'
  const port = await choosePort(options.port, defaultPort)
  // The stores first, behind a closed door: a request that came before the configuration would find none, or that of
  // an earlier run, and the Worker would go by it for a while.
  const bindings = await declared(root)
  const optionsFor = (door?: Door) => miniflareOptions(bindings, options, door)
  const miniflare = new Miniflare(optionsFor())
  try {
    const [script] = await Promise.all([bundle(options.entry), prepareStores(miniflare, bindings, options)])
    const url = await open(miniflare, { script, port }, options.port, optionsFor)
    return { url, close: () => miniflare.dispose() }
  } catch (error) {
    await miniflare.dispose()
    throw error
  }
}

async function prepareStores(
  miniflare: Miniflare,
  { d1Databases }: Declared,
  { document, prepare }: LocalGatewayOptions,
): Promise<void> {
  await miniflare.ready
  const bindings = await miniflare.getBindings<Env>()
  const databases = bindings as unknown as Readonly<Record<string, Env['DB']>>
  await Promise.all(
    Object.keys(d1Databases).map(async (binding) => {
      const folder = migrationFolder(binding)
      if (folder !== undefined) await migrate(databases[binding]!, folder)
    }),
  )
  if (document !== undefined) await seed(bindings.DB, bindings.CONFIG, document)
  await prepare?.(bindings)
}

/** The Worker itself, and where it listens. */
interface Door {
  readonly script: string
  readonly port: number
}

/** Resolves to the URL at which the Worker accepts requests. */
async function open(
  miniflare: Miniflare,
  door: Door,
  wanted: number | undefined,
  optionsFor: (door: Door) => MiniflareOptions,
): Promise<string> {
  try {
    await miniflare.setOptions(optionsFor(door))
    return `http://127.0.0.1:${door.port}`
  } catch (error) {
    if (!(error instanceof MiniflareCoreError && error.code === 'ERR_ADDRESS_IN_USE')) throw error
  }
  // Another program took the port since it was chosen: choose again, which throws where it had to be this one.
  return open(miniflare, { ...door, port: await choosePort(wanted, defaultPort) }, wanted, optionsFor)
}

/** The Worker as one module. */
export async function bundle(entry = 'workers/index.ts'): Promise<string> {
  const result = await build({
    entryPoints: [entry],
    absWorkingDir: root,
    bundle: true,
    write: false,
    format: 'esm',
    target: 'es2024',
    conditions: ['workerd', 'worker', 'browser'],
    external: ['cloudflare:*', 'node:*'],
    logLevel: 'silent',
  })
  return result.outputFiles[0]!.text
}

/** Without a door: the stores alone, behind a Worker that does nothing. */
function miniflareOptions(
  bindings: Declared,
  { adminToken, stateFolder, onLog, variables }: LocalGatewayOptions,
  door?: Door,
) {
  const { compatibilityDate, kvNamespaces, d1Databases, r2Buckets } = bindings
  const worker =
    door === undefined
      ? { compatibilityDate, kvNamespaces, d1Databases, r2Buckets, script: 'export default {}' }
      : {
          ...bindings,
          script: door.script,
          bindings: { LOCAL: 'yes', ...variables, ...(adminToken !== undefined && { ADMIN_TOKEN: adminToken }) },
          unsafeDirectSockets: [{ host: '127.0.0.1', port: door.port }],
          stripCfConnectingIp: false,
        }
  const converted = convertV4MiniflareOptions({
    ...worker,
    name: 'weir',
    modules: true,
    rootPath: root,
    cf: false,
    log: new Log(LogLevel.NONE),
    handleStructuredLogs: ({ level, message }) => {
      // workerd marks so what it notes for its own developers.
      if ((level === 'warn' || level === 'error') && !message.startsWith('NOSENTRY')) onLog?.(message)
    },
  })
  return stateFolder === undefined ? converted : { ...converted, resourcePersistencePath: stateFolder }
}

/** Applies the migrations that this database has not seen, in the table in which wrangler notes them too. */
async function migrate(database: Env['DB'], folder: string): Promise<void> {
  const table =
    'id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT UNIQUE, applied_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP NOT NULL'
  await database.prepare(`CREATE TABLE IF NOT EXISTS d1_migrations (${table})`).run()
  const { results } = await database.prepare('SELECT name FROM d1_migrations').all<{ name: string }>()
  const applied = new Set(results.map((row: { name: string }) => row.name))
  const files = (await readdir(`${root}${folder}`)).filter((name) => name.endsWith('.sql') && !applied.has(name))
  for (const name of files.sort()) {
    const statements = (await readFile(`${root}${folder}/${name}`, 'utf8')).split('--> statement-breakpoint')
    const noted = database.prepare('INSERT INTO d1_migrations (name) VALUES (?)').bind(name)
    await database.batch([...statements.map((statement) => database.prepare(statement)), noted])
  }
}

async function seed(binding: Env['DB'], namespace: Env['CONFIG'], document: string): Promise<void> {
  const database = d1Configuration(binding)
  const current = await database.read()
  if (current?.document !== document) await database.append(document, undefined, Date.now())
  // Read again: with the purges of earlier runs.
  await kvConfiguration(namespace).write((await database.read())!)
}
