// Cache-Control, read to the safe side (RFC 9111 §5.2): names in any case, values bare or quoted, duplicates
// resolved to the shorter life and the stricter rule, overflow capped, the unknown ignored.

import type { Fields } from './fields.ts'

export interface CacheControl {
  readonly noStore: boolean
  /** Whether it stands unqualified. A field list (`no-cache="a"`) is read as unqualified too: ask again. */
  readonly noCache: boolean
  /** As `noCache`: a qualified `private` is read as the whole. */
  readonly private: boolean
  readonly public: boolean
  readonly mustRevalidate: boolean
  readonly proxyRevalidate: boolean
  readonly mustUnderstand: boolean
  readonly onlyIfCached: boolean
  readonly noTransform: boolean
  readonly immutable: boolean
  readonly maxAge: number | undefined
  readonly sMaxage: number | undefined
  readonly minFresh: number | undefined
  /** Seconds; Infinity where the directive stands without a value (RFC 9111 §5.2.1.2). */
  readonly maxStale: number | undefined
  /** RFC 5861 §3. */
  readonly staleWhileRevalidate: number | undefined
  /** RFC 5861 §4. */
  readonly staleIfError: number | undefined
}

type Mutable = { -readonly [Name in keyof CacheControl]: CacheControl[Name] }

/** RFC 9111 §1.2.2: a recipient that cannot represent it uses 2^31. */
const maxDeltaSeconds = 2 ** 31

const nothing: CacheControl = Object.freeze({
  noStore: false,
  noCache: false,
  private: false,
  public: false,
  mustRevalidate: false,
  proxyRevalidate: false,
  mustUnderstand: false,
  onlyIfCached: false,
  noTransform: false,
  immutable: false,
  maxAge: undefined,
  sMaxage: undefined,
  minFresh: undefined,
  maxStale: undefined,
  staleWhileRevalidate: undefined,
  staleIfError: undefined,
})

/** A client's directives; Pragma counts where there is no Cache-Control (RFC 9111 §5.4). Null: none are heeded. */
export function requestDirectives(fields: Fields | null): CacheControl {
  if (fields === null) return nothing
  const value = fields.get('cache-control')
  if (value !== null) return parseCacheControl(value)
  const pragma = fields.get('pragma')
  return pragma === null ? nothing : { ...nothing, noCache: parseCacheControl(pragma).noCache }
}

const directive = /\s*([!#$%&'*+\-.^_`|~0-9A-Za-z]+)(?:\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]*)))?\s*(?:,|$)/y

/** What of a bare value is one. */
const token = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]*/

/**
 * What forbids is heeded in a malformed part too: `no-store; max-age=0`, `max-age=60;private` and `private max-age=60`
 * are what people send. A lifetime there is one that cannot be read.
 */
const forbidding = /(?<![\w-])(?:no-store|no-cache|private|max-age|s-maxage)(?![\w-])/gi

/** The directives of a Cache-Control field value; `null` (no such field) has none. */
export function parseCacheControl(value: string | null): CacheControl {
  if (value === null || value === '') return nothing
  const result: Mutable = { ...nothing }
  let position = 0
  while (position < value.length) {
    directive.lastIndex = position
    const match = directive.exec(value)
    if (match === null) {
      // Not a directive: go on behind the next comma.
      const comma = value.indexOf(',', position)
      const end = comma < 0 ? value.length : comma
      heedForbidding(result, value.slice(position, end))
      position = end + 1
      continue
    }
    position = directive.lastIndex
    apply(result, match[1]!.toLowerCase(), match[2] ?? match[3])
    if (match[3] !== undefined) heedForbidding(result, match[3].replace(token, ''))
  }
  return result
}

function heedForbidding(result: Mutable, malformed: string): void {
  for (const [name] of malformed.matchAll(forbidding)) apply(result, name.toLowerCase(), undefined)
}

function apply(result: Mutable, name: string, argument: string | undefined): void {
  switch (name) {
    case 'no-store':
      result.noStore = true
      return
    case 'no-cache':
      result.noCache = true
      return
    case 'private':
      result.private = true
      return
    case 'public':
      result.public = true
      return
    case 'must-revalidate':
      result.mustRevalidate = true
      return
    case 'proxy-revalidate':
      result.proxyRevalidate = true
      return
    case 'must-understand':
      result.mustUnderstand = true
      return
    case 'only-if-cached':
      result.onlyIfCached = true
      return
    case 'no-transform':
      result.noTransform = true
      return
    case 'immutable':
      result.immutable = true
      return
    case 'max-age':
      result.maxAge = shorter(result.maxAge, argument)
      return
    case 's-maxage':
      result.sMaxage = shorter(result.sMaxage, argument)
      return
    case 'stale-while-revalidate':
      result.staleWhileRevalidate = shorter(result.staleWhileRevalidate, argument)
      return
    case 'stale-if-error':
      result.staleIfError = shorter(result.staleIfError, argument)
      return
    case 'min-fresh':
      result.minFresh = Math.max(result.minFresh ?? 0, deltaSeconds(argument) ?? 0)
      return
    case 'max-stale':
      result.maxStale = Math.min(
        result.maxStale ?? Number.POSITIVE_INFINITY,
        argument === undefined ? Number.POSITIVE_INFINITY : (deltaSeconds(argument) ?? 0),
      )
  }
}

/** A lifetime that cannot be read is stale at once (RFC 9111 §4.2.1). */
function shorter(known: number | undefined, argument: string | undefined): number {
  const seconds = deltaSeconds(argument) ?? 0
  return known === undefined ? seconds : Math.min(known, seconds)
}

/** Non-negative whole seconds, capped at 2^31; undefined where it is no such number. */
export function deltaSeconds(text: string | undefined): number | undefined {
  if (text === undefined || !/^\d+$/.test(text)) return undefined
  return Math.min(Number(text), maxDeltaSeconds)
}
