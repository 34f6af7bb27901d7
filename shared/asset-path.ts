// Which file stands for a path, what is known of it by its name, and how long it may be kept. The files of a site change
// whenever somebody puts a new version there; but a name with a hash of the content in it is another name then.
import { compilePath } from './config/pattern.ts'
import type { StaticRule } from './config/static.ts'
import { encodedPath, objectPath } from './object-path.ts'
import { ok, type Result } from './result.ts'

/** A file that is looked for; the first that is there answers. */
export interface AssetCandidate {
  /** Decoded, without a slash in front. */
  readonly name: string
  /** How it stands for the path: it is what the path names, the page of the folder of that name, or what stands in. */
  readonly as: 'itself' | 'folder' | 'fallback'
}

/** What a canonical path may mean, the most exact first; or why it means nothing, in words for the client. */
export function assetCandidates(path: string, { fallback }: StaticRule): Result<AssetCandidate[], string> {
  const named = assetName(path.endsWith('/') ? `${path}index.html` : path)
  if (!named.ok) return named
  const candidates: AssetCandidate[] = [{ name: named.value, as: 'itself' }]
  if (isPage(path) && !path.endsWith('/')) candidates.push({ name: `${named.value}/index.html`, as: 'folder' })
  if (fallback !== undefined && isPage(path)) candidates.push({ name: nameOf(fallback), as: 'fallback' })
  return ok(candidates)
}

/** What a canonical path names, decoded. */
export const assetName = (path: string): Result<string, string> => objectPath(path.slice(1))

/** Of a path that a configuration was checked for. */
const nameOf = (path: string): string => decodeURIComponent(path.slice(1))

/** A page of an application that has one file for all of them: a missing script must not be answered with a page. */
const isPage = (path: string): boolean => !path.slice(path.lastIndexOf('/')).includes('.')

/** The one spelling of its path. */
export const assetPath = (name: string): string => `/${encodedPath(name)}`

/** What purges know all answers by that look for the file. Has neither white space nor a comma. */
export const assetTag = (name: string): string => `asset:${encodedPath(name)}`

/** Whether what is there under this name stays what it is. */
export function isImmutable(name: string, { immutable }: StaticRule): boolean {
  return hasHash(name) || immutable.some((pattern) => compilePath(pattern)(assetPath(name)))
}

/**
 * Whether the name has a hash of the content in it, as build tools write it: `app.3f2a9c1b.js`, `index-BxW3k9Qz.css`. It is
 * told from words, dates and versions by how soon words, capitals and digits take turns; what is missed is only asked for
 * again. A page or a document has its name from people, who put another one there under the same name.
 */
export function hasHash(name: string): boolean {
  const [, stem = ''] = /([^/]+)\.[^./]+$/.exec(name) ?? []
  if (uuid.test(stem) || !builtTypes.test(assetType(name))) return false
  const [, ...parts] = stem.split(/[.-]/)
  return parts.some((part) => isHexHash(part) || isMixedHash(part))
}

/** Names a thing, whatever its content. */
const uuid = /[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/i

/** Of what build tools make. */
const builtTypes = /^(?:text\/(?:css|javascript)|(?:audio|font|image|video)\/|application\/(?:json|wasm))/

const isHexHash = (text: string): boolean => /^[0-9a-f]{8,64}$/.test(text) && !hasYear.test(text) && runsOf(text) >= 3

/** In `2024dec31`, all of it is hexadecimal. */
const hasYear = /^(?:19|20)\d\d|(?:19|20)\d\d$/

const isMixedHash = (text: string): boolean => /^\w{8,64}$/.test(text) && runsOf(text) >= Math.max(4, text.length / 2)

/** How many words, rows of capitals and numbers it falls into: `ArrowLeftCircle` into three. */
const runsOf = (text: string): number => text.replace(/[A-Z]?[a-z]+|[A-Z]+|\d+/g, 'x').length

/** The media type of a file, by its name. */
export function assetType(name: string): string {
  const extension = /\.([^./]+)$/.exec(name)?.[1]?.toLowerCase() ?? ''
  const type = Object.hasOwn(types, extension) ? types[extension]! : 'application/octet-stream'
  return isText.test(type) ? `${type}; charset=utf-8` : type
}

/** JSON is UTF-8 without a word (RFC 8259 §8.1). */
const isText = /^text\/|\+xml$|\/xml$/

const types: Readonly<Record<string, string>> = {
  aac: 'audio/aac',
  apng: 'image/apng',
  atom: 'application/atom+xml',
  avif: 'image/avif',
  css: 'text/css',
  csv: 'text/csv',
  flac: 'audio/flac',
  gif: 'image/gif',
  gz: 'application/gzip',
  htm: 'text/html',
  html: 'text/html',
  ics: 'text/calendar',
  ico: 'image/vnd.microsoft.icon',
  jpeg: 'image/jpeg',
  jpg: 'image/jpeg',
  js: 'text/javascript',
  json: 'application/json',
  jsonld: 'application/ld+json',
  m4a: 'audio/mp4',
  m4v: 'video/mp4',
  map: 'application/json',
  md: 'text/markdown',
  mjs: 'text/javascript',
  mov: 'video/quicktime',
  mp3: 'audio/mpeg',
  mp4: 'video/mp4',
  oga: 'audio/ogg',
  ogg: 'audio/ogg',
  ogv: 'video/ogg',
  otf: 'font/otf',
  pdf: 'application/pdf',
  png: 'image/png',
  rss: 'application/rss+xml',
  svg: 'image/svg+xml',
  ttf: 'font/ttf',
  txt: 'text/plain',
  vtt: 'text/vtt',
  wasm: 'application/wasm',
  wav: 'audio/wav',
  webm: 'video/webm',
  webmanifest: 'application/manifest+json',
  webp: 'image/webp',
  woff: 'font/woff',
  woff2: 'font/woff2',
  xml: 'application/xml',
  zip: 'application/zip',
}
