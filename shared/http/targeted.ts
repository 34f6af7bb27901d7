// Which field tells this cache what to do: targeted fields go before Cache-Control (RFC 9213 §2.2).
import { type CacheControl, parseCacheControl } from './cache-control.ts'
import type { Fields } from './fields.ts'

const targetList = ['weir-cdn-cache-control', 'cdn-cache-control', 'surrogate-control']

/** The shape of a dictionary (RFC 9651 §3.2), as far as it tells one from what is none. */
const key = '[a-z*][a-z0-9_.*-]*'
const value = '(?:"(?:[^"\\\\]|\\\\.)*"|\\([^()]*\\)|[\\w!#$%&*+./:?@^`|~-]+)'
const member = `${key}(?:=${value})?(?:; *${key}(?:=${value})?)*`
const dictionary = new RegExp(`^ *${member}(?:[ \\t]*,[ \\t]*${member})* *$`)

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
    if (dictionary.test(field)) return { cacheControl: parseCacheControl(field), targeted: true }
    // One that is empty or not valid hides nothing; read together with Cache-Control it can only shorten and forbid.
    heard = heard === null ? field : `${heard}, ${field}`
  }
  return { cacheControl: parseCacheControl(heard), targeted: false }
}
