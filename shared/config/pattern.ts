// Host and path patterns of routes: which are well formed, and what they match. Both sides are canonical: hosts
// in lower-case punycode without port or final dot, paths percent-encoded with unreserved characters decoded and
// upper-case hex. A pattern that is not written so could never match, so it is refused with the right spelling.
// Matching is a greedy glob without RegExp: no pattern can make it backtrack into more than one star.

import { quote } from './errors.ts'

const LONGEST_HOST = 253
const LONGEST_PATH = 1024
const LABEL = '[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?'
const HOST = new RegExp(`^(?:(?:\\*\\.)?${LABEL}(?:\\.${LABEL})*|\\[[0-9a-f:.]+\\])$`)

/** RFC 3986 §2.3: the characters that are the same with and without percent-encoding. */
const UNRESERVED = /[A-Za-z0-9._~-]/
/** Escapes, and whatever is not plainly a path character (RFC 3986 §3.3). */
const DOUBTFUL = /%[0-9A-Fa-f]{2}|[^A-Za-z0-9._~!$&'()*+,;=:@/-]/gu
const WILD = /(\*+|(?<=\/):[A-Za-z_]\w*(?=\/|$))/

type Piece = { readonly kind: 'text'; readonly text: string } | { readonly kind: 'segment' } | { readonly kind: 'any' }

/** What is wrong with a host pattern and what to write instead; undefined when it is fine. */
export const checkHost = (pattern: string): string | undefined => {
  if (pattern === '*') return undefined
  if (/[/?#@\\\s]/.test(pattern)) return 'must be a host name alone, such as "www.example.com"'
  const canonical = canonicalHost(pattern)
  if (canonical === pattern) return undefined
  if (canonical !== undefined)
    return `hosts are lower case, in punycode, without a port or a final dot: write it as "${canonical}"`
  if (pattern.includes('*')) return 'may have "*" only alone or as the first label, as in "*.example.com"'
  return `must be "*", a host name such as "www.example.com", or "*.example.com"; got ${quote(pattern)}`
}

/** The host as the URL parser writes it; undefined when it is none. */
const canonicalHost = (pattern: string): string | undefined => {
  const star = pattern.startsWith('*.') ? '*.' : ''
  const withPort = pattern.slice(star.length)
  const name = withPort.replace(/(?<!:):\d*$/, '').replace(/\.$/, '')
  if (pattern.length > LONGEST_HOST || !URL.canParse(`http://${name}`)) return undefined
  const host = star + new URL(`http://${name}`).hostname
  return HOST.test(host) ? host : undefined
}

/** What is wrong with a path pattern and what to write instead; undefined when it is fine. */
export const checkPath = (pattern: string): string | undefined => {
  if (!pattern.startsWith('/')) return `must start with "/"; got ${quote(pattern)}`
  if (pattern.length > LONGEST_PATH) return `must have at most ${LONGEST_PATH} characters; got ${pattern.length}`
  if (/[?#]/.test(pattern)) return 'must be a path alone, without "?" or "#": patterns do not match the query'
  const canonical = pattern.toWellFormed().replace(DOUBTFUL, canonicalCharacter)
  if (/\/\.\.?(?=\/|$)/.test(canonical))
    return 'must have no "." or ".." segment: requests have none left when they are matched'
  if (canonical !== pattern)
    return `paths are matched in their canonical form: write it as ${JSON.stringify(canonical)}`
  if (/\/:(?![A-Za-z_]\w*(?:\/|$))/.test(pattern))
    return 'has a ":" that no whole name follows: ":name" takes a whole segment, for a part of one use "*"'
  return undefined
}

/** The same in the path of a request: as the URL parser leaves it, with escapes normalised (RFC 3986 §6.2.2). */
const canonicalCharacter = (found: string): string => {
  if (found === '%') return '%25'
  if (!found.startsWith('%')) return new URL(`http://host/a${found}a`).pathname.slice(2, -1)
  const character = String.fromCharCode(Number.parseInt(found.slice(1), 16))
  return UNRESERVED.test(character) ? character : found.toUpperCase()
}

/** A matcher for a checked host pattern. `*.example.com` takes subdomains of any depth, not example.com itself. */
export const compileHost = (pattern: string): ((host: string) => boolean) => {
  if (pattern === '*') return () => true
  if (!pattern.startsWith('*.')) return (host) => host === pattern
  const suffix = pattern.slice(1)
  return (host) => host.length > suffix.length && host.endsWith(suffix)
}

/** A matcher for a checked path pattern. Takes time in proportion to path times pattern at worst. */
export const compilePath = (pattern: string): ((path: string) => boolean) => {
  const pieces = toPieces(pattern)
  const [first, second] = pieces
  if (first?.kind === 'text' && pieces.length === 1) return (path) => path === pattern
  if (first?.kind === 'text' && second?.kind === 'any' && pieces.length === 2)
    return (path) => path.startsWith(first.text)
  return (path) => matches(pieces, path)
}

const toPieces = (pattern: string): Piece[] =>
  pattern
    .split(WILD)
    // With one group in the separator, split puts text at even and separators at odd positions.
    .map((text, index): Piece => {
      if (index % 2 === 0) return { kind: 'text', text }
      return { kind: text.startsWith('*') ? 'any' : 'segment' }
    })
    .filter((piece) => piece.kind !== 'text' || piece.text !== '')

/**
 * Greedy: what stands between two stars is taken at the first place where it fits, and only the last star is ever
 * widened. Sound because a later place never ends earlier, segments included: each has the same count of slashes.
 */
const matches = (pieces: readonly Piece[], path: string): boolean => {
  let [index, at] = [0, 0]
  let star: { readonly next: number; from: number } | undefined
  for (;;) {
    const piece = pieces[index]
    if (piece === undefined && at === path.length) return true
    if (piece?.kind === 'any') {
      star = { next: ++index, from: at }
      if (index === pieces.length) return true
      continue
    }
    const end = piece === undefined ? -1 : endOf(piece, path, at)
    if (end >= 0) {
      index++
      at = end
    } else {
      if (star === undefined || star.from >= path.length) return false
      index = star.next
      at = ++star.from
    }
  }
}

/** Where a piece that starts at `at` ends; -1 when it does not fit there. */
const endOf = (piece: Exclude<Piece, { kind: 'any' }>, path: string, at: number): number => {
  if (piece.kind === 'text') return path.startsWith(piece.text, at) ? at + piece.text.length : -1
  const slash = path.indexOf('/', at)
  const end = slash < 0 ? path.length : slash
  return end > at ? end : -1
}
