// Does the client, or do we, already have this representation? (RFC 9110 §8.8, §13.) Entity tags that the origin forgot
// to quote are taken as they are: they match only themselves, and never strongly.
import { parseHttpDate } from './date.ts'
import type { Fields } from './fields.ts'

export interface Validators {
  readonly etag: string | null
  readonly lastModified: string | null
}

export interface StoredValidators extends Validators {
  readonly date: string | null
  /** Milliseconds. */
  readonly storedAt: number
}

/**
 * Whether a GET or HEAD that a stored 200 answers may be answered with 304 instead (RFC 9110 §13.1.2, §13.1.3).
 * Where there is no Last-Modified, Date stands in for it, and then `storedAt` (RFC 9111 §4.3.2). `now` is in ms.
 */
export function notModified(request: Fields, stored: StoredValidators, now: number): boolean {
  const ifNoneMatch = request.get('if-none-match')
  // RFC 9110 §13.1.3: whoever says If-None-Match is not asking for If-Modified-Since.
  if (ifNoneMatch !== null) return names(ifNoneMatch, stored.etag)
  const ifModifiedSince = request.get('if-modified-since')
  const since = ifModifiedSince === null ? undefined : parseHttpDate(ifModifiedSince, now)
  if (since === undefined) return false
  const modified = instant(stored.lastModified, now) ?? instant(stored.date, now) ?? stored.storedAt
  return modified <= since
}

function instant(date: string | null, now: number): number | undefined {
  return date === null ? undefined : parseHttpDate(date, now)
}

/** A quoted tag, which may contain commas, or whatever else stands between two commas. */
const listed = /(?:W\/)?"[^"]*"|[^\s",][^,]*/g

function names(ifNoneMatch: string, etag: string | null): boolean {
  if (ifNoneMatch.trim() === '*') return true
  return (ifNoneMatch.match(listed) ?? []).some((tag) => sameWeak(tag.trim(), etag))
}

/** Whether the request has conditions that only the origin can judge: ours may be an old copy (RFC 9111 §4.3.2). */
export function hasOriginPreconditions(request: Fields): boolean {
  return request.get('if-match') !== null || request.get('if-unmodified-since') !== null
}

/**
 * Whether the request is about what is there, by If-Match or If-Unmodified-Since (RFC 9110 §13.1.1, §13.1.4); undefined is
 * nothing. `now` is in ms.
 */
export function isStillThere(request: Fields, there: Validators | undefined, now: number): boolean {
  const ifMatch = request.get('if-match')
  if (ifMatch !== null) {
    if (ifMatch.trim() === '*') return there !== undefined
    return (ifMatch.match(listed) ?? []).some((tag) => sameStrong(tag.trim(), there?.etag ?? null))
  }
  const since = instant(request.get('if-unmodified-since'), now)
  const modified = there && instant(there.lastModified, now)
  return since === undefined || (modified !== undefined && modified <= since)
}

/** Whether a request that would change what is there may do so, by its preconditions (RFC 9110 §13.2.2). */
export function mayChange(request: Fields, there: Validators | undefined, now: number): boolean {
  const ifNoneMatch = request.get('if-none-match')
  const isNew = ifNoneMatch === null || there === undefined || !names(ifNoneMatch, there.etag)
  return isNew && isStillThere(request, there, now)
}

/** The fields that ask an origin whether what we stored is still current (RFC 9111 §4.3.1). */
export function validatorFields(stored: Validators): [name: string, value: string][] {
  const fields: [string, string][] = []
  if (stored.etag !== null && isOneTag(stored.etag)) fields.push(['if-none-match', stored.etag])
  if (stored.lastModified !== null) fields.push(['if-modified-since', stored.lastModified])
  return fields
}

/** Unquoted, a star would match whatever the origin has, and a comma would make two tags of one. */
function isOneTag(etag: string): boolean {
  return /^(?:(?:W\/)?"[^"]*"|[^*",][^",]*)$/.test(etag)
}

/** Whether it promises the same bytes, not only the same meaning (RFC 9110 §8.8.1). */
export function isStrong(etag: string | null): boolean {
  return etag !== null && /^"[^"]*"$/.test(etag)
}

/** RFC 9110 §8.8.3.2: equal, and neither is weak. */
export function sameStrong(a: string | null, b: string | null): boolean {
  return isStrong(a) && a === b
}

/** RFC 9110 §8.8.3.2: equal but for weakness. */
export function sameWeak(a: string | null, b: string | null): boolean {
  return a !== null && b !== null && opaque(a) === opaque(b)
}

function opaque(etag: string): string {
  return etag.startsWith('W/"') ? etag.slice(2) : etag
}
