// An answer that says again what only its own request has said is not for others (see unkeyed.ts). What is repeated
// may come back escaped, for a URL, for HTML, for a script, or for one within the other. So both sides are brought to
// a bare form before they are compared: escapes undone, then nothing but letters and digits. `a/b`, `a%2Fb`,
// `a&amp;#47;b` and `a\u002fb` all come to `ab`.
import { isForgeable } from './fields.ts'
import { neutral } from './unkeyed.ts'

/** So many values are looked for; what a browser sends stays far below. */
const maxValues = 64
/** Of a longer value its beginning is looked for. */
const maxLength = 256

/**
 * What a request has said that its answer would hardly say by itself, in bare form. `sent` are the fields that the
 * origin got, `keyed` the names (in lower case) of those that its answer is found by, `host` is the one that the
 * client asked for. Undefined where nobody can look for all of it.
 */
export function tellingValues(
  sent: Iterable<readonly [name: string, value: string]>,
  keyed: readonly string[],
  host: string,
): string[] | undefined {
  const found = new Set<string>()
  for (const [mixed, value] of sent) {
    const name = mixed.toLowerCase()
    // The gateway says the forgeable ones itself, among them the client's address.
    if (keyed.includes(name) || (isForgeable(name) && name !== 'x-forwarded-for')) continue
    const least = isFree(name) ? 8 : 16
    for (const part of partsOf(name, value.trim(), host)) {
      const bare = bareForm(part)
      if (isUntraceable(part, bare, least)) return undefined
      const letters = isFree(name) ? bare : bare.replace(commonWords, '')
      if (letters.length >= least) found.add(bare.slice(0, maxLength))
    }
  }
  return found.size > maxValues ? undefined : [...found]
}

/** Whether the head of a response says one of these bare values; in what caches alone read they do no harm. */
export function repeatsInHead(fields: Iterable<readonly [string, string]>, values: readonly string[]): boolean {
  return [...fields].some(([name, value]) => !forCaches.has(name.toLowerCase()) && repeats(bareForm(value), values))
}

const forCaches = new Set([
  'age',
  'cache-control',
  'cdn-cache-control',
  'date',
  'etag',
  'expires',
  'last-modified',
  'surrogate-control',
  'vary',
  'weir-cdn-cache-control',
])

/** Whether a value has come by; perhaps the beginning of one, so that what comes next decides; or nothing of it. */
export type Sight = 'found' | 'open' | 'clear'

/** Looks for bare values in a body that comes piece by piece: tells of each whether one has come by with it. */
export function searchFor(values: readonly string[]): (piece: Uint8Array) => boolean {
  const look = lookFor(values)
  return (piece) => look(piece) === 'found'
}

/** The same for those who hold back what is not decided yet. */
export function lookFor(values: readonly string[]): (piece: Uint8Array) => Sight {
  // One character for each byte: what is beyond ASCII falls out, and so do the zeros of UTF-16.
  const decoder = new TextDecoder('latin1')
  let tail = ''
  let open = ''
  return (piece) => {
    const text = open + decoder.decode(piece)
    open = openEscape.exec(text.slice(-maxLength))?.[0] ?? ''
    const bare = tail + bareForm(text.slice(0, text.length - open.length))
    tail = bare.slice(-maxLength)
    if (repeats(bare + bareForm(open), values)) return 'found'
    return open !== '' || values.some((value) => endsWithin(tail, value)) ? 'open' : 'clear'
  }
}

/** So much of a value may be told: there is hardly a word in it. */
const harmlessLength = 7

/** Whether the end of the text is the beginning of the value. */
function endsWithin(bare: string, value: string): boolean {
  const end = bare.slice(-harmlessLength - 1)
  if (end.length <= harmlessLength) return false
  for (let at = value.indexOf(end); at >= 0; at = value.indexOf(end, at + 1)) {
    if (bare.endsWith(value.slice(0, at + end.length))) return true
  }
  return false
}

function repeats(bare: string, values: readonly string[]): boolean {
  return values.some((value) => bare.includes(value))
}

/** Whether such a body could lead a browser astray; one whose type it has to guess is among them. */
export function isReadable(contentType: string | null): boolean {
  const readable = /\btext\/|html|xml|json|javascript|ecmascript|svg|form|multipart|mpegurl|unknown|\*/i
  return contentType === null || !contentType.includes('/') || readable.test(contentType)
}

