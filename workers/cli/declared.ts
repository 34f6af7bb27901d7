// What wrangler.toml declares, as Miniflare wants to have it. Wrangler itself reads it, which takes a second to load: so
// what it has read is kept beside the packages, until the file or wrangler is another.
import { createHash } from 'node:crypto'
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import type { V4WorkerOptionsShape } from 'miniflare'

export type Declared = Required<V4WorkerOptionsShape>

/** `root` is the folder of wrangler.toml, with a slash at its end. */
export async function declared(root: string): Promise<Declared> {
  const toml = await readFile(`${root}wrangler.toml`, 'utf8')
  const { version } = createRequire(import.meta.url)('wrangler/package.json') as { version: string }
  const name = createHash('sha256')
    .update(JSON.stringify([root, version, toml]))
    .digest('hex')
  const folder = `${root}node_modules/.cache/weir`
  const kept = await readFile(`${folder}/${name}.json`, 'utf8').catch(() => undefined)
  if (kept !== undefined) return JSON.parse(kept) as Declared
  const { unstable_getMiniflareWorkerOptions } = await import('wrangler')
  const { modulesRules: _, ...options } = unstable_getMiniflareWorkerOptions(`${root}wrangler.toml`).workerOptions
  await keep(folder, name, JSON.stringify(options)).catch(() => undefined)
  return options as Declared
}

/** As a whole or not at all: several may start at once. */
async function keep(folder: string, name: string, text: string): Promise<void> {
  await mkdir(folder, { recursive: true })
  const partly = `${folder}/${name}.${process.pid}`
  await writeFile(partly, text)
  await rename(partly, `${folder}/${name}.json`)
}
