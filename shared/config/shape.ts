// A document of any shape, read without trust: what has the wrong shape counts as absent, for the schema reports that.
import { type ConfigError, formatPath } from './errors.ts'

export type Fields = Readonly<Record<string, unknown>>

/** The strings that stood earlier in the list, with both positions. */
export const repeats = (values: readonly unknown[]) => {
  const seen = new Map<string, number>()
  return values.flatMap((value, index) => {
    if (typeof value !== 'string') return []
    const first = seen.get(value)
    if (first === undefined) seen.set(value, index)
    return first === undefined ? [] : [{ value, first, index }]
  })
}

export const asFields = (value: unknown): Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : {}

export const asList = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : [])

export const error = (path: readonly PropertyKey[], message: string): ConfigError => ({
  path: formatPath(path),
  message,
})
