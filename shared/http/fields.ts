// Which header fields cross the gateway, and which stop at it (RFC 9110 §7.6.1). Purely names: the values are
// carried by the caller.

/** What the core needs of a set of header fields; the platform's `Headers` is one. */
export interface Fields {
  get(name: string): string | null
}

const hopByHop: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])

/** Fields without which a message means something else: a Connection header cannot nominate them away. */
const neverNominated = new Set(['host', 'content-length', 'content-type', 'content-encoding', 'content-range'])

/** The fields that end at this hop: the known ones that are present, and those that Connection nominates. */
export function hopByHopFields(fields: Fields): ReadonlySet<string> {
  const connection = fields.get('connection')
  // What most say nominates nothing, or `keep-alive`.
  if (connection === null || hopByHop.has(connection)) return hopByHop
  const nominated = connection
    .split(',')
    .map((name) => name.trim().toLowerCase())
    .filter((name) => /^[!#$%&'*+\-.^_`|~0-9a-z]+$/.test(name) && !neverNominated.has(name))
  return new Set([...hopByHop, ...nominated])
}

/** The fields as the next hop sees them. What is judged or keyed by any other view could be changed by Connection. */
export function endToEnd(fields: Fields): Fields {
  let ended: ReadonlySet<string> | undefined
  return {
    get(name) {
      ended ??= hopByHopFields(fields)
      return ended.has(name.toLowerCase()) ? null : fields.get(name)
    },
  }
}

/** The same without some; the names in lower case. */
export function without(fields: Fields, ...names: readonly string[]): Fields {
  return { get: (name) => (names.includes(name.toLowerCase()) ? null : fields.get(name)) }
}

/**
 * Whether a client's field is dropped because the gateway (or the platform) says these things itself, or because
 * origins and frameworks take it for the truth about the request: believed from a client, it would poison entries.
 */
export function isForgeable(name: string): boolean {
  return (
    // Gateway interfaces such as CGI make a hyphen of it.
    name.includes('_') ||
    name.startsWith('forwarded') ||
    name.startsWith('x-forward') ||
    name.startsWith('weir-') ||
    name.startsWith('cf-') ||
    name.startsWith('cloudfront-') ||
    name.startsWith('fastly-') ||
    name.startsWith('akamai-') ||
    name.startsWith('client-cert') ||
    name.startsWith('x-azure-') ||
    name.startsWith('x-original-') ||
    name.startsWith('x-rewrite-') ||
    name.startsWith('x-http-method') ||
    forgeable.has(name)
  )
}

const forgeable = new Set([
  'x-real-ip',
  'x-client-ip',
  'x-remote-ip',
  'x-remote-addr',
  'x-scheme',
  'x-url-scheme',
  'front-end-https',
  'x-cluster-client-ip',
  'true-client-ip',
  'client-ip',
  'fly-client-ip',
  'do-connecting-ip',
  'proxy-client-ip',
  'wl-proxy-client-ip',
  'x-originating-ip',
  'x-proxyuser-ip',
  'remote-addr',
  'remote-user',
  // Read as HTTP_PROXY by CGI programs.
  'proxy',
  'x-host',
  'x-backend-host',
  'x-http-host-override',
  'x-http-path-override',
  'x-http-destinationurl',
  'x-method-override',
  'x-request-id',
  'traceparent',
  'tracestate',
  'baggage',
  'cdn-loop',
  'surrogate-capability',
  'x-request-deadline',
])

/** Fields of an origin's response that are addressed to the gateway and are not sent on. */
export function isForGateway(name: string): boolean {
  return name.startsWith('weir-') || name === 'cache-tag' || name === 'surrogate-key' || name === 'surrogate-control'
}

const ofSession = ['set', 'delete', 'regenerate', 'destroy', 'if-match'].map((what) => `weir-session-${what}`)

/** Whether an origin's response says something of the client's session: then it is that client's alone. */
export function changesSession(fields: Fields): boolean {
  return ofSession.some((name) => fields.get(name) !== null)
}

/** An entry has so many tags at most. */
export const mostTags = 1_000

/** The tags of a response, each once (Cache-Tag by commas, Surrogate-Key by spaces). */
export function tagsOf(fields: Fields): string[] {
  const tags = `${fields.get('cache-tag') ?? ''},${(fields.get('surrogate-key') ?? '').replace(/\s+/g, ',')}`
    .split(',')
    .map((tag) => tag.trim())
    .filter((tag) => tag !== '')
  return [...new Set(tags)].slice(0, mostTags)
}

/**
 * The Content-Length of a message in bytes, undefined where it states none that can be read, or where it is overridden
 * by a Transfer-Encoding (RFC 9112 §6.3).
 */
export function contentLength(fields: Fields): number | undefined {
  if (fields.get('transfer-encoding') !== null) return undefined
  const text = fields.get('content-length')
  return text !== null && /^\d{1,15}$/.test(text) ? Number(text) : undefined
}
