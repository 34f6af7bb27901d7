// The words of configuration errors: how a place is written, how a value is quoted, which name was probably
// meant. Decides nothing about what is valid. Quoting never walks into a value, so that no input can make it
// slow, deep or throw.

/** One thing that is wrong: where (`routes[1].cache.ttlSeconds`, or `line 3, column 7`), and what to do about it. */
export type ConfigError = { readonly path: string; readonly message: string }

const LONGEST_QUOTE = 60
const MOST_NAMES = 20

/** Writes a place in the document: `pools.web.origins[0].weight`; the document itself is `(document)`. */
export const formatPath = (path: readonly PropertyKey[]): string =>
  path.length === 0 ? '(document)' : path.map(formatSegment).join('').replace(/^\./, '')

const formatSegment = (segment: PropertyKey): string => {
  if (typeof segment === 'number') return `[${segment}]`
  const name = String(segment)
  return /^[A-Za-z0-9_-]{1,64}$/.test(name) ? `.${name}` : `[${quote(name)}]`
}

/** A value as it is shown in a message: short, on one line, lists and objects named but not spelled out. */
export const quote = (value: unknown): string => {
  if (typeof value === 'string') return JSON.stringify(shorten(value))
  if (Array.isArray(value)) return 'a list'
  if (value === null || typeof value === 'number' || typeof value === 'boolean') return String(value)
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`
}

const shorten = (text: string): string => (text.length > LONGEST_QUOTE ? `${text.slice(0, LONGEST_QUOTE)}…` : text)

/** Names in one line, the first twenty of them: a message must not grow with the document. */
export const listNames = (names: readonly string[]): string => {
  const shown = names.slice(0, MOST_NAMES).join(', ')
  return names.length > MOST_NAMES ? `${shown} and ${names.length - MOST_NAMES} more` : shown
}

/** Says that a field is unknown, and which one was probably meant or which ones there are. */
export const unknownField = (name: string, allowed: readonly string[]): string => {
  const meant = nearest(name, allowed)
  const hint = meant === undefined ? `the fields here are ${listNames(allowed)}` : `did you mean "${meant}"?`
  return `unknown field ${quote(name)}: ${hint}`
}

/** The name at most two edits away, the nearest of them. A name that would have to change in every letter is no guess. */
export const nearest = (word: string, names: readonly string[]): string | undefined => {
  let best: { name: string; edits: number } | undefined
  for (const name of names) {
    if (Math.abs(name.length - word.length) > 2) continue
    const edits = editDistance(word, name)
    if (edits <= 2 && edits < name.length && (best === undefined || edits < best.edits)) best = { name, edits }
  }
  return best?.name
}

/** Levenshtein distance, one row at a time. */
const editDistance = (from: string, to: string): number => {
  let row = Array.from({ length: to.length + 1 }, (_, column) => column)
  for (let i = 0; i < from.length; i++) {
    const next = [i + 1]
    for (let j = 0; j < to.length; j++) {
      const swap = (row[j] ?? 0) + (from[i] === to[j] ? 0 : 1)
      next.push(Math.min(swap, (row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1))
    }
    row = next
  }
  return row[to.length] ?? 0
}
