// How long a picture lives that was made of another: as long as that one. What its origin said about it goes for both.
import type { Fields } from '../http/fields.ts'

/** Fields of the original that are true of what is made of it. */
const kept = [
  'cache-control',
  'cdn-cache-control',
  'surrogate-control',
  'expires',
  'pragma',
  'age',
  'date',
  'last-modified',
  'cache-tag',
  'surrogate-key',
]

/** Whether what came with these fields is for this once, or for one client. */
export function forbidsStoring(fields: Fields): boolean {
  return /\b(?:no-store|no-cache|private)\b/i.test(fields.get('cache-control') ?? '')
}

/**
 * The fields that say how long a picture lives. `isForOnce`: what led to the original was not for all. The original was
 * asked for with the same fields for everybody, so that its Vary does not matter, unless it is a star.
 */
export function livesAs(original: Fields, isForOnce: boolean): [string, string][] {
  const isAnybodys = original.get('set-cookie') === null && original.get('vary')?.trim() !== '*'
  if (isForOnce || !isAnybodys) return [['cache-control', 'private, no-store']]
  return kept.flatMap((name): [string, string][] => {
    const value = original.get(name)
    return value === null ? [] : [[name, value]]
  })
}

const opaque = /^(?:W\/)?"([\x21\x23-\x7e]{1,256})"$/

/** The validator of what is made: that of the original, and what was made of it. Undefined where that has none. */
export function validatorOf(original: string | null, made: string): string | undefined {
  const tag = original === null ? undefined : opaque.exec(original)?.[1]
  return tag === undefined ? undefined : `W/"${tag};${made}"`
}

/** What to ask the origin on what condition, for what was made under `made`. Other conditions than our own are none. */
export function conditionsFor(asked: Fields, made: string): [string, string][] {
  const tag = opaque.exec(asked.get('if-none-match') ?? '')?.[1]
  // Whether the original's was a weak one is not known any more; either may be compared letter by letter.
  if (tag?.endsWith(`;${made}`)) {
    const own = tag.slice(0, -made.length - 1)
    return [['if-none-match', `"${own}", W/"${own}"`]]
  }
  const since = asked.get('if-modified-since')
  return since === null || asked.get('if-none-match') !== null ? [] : [['if-modified-since', since]]
}
