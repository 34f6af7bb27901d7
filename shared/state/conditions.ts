// Preconditions on the version of a key (RFC 9110 §13.1). A version's entity tag is its number in quotes.
import { err, ok, type Result } from '../result.ts'
import type { Conditions, Versions } from './operation.ts'

export const etagOf = (version: number): string => `"${version}"`

/** Whether it is one of these; `version` is undefined where there is nothing. */
export function matches(versions: Versions | undefined, version: number | undefined): boolean {
  if (versions === undefined || version === undefined) return false
  return versions === 'any' || versions.includes(version)
}

const list = /^(?:W\/)?"[^"]*"(?:\s*,\s*(?:W\/)?"[^"]*")*$/
const tag = /(W\/)?"([^"]*)"/g

/**
 * The values of If-Match and If-None-Match; which one makes no sense. A tag that is none of ours names no version.
 * If-Match compares strongly, If-None-Match weakly (RFC 9110 §13.1.1, §13.1.2).
 */
export function parseConditions(ifMatch: string | null, ifNoneMatch: string | null): Result<Conditions, string> {
  const match = ifMatch === null ? undefined : versionsOf(ifMatch, false)
  const noneMatch = ifNoneMatch === null ? undefined : versionsOf(ifNoneMatch, true)
  if (ifMatch !== null && match === undefined) return err('If-Match')
  if (ifNoneMatch !== null && noneMatch === undefined) return err('If-None-Match')
  return ok({ ...(match && { ifMatch: match }), ...(noneMatch && { ifNoneMatch: noneMatch }) })
}

function versionsOf(field: string, weakly: boolean): Versions | undefined {
  const text = field.trim()
  if (text === '*') return 'any'
  if (!list.test(text)) return undefined
  return [...text.matchAll(tag)].flatMap(([, weak, version = '']) =>
    (weak === undefined || weakly) && /^[1-9]\d{0,15}$/.test(version) ? [Number(version)] : [],
  )
}
