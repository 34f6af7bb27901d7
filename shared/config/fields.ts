// The kinds of single fields that the schema is built from: numbers in a range, names, header names, addresses
// of origins, selectors. Each refuses with a message that says what to write instead.

import * as z from 'zod'
import { quote } from './errors.ts'
import { innerOriginProblem, parseInnerOrigin } from './inner-origin.ts'
import { checkHost, checkPath } from './pattern.ts'

/** The longest that anything may be kept. */
export const YEAR_SECONDS = 31_536_000
/** The longest that anybody may wait. */
export const MAX_WAIT_MS = 600_000

/** RFC 9110 §5.6.2: what header, cookie and method names are made of. */
const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}$/

/** A whole number between two bounds, both included; `hint` adds what to do instead. */
export const whole = (min: number, max: number, hint = '') => {
  const error = (issue: { readonly input?: unknown }) =>
    `must be a whole number from ${min} to ${max}; got ${quote(issue.input)}${hint}`
  return z.int({ error, abort: true }).min(min, { error }).max(max, { error })
}

/** Any number between two bounds, both included. */
export const between = (min: number, max: number) => {
  const error = (issue: { readonly input?: unknown }) =>
    issue.input === undefined
      ? `is required: a number from ${min} to ${max}`
      : `must be a number from ${min} to ${max}; got ${quote(issue.input)}`
  return z.number({ error }).min(min, { error }).max(max, { error })
}

/** The message for a required field that is absent; for anything else the general wording applies. */
export const required = (todo: string) => (issue: { readonly input?: unknown }) =>
  issue.input === undefined ? `is required: ${todo}` : undefined

/** A string that `problem` finds nothing wrong with; otherwise what it says is the error. */
export const checked = (problem: (text: string) => string | undefined, error?: ReturnType<typeof required>) =>
  z.string(error && { error }).superRefine((text, context) => {
    const message = problem(text)
    if (message !== undefined) context.addIssue(message)
  })

/** An id of an origin or a route. It shows in logs and headers, so it is kept to plain characters. */
export const id = checked((text) =>
  /^[A-Za-z0-9._:-]{1,64}$/.test(text)
    ? undefined
    : `must be 1 to 64 letters, digits, ".", "_", ":" or "-"; got ${quote(text)}`,
)

/** A pool's name. `__proto__` never gets here, see cross.ts. */
export const poolName = checked((text) =>
  /^[A-Za-z0-9_-]{1,64}$/.test(text) ? undefined : 'is not a pool name: use 1 to 64 letters, digits, "_" or "-"',
)

/** A namespace's name: it is a segment of a path. */
export const namespaceName = checked((text) =>
  /^[A-Za-z0-9_-]{1,64}$/.test(text) ? undefined : 'is not a namespace: use 1 to 64 letters, digits, "_" or "-"',
)

export const hostPattern = checked(checkHost)

export const pathPattern = checked(checkPath, required('"/*" takes every path'))

/** The path of single reads: one `:name`, and no star, since one request is to ask for all of them. */
export const batchPath = checked((text) => {
  const names = text.match(/(?<=\/):\w+(?=\/|$)/g) ?? []
  if (names.length === 1 && !text.includes('*')) return checkPath(text)
  return `must have one ":name" where the id stands, and no "*", as in "/items/:id"; got ${quote(text)}`
}, required('say which paths are single reads, such as "/items/:id"'))

