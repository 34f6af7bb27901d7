// How a request names a key and says what to do with it. Whatever makes no sense comes back as a sentence for whoever
// has sent it.
import { err, ok, type Result } from '../result.ts'
import type { Add, TakeLease } from './operation.ts'

const maxKeyBytes = 512
const maxTtlSeconds = 31_536_000
const maxLeaseSeconds = 3_600
const maxHolderLength = 256

export interface KeyName {
  readonly namespace: string
  readonly key: string
}

const form = 'Write /_weir/state/<namespace>/<key>'

/**
 * From what follows `/_weir/state` in a canonical path. The key is decoded once, so that `a%2Fb` and `a/b` are one key;
 * a namespace has nothing to decode.
 */
export function parseKeyName(path: string): Result<KeyName, string> {
  const [, namespace = '', encoded = ''] = /^\/([^/]*)\/(.*)$/s.exec(path) ?? []
  const key = decoded(encoded)
  if (key === undefined) return err('The key is no UTF-8 when its percent-encoding is decoded: encode it as UTF-8.')
  return keyName(namespace, key)
}

/** The same of a key that is not encoded. */
export function keyName(namespace: string, key: string): Result<KeyName, string> {
  if (!/^[A-Za-z0-9_-]{1,64}$/.test(namespace))
    return err(`${form}, with a namespace of 1 to 64 letters, digits, "_" or "-".`)
  const size = new TextEncoder().encode(key).byteLength
  if (size < 1 || size > maxKeyBytes)
    return err(`${form}, with a key of 1 to ${maxKeyBytes} bytes; this one has ${size}.`)
  if (/\p{Cc}|\p{Cs}/u.test(key)) return err('The key has a control character or half a character in it: leave it out.')
  return ok({ namespace, key })
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text)
  } catch {
    return undefined
  }
}

/** The `ttl` of a query, in seconds; undefined where it has none. Other parameters are mistakes. */
export function parseTtl(query: URLSearchParams): Result<number | undefined, string> {
  const others = [...query.keys()].filter((name) => name !== 'ttl')
  if (others.length > 0) return err(`The query may have "ttl" and nothing else; got ${JSON.stringify(others[0])}.`)
  const [text, ...more] = query.getAll('ttl')
  if (text === undefined) return ok(undefined)
  const ttl = /^\d{1,9}$/.test(text) ? Number(text) : 0
  return more.length === 0 && isWhole(ttl, 1, maxTtlSeconds) ? ok(ttl) : err(ttlMessage)
}

const ttlMessage = `"ttl" must be a whole number of seconds from 1 to ${maxTtlSeconds}.`

/** Of the field Weir-Fencing-Token. */
export function parseFencingToken(text: string | null): Result<number | undefined, string> {
  if (text === null) return ok(undefined)
  const token = /^\d{1,16}$/.test(text) ? Number(text) : 0
  return isWhole(token, 1, Number.MAX_SAFE_INTEGER)
    ? ok(token)
    : err('Weir-Fencing-Token must be the "token" that a lease was granted with.')
}

export type Posted =
  | Pick<Add, 'kind' | 'by' | 'ttlSeconds' | 'min' | 'max'>
  | Pick<TakeLease, 'kind' | 'holder' | 'seconds'>

const postForm = 'Send {"add": 1} or {"lease": {"holder": "me", "seconds": 30}}'

/** What a POST asks for. */
export function parsePosted(json: unknown): Result<Posted, string> {
  const fields = asFields(json)
  if (fields === undefined || 'add' in fields === 'lease' in fields) return err(`${postForm}.`)
  return 'add' in fields ? parseAdd(fields) : parseLease(fields)
}

function parseAdd({ add, ttl, min, max, ...others }: Fields): Result<Posted, string> {
  const unknown = Object.keys(others)[0]
  if (unknown !== undefined)
    return err(`Beside "add" there may be "ttl", "min" and "max"; got ${JSON.stringify(unknown)}.`)
  if (!isSafe(add) || (min !== undefined && !isSafe(min)) || (max !== undefined && !isSafe(max)))
    return err('"add", "min" and "max" must be whole numbers between −(2⁵³−1) and 2⁵³−1.')
  if (min !== undefined && max !== undefined && min > max) return err('"min" must not be more than "max".')
  if (ttl !== undefined && !isWhole(ttl, 1, maxTtlSeconds)) return err(ttlMessage)
  return ok({
    kind: 'add',
    by: add,
    ...(ttl !== undefined && { ttlSeconds: ttl }),
    ...(min !== undefined && { min }),
    ...(max !== undefined && { max }),
  })
}

function parseLease({ lease, ...others }: Fields): Result<Posted, string> {
  const { holder, seconds, ...more } = asFields(lease) ?? {}
  const unknown = [...Object.keys(others), ...Object.keys(more)][0]
  if (unknown !== undefined) return err(`${postForm}; ${JSON.stringify(unknown)} means nothing there.`)
  if (typeof holder !== 'string' || holder.length < 1 || holder.length > maxHolderLength || !holder.isWellFormed())
    return err(`"holder" must be a text of 1 to ${maxHolderLength} characters that tells you from others.`)
  if (!isWhole(seconds, 0, maxLeaseSeconds))
    return err(`"seconds" must be a whole number from 1 to ${maxLeaseSeconds}, or 0 to give the lease back.`)
  return ok({ kind: 'lease', holder, seconds })
}

type Fields = Readonly<Record<string, unknown>>

const asFields = (value: unknown): Fields | undefined =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : undefined

const isSafe = (value: unknown): value is number => Number.isSafeInteger(value)

const isWhole = (value: unknown, min: number, max: number): value is number =>
  isSafe(value) && value >= min && value <= max
