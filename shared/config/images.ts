// Pictures that are made on the fly, of those that origins have: where the originals may come from, how large they may be,
// and which renditions anybody may ask for.
import * as z from 'zod'
import { imageOptions, MAX_SIDE } from '../image/options.ts'
import { checkSourceRule } from '../image/sources.ts'
import { quote } from './errors.ts'
import { checked, whole, YEAR_SECONDS } from './fields.ts'

const MAX_SOURCES = 100
const MAX_PRESETS = 100
const MAX_PIXELS = 250_000_000
const MAX_BYTES = 104_857_600

const presetName = checked((text) =>
  /^[A-Za-z0-9_-]{1,64}$/.test(text)
    ? undefined
    : `is no name for a preset: use 1 to 64 letters, digits, "_" or "-"; got ${quote(text)}`,
)

export const imagesSchema = z.strictObject({
  /** Where originals may come from: `pool:NAME`, a part of one (`pool:NAME/photos/*`), or `https://HOST/PATH`, with `*`. */
  sources: z.array(checked(checkSourceRule)).max(MAX_SOURCES, `must be ${MAX_SOURCES} at most`).default([]),
  /** What anybody may ask for, without a signature, with `preset=NAME`. */
  presets: z
    .record(presetName, imageOptions)
    .refine((all) => Object.keys(all).length <= MAX_PRESETS, `must be ${MAX_PRESETS} at most`)
    .default({}),
  /** Of an original, as its first bytes tell; larger ones are refused before anything is decoded. */
  maxPixels: whole(1, MAX_PIXELS).default(50_000_000),
  /** Of an original. */
  maxBytes: whole(1, MAX_BYTES).default(26_214_400),
  /** Of what is made, in pixels. */
  maxWidth: whole(1, MAX_SIDE).default(4096),
  maxHeight: whole(1, MAX_SIDE).default(4096),
  /** How long a picture is kept whose origin says nothing about it. */
  ttlSeconds: whole(0, YEAR_SECONDS).default(86_400),
})

export type ImagesRule = z.output<typeof imagesSchema>
