// What the URL of a picture asks for: `/_weir/image/<options>/<source>`. Whether it may be asked for is decided elsewhere.

import { nearest, quote } from '../config/errors.ts'
import type { ImagesRule } from '../config/images.ts'
import { reservedPrefix } from '../key.ts'
import { err, ok, type Result } from '../result.ts'
import { formatImageOptions, type ImageOptions, parseImageOptions } from './options.ts'
import { compileSources, formatSource, queryOfSource, type Source, type Sources } from './sources.ts'

export interface Wanted {
  /** Whether the configuration has named it. */
  readonly isPreset: boolean
  readonly options: ImageOptions
  readonly source: Source
}

export interface WantedProblem {
  readonly because: 'options' | 'preset' | 'source' | 'forbidden'
  readonly detail: string
}

const prefix = `${reservedPrefix}image/`

/** `path` in its canonical form; `query` is what belongs to the original. */
export function parseWanted(path: string, query: string, images: ImagesRule): Result<Wanted, WantedProblem> {
  const [, optionsText = '', sourceText = ''] = /^([^/]*)\/(.+)$/s.exec(path.slice(prefix.length)) ?? []
  if (sourceText === '') return err({ because: 'source', detail: howTo })
  const options = wantedOptions(optionsText, images)
  if (!options.ok) return options
  const source = sourcesOf(images).parse(sourceText, query)
  if (source.ok) return ok({ ...options.value, source: source.value })
  const { because, detail } = source.error
  return err({ because: because === 'forbidden' ? because : 'source', detail })
}

const howTo =
  'Write what is wanted and of which picture: "/_weir/image/width=320,format=auto/photos/a.jpg", or with "preset=NAME" in place of the options.'

function wantedOptions(
  text: string,
  { presets, maxWidth, maxHeight }: ImagesRule,
): Result<Pick<Wanted, 'isPreset' | 'options'>, WantedProblem> {
  const [, preset] = /^preset=([^,]*)$/.exec(text) ?? []
  if (preset !== undefined) {
    const options = Object.hasOwn(presets, preset) ? presets[preset] : undefined
    return options === undefined
      ? err({ because: 'preset', detail: noPreset(preset, Object.keys(presets)) })
      : ok({ isPreset: true, options })
  }
  const parsed = parseImageOptions(text)
  if (!parsed.ok) return err({ because: 'options', detail: parsed.error })
  const { width = 1, height = 1 } = parsed.value
  if (width > maxWidth || height > maxHeight) return err({ because: 'options', detail: tooLarge(maxWidth, maxHeight) })
  return ok({ isPreset: false, options: parsed.value })
}

function noPreset(name: string, names: readonly string[]): string {
  const meant = nearest(name, names)
  return `The configuration has no preset ${quote(name)} under "images.presets"${meant === undefined ? '.' : `: did you mean "${meant}"?`}`
}

export const tooLarge = (maxWidth: number, maxHeight: number): string =>
  `Pictures are made with at most ${maxWidth} × ${maxHeight} pixels: write a smaller width or height.`

/** The one spelling of path and query for what is wanted, so that it is made and kept once. */
export function formatWanted({ options, source }: Pick<Wanted, 'options' | 'source'>): string {
  return `${prefix}${formatImageOptions(options)}/${formatSource(source)}${queryOfSource(source)}`
}

const compiled = new WeakMap<ImagesRule, Sources>()

export function sourcesOf(images: ImagesRule): Sources {
  const known = compiled.get(images)
  if (known !== undefined) return known
  const sources = compileSources(images.sources)
  compiled.set(images, sources)
  return sources
}
