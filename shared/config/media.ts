// The originals that services put into the gateway's own store, and the thumbnails that it makes of them.
import * as z from 'zod'
import { imageOptions } from '../image/options.ts'
import { pictureTypes } from '../image/picture.ts'
import { poolName, whole, YEAR_SECONDS } from './fields.ts'

const DAY_SECONDS = 86_400
const MAX_MEDIA_BYTES = 104_857_600
const MAX_PIXELS = 1_000_000_000
const MAX_THUMBNAILS = 20

/** One rendition of every original, in one format for all. */
const thumbnailSchema = imageOptions
  .refine(
    ({ width, height }) => width !== undefined || height !== undefined,
    'must have a width or a height, such as {"width": 320, "height": 240, "fit": "cover"}',
  )
  .refine(({ format }) => format !== 'auto', 'cannot have the format "auto": name one, such as "webp"')
  .transform(({ format = 'webp', ...options }) => ({ ...options, format: format === 'auto' ? 'webp' : format }))

export const mediaSchema = z.strictObject({
  /** Of an original; larger ones are refused. */
  maxBytes: whole(1, MAX_MEDIA_BYTES).default(26_214_400),
  /** Of an original: what it would take to show it, whatever its bytes are. */
  maxPixels: whole(1, MAX_PIXELS).default(50_000_000),
  /** What originals may be, by their content. */
  types: z
    .array(z.enum(pictureTypes))
    .min(1, 'must not be empty: name at least one media type')
    .default([...pictureTypes]),
  /** Who may read. closed: only those who may also write. */
  read: z.enum(['open', 'closed']).default('open'),
  /** By the name under which they are asked for with `?preset=NAME`. */
  thumbnails: z
    .record(poolName, thumbnailSchema)
    .refine((all) => Object.keys(all).length <= MAX_THUMBNAILS, `must be ${MAX_THUMBNAILS} at most`)
    .default({}),
  /** How long what was read is kept here. A change is seen at once all the same: it purges what was there before. */
  cacheSeconds: whole(0, YEAR_SECONDS).default(DAY_SECONDS),
  /** How long clients may keep it without asking again; no purge reaches them. */
  clientSeconds: whole(0, YEAR_SECONDS).default(0),
})

export type MediaRule = z.output<typeof mediaSchema>

export const defaultMedia: MediaRule = mediaSchema.parse({})

export type Thumbnail = z.output<typeof thumbnailSchema>