/** Path and query that ask for many, with `{ids}` in the one or the other. */
export const batchTo = checked((text) => {
  if (!/^\/[!"$-~]{0,1023}$/.test(text)) return `must start with "/" and be printable ASCII; got ${quote(text)}`
  return text.split('{ids}').length === 2
    ? undefined
    : `must have "{ids}" once, as in "/items?ids={ids}"; got ${quote(text)}`
}, required('say what is asked for in their place, such as "/items?ids={ids}"'))

/** Path and query of one thing, with `{key}` in the one or the other. */
export const originPath = checked((text) => {
  if (!/^\/[!"$-~]{0,1023}$/.test(text)) return `must start with "/" and be printable ASCII; got ${quote(text)}`
  return text.split('{key}').length === 2
    ? undefined
    : `must have "{key}" once, as in "/items/{key}"; got ${quote(text)}`
}, required('say what is asked for, such as "/items/{key}"'))

/** The name of a member of a JSON object. */
export const memberName = checked((text) =>
  text.length >= 1 && text.length <= 128 ? undefined : `must have 1 to 128 characters; got ${text.length}`,
)

/** A header name, lower case on output. */
export const headerName = checked((text) =>
  TOKEN.test(text) ? undefined : `must be a header name such as "accept-language"; got ${quote(text)}`,
).transform((name) => name.toLowerCase())

/** A cookie name; cookie names are case-sensitive. */
export const cookieName = checked((text) =>
  TOKEN.test(text) ? undefined : `must be a cookie name such as "currency"; got ${quote(text)}`,
)

/** RFC 5646, as far as its shape goes. */
export const languageTag = checked((text) =>
  /^[A-Za-z]{1,8}(?:-[A-Za-z0-9]{1,8})*$/.test(text)
    ? undefined
    : `must be a language tag such as "de" or "en-GB"; got ${quote(text)}`,
)

/** A media type without parameters, lower case on output. */
export const mediaType = checked((text) =>
  /^[\w!#$&^.+-]{1,127}\/[\w!#$&^.+-]{1,127}$/.test(text)
    ? undefined
    : `must be a media type such as "text/html"; got ${quote(text)}`,
).transform((text) => text.toLowerCase())

/** A request method. Methods are case-sensitive (RFC 9110 §9.1), and these two are never forwarded. */
export const method = checked((text) => {
  if (!TOKEN.test(text)) return `must be a method such as "GET"; got ${quote(text)}`
  if (text !== text.toUpperCase()) return `methods are case-sensitive: write ${quote(text.toUpperCase())}`
  if (text === 'TRACE' || text === 'CONNECT') return `${text} is never forwarded: remove it`
  return undefined
})

/** The target of a probe: path and query. */
export const probePath = checked((text) =>
  /^\/[!"$-~]{0,1023}$/.test(text) ? undefined : `must start with "/" and be printable ASCII; got ${quote(text)}`,
)

/** A header that a probe carries. */
export const probeHeader = headerName.refine(
  (name) => !FETCH_SETS.has(name),
  'cannot be set: the connection and the URL of the origin decide it',
)

const FETCH_SETS = new Set(['host', 'content-length', 'transfer-encoding', 'connection', 'upgrade', 'expect', 'te'])

/** RFC 9110 §5.5, in printable ASCII. */
export const fieldValue = checked((text) =>
  /^(?:[!-~](?:[ -~]{0,1022}[!-~])?)?$/.test(text)
    ? undefined
    : `must be at most 1024 characters of printable ASCII, with no space at either end; got ${quote(text)}`,
)

/** What a body must hold. */
export const expectedText = checked((text) =>
  text.length >= 1 && text.length <= 1024 ? undefined : 'must have 1 to 1024 characters',
)

/** Statuses that count as healthy: `200`, `200-299`, or several with commas; without spaces on output. */
export const statusList = checked((text) =>
  text.split(',').every(isStatusRange)
    ? undefined
    : `must be statuses from 100 to 599 such as "200", "200-299" or "200,301-302"; got ${quote(text)}`,
).transform((text) => text.replaceAll(' ', ''))

const isStatusRange = (part: string): boolean => {
  const [, from, to = from] = /^ *([1-5]\d\d)(?:-([1-5]\d\d))? *$/.exec(part) ?? []
  return from !== undefined && to !== undefined && from <= to
}

/** A point in time (RFC 3339), in milliseconds since the epoch on output. */
export const instant = checked((text) =>
  /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)$/i.test(text) && !Number.isNaN(Date.parse(text))
    ? undefined
    : `must be a time such as "2030-01-31T12:00:00Z"; got ${quote(text)}`,
).transform((text) => Date.parse(text))

/** SHA-256 of a credential: whoever reads the configuration cannot use it. Lower case on output. */
export const credentialDigest = checked((text) =>
  /^sha256:[0-9a-f]{64}$/i.test(text)
    ? undefined
    : 'must be "sha256:" and 64 hexadecimal digits: what `printf %s "$CREDENTIAL" | sha256sum` prints for a long random credential',
).transform((text) => text.toLowerCase())

/** One of some words, or `kind:NAME` where NAME is a token. Header names come out in lower case. */
export const selector = <const W extends string, const K extends 'header' | 'cookie'>(
  words: readonly W[],
  kinds: readonly K[],
) => {
  const forms = [...words, ...kinds.map((kind) => `${kind}:NAME`)].join(', ')
  return z.string().transform((text, context): W | `${K}:${string}` => {
    const word = words.find((each) => each === text)
    if (word !== undefined) return word
    const kind = kinds.find((each) => text.startsWith(`${each}:`))
    const name = text.slice(text.indexOf(':') + 1)
    if (kind !== undefined && TOKEN.test(name)) return `${kind}:${kind === 'header' ? name.toLowerCase() : name}`
    context.addIssue(`must be one of ${forms}; got ${quote(text)}`)
    return z.NEVER
  })
}

/** The parameters of the query that belong to the cache key. */
export type QueryRule = 'all' | 'none' | { readonly only: readonly string[] } | { readonly except: readonly string[] }

/** All or none of the query, or a list of parameters to take or to leave. One message, whatever is wrong inside. */
export const queryRule = z.custom<QueryRule>(isQueryRule, {
  error: (issue) => `must be "all", "none", {"only": [NAMES]} or {"except": [NAMES]}; got ${quote(issue.input)}`,
})

function isQueryRule(value: unknown): boolean {
  if (value === 'all' || value === 'none') return true
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false
  const [[field, names] = [], ...others] = Object.entries(value)
  const isNames = Array.isArray(names) && names.every((name) => typeof name === 'string')
  return others.length === 0 && (field === 'only' || field === 'except') && isNames
}

/** The address of an origin, normalised to `scheme://host[:port]`, or the name of one inside the Worker. */
export const originUrl = checked(
  originProblem,
  required('give the address of the server, such as "https://a.example.com"'),
).transform(bareUrl)

/** Never quotes the text, which may hold a password. */
function originProblem(text: string): string | undefined {
  const inner = parseInnerOrigin(text)
  if (inner !== undefined) return innerOriginProblem(inner)
  if (!/^https?:\/\//i.test(text)) return 'must start with "http://" or "https://"'
  if (/[\s\\]/.test(text) || !URL.canParse(text)) return 'is not a valid URL: write it as "https://host[:port]"'
  const url = new URL(text)
  if (!/^(\[[0-9a-f:.]+\]|[a-z0-9._-]+)$/.test(url.hostname))
    return 'must name one host, such as "https://a.example.com"'
  if (url.port === '0') return 'must have a port from 1 to 65535'
  const instead = `write it as "${bareUrl(text)}"`
  if (url.username !== '' || url.password !== '') return `must have no user name or password: ${instead}`
  // A bare "?" or "#" leaves no trace in the parsed URL.
  if (url.pathname !== '/' || /[?#]/.test(text)) return `must have no path, query or fragment: ${instead}`
  return undefined
}

function bareUrl(text: string): string {
  if (parseInnerOrigin(text) !== undefined) return text
  const url = new URL(text)
  return `${url.protocol}//${url.host}`
}

/** The id of an origin that was given none: its host, with the port unless it is the scheme's own; or its name inside. */
export const defaultOriginId = (url: string): string => parseInnerOrigin(url)?.name ?? new URL(url).host
