// Bounds on the size of a document, so that no input makes the parser slow, deep or throw. They lie far beyond
// any real configuration.

import type { ConfigError } from './errors.ts'

/** Characters of text. */
export const MAX_TEXT_LENGTH = 1_048_576
/** Objects and lists inside each other. */
export const MAX_DEPTH = 32
/** Values in all: objects, lists, strings, numbers. Also keeps the schema's list of issues within one call's arguments. */
const MAX_VALUES = 20_000

/** Errors that are reported; a real configuration never has as many. */
export const MAX_ERRORS = 1000

/** What is wrong with the size of a document; undefined when it can be parsed. Ends on circular values too. */
export const findTooLarge = (document: unknown): ConfigError | undefined => {
  let level: unknown[] = [document]
  let values = 0
  for (let depth = 0; level.length > 0; depth++) {
    values += level.length
    if (values > MAX_VALUES) return tooLarge(`must have at most ${MAX_VALUES} values: split the configuration`)
    if (depth > MAX_DEPTH) return tooLarge(`is nested deeper than ${MAX_DEPTH} levels: no field needs that`)
    level = childrenOf(level)
  }
  return undefined
}

/** One more than is allowed is enough to know. */
const childrenOf = (level: readonly unknown[]): unknown[] => {
  const children: unknown[] = []
  for (const value of level) {
    if (typeof value !== 'object' || value === null) continue
    for (const child of Object.values(value)) children.push(child)
    if (children.length > MAX_VALUES) break
  }
  return children
}

const tooLarge = (message: string): ConfigError => ({ path: '(document)', message })
