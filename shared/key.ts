// Every derived name in the system. Two different things never get the same name: each part is encoded so that
// the separator cannot occur in it.
import type { CacheRule, Route } from './config/schema.ts'
import type { Fields } from './http/fields.ts'
import type { Target } from './http/target.ts'

/** Paths below belong to the gateway: no client reaches them, and no origin. */
export const reservedPrefix = '/_weir/'

/**
 * The name under which a URL's responses are looked for: a URL on the request's own host, below the reserved prefix, of
 * scheme, host, path and the keyed part of the query. The rule's own shape is part of it, so that entries made under
 * another rule are not taken for these. Where pools serve different things, `side` tells whose it is.
 */
export function cacheKey(target: Target, rule: CacheRule['key'], side?: string): string {
  const { scheme, host, path, query } = target
  const ofTarget = `${encodeURIComponent(path)},${encodeURIComponent(queryPart(query, rule))}`
  const ofSide = side === undefined ? '' : `,,${encodeURIComponent(side)}`
  // Commas are escaped within a part, and no segment of the path is a dot segment.
  return `${scheme}://${host}${reservedPrefix}cache/2,${ofTarget},${chosenPart(rule)}${ofSide}`
}

/**
 * The name of the batches that a request may share: with those of the same place and route whose requests would have
 * said the same.
 */
export function batchName(
  colo: string | undefined,
  { scheme, host }: Target,
  route: Pick<Route, 'id' | 'batch'>,
  said: readonly (string | null)[],
): string {
  return JSON.stringify([colo ?? null, scheme, host, route.id, route.batch, said])
}

/** The values of the headers and cookies that the rule chooses, in its order. */
export function keyedValues(rule: CacheRule['key'], fields: Fields): (string | null)[] {
  const headers = rule.headers.map((name) => fields.get(name))
  if (rule.cookies.length === 0) return headers
  const cookies = parseCookies(fields.get('cookie'))
  return [...headers, ...rule.cookies.map((name) => cookies.get(name) ?? null)]
}

/** The name of the variant of `key` for these selecting values, in an order that the key's owner keeps to. */
export function variantKey(key: string, generation: string, selecting: readonly (string | null)[]): string {
  return `${key},v,${generation},${selecting.map((value) => encodeURIComponent(presence(value))).join(',')}`
}

/** What purges know the responses of a target by: its URL with the part of the query that is in the key. */
export function keyedUrl({ scheme, host, path, query }: Target, rule: CacheRule['key']): string {
  return `${scheme}://${host}${path}${keyedQuery(query, rule)}`
}

/** The object of a pool, or of a region that probes for it. Neither name has a space in it. */
export function monitorName(pool: string, region?: string): string {
  return region === undefined ? pool : `${pool} ${region}`
}

/** The book that keeps the journal of a job, one of sixteen. */
export function bookName(jobId: string): string {
  return `book-${jobId.slice(0, 1)}`
}

/** All of them. */
export const bookNames: readonly string[] = Array.from({ length: 16 }, (_, digit) => bookName(digit.toString(16)))

/** The object of a shard of the shared state cache. */
export const shardName = (shard: number): string => `shard-${shard}`

/** The number of the shard whose object has this name. */
export const shardOf = (name: string | undefined): number => Number(name?.slice(shardName(0).length - 1))

/** Tells names apart where two that look alike do no harm (32-bit FNV-1a). */
export function shortHash(name: string): string {
  let hash = 0x811c9dc5
  for (let index = 0; index < name.length; index++) hash = Math.imul(hash ^ name.charCodeAt(index), 0x01000193)
  return (hash >>> 0).toString(36)
}

const presence = (value: string | null): string => (value === null ? '-' : `+${value}`)

/** The headers and cookies that the rule chooses, by their names. */
function chosenPart({ headers, cookies }: CacheRule['key']): string {
  if (headers.length === 0 && cookies.length === 0) return ''
  return [...headers, '', ...cookies].map(encodeURIComponent).join(',')
}

function queryPart(query: string, rule: CacheRule['key']): string {
  if (rule.query === 'none') return 'none'
  const shape = `${JSON.stringify(rule.query)}${rule.sortQuery ? 'sorted' : ''}`
  return `${shape}${keyedQuery(query, rule)}`
}

/**
 * The part of a query that is in the key, empty or with its `?`. On a route that caches, this and nothing more
 * goes to the origin: what is not in the key must not change the answer. Parameters of one name keep their order.
 */
export function keyedQuery(query: string, { query: rule, sortQuery }: CacheRule['key']): string {
  if (query === '' || (rule === 'all' && !sortQuery)) return query
  if (rule === 'none') return ''
  let pairs = query.slice(1).split('&')
  if (rule !== 'all') {
    const names = new Set('only' in rule ? rule.only : rule.except)
    pairs = pairs.filter((pair) => names.has(parameterName(pair)) === 'only' in rule)
  }
  if (sortQuery) {
    const named = pairs.map((pair) => ({ pair, name: parameterName(pair) }))
    pairs = named.sort((left, right) => compare(left.name, right.name)).map(({ pair }) => pair)
  }
  return pairs.length === 0 ? '' : `?${pairs.join('&')}`
}

const compare = (left: string, right: string): number => (left < right ? -1 : left > right ? 1 : 0)

/** A parameter's name as a form decoder reads it. The ampersand keeps a `?` that the name starts with. */
function parameterName(pair: string): string {
  return new URLSearchParams(`&${pair}`).keys().next().value ?? ''
}

/**
 * Cookies of a Cookie field, their values up to the next semicolon: commas belong to them, as origins read them
 * (RFC 6265 §5.4 knows one field). One that comes twice has both values as they came, `1; a=2`, since nobody knows
 * which of them the origin takes.
 */
export function parseCookies(field: string | null): Map<string, string> {
  const cookies = new Map<string, string>()
  if (field === null) return cookies
  for (const pair of field.split(';')) {
    const equals = pair.indexOf('=')
    const name = pair.slice(0, equals).trim()
    if (equals < 0 || name === '') continue
    const value = pair.slice(equals + 1).trim()
    const before = cookies.get(name)
    cookies.set(name, before === undefined ? value : `${before}; ${name}=${value}`)
  }
  return cookies
}
