// Responses of one URL that differ by what the request says: a note at the URL's key tells by what, and each of them
// stands under a key of its own. The note's generation is part of these keys: to forget the note is to forget them all.
import { selectingValue } from '../../shared/http/selecting.ts'
import { keyedValues, shortHash, variantKey } from '../../shared/key.ts'
import type { Life, Slot } from '../life.ts'
import type { VariantsNote } from '../ports.ts'

/** Where the response that this request selects stands. */
export function keyOfVariant(
  life: Life,
  base: string,
  { names, generation }: Pick<VariantsNote, 'names' | 'generation'>,
): string {
  const values = selectingOf(life, names).map(([, value]) => value)
  return variantKey(base, generation, values)
}

/** What the route has chosen, then what the origin varies by: the fields' names, and what the request says there. */
export function selectingOf({ fields, route }: Life, names: readonly string[]): [string, string | null][] {
  const { key } = route.cache
  const keyed = keyedValues(key, fields)
  const chosen = [...key.headers, ...key.cookies.map((name) => `cookie ${name}`)]
  const varied = names.map((name): [string, string | null] => [name, selectingValue(fields, name, route.cache)])
  return [...chosen.map((name, index): [string, string | null] => [name, keyed[index] ?? null]), ...varied]
}

export interface Place {
  readonly key: string
  /** What has to stand at the base for the variant to be found. */
  readonly note?: VariantsNote
}

/** Notes outlive the variants by this much, so that they need not be written for each of them. */
const noteMarginMs = 3_600_000

/**
 * Where a response goes that varies by these names and is kept until `keepUntil` (ms); undefined where its URL has too
 * many variants already.
 */
export function placeFor(life: Life, slot: Slot, vary: readonly string[], keepUntil: number): Place | undefined {
  const { key, maxVariants } = life.route.cache
  const { variants } = slot
  const known = variants?.names ?? []
  const names = [...new Set([...known, ...vary.filter((name) => !key.headers.includes(name))])].sort()
  const isKeyed = key.headers.length + key.cookies.length > 0
  if (names.length === 0 && !isKeyed) return { key: slot.base }

  const grown = names.length > known.length
  const isNew = variants === undefined || grown
  const generation = isNew ? Math.floor(life.ports.random() * 2 ** 52).toString(36) : variants.generation
  const note: VariantsNote = {
    kind: 'variants',
    names,
    generation,
    after: slot.after,
    seen: grown ? [] : (variants?.seen ?? []),
    until: Math.max(keepUntil + noteMarginMs, variants?.until ?? 0),
  }
  // A note that is full ends in its time, so that what filled it does not stay for ever.
  const isFull = note.seen.length >= maxVariants
  const place = keyOfVariant(life, slot.base, note)
  // Only what the origin varies by is counted: the route knows how many values its own choice has.
  const hash = names.length === 0 ? undefined : shortHash(JSON.stringify(selectingOf(life, names).slice(-names.length)))
  const isSeen = hash === undefined || note.seen.includes(hash)
  if (!isSeen && isFull) return undefined
  if (isSeen && !isNew && (isFull || keepUntil <= variants.until)) return { key: place }
  const seen = isSeen ? note.seen : [...note.seen, hash]
  return { key: place, note: { ...note, seen } }
}
