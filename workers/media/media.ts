// Originals, and the thumbnails that are made of them: an origin inside the Worker. A thumbnail's name holds the entity tag
// of its original and what was asked for, so that one of another original or of another rule is never taken for it. The
// store is the judge: whoever makes a thumbnail that is there already gives that one.
import type { MediaRule, Thumbnail } from '../../shared/config/media.ts'
import { formatImageOptions } from '../../shared/image/options.ts'
import {
  mediaPath,
  mediaTag,
  originalName,
  thumbnailsOf,
  thumbnailsPrefix,
  unknownPreset,
} from '../../shared/media-path.ts'
import type { ImagePort } from '../ports/image-port.ts'
import { type ObjectPort, validatorsOf } from '../ports/object-port.ts'
import type { InnerOrigin } from '../ports.ts'
import { type Problem, problemResponse } from '../problem.ts'
import { type NamedObject, represent } from './represent.ts'

export interface Media {
  readonly objects: ObjectPort
  readonly images: ImagePort | undefined
  /** As it is in force. */
  readonly rule: () => MediaRule
  /** Milliseconds since the epoch. */
  readonly now: () => number
}

export type Rendition =
  | (NamedObject & { readonly kind: 'thumbnail' })
  /** Nothing here makes pictures: the original stands in. */
  | (NamedObject & { readonly kind: 'original' })
  | { readonly kind: 'no-original' }
  /** Nobody can make it of this original. */
  | { readonly kind: 'refused'; readonly because: string }
  | { readonly kind: 'failed' }

/** An original that is replaced again and again while somebody reads it is given up. */
const tries = 3

/** Answers for originals, and with `?preset=NAME` for their thumbnails, which are made where there are none yet. */
export function mediaOrigin(media: Media): InnerOrigin {
  return async function answerMedia(request) {
    const { pathname, searchParams } = new URL(request.url)
    const path = mediaPath(pathname)
    if (!path.ok) return absent(path.error)
    const preset = searchParams.get('preset')
    const rule = media.rule()
    const thumbnail = preset === null ? undefined : new Map(Object.entries(rule.thumbnails)).get(preset)
    if (preset !== null && thumbnail === undefined) return absent(unknownPreset(preset, Object.keys(rule.thumbnails)))
    for (let left = tries; left > 0; left--) {
      const found =
        thumbnail === undefined ? await original(media, path.value) : await thumbnailOf(media, path.value, thumbnail)
      const response = await answerWith(request, media, path.value, found)
      if (response !== undefined) return response
    }
    return problemResponse(unavailable)
  }
}

async function original({ objects }: Media, path: string): Promise<Rendition> {
  const name = originalName(path)
  const object = await objects.head(name)
  return object === undefined ? { kind: 'no-original' } : { kind: 'original', name, object }
}

// Thumbnails ──────────────────────────────────────────────────────────────────────────────────────────────────────

/** The thumbnail of what is there now, made where there is none yet. */
async function thumbnailOf(media: Media, path: string, thumbnail: Thumbnail): Promise<Rendition> {
  for (let left = tries; left > 0; left--) {
    const found = await original(media, path)
    if (found.kind !== 'original' || media.images === undefined) return found
    const name = `${thumbnailsOf(await digestOf(path), found.object.etag)}${formatImageOptions(thumbnail)}`
    const object = await media.objects.head(name)
    if (object !== undefined) return { kind: 'thumbnail', name, object }
    const made = await make(media, media.images, found, thumbnail, name)
    const now = await original(media, path)
    if (now.kind === 'original' && now.object.etag === found.object.etag) return made ?? { kind: 'failed' }
    // What was made of an original that has gone meanwhile is nobody's.
    await media.objects.remove(name)
  }
  return { kind: 'failed' }
}

/** Undefined where the original was replaced before it could be read. */
async function make(
  { objects }: Media,
  images: ImagePort,
  { name: source, object: { etag } }: NamedObject,
  thumbnail: Thumbnail,
  name: string,
): Promise<Rendition | undefined> {
  const body = await objects.get(source, etag)
  if (body === undefined) return undefined
  const made = await images.make(body, thumbnail, `image/${thumbnail.format}`)
  if (made.kind !== 'made') return made
  const put = await objects.put(name, { kind: 'unmeasured', stream: made.body, most: mostBytes }, made.type, 'absent')
  if (put.kind === 'too-large') return { kind: 'refused', because: `it would have more than ${mostBytes} bytes` }
  const object = put.kind === 'kept' ? put.object : await objects.head(name)
  return object && { kind: 'thumbnail', name, object }
}

const mostBytes = 33_554_432

/** Lets go of the thumbnails of a path, but for those of this entity tag. */
export async function clearThumbnails({ objects }: Media, path: string, but?: string): Promise<void> {
  const digest = await digestOf(path)
  await objects.clear(thumbnailsPrefix(digest), but === undefined ? undefined : thumbnailsOf(digest, but))
}

async function digestOf(path: string): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(path))
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, '0')).join('')
}

// Answers ─────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Undefined where what was found is not there any more. */
async function answerWith(
  request: Request,
  media: Media,
  path: string,
  found: Rendition,
): Promise<Response | undefined> {
  switch (found.kind) {
    case 'original':
    case 'thumbnail':
      return represent(request, media, found, fieldsOf(media, path, found, new URL(request.url).search !== ''))
    case 'no-original':
      return absent('There is no such picture here.', path)
    case 'refused':
      return problemResponse(notMade(found.because, path))
    case 'failed':
      return problemResponse(unavailable)
    default:
      return found satisfies never
  }
}

/** Nothing of what the store knows beside these reaches anybody. */
function fieldsOf(
  { rule }: Media,
  path: string,
  { kind, object }: NamedObject & Rendition,
  isPreset: boolean,
): Headers {
  const { read, cacheSeconds, clientSeconds } = rule()
  const isStandIn = kind === 'original' && isPreset
  const reach = read === 'open' ? 'public' : 'private'
  const lifetime = isStandIn || clientSeconds === 0 ? 'no-cache' : `max-age=${clientSeconds}`
  return new Headers({
    'content-type': object.type,
    etag: object.etag,
    'last-modified': validatorsOf(object).lastModified!,
    'accept-ranges': 'bytes',
    'cache-control': `${reach}, ${lifetime}`,
    'surrogate-control': `max-age=${isStandIn ? Math.min(cacheSeconds, standInSeconds) : cacheSeconds}`,
    'cache-tag': mediaTag(path),
    // What somebody has put here is a picture, whatever a browser makes of it.
    'x-content-type-options': 'nosniff',
    'content-security-policy': "default-src 'none'; sandbox",
  })
}

/** Thumbnails may be made as soon as the Worker has an Images binding. */
const standInSeconds = 60

/** Kept for a moment, so that a crowd costs one look; what is put there lets go of it. */
function absent(detail: string, path?: string): Response {
  const lifetime = {
    'surrogate-control': 'max-age=1, must-revalidate',
    ...(path !== undefined && { 'cache-tag': mediaTag(path) }),
  }
  return problemResponse({ status: 404, reason: 'no-such-picture', detail, headers: lifetime })
}

function notMade(because: string, path: string): Problem {
  return {
    status: 422,
    reason: 'no-thumbnail',
    detail: `No thumbnail can be made of this picture: ${because}. Put another original there.`,
    headers: { 'surrogate-control': 'max-age=60, must-revalidate', 'cache-tag': mediaTag(path) },
  }
}

const unavailable: Problem = {
  status: 503,
  reason: 'media-unavailable',
  detail: 'The picture could not be read or made just now; it may be tried again.',
  headers: { 'retry-after': '5' },
}
