// What callers of /_weir/session say: which version they mean, and what is to become of the session. Whatever makes no
// sense comes back as a clause for whoever has sent it.
import { isObject, type Json, type JsonObject, parseJson } from '../json/json.ts'
import { parseJsonPatch } from '../json/json-patch.ts'
import { err, ok, type Result } from '../result.ts'
import type { SessionChange, Values } from './session.ts'

// Versions ────────────────────────────────────────────────────────────────────────────────────────────────────────

export const etagOf = (version: number): string => `"${version}"`

/** Which version a change is for: the one that is there, a certain one, or one that no session has. */
export type Expected = { readonly kind: 'any' } | { readonly kind: 'version'; readonly version: number | undefined }

const entityTag = /^(?:W\/)?"[\x21\x23-\x7e]*"$/

/** Of If-Match (RFC 9110 §13.1.1), compared strongly; undefined where it is absent. */
export function parseIfMatch(field: string | undefined): Result<Expected | undefined, string> {
  const text = field?.trim()
  if (text === undefined) return ok(undefined)
  if (text === '*') return ok({ kind: 'any' })
  if (!entityTag.test(text)) return err('must be the ETag of what you have read, such as "5" in its quotes, or *')
  const [, digits] = /^"([1-9]\d{0,14})"$/.exec(text) ?? []
  return ok({ kind: 'version', version: digits === undefined ? undefined : Number(digits) })
}

/** Of If-None-Match (RFC 9110 §13.1.2), compared weakly. */
export function isHeld(field: string | undefined, version: number): boolean {
  const tags = (field ?? '').split(',').map((tag) => tag.trim().replace(/^W\//, ''))
  return tags.includes(etagOf(version)) || tags.includes('*')
}

// Changes ─────────────────────────────────────────────────────────────────────────────────────────────────────────

/** What a PATCH may be; JSON of no certain kind is merged. */
export const patchTypes = ['application/merge-patch+json', 'application/json-patch+json', 'application/json'] as const

export type Unread = { readonly because: 'type' } | { readonly because: 'json' | 'patch'; readonly detail: string }

/** The change that a PATCH of this Content-Type asks for. */
export function parsePatch(contentType: string | undefined, text: string): Result<SessionChange, Unread> {
  const type = patchTypes.find((each) => each === mediaTypeOf(contentType))
  if (type === undefined) return err({ because: 'type' })
  const json = parseJson(text)
  if (!json.ok) return err({ because: 'json', detail: json.error })
  if (type === 'application/json-patch+json') {
    const patch = parseJsonPatch(json.value)
    return patch.ok ? ok({ kind: 'jsonPatch', patch: patch.value }) : err({ because: 'patch', detail: patch.error })
  }
  return isObject(json.value)
    ? ok({ kind: 'mergePatch', patch: json.value })
    : err({ because: 'patch', detail: 'must be an object: it would leave none' })
}

const mediaTypeOf = (contentType = ''): string => (contentType.split(';')[0] ?? '').trim().toLowerCase()

/** All values of a session. */
export function parseValues(text: string): Result<Values, string> {
  const json = parseJson(text)
  if (!json.ok) return json
  return isObject(json.value) ? ok(json.value) : err('must be an object: the values of a session have keys')
}

/** What a session begins with, and whether its client speaks TLS: absent, it speaks as the caller does. */
export interface Beginning {
  readonly values: Values
  readonly secure?: boolean
}

export function parseBeginning(text: string): Result<Beginning, string> {
  const fields = parseFields(text, ['values', 'secure'])
  if (!fields.ok) return fields
  const { values = {}, secure } = fields.value
  if (!isObject(values)) return err('has "values" that are no object')
  if (secure !== undefined && typeof secure !== 'boolean') return err('has a "secure" that is neither true nor false')
  return ok({ values, ...(secure !== undefined && { secure }) })
}

// Leases ──────────────────────────────────────────────────────────────────────────────────────────────────────────

export interface LeaseRequest {
  readonly holder: string
  readonly seconds: number
}

const maxLeaseSeconds = 3600

export const isLeaseName = (name: string): boolean => /^[A-Za-z0-9._-]{1,64}$/.test(name)

export const isHolder = (holder: Json | undefined): holder is string =>
  typeof holder === 'string' && /^[\x21-\x7e]{1,128}$/.test(holder)

export function parseLease(text: string): Result<LeaseRequest, string> {
  const fields = parseFields(text, ['holder', 'seconds'])
  if (!fields.ok) return fields
  const { holder, seconds } = fields.value
  if (!isHolder(holder)) return err('needs a "holder": 1 to 128 visible ASCII characters that tell you from others')
  const isWhole = typeof seconds === 'number' && Number.isInteger(seconds) && seconds >= 1 && seconds <= maxLeaseSeconds
  return isWhole ? ok({ holder, seconds }) : err(`needs "seconds": a whole number from 1 to ${maxLeaseSeconds}`)
}

/** An object with no other members; no text is one without any. */
function parseFields(text: string, names: readonly string[]): Result<JsonObject, string> {
  const json = parseJson(text === '' ? '{}' : text)
  if (!json.ok) return json
  if (!isObject(json.value)) return err('must be an object')
  const unknown = Object.keys(json.value).find((name) => !names.includes(name))
  return unknown === undefined ? ok(json.value) : err(`may have ${names.join(' and ')}, and nothing else`)
}
