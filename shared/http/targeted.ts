// Which field tells this cache what to do: targeted fields go before Cache-Control (RFC 9213 §2.2).
import { type Dictionary, parseDictionary } from 'structured-headers'
import { type CacheControl, deltaSeconds, parseCacheControl } from './cache-control.ts'
import type { Fields } from './fields.ts'

const targetList = ['weir-cdn-cache-control', 'cdn-cache-control', 'surrogate-control']

/** Those of them that no client gets to see, as far as they are there. */
export function hiddenTargets(fields: Fields): Record<string, string> {
  const hidden: Record<string, string> = {}
  for (const name of ['weir-cdn-cache-control', 'surrogate-control']) {
    const value = fields.get(name)
    if (value !== null) hidden[name] = value
  }
  return hidden
}

/** What this cache calls itself where it is asked (Surrogate-Capability). */
export const surrogateToken = 'weir'

export interface ResponseDirectives {
  readonly cacheControl: CacheControl
  /** Whether they came from a targeted field, which hides Cache-Control and Expires. */
  readonly targeted: boolean
}

/** The directives of a response that bind this cache. */
export function responseDirectives(fields: Fields): ResponseDirectives {
  let heard = fields.get('cache-control')
  for (const name of targetList) {
    const field = fields.get(name)
    if (field === null) continue
    const addressed = directivesFor(field, name === 'surrogate-control')
    if (addressed !== undefined) return { cacheControl: parseCacheControl(addressed), targeted: true }
    // One that is empty or not valid hides nothing; read together with Cache-Control it can only shorten and forbid.
    heard = heard === null ? field : `${heard}, ${field}`
  }
  return { cacheControl: parseCacheControl(heard), targeted: false }
}

const lifetimes = new Set(['max-age', 's-maxage', 'stale-while-revalidate', 'stale-if-error'])

/**
 * The members without their parameters; undefined where the field is empty, no dictionary (RFC 9651 §3.2), has a
 * lifetime that is no number of seconds, or is of Surrogate-Control and addressed by a parameter to another surrogate; in
 * the others parameters say nothing (RFC 9213 §2.1).
 */
function directivesFor(field: string, isAddressed: boolean): string | undefined {
  const dictionary = parsed(field)
  if (dictionary === undefined || dictionary.size === 0) return undefined
  const directives: string[] = []
  for (const [name, [value, parameters]] of dictionary) {
    const isLifetime = lifetimes.has(name)
    if (isLifetime && (typeof value !== 'number' || deltaSeconds(String(value)) === undefined)) return undefined
    if (isLifetime && isAddressed && parameters.size > 0 && !parameters.has(surrogateToken)) return undefined
    if (value !== false) directives.push(isLifetime ? `${name}=${value}` : name)
  }
  return directives.join(', ')
}

function parsed(field: string): Dictionary | undefined {
  try {
    return parseDictionary(field)
  } catch {
    return undefined
  }
}
