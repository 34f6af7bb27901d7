// What makes the URL of a picture good: `?exp=SECONDS&kid=KEY&sig=MAC` at its end. The MAC (HMAC-SHA-256, base64url) is over
// the path and the query as they stand before `&sig=`, or `?sig=`: any service can make one, and nobody can alter one.

/** One of the secrets that URLs are signed with; several at a time let one be replaced. */
export interface ImageKey {
  readonly id: string
  readonly secret: string
}

const shortestSecret = 16

/** `id:secret`, several with commas between them. What cannot be read, or is too short to be a secret, is left out. */
export function parseImageKeys(text: string | undefined): ImageKey[] {
  const parts = text?.split(',') ?? []
  return parts.flatMap((part) => {
    const [, id, secret] = /^\s*([A-Za-z0-9_-]{1,32}):(\S+)\s*$/.exec(part) ?? []
    return id === undefined || secret === undefined || secret.length < shortestSecret ? [] : [{ id, secret }]
  })
}

export interface Signature {
  /** What the MAC is over. */
  readonly signed: string
  readonly mac: string
  /** Absent where it says none. */
  readonly keyId: string | undefined
  /** Seconds since the epoch; absent: it does not expire. */
  readonly expires: number | undefined
}

/** Path and query with its `?`. Undefined where no signature stands at its end. */
export function readSignature(target: string): Signature | undefined {
  const [whole, mac] = /[?&]sig=([A-Za-z0-9_-]*)$/.exec(target) ?? []
  if (whole === undefined || mac === undefined) return undefined
  const signed = target.slice(0, -whole.length)
  const expires = parameterOf('exp', signed)
  return {
    signed,
    mac,
    keyId: parameterOf('kid', signed),
    expires: expires === undefined ? undefined : /^\d{1,12}$/.test(expires) ? Number(expires) : 0,
  }
}

/** The last one: another of the same name before it is the original's own. */
const parameterOf = (name: string, signed: string): string | undefined =>
  new RegExp(`.*[?&]${name}=([^&]*)`).exec(signed)?.[1]

/** The query of the original: without what the gateway has for itself. Empty, or with its `?`. */
export function queryOfOriginal(query: string): string {
  const rest = query
    .slice(1)
    .split('&')
    .filter((pair) => pair !== '' && !/^(?:exp|kid|sig)=/.test(pair))
  return rest.length === 0 ? '' : `?${rest.join('&')}`
}

/** What is to be signed so that `target` (path, and query if it has one) is good for so long, in seconds since the epoch. */
export function toBeSigned(target: string, keyId: string, expires: number | undefined): string {
  const own = [...(expires === undefined ? [] : [`exp=${expires}`]), `kid=${keyId}`].join('&')
  return `${target}${target.includes('?') ? '&' : '?'}${own}`
}

/** The mac's own place is the end. */
export const withSignature = (signed: string, mac: string): string => `${signed}&sig=${mac}`
