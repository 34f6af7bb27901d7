// What is wanted of a picture, in the names of Cloudflare's /cdn-cgi/image/: `width=320,fit=cover,format=auto`. What means
// the same gets one spelling, so that it is made and kept once. Whether anybody may want it is decided elsewhere.
import * as z from 'zod'
import { nearest, quote } from '../config/errors.ts'
import { checked, whole } from '../config/fields.ts'
import { err, ok, type Result } from '../result.ts'
import { parseColour } from './colour.ts'
import { parseGravity } from './gravity.ts'

/** No picture that is made is wider or higher, whatever the configuration says: in pixels. */
export const MAX_SIDE = 12_000

/** A decimal number between two bounds. */
const decimal = (min: number, max: number) => {
  const error = (issue: { readonly input?: unknown }) =>
    `must be a number from ${min} to ${max}; got ${quote(issue.input)}`
  return z.number({ error }).min(min, { error }).max(max, { error })
}

const word = <const W extends string>(words: readonly W[]) =>
  z.enum(words, { error: ({ input }) => `must be one of ${words.join(', ')}; got ${quote(input)}` })

const optionsSchema = z.strictObject({
  /** In pixels, of the picture that is made. Without the one, the other decides. */
  width: whole(1, MAX_SIDE).optional(),
  height: whole(1, MAX_SIDE).optional(),
  /**
   * What becomes of another shape, or of a smaller picture. scale-down: as large as fits, never enlarged. contain: as large
   * as fits. cover: fills all, and is cut. crop: the same, never enlarged. pad: contain, on a ground.
   */
  fit: word(['scale-down', 'contain', 'cover', 'crop', 'pad']).optional(),
  /** What is not to be cut off: a side, `center`, `auto` (what stands out), or a point, from `0x0` to `1x1`. */
  gravity: checked((text) => (parseGravity(text) === undefined ? gravityForms(text) : undefined)).optional(),
  /** Of jpeg, webp and avif. */
  quality: whole(1, 100).optional(),
  /** auto: the smallest that the client says it takes. Absent: that of the original. */
  format: word(['auto', 'webp', 'avif', 'jpeg', 'png']).optional(),
  /** What width and height are multiplied with. */
  dpr: decimal(1, 4).optional(),
  sharpen: decimal(0, 10).optional(),
  /** Radius. */
  blur: whole(1, 250).optional(),
  /** In degrees, clockwise, before anything else is done. */
  rotate: z
    .union([z.literal(0), z.literal(90), z.literal(180), z.literal(270)], {
      error: ({ input }) => `must be 0, 90, 180 or 270; got ${quote(input)}`,
    })
    .optional(),
  /** Behind what is transparent or padded. */
  background: checked((text) => (parseColour(text) === undefined ? colourForms(text) : undefined)).optional(),
})

const gravityForms = (text: string): string =>
  `must be left, right, top, bottom, center, auto, or a point such as 0.5x0.2 (of the width and of the height); got ${quote(text)}`

const colourForms = (text: string): string =>
  `must be a colour such as "#ff8800", "#ff880080", "white" or "rgb(255,136,0)" (in a URL: %23ff8800); got ${quote(text)}`

type Named = z.output<typeof optionsSchema>
type OptionName = keyof Named

/** In canonical form: `dpr` is part of width and height, and what changes nothing is left out. */
export type ImageOptions = Omit<Named, 'dpr'>

/** The options as an object, as the configuration writes them. */
export const imageOptions = optionsSchema
  .transform(canonical)
  .refine((options) => Object.keys(options).length > 0, 'ask for nothing: name a width, a height or a format at least')
  .refine(
    ({ width = 1, height = 1 }) => Math.max(width, height) <= MAX_SIDE,
    `make it larger than ${MAX_SIDE} pixels: "width" and "height" times "dpr" must be less`,
  )

/** The order in which they are written. */
const names = Object.keys(optionsSchema.shape) as OptionName[]

/** By how they may be written. */
const byName: ReadonlyMap<string, OptionName> = new Map([
  ...names.map((name) => [name, name] as const),
  ...([
    ['w', 'width'],
    ['h', 'height'],
    ['q', 'quality'],
    ['f', 'format'],
    ['g', 'gravity'],
  ] as const),
])

const texts: ReadonlySet<OptionName> = new Set(['fit', 'gravity', 'format', 'background'])

/** What the options of a URL ask for, or what is wrong with them and what to write instead. */
export function parseImageOptions(text: string): Result<ImageOptions, string> {
  const given: Partial<Record<OptionName, string | number>> = {}
  for (const part of text.split(',')) {
    const [, written = '', value = ''] = /^([^=]*)=(.*)$/.exec(part) ?? []
    const name = byName.get(written)
    if (name === undefined) return err(unknownOption(part, written))
    if (given[name] !== undefined) return err(`The option "${name}" stands there twice: write it once.`)
    const plain = decoded(value)
    if (plain === undefined) return err(`The option "${name}" is not well percent-encoded: got ${quote(value)}.`)
    given[name] = texts.has(name) || !/^\d{1,9}(?:\.\d{1,9})?$/.test(plain) ? plain : Number(plain)
  }
  const parsed = imageOptions.safeParse(given)
  if (parsed.success) return ok(parsed.data)
  const [issue] = parsed.error.issues
  return err(
    issue!.path.length === 0 ? `The options ${issue!.message}.` : `${String(issue!.path[0])} ${issue!.message}.`,
  )
}

function unknownOption(part: string, written: string): string {
  if (part === '') return 'An option is empty: write options as "width=320,fit=cover", with single commas between them.'
  if (written === '') return `${quote(part)} is no option: write options as "width=320,fit=cover".`
  const meant = nearest(written, names)
  const hint = meant === undefined ? `the options are ${names.join(', ')}` : `did you mean "${meant}"?`
  return `There is no option ${quote(written)}: ${hint}${meant === undefined ? '.' : ''}`
}

function decoded(value: string): string | undefined {
  try {
    return decodeURIComponent(value)
  } catch {
    return undefined
  }
}

/** The one spelling of what options ask for. */
export function formatImageOptions(options: ImageOptions): string {
  return names
    .flatMap((name) => {
      const value = name === 'dpr' ? undefined : options[name]
      return value === undefined ? [] : [`${name}=${encodeURIComponent(value)}`]
    })
    .join(',')
}

function canonical({
  dpr = 1,
  width,
  height,
  fit,
  gravity,
  sharpen,
  rotate,
  background,
  ...rest
}: Named): ImageOptions {
  const isCut = fit === 'cover' || fit === 'crop'
  const place = gravity === undefined || !isCut ? undefined : parseGravity(gravity)
  return {
    ...(width !== undefined && { width: Math.max(1, Math.round(width * dpr)) }),
    ...(height !== undefined && { height: Math.max(1, Math.round(height * dpr)) }),
    ...(fit !== undefined && fit !== 'scale-down' && { fit }),
    ...(place !== undefined && place !== 'center' && { gravity: place }),
    ...rest,
    ...(sharpen !== undefined && sharpen !== 0 && { sharpen }),
    ...(rotate !== undefined && rotate !== 0 && { rotate }),
    ...(background !== undefined && { background: parseColour(background)! }),
  }
}
