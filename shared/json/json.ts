// JSON as a value: read from text within bounds. Whatever changes it here never touches a prototype: a name
// such as `__proto__` is a name like any other, looked for among an object's own, and written as its own.
import { err, ok, type Result } from '../result.ts'

export type Json = null | boolean | number | string | readonly Json[] | JsonObject

export interface JsonObject {
  readonly [name: string]: Json
}

/** What lies deeper than this is refused, so that nothing that walks a value runs out of stack. */
export const maxDepth = 32

/**
 * Reads JSON (RFC 8259). The error is a clause for people. A number beyond what a double holds is refused: it would come
 * back as another one.
 */
export function parseJson(text: string): Result<Json, string> {
  let value: Json
  try {
    value = JSON.parse(text)
  } catch {
    return err('is no JSON')
  }
  if (isDeeperThan(value, maxDepth)) return err(`is nested more than ${maxDepth} deep`)
  return isInRange(value) ? ok(value) : err('has a number that is too large')
}

export function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

export const isArray = (value: Json | undefined): value is readonly Json[] => Array.isArray(value)

/** Whether more than `depth` values are inside one another; one by itself counts as one. */
export function isDeeperThan(value: Json, depth: number): boolean {
  if (depth === 0) return true
  return membersOf(value).some((each) => isDeeperThan(each, depth - 1))
}

function isInRange(value: Json): boolean {
  return typeof value === 'number' ? Number.isFinite(value) : membersOf(value).every(isInRange)
}

const membersOf = (value: Json): readonly Json[] =>
  isArray(value) ? value : isObject(value) ? Object.values(value) : []
