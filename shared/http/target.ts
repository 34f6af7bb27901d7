// The one canonical form of a request's target. It feeds routing, the cache key and the origin's URL, so that
// no two of them can disagree about what was asked (RFC 3986 §6.2.2). It never decodes a reserved character.
import { err, ok, type Result } from '../result.ts'

export interface Target {
  readonly scheme: 'http' | 'https'
  /** Lower case, no trailing dot, with the port where it is not the scheme's own. */
  readonly host: string
  /** The host without its port: what routes match. */
  readonly hostname: string
  /** Starts with `/`; unreserved characters decoded, escapes in upper case, no dot segments. */
  readonly path: string
  /** Empty, or starts with `?`; as the client sent it. */
  readonly query: string
}

const unreserved = /[A-Za-z0-9\-._~]/
const percentEscape = /%([0-9A-Fa-f]{2})?/g

/**
 * Percent-encoding normalised: `%5f` becomes `_`, `%2f` becomes `%2F` (RFC 3986 §6.2.2.1, §6.2.2.2). A percent sign
 * that starts no escape becomes `%25`, or what is decoded behind it would make one: `%%32e` is not `%2e`.
 */
export function normaliseEscapes(text: string): string {
  if (!text.includes('%')) return text
  return text.replace(percentEscape, (whole, hex: string | undefined) => {
    if (hex === undefined) return '%25'
    const character = String.fromCharCode(Number.parseInt(hex, 16))
    return unreserved.test(character) ? character : whole.toUpperCase()
  })
}

/** A dot segment behind an encoded separator: one server's file name is the next one's way up the tree. */
const hiddenDotSegment = /(?:^|\/|\\|%2F|%5C)\.\.?(?:$|\/|\\|%2F|%5C)/

/**
 * The canonical target of an absolute URL, or why there is none, in words for the client.
 * Backslashes and dot segments are resolved by the URL parser; what it leaves is refused or kept opaque.
 */
export function canonicalTarget(url: string): Result<Target, string> {
  const parsed = parse(url)
  if (parsed === undefined) return err('The target of the request is not a valid http URL.')
  const path = normaliseEscapes(parsed.pathname)
  if (path.includes('%') && (hiddenDotSegment.test(path) || path.includes('%00'))) {
    return err('The path hides a dot segment or a NUL behind percent-encoding; send it as a plain path.')
  }
  const hostname = parsed.hostname.endsWith('.') ? parsed.hostname.slice(0, -1) : parsed.hostname
  // An empty label, as in `h..`, is none either; and a star is what OPTIONS or an encoded one have left.
  if (hostname === '' || hostname.endsWith('.') || hostname.includes('*')) return err('The request names no host.')
  return ok({
    scheme: parsed.protocol === 'https:' ? 'https' : 'http',
    host: parsed.port === '' ? hostname : `${hostname}:${parsed.port}`,
    hostname,
    path,
    query: parsed.search,
  })
}

function parse(url: string): URL | undefined {
  // The raw target `*` of OPTIONS would become part of the host.
  if (!/^https?:\/\/[^/?#*]+(?:[/?#]|$)/i.test(url)) return undefined
  const parsed = URL.parse(url)
  return parsed === null || parsed.username !== '' || parsed.password !== '' ? undefined : parsed
}
