// The names of media: which paths below /_weir/media/ are one, and everything that is derived from it. Two spellings of a
// path are one picture, two pictures never one name.
import { quote } from './config/errors.ts'
import { canonicalTarget } from './http/target.ts'
import { reservedPrefix } from './key.ts'
import { encodedPath, objectPath } from './object-path.ts'
import { err, type Result } from './result.ts'

export const mediaPrefix = `${reservedPrefix}media/`

/** What a canonical path (http/target.ts) names, decoded; or why it names nothing, in words for the client. */
export function mediaPath(path: string): Result<string, string> {
  const written = path.startsWith(mediaPrefix) ? path.slice(mediaPrefix.length) : ''
  if (written === '') return err(`The path names no picture: write it as ${mediaPrefix}items/3.jpg.`)
  return objectPath(written)
}

/** The same of what somebody has written for a picture: its path, its path on this gateway, or its URL. */
export function writtenMediaPath(text: string): Result<string, string> {
  const isTarget = text.startsWith('/') || /^https?:/i.test(text)
  const target = canonicalTarget(isTarget ? (URL.parse(text, nowhere)?.href ?? text) : `${nowhere}${mediaTarget(text)}`)
  return target.ok ? mediaPath(target.value.path) : target
}

const nowhere = 'http://weir.invalid'

/** The one spelling of its path and query. */
export function mediaTarget(path: string, preset?: string): string {
  const query = preset === undefined ? '' : `?preset=${encodeURIComponent(preset)}`
  return `${mediaPrefix}${encodedPath(path)}${query}`
}

/** What purges know all by that is made of an original. Has neither white space nor a comma. */
export const mediaTag = (path: string): string => `media:${encodedPath(path)}`

export const originalName = (path: string): string => `originals/${path}`

/** What the names of all thumbnails of an original begin with; `digest` is one of its path, which may be long. */
export const thumbnailsPrefix = (digest: string): string => `thumbnails/${digest}/`

/** Of the thumbnails that were made of the original with this entity tag. */
export const thumbnailsOf = (digest: string, etag: string): string =>
  `${thumbnailsPrefix(digest)}${etag.replaceAll('"', '')}/`

/** For messages. */
export const unknownPreset = (preset: string, known: readonly string[]): string =>
  known.length === 0
    ? `No preset is configured: name ${quote(preset)} under "media", "thumbnails", or ask without it.`
    : `There is no preset ${quote(preset)}: the presets are ${known.join(', ')}.`