// The bare form ───────────────────────────────────────────────────────────────────────────────────────────────────

/**
 * None begins within another one, so it does not matter which is undone first. Backslashes before one are what an escape
 * around it has made of its own.
 */
const escapes =
  /%([\da-f]{2})|&#(\d{1,7});|&#x([\da-f]{1,6});|&(\w{1,8});|(?:%|(?<!\\)\\+)u([\da-f]{4})|(?<!\\)\\+x([\da-f]{2})|\\[bfnrtv]/gi
/** What may be an escape whose end is still to come, or one within another. */
const openEscape = /[%&\\][\w#;%&\\]*$/
/** Of escapes within escapes. Values have half of it at most, the rest is for what an origin makes of them. */
const maxDepth = 8

function bareForm(text: string, depth = maxDepth): string {
  return unescaped(text, depth)
    .replace(/[^a-z\d]+/gi, '')
    .toLowerCase()
}

/** With a blank for what is neither ASCII nor an `&`, which could be the beginning of another escape. */
function unescaped(text: string, depth = maxDepth): string {
  const once = text.replace(escapes, (_, percent, decimal, hex, name, unicode, x) => {
    if (name?.toLowerCase() === 'amp') return '&'
    const code = decimal === undefined ? Number.parseInt(percent ?? hex ?? unicode ?? x, 16) : Number(decimal)
    return code < 128 ? String.fromCharCode(code) : ' '
  })
  return once === text || depth === 1 ? once : unescaped(once, depth - 1)
}

function isUntraceable(part: string, bare: string, least: number): boolean {
  // A script can be written without letters.
  const isMute = bare.length < least && unescaped(part).replace(/ +/g, '').length >= 2 * least
  // Parsers of URLs drop tabs, which may have kept an escape apart.
  return isMute || part.includes('\t') || bare !== bareForm(part, maxDepth / 2)
}

// What is telling in a field ──────────────────────────────────────────────────────────────────────────────────────

/** Whether clients say in it what they like. */
function isFree(name: string): boolean {
  return /^(?:user-agent|referer|from|via)$/.test(name) || !(neutral.has(name) || name === 'x-requested-with')
}

/** In bare form. Media types and codings are made of them, and pages are full of them. */
const commonWords = /application|charset|image|text|json|plain|html|xml|utf8|gzip|deflate|zstd/g
/** Numbers, identifiers and dates: an origin may say them again, and they lead nobody anywhere. */
const harmless =
  /^(?:W\/|bytes=|root=|parent=|sampled=|[\da-f":;|, -])+$|^[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} [\d:]{8} GMT$/i

/** Parts that are too short are dropped later. */
function partsOf(name: string, value: string, host: string): string[] {
  switch (name) {
    case 'cookie':
      // Several fields were joined by a comma. What stands before the first `=` counts where it is hardly a name.
      return value.split(/; *|, /).flatMap((pair) => [pair.replace(/^[^=]*=/, ''), pair.replace(/^[\w-]*=.*/, '')])
    case 'authorization':
      return [value.slice(value.indexOf(' ') + 1)]
    case 'referer':
      return ofUrl(value, host)
    case 'origin':
    case 'alt-used':
      return siteOf(value.replace(/^https?:\/\//i, '')) === siteOf(host) ? [] : [value]
    default:
      return !isFree(name) && harmless.test(value) ? [] : [value]
  }
}

/** Pages link to where their readers come from: of a page of the same site only what no plain link has. */
function ofUrl(url: string, host: string): string[] {
  const [, authority = '', path = '', query = ''] = /^https?:\/\/([^/?#\\]*)([^?#]*)\??(.*)$/i.exec(url) ?? []
  if (siteOf(authority) !== siteOf(host)) return [url]
  const odd = query.split(/[=&]/).filter((word) => !/^[\w+ -]{0,32}$/.test(unescaped(word)))
  return /\/\/|[^\w/.~@:,+ -]/.test(unescaped(path)) ? [path, ...odd] : odd
}

/** Roughly what somebody has registered; in doubt more of the name, so that less counts as the same. */
function siteOf(host: string): string {
  const name = host.toLowerCase().replace(/:\d+$/, '')
  if (!/^[a-z\d.-]+\.[a-z][a-z\d-]*$/.test(name)) return host
  const labels = name.split('.')
  return labels.slice((labels.at(-2) ?? '').length > 3 ? -2 : -3).join('.')
}
