// What has to agree between the fields of `images` and the rest: the pools that originals come from, and the bounds that
// presets are within. Reads the document itself, as cross.ts does.
import { imageOptions } from '../image/options.ts'
import { poolOfSourceRule } from '../image/sources.ts'
import { type ConfigError, listNames, quote } from './errors.ts'
import { imagesSchema } from './images.ts'
import { asFields, asList, error, type Fields, repeats } from './shape.ts'

export const imagesErrors = (images: Fields, pools: ReadonlySet<string>): ConfigError[] => [
  ...missingPools(asList(images.sources), pools),
  ...repeats(asList(images.sources)).map(({ value, index }) =>
    error(['images', 'sources', index], `names the source ${quote(value)} a second time: remove it`),
  ),
  ...presetsTooLarge(images),
]

const missingPools = (sources: readonly unknown[], pools: ReadonlySet<string>): ConfigError[] =>
  sources.flatMap((source, index) => {
    const pool = typeof source === 'string' ? poolOfSourceRule(source) : undefined
    // Without any pool, that is the error to mend first.
    if (pool === undefined || pools.has(pool) || pools.size === 0) return []
    const message = `names no pool: the pools are ${listNames([...pools])}; got ${quote(pool)}`
    return [error(['images', 'sources', index], message)]
  })

const presetsTooLarge = (images: Fields): ConfigError[] => {
  const { maxWidth, maxHeight } = imagesSchema.shape
  const { data: most = Number.POSITIVE_INFINITY } = maxWidth.safeParse(images.maxWidth)
  const { data: mostHigh = Number.POSITIVE_INFINITY } = maxHeight.safeParse(images.maxHeight)
  return Object.entries(asFields(images.presets)).flatMap(([name, options]) => {
    const { data } = imageOptions.safeParse(options)
    const { width = 1, height = 1 } = data ?? {}
    if (width <= most && height <= mostHigh) return []
    const message = `makes pictures of more than "maxWidth" × "maxHeight" (${most} × ${mostHigh}): make it smaller, or raise them`
    return [error(['images', 'presets', name], message)]
  })
}
