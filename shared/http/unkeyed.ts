// Fields of a request that are not in the key of its answer. RFC 9111 §4 lets a cache ignore them; an origin that goes
// by them and does not say so in Vary hands the sender of one request the answers of all others: web cache poisoning
// (J. Kettle, "Practical Web Cache Poisoning", 2018). So the names that could have switched something are remembered
// with the answer, and an answer that says again what only its request has said is not stored at all.
import { isForgeable } from './fields.ts'

/**
 * Of the names of a request's fields those that may have changed its answer: in lower case, sorted, each once. Not
 * among them are the ones that are `keyed` (in lower case), that no origin gets to see, and that everybody sends.
 */
export function unlisted(names: Iterable<string>, keyed: readonly string[]): string[] {
  const found = new Set<string>()
  for (const name of names) {
    const lower = name.toLowerCase()
    if (!neutral.has(lower) && !isForgeable(lower) && !keyed.includes(lower)) found.add(lower)
  }
  return [...found].sort()
}

/** Whether an unlisted field may say who asks, or which application: then the origin has to say that others may. */
export function isPersonal(name: string): boolean {
  return (name.startsWith('x-') && name !== 'x-requested-with') || credential.test(name)
}

/** So many values are looked for, of so many characters in all; what a browser sends stays far below. */
const maxValues = 128
const maxCharacters = 6144
/** Of a longer value its beginning is looked for. */
const maxLength = 256
/** Anything shorter is found by chance. */
const minLength = 8

/**
 * What a request has said that its answer would hardly say by itself: at least 8 characters, and not what everybody
 * says in that field. `fields` are those that the origin was sent, `host` is the one that the client asked for.
 * Undefined where nobody can look for all of it: it is too much, or not ASCII and comes back in too many shapes.
 */
export function tellingValues(
  fields: Iterable<readonly [name: string, value: string]>,
  keyed: readonly string[],
  host: string,
): string[] | undefined {
  const found = new Set<string>()
  for (const [name, value] of fields) {
    const lower = name.toLowerCase()
    if (unseen.has(lower) || keyed.includes(lower)) continue
    // The gateway's own words, but for the address of the client.
    if (isForgeable(lower) && lower !== 'x-forwarded-for') continue
    for (const part of tellingParts(lower, value.trim(), host)) if (part.length >= minLength) found.add(part)
  }
  const values = [...found]
  const characters = values.reduce((sum, value) => sum + Math.min(value.length, maxLength), 0)
  if (values.length > maxValues || characters > maxCharacters || !values.every(isLegible)) return undefined
  return values.filter((value) => !values.some((other) => other !== value && value.includes(other)))
}

/** How a text spells these values where it says them again: as they came, decoded, or escaped for where they stand. */
export function spellings(values: readonly string[]): string[] {
  const found = new Set<string>()
  for (const value of values) {
    const decoded = percentDecoded(value) ?? ''
    for (const text of decoded.length < minLength ? [value] : [value, decoded]) {
      // Not half of a character.
      const beginning = folded(text.slice(0, maxLength).replace(/[\ud800-\udbff]$/, ''))
      if (/^[\w.-]*$/.test(beginning)) found.add(beginning)
      else for (const spell of spellers) found.add(spell(beginning))
    }
  }
  return [...found]
}

/** Whether a text says one of them, in whatever case. */
export function reflects(text: string, spelled: readonly string[]): boolean {
  if (spelled.length === 0) return false
  const within = folded(text)
  return spelled.some((spelling) => within.includes(spelling))
}

/** The fields of a response that say again what a condition of its request has said. */
const validators = new Set(['etag', 'last-modified', 'date', 'expires'])

/** Whether the head of a response says one of them; in a validator they do no harm. */
export function reflectsInHead(
  fields: Iterable<readonly [name: string, value: string]>,
  spelled: readonly string[],
): boolean {
  if (spelled.length === 0) return false
  for (const [name, value] of fields) if (!validators.has(name.toLowerCase()) && reflects(value, spelled)) return true
  return false
}

/** Whether what such a body says could lead a browser astray: pictures, sound and fonts are not worth the search. */
export function isReadable(contentType: string | null): boolean {
  return contentType === null || !/^ *(?:image\/(?!svg)|audio\/|video\/|font\/)/i.test(contentType)
}

/** In lower case as far as it is ASCII; its length stays what it is. */
function folded(text: string): string {
  return /[^\0-\x7f]/.test(text) ? text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase()) : text.toLowerCase()
}

// What is telling in a field ──────────────────────────────────────────────────────────────────────────────────────

