// A folder as the files of a site, and in what it differs from those that are there.
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { readdir, stat } from 'node:fs/promises'
import { join, relative, sep } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { assetName, assetPath, assetTag } from '../../../shared/asset-path.ts'

/** What is to be uploaded. */
export interface LocalFile {
  /** As in a URL. */
  readonly path: string
  readonly tag: string
  readonly file: string
  /** The entity tag that R2 gives this content: its MD5. */
  readonly etag: string
}

/** What the gateway has. */
export interface KeptFile {
  readonly path: string
  readonly tag: string
  readonly etag: string
}

export type Change = {
  readonly path: string
  readonly tag: string
  /** Whether somebody may have been shown something else there. */
  readonly isShown: boolean
} & ({ readonly verb: 'add' | 'change'; readonly file: string; readonly etag: string } | { readonly verb: 'delete' })

const mostBytes = 104_857_600

/** All files of a folder as they will stand under this path. Throws where one of them cannot. */
export async function readFolder(
  folder: string,
  under: string,
): Promise<{ readonly files: LocalFile[]; readonly skipped: string[] }> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch((error: Error) => {
    throw new Error(`Cannot read the folder ${folder}: ${error.message}`)
  })
  const files: LocalFile[] = []
  const skipped: string[] = []
  for (const entry of entries) {
    if (entry.isDirectory()) continue
    const file = join(entry.parentPath, entry.name)
    const name = relative(folder, file).split(sep).join('/')
    const because = isHidden(name) ? 'hidden' : entry.isFile() ? undefined : 'no file'
    if (because === undefined) files.push(await describe(file, `${under.slice(1)}${name}`))
    else skipped.push(`${name} (${because})`)
  }
  return { files, skipped }
}

/** What a name with a dot in front is for is seldom meant for everybody. */
const isHidden = (name: string): boolean =>
  name.split('/').some((segment) => segment.startsWith('.') && segment !== '.well-known')

async function describe(file: string, name: string): Promise<LocalFile> {
  const path = assetPath(name)
  const named = assetName(path)
  if (!named.ok) throw new Error(`${file} cannot be served. ${named.error}`)
  const { size } = await stat(file)
  if (size > mostBytes) throw new Error(`${file} has ${size} bytes; ${mostBytes} at most are allowed.`)
  const hash = createHash('md5')
  await pipeline(createReadStream(file), hash)
  return { path, tag: assetTag(name), file, etag: `"${hash.digest('hex')}"` }
}

export interface Changes {
  readonly puts: readonly Change[]
  /** What is there, and not in the folder. */
  readonly gone: readonly Change[]
  /** How many are as they are. */
  readonly same: number
}

export function changesBetween(files: readonly LocalFile[], kept: readonly KeptFile[]): Changes {
  const there = new Map(kept.map(({ path, etag }) => [path, etag]))
  const here = new Set(files.map(({ path }) => path))
  const puts = files
    .filter(({ path, etag }) => there.get(path) !== etag)
    .map((file): Change => {
      const isThere = there.has(file.path)
      return { ...file, verb: isThere ? 'change' : 'add', isShown: isThere || mayHaveFallback(file.path) }
    })
  const gone = kept
    .filter(({ path }) => !here.has(path))
    .map(({ path, tag }): Change => ({ path, tag, verb: 'delete', isShown: true }))
  return { puts, gone, same: files.length - puts.length }
}

/** Where there was no file a fallback may have stood in. */
const mayHaveFallback = (path: string): boolean => /\/(?:index\.html|[^./]+)$/.test(path)
