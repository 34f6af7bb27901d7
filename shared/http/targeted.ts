// Which field tells this cache what to do: targeted fields go before Cache-Control (RFC 9213 §2.2).
import { type CacheControl, parseCacheControl } from './cache-control.ts'
import type { Fields } from './fields.ts'

const targetList = ['weir-cdn-cache-control', 'cdn-cache-control', 'surrogate-control']

export interface ResponseDirectives {
  readonly cacheControl: CacheControl
  /** Whether they came from a targeted field, which hides Cache-Control and Expires. */
  readonly targeted: boolean
}

/** The directives of a response that bind this cache. */
export function responseDirectives(fields: Fields): ResponseDirectives {
  for (const name of targetList) {
    const value = fields.get(name)
    if (value !== null && value.trim() !== '') return { cacheControl: parseCacheControl(value), targeted: true }
  }
  return { cacheControl: parseCacheControl(fields.get('cache-control')), targeted: false }
}
