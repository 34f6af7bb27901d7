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
import type { Env } from '../env.ts'
import { migrationFolder } from './databases.ts'
import { type Declared, declared } from './declared.ts'
import type { Migration, Order } from './local-stores.ts'
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
  const [bindings, storesScript] = await Promise.all([declared(root), bundle('workers/cli/local-stores.ts')])
  const optionsFor = (parts: Parts) => miniflareOptions(bindings, options, parts)
  // The stores first, behind a closed door: a request that came before the configuration would find none, or that of
  // an earlier run, and the Worker would go by it for a while. Where nobody knows the port, and nothing is there of an
  // earlier run, nobody can come too early: all of it starts at once, in half the time.
  const isUnknown = options.port === 0 && options.stateFolder === undefined
  const atOnce = isUnknown ? { door: { script: await bundle(options.entry), port } } : {}
  const miniflare = new Miniflare(optionsFor({ storesScript, ...atOnce }))
  try {
    if (isUnknown) {
      await prepareStores(miniflare, bindings, options)
      return running(miniflare, port)
    }
    const [script] = await Promise.all([bundle(options.entry), prepareStores(miniflare, bindings, options)])
    return running(miniflare, await open(miniflare, { script, port }, options.port, optionsFor))
  } catch (error) {
    await miniflare.dispose()
    // Another program took the port since it was chosen.
    if (isUnknown && isInUse(error)) return startLocalGateway(options)
    throw error
  }
}

const running = (miniflare: Miniflare, port: number): LocalGateway => ({
  url: `http://127.0.0.1:${port}`,
  close: () => miniflare.dispose(),
})

const isInUse = (error: unknown): boolean => error instanceof MiniflareCoreError && error.code === 'ERR_ADDRESS_IN_USE'

async function prepareStores(
  miniflare: Miniflare,
  { d1Databases }: Declared,
  { document, prepare }: LocalGatewayOptions,
): Promise<void> {
  const migrations = await readMigrations(Object.keys(d1Databases))
  const order: Order = { migrations, ...(document !== undefined && { document }) }
  const done = await miniflare.dispatchFetch('http://stores.invalid/', { method: 'POST', body: JSON.stringify(order) })
  if (!done.ok) throw new Error(`The stores could not be prepared: ${await done.text()}`)
  if (prepare !== undefined) await prepare(await miniflare.getBindings<Env>())
}

async function readMigrations(bindings: readonly string[]): Promise<Order['migrations']> {
  const read = bindings.map(async (binding) => {
    const folder = migrationFolder(binding)
    if (folder === undefined) return []
    const names = (await readdir(`${root}${folder}`)).filter((name) => name.endsWith('.sql')).sort()
    const migrations = names.map(async (name): Promise<Migration> => {
      const text = await readFile(`${root}${folder}/${name}`, 'utf8')
      return { name, statements: text.split('--> statement-breakpoint') }
    })
    return [[binding, await Promise.all(migrations)] as const]
  })
  return Object.fromEntries((await Promise.all(read)).flat())
}

/** The Worker itself, and where it listens. */
interface Door {
  readonly script: string
  readonly port: number
}

/** What runs: the Worker that prepares the stores, the Worker itself, or both. */
interface Parts {
  readonly storesScript?: string
  readonly door?: Door
}

/** Resolves to the port at which the Worker accepts requests. */
async function open(
  miniflare: Miniflare,
  door: Door,
  wanted: number | undefined,
  optionsFor: (parts: Parts) => MiniflareOptions,
): Promise<number> {
  try {
    await miniflare.setOptions(optionsFor({ door }))
    return door.port
  } catch (error) {
    if (!isInUse(error)) throw error
  }
  // Another program took the port since it was chosen: choose again, which throws where it had to be this one.
  return open(miniflare, { ...door, port: await choosePort(wanted, defaultPort) }, wanted, optionsFor)
}

const bundles = new Map<string, Promise<string>>()

/** A Worker as one module. Made once by a program: its sources do not change while it runs. */
function bundle(entry = 'workers/index.ts'): Promise<string> {
  const made = bundles.get(entry) ?? makeBundle(entry)
  bundles.set(entry, made)
  return made
}

async function makeBundle(entry: string): Promise<string> {
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

function miniflareOptions(
  bindings: Declared,
  { adminToken, stateFolder, onLog, variables }: LocalGatewayOptions,
  { storesScript, door }: Parts,
) {
  const { compatibilityDate, kvNamespaces, d1Databases, r2Buckets } = bindings
  const module = { modules: true as const, rootPath: root }
  const stores = storesScript !== undefined && {
    ...module,
    ...{ compatibilityDate, kvNamespaces, d1Databases, r2Buckets },
    name: 'stores',
    script: storesScript,
  }
  const gateway = door !== undefined && {
    ...module,
    ...bindings,
    name: 'weir',
    script: door.script,
    bindings: { LOCAL: 'yes', ...variables, ...(adminToken !== undefined && { ADMIN_TOKEN: adminToken }) },
    unsafeDirectSockets: [{ host: '127.0.0.1', port: door.port }],
    stripCfConnectingIp: false,
  }
  const converted = convertV4MiniflareOptions({
    // The first is who answers dispatchFetch.
    workers: [stores, gateway].filter((each) => each !== false),
    cf: false,
    log: new Log(LogLevel.NONE),
    handleStructuredLogs: ({ level, message }) => {
      // workerd marks so what it notes for its own developers.
      if ((level === 'warn' || level === 'error') && !message.startsWith('NOSENTRY')) onLog?.(message)
    },
  })
  return stateFolder === undefined ? converted : { ...converted, resourcePersistencePath: stateFolder }
}
