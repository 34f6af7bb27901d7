// `npm run sync -- --dir DIR [--under /PATH] [--delete] [--dry-run] [--url URL] [--token TOKEN]`: brings the files that
// `r2:assets` serves in line with a folder. Uploads what has another content than there, and purges what has changed, and
// nothing else. Pages go after what they name, and nothing is removed before them.
import { parseArgs } from 'node:util'
import { assetName } from '../../shared/asset-path.ts'
import { here } from './configuration-file.ts'
import { type Change, changesBetween, readFolder } from './sync/folder.ts'
import { type Gateway, gatewayAt } from './sync/gateway.ts'
import { commandLine, fail } from './terminal.ts'

const usage = `Usage: npm run sync -- --dir DIR [--under /PATH] [--delete] [--dry-run] [--url URL] [--token TOKEN]
       --under: the path that DIR stands for, "/" where nothing is said; what is elsewhere is left alone
       --delete: removes what DIR does not have
       --dry-run: says what it would do, and does nothing
       --url: the gateway, http://127.0.0.1:8787 where nothing is said; --token: its admin token, or ADMIN_TOKEN is taken`

const atOnce = 6
/** What the gateway takes in one request. */
const tagsAtOnce = 1000

const options = commandLine(usage, readOptions)
await sync(options).catch((error: unknown) => fail(error))

type Options = ReturnType<typeof readOptions>

async function sync({ folder, under, url, token, deletes, isDry }: Options): Promise<void> {
  const gateway = gatewayAt(url, token)
  const [{ files, skipped }, there] = await Promise.all([readFolder(folder, under), gateway.list(under)])
  for (const each of skipped) console.log(`skip    ${each}`)
  const { puts, gone, same } = changesBetween(files, there)
  const pages = puts.filter(isHtml)
  const others = puts.filter((change) => !isHtml(change))
  const doomed = deletes ? gone : []
  if (files.length === 0 && doomed.length > 0)
    throw new Error(
      `${folder} has no files: --delete would remove all ${doomed.length} that are there. Nothing was done.`,
    )
  for (const { path, verb } of isDry ? [...others, ...pages, ...doomed] : []) console.log(`${verb.padEnd(7)} ${path}`)
  if (isDry) return console.log(`Would upload ${puts.length}, delete ${doomed.length}; unchanged: ${same}.`)
  const purged = await apply(gateway, [others, pages, doomed])
  const left = gone.length - doomed.length
  console.log(
    `Uploaded ${puts.length}, deleted ${doomed.length}, purged ${purged}; unchanged: ${same}.${left > 0 ? ` There are ${left} files that the folder does not have: --delete removes them.` : ''}`,
  )
}

function isHtml({ path }: Change): boolean {
  return /\.html?$/i.test(path)
}

/**
 * One row of changes after the other; how many purges that took. What was begun is purged, also where it breaks off, and before
 * the next row: no page that is still shown names what is gone.
 */
async function apply(gateway: Gateway, rows: readonly (readonly Change[])[]): Promise<number> {
  const stop = new AbortController()
  const onSignal = () => {
    console.log('Stopping as soon as what is under way is done.')
    stop.abort(new Error('Stopped. Run it again: it does the rest.'))
  }
  // The second ends it at once.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, onSignal)
  let purged = 0
  for (const changes of rows) purged += await applyRow(gateway, changes, stop.signal)
  return purged
}

async function applyRow(gateway: Gateway, changes: readonly Change[], stop: AbortSignal): Promise<number> {
  const tags: string[] = []
  const act = async (change: Change) => {
    // Before: nobody may hear whether it was done.
    if (change.isShown) tags.push(change.tag)
    await (change.verb === 'delete' ? gateway.remove(change.path) : gateway.put(change))
    console.log(`${change.verb.padEnd(7)} ${change.path}`)
  }
  try {
    await inTurn(changes, act, stop)
  } finally {
    for (let from = 0; from < tags.length; from += tagsAtOnce) await gateway.purge(tags.slice(from, from + tagsAtOnce))
  }
  return tags.length
}

/** A few at the same time. After the first that fails no other is begun, and those that were have come to their end. */
async function inTurn(
  changes: readonly Change[],
  act: (change: Change) => Promise<void>,
  stop: AbortSignal,
): Promise<void> {
  const left = [...changes]
  const errors: unknown[] = []
  const worker = async () => {
    for (let next = left.shift(); next !== undefined && errors.length === 0; next = left.shift()) {
      await act(next).catch((error: unknown) => errors.push(error))
      if (stop.aborted) errors.push(stop.reason)
    }
  }
  await Promise.all(Array.from({ length: atOnce }, worker))
  if (errors.length > 0) throw errors[0]
}

function readOptions() {
  const text = { type: 'string' } as const
  const flag = { type: 'boolean', default: false } as const
  const { values } = parseArgs({
    options: { dir: text, under: text, url: text, token: text, delete: flag, 'dry-run': flag },
  })
  const { dir, url = 'http://127.0.0.1:8787', token = process.env.ADMIN_TOKEN } = values
  const under = `/${values.under ?? ''}/`.replace(/\/+/g, '/')
  if (dir === undefined) throw new Error('Name the folder with --dir.')
  if (!token) throw new Error('There is no token: give --token, or set ADMIN_TOKEN.')
  const named = under === '/' ? undefined : assetName(under.slice(0, -1))
  if (named?.ok === false) throw new Error(`--under ${values.under} is no path. ${named.error}`)
  if (!/^https?:$/.test(URL.parse(url)?.protocol ?? ''))
    throw new Error(`--url takes the URL of the gateway, not ${url}.`)
  const { origin } = new URL(url)
  return { folder: here(dir), under, url: origin, token, deletes: values.delete, isDry: values['dry-run'] }
}