/** Parts that are too short, or contain another one, do no harm: they are dropped later. */
function tellingParts(name: string, value: string, host: string): string[] {
  switch (name) {
    case 'cookie':
      // Several fields were joined by a comma.
      return withRuns(value.split(/;|, /).flatMap((pair) => ofPair(pair.trim(), plainWords)))
    case 'referer':
      return ofUrl(value, host)
    case 'origin':
    case 'alt-used':
      return isSameSite(value.replace(/^https?:\/\//i, ''), host) ? [] : [value]
    case 'authorization':
      return [value.slice(value.indexOf(' ') + 1), value]
    default: {
      const words = vocabulary.get(name)
      const isList = words === undefined && !neutral.has(name)
      return withRuns(isList ? [...value.split(/ *, */), value] : ofList(value, words))
    }
  }
}

/** Nothing where every member is a word of the field; otherwise the others, and the whole, for they may be short. */
function ofList(value: string, words: RegExp | undefined): string[] {
  if (words === undefined) return [value]
  if (words.test(value)) return []
  const others = value.split(',').filter((member) => !words.test(member.trim()))
  return others.length === 0 ? [] : [...others.map((member) => member.trim()), value]
}

/** Of `name=value` the value, or all of it where that is too short. */
function ofPair(pair: string, plain: RegExp): string[] {
  const equals = pair.indexOf('=')
  const value = pair.slice(equals + 1)
  if (plain.test(value)) return plainName.test(pair.slice(0, Math.max(equals, 0))) ? [] : [pair]
  return value.length < minLength ? [pair] : [value]
}

/**
 * Of what has markup in it, also the runs of characters that nobody escapes: they come back as they are, however often
 * the rest was escaped and by what rules.
 */
function withRuns(parts: readonly string[]): string[] {
  const decoded = parts.filter((part) => part.includes('%')).map((part) => percentDecoded(part) ?? '')
  const marked = [...parts, ...decoded].filter((part) => /["'<>&\\]/.test(part))
  const runs = marked.flatMap((part) => part.match(/[\w.-]+/g) ?? [])
  return [...parts, ...runs.filter((run) => !plainWords.test(run))]
}

const plainName = /^[\w-]*$/
/** Words such as `dark-mode` and `Europe/Berlin`, and dates, stand in every page and lead nobody anywhere. */
const plainWords = /^(?=.{0,32}$)(?:[a-z]+(?:[-_/ ][a-z]+)*|\d{4}-\d\d-\d\d)?$/i
const plainParameter = /^[\w+-]{0,32}$/
/** No empty segment, and nothing coded that is ASCII but the blank. */
const plainPath = /^(?:\/(?:[\w.~@:!,+-]|%20|%[89a-f][\da-f])+)*\/?$/i

/**
 * Pages link to where their readers come from. So of a Referer only that counts which no link to a page of the same
 * site has: another host, a path or a parameter with more than words in it.
 */
function ofUrl(url: string, host: string): string[] {
  const match = /^https?:\/\/([^/?#\\]*)([^?#]*)\??(.*)$/i.exec(url)
  if (match === null) return [url]
  const [, authority = '', path = '', query = ''] = match
  const odd = query.split('&').flatMap((pair) => ofPair(pair, plainParameter))
  if (!plainPath.test(path)) odd.push(path)
  if (!isSameSite(authority, host)) odd.push(authority)
  return odd.length === 0 ? [] : [...withRuns(odd), query, url]
}

/**
 * Whether two hosts are one site: one is below the other, or both are below a name that is hardly a registry's, such as
 * `co.uk`. In doubt they are not, which only looks for more.
 */
function isSameSite(one: string, other: string): boolean {
  if (!/^[a-z\d.-]+(?::\d+)?$/i.test(one)) return false
  const [left, right] = [labelsOf(one), labelsOf(other)]
  const least = Math.min(left.length, right.length)
  let shared = 0
  while (shared < least && left[shared] === right[shared]) shared++
  if (shared === least) return left.length === right.length || shared >= 2
  return shared >= 3 || (shared === 2 && left[1]!.length > 3)
}

/** From the top level down. */
function labelsOf(host: string): string[] {
  return host.toLowerCase().replace(/:\d*$/, '').split('.').reverse()
}

/** Whether it comes back in shapes that can be told beforehand. */
function isLegible(value: string): boolean {
  return /^[\t -~]*$/.test(value) && percentDecoded(value) !== undefined
}

/** Undefined where the bytes are not UTF-8, and nobody knows what an origin makes of them. */
function percentDecoded(text: string): string | undefined {
  try {
    return text.replaceAll('+', ' ').replace(/(?:%[\da-f]{2})+/gi, decodeURIComponent)
  } catch {
    return undefined
  }
}

// How a value may be spelt ────────────────────────────────────────────────────────────────────────────────────────

/** Of a text in lower case one in lower case. */
type Spell = (text: string) => string

/** Replaces characters by what a table says of them. */
function replacing(characters: RegExp, table: Readonly<Record<string, string>>): Spell {
  return (text) => text.replace(characters, (character) => table[character] ?? character)
}

function unicode(characters: RegExp): Spell {
  return (text) => text.replace(characters, (one) => `\\u${one.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

function numeric(characters: RegExp, prefix: string, radix: number): Spell {
  return (text) => text.replace(characters, (one) => `&#${prefix}${one.charCodeAt(0).toString(radix)};`)
}

const markup = { '&': '&amp;', '<': '&lt;', '>': '&gt;' }
const json: Spell = (text) => JSON.stringify(text).slice(1, -1)
const percentPart: Spell = (text) => encodeURIComponent(text).toLowerCase()
const percentUrl: Spell = (text) => encodeURI(text).toLowerCase()

function percentOnly(characters: RegExp): Spell {
  const spell = (one: string) => (one > '~' ? percentPart(one) : `%${one.charCodeAt(0).toString(16)}`)
  return (text) => text.replace(characters, spell)
}

const percentRest = percentOnly(/[!'()*]/g)
/** RFC 3986 §2.3: all but the unreserved characters. */
const percent: Spell = (text) => percentRest(percentPart(text))
const blankAsPlus = (text: string) => text.replaceAll('%20', '+')

/** Each with an example of who does it so. The order does not matter, and equal results count once. */
const spellers: readonly Spell[] = [
  (text) => text,
  // Percent-encoding: of a part of a URL, of a path, of a whole URL, of one that was encoded before, and of forms.
  percentPart,
  percent,
  (text) => percent(text).replaceAll('%2f', '/'),
  percentUrl,
  (text) => percentUrl(text).replaceAll('%25', '%'),
  // The same by a URL parser (WHATWG URL §1.3, query and path) and by servers that redirect (encodeurl).
  percentOnly(/[ "#<>'\x7f-\u{10ffff}]/gu),
  percentOnly(/[ "#<>?^`{}\x7f-\u{10ffff}]/gu),
  percentOnly(/[ "<>`{}\x7f-\u{10ffff}]/gu),
  (text) => blankAsPlus(percentPart(text)),
  (text) => blankAsPlus(percent(text)),
  (text) => blankAsPlus(percent(text)).replaceAll('~', '%7e'),
  (text) => blankAsPlus(percent(text)).replaceAll('~', '%7e').replaceAll('%2a', '*'),
  // HTML: text; attributes as in PHP, Python, Go, lodash, XML; by numbers; with the slash, as OWASP and mustache do.
  replacing(/[&<>]/g, markup),
  replacing(/[&<>"]/g, { ...markup, '"': '&quot;' }),
  replacing(/[&<>"']/g, { ...markup, '"': '&quot;', "'": '&#039;' }),
  replacing(/[&<>"']/g, { ...markup, '"': '&quot;', "'": '&#x27;' }),
  replacing(/[&<>"'+]/g, { ...markup, '"': '&#34;', "'": '&#39;', '+': '&#43;' }),
  replacing(/[&<>"']/g, { ...markup, '"': '&#34;', "'": '&#39;' }),
  replacing(/[&<>"']/g, { ...markup, '"': '&quot;', "'": '&#39;' }),
  replacing(/[&<>"']/g, { ...markup, '"': '&quot;', "'": '&apos;' }),
  numeric(/[&<>"']/g, '', 10),
  numeric(/[&<>]/g, '', 10),
  numeric(/[&<>"'`]/g, 'x', 16),
  replacing(/[&<>"'/]/g, { ...markup, '"': '&quot;', "'": '&#x27;', '/': '&#x2f;' }),
  replacing(/[&<>"'/`=]/g, { ...markup, '"': '&quot;', "'": '&#39;', '/': '&#x2f;', '`': '&#x60;', '=': '&#x3d;' }),
  // JSON: as it must be, as PHP has it, and safe within a script, as Go, Rails and Django have it.
  json,
  (text) => unicode(/[^ -~]/g)(json(text)),
  (text) => json(text).replaceAll('/', '\\/'),
  (text) => unicode(/[<>&]/g)(json(text)),
  (text) => unicode(/[<>&'=]/g)(json(text)),
  (text) => unicode(/[<>&]/g)(json(text).replaceAll('/', '\\/')),
  unicode(/[\\"'<>&=;`-]/g),
  (text) => json(text).replaceAll("'", "\\'"),
  (text) => json(text).replaceAll("'", "\\'").replaceAll('/', '\\/'),
  replacing(/[\\"']/g, { '\\': '\\\\', '"': '\\"', "'": "\\'" }),
]

// Lists ───────────────────────────────────────────────────────────────────────────────────────────────────────────

const credential =
  /key|token|auth|secret|session|user|csrf|xsrf|signature|credential|passw|jwt|cookie|account|tenant|login|email|cert/

const negotiation = ['accept', 'accept-charset', 'accept-datetime', 'accept-encoding', 'accept-language']
const conditions = ['if-match', 'if-none-match', 'if-modified-since', 'if-unmodified-since', 'if-range', 'range']
const message = ['host', 'date', 'via', 'max-forwards', 'expect', 'content-length', 'content-type', 'early-data']
/** Of this hop alone; no origin sees them. */
const ofHop = [
  ...['connection', 'keep-alive', 'proxy-authorization', 'proxy-connection', 'te', 'trailer', 'transfer-encoding'],
  ...['upgrade'],
]
/** W3C Fetch Metadata, and what browsers say of their own accord. */
const fetchMetadata = [
  ...['sec-fetch-dest', 'sec-fetch-mode', 'sec-fetch-site', 'sec-fetch-user', 'sec-fetch-storage-access'],
  ...['purpose', 'sec-purpose', 'sec-speculation-tags'],
]
const numbers = [
  ...['dnt', 'sec-gpc', 'upgrade-insecure-requests', 'save-data', 'device-memory', 'dpr', 'width', 'viewport-width'],
  ...['viewport-height', 'downlink', 'rtt', 'ect', 'max-forwards', 'content-length', 'early-data'],
]
/** User-Agent Client Hints and their kin; the values of the first ones are the browser's own brand and versions. */
const clientHints = [
  ...['sec-ch-ua', 'sec-ch-ua-full-version', 'sec-ch-ua-full-version-list', 'sec-ch-ua-model'],
  ...['sec-ch-ua-arch', 'sec-ch-ua-bitness', 'sec-ch-ua-form-factors', 'sec-ch-ua-mobile', 'sec-ch-ua-platform'],
  ...['sec-ch-ua-platform-version', 'sec-ch-ua-wow64', 'sec-ch-ua-high-entropy-values', 'sec-ch-prefers-contrast'],
  ...['sec-ch-prefers-color-scheme', 'sec-ch-prefers-reduced-motion', 'sec-ch-prefers-reduced-transparency'],
  ...['sec-ch-forced-colors', 'sec-ch-viewport-width', 'sec-ch-viewport-height', 'sec-ch-width', 'sec-ch-dpr'],
  ...['sec-ch-device-memory', 'sec-ch-downlink', 'sec-ch-rtt', 'sec-ch-ect', 'sec-ch-save-data'],
]
const ofClient = ['user-agent', 'referer', 'from', 'priority', 'alt-used', 'available-dictionary', 'dictionary-id']
/** Where a request belongs: B3, X-Ray, Datadog, Sentry, New Relic, Jaeger, Application Insights, players of video. */
const traces = [
  ...['b3', 'x-b3-traceid', 'x-b3-spanid', 'x-b3-parentspanid', 'x-b3-sampled', 'x-b3-flags', 'sentry-trace'],
  ...['x-amzn-trace-id', 'x-cloud-trace-context', 'uber-trace-id', 'elastic-apm-traceparent'],
  ...['x-datadog-trace-id', 'x-datadog-parent-id', 'x-datadog-sampling-priority', 'x-datadog-sampled'],
  ...['x-datadog-origin', 'x-datadog-tags', 'newrelic', 'x-newrelic-id', 'x-newrelic-transaction', 'x-dtpc'],
  ...['x-instana-t', 'x-instana-s', 'x-instana-l', 'x-ot-span-context', 'grpc-trace-bin'],
  ...['request-id', 'request-context', 'x-correlation-id', 'x-trace-id', 'x-span-id', 'x-playback-session-id'],
]

/** The fields that everybody sends, and that no answer differs by without saying so; two have rules of their own. */
const neutral: ReadonlySet<string> = new Set([
  ...negotiation,
  ...conditions,
  ...message,
  ...ofHop,
  ...fetchMetadata,
  ...numbers,
  ...clientHints,
  ...ofClient,
  ...traces,
  ...['cache-control', 'pragma', 'authorization', 'cookie'],
])

const unseen: ReadonlySet<string> = new Set([...ofHop, 'host', 'expect'])

const weight = '(?: *; *q=[\\d.]{1,6})?'
const httpDate = /^[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT$/
const mediaType = new RegExp(
  '^(?:\\*|application|audio|font|image|message|model|multipart|text|video)/(?:\\*|x-component|x-mpegurl|' +
    'html|plain|css|csv|javascript|ecmascript|markdown|event-stream|xml|(?:xhtml|svg|rss|atom|soap|mathml)\\+xml|' +
    'json|(?:ld|activity|problem|manifest|graphql-response|vnd(?:[.-][a-z\\d]+){1,5})\\+(?:json|xml)|' +
    'vnd.apple.mpegurl|' +
    'avif|webp|apng|png|jpe?g|gif|jxl|bmp|heic|x-icon|signed-exchange|wasm|pdf|zip|octet-stream|' +
    'x-www-form-urlencoded|form-data|woff2?|[to]tf|mp[34]|mpeg|webm|ogg|wav|flac|aac)' +
    '(?: *; *(?:q=[\\d.]{1,6}|v=b?\\d|level=\\d|charset="?[a-z\\d-]{1,12}"?))*$',
  'i',
)
/** RFC 5646 §2.1, without extensions. */
const languageTag = '(?:\\*|[a-z]{2,3}(?:-[a-z]{4})?(?:-(?:[a-z]{2}|\\d{3}))?(?:-\\d[a-z\\d]{3})?)'
const charset = '(?:\\*|utf-?(?:8|16)|us-ascii|iso-8859-\\d\\d?|windows-125\\d|shift_jis|euc-(?:jp|kr)|gbk?|big5)'
const coding = '(?:\\*|gzip|x-gzip|deflate|compress|br|zstd|dcb|dcz|identity)'
const directive =
  /^(?:no-(?:cache|store|transform)|only-if-cached|(?:max-age|max-stale|min-fresh|stale-if-error)(?:=\d{1,10})?)$/i
/** Identifiers in hexadecimal and what joins them. */
const identifier = /^(?=.{0,200}$)(?:root|parent|self|sampled|lineage|[\da-f]|[-:;=|/?])+$/i
const anyOf = (...words: string[]) => new RegExp(`^(?:${words.join('|')})$`, 'i')
const hint = anyOf(
  '"(?:windows|android|linux|macos|ios|unknown|chrom(?:e|ium) os|x86|arm|[\\d.]{0,16})"',
  '"(?:desktop|mobile|automotive|tablet|xr)"',
  '\\?[01]|[\\d.]{1,12}|no-preference|light|dark|reduce|more|less|custom|none|active',
)
const destination = anyOf(
  'document|navigate|nested-navigate|same-origin|same-site|cross-site|no-cors|cors|websocket|manifest|fencedframe',
  'sharedworker|serviceworker|audioworklet|paintworklet|webidentity|speculationrules|inactive|active|none|true',
  'prefetch(?:;prerender|;anonymous-client-ip)?|\\?[01]',
)

/** What everybody says in a field, or in a member of it; a field that is not here has no such words. */
const vocabulary: ReadonlyMap<string, RegExp> = new Map([
  ['accept', mediaType],
  ['content-type', mediaType],
  ['accept-language', new RegExp(`^${languageTag}${weight}$`, 'i')],
  ['accept-charset', new RegExp(`^${charset}${weight}$`, 'i')],
  ['accept-encoding', new RegExp(`^${coding}${weight}$`, 'i')],
  ['cache-control', directive],
  ['pragma', directive],
  ['priority', /^(?:u=[0-7]|i|i=\?[01])$/],
  ['range', /^bytes=[\d, -]{1,100}$/],
  ['via', /^(?:HTTP\/)?[\d.]{1,4} [\w-]{1,20}$/i],
  ['x-requested-with', /^(?:XMLHttpRequest|fetch)$/i],
  ['x-forwarded-for', /^(?:127|10|192\.168)\.[\d.]+$|^::1$/],
  ...['date', 'accept-datetime', 'if-modified-since', 'if-unmodified-since', 'if-range'].map(
    (name) => [name, httpDate] as const,
  ),
  ...numbers.map((name) => [name, /^(?:[\d.]{1,12}|on|slow-2g|[2-5]g)$/] as const),
  ...fetchMetadata.map((name) => [name, destination] as const),
  ...clientHints.slice(4).map((name) => [name, hint] as const),
  ...traces.map((name) => [name, identifier] as const),
])
