// Content codings (RFC 9110 §8.4, §12.5.3): which ones a client takes, and which ones we ask origins for.

/** The codings that origins are asked for: they pass untouched through fetch. */
const offered = ['gzip', 'br']

/**
 * Whether a body in `coding` (null: none) may be sent to a client with this Accept-Encoding. A coding that origins
 * are never asked for was not negotiated: the resource has no other form.
 */
export function acceptsCoding(acceptEncoding: string | null, coding: string | null): boolean {
  const applied = (coding ?? '').split(',').map(canonical)
  if (!applied.some((each) => offered.includes(each))) return true
  const weights = parseAccepted(acceptEncoding)
  return applied.every((each) => each === 'identity' || (weights.get(each) ?? weights.get('*') ?? 0) > 0)
}

/**
 * The Accept-Encoding for an origin: what the client takes, of the codings that can pass untouched through fetch.
 * Null where none is left.
 */
export function originAcceptEncoding(acceptEncoding: string | null): string | null {
  if (acceptEncoding === null) return null
  const taken = offered.filter((coding) => acceptsCoding(acceptEncoding, coding))
  return taken.length === 0 ? null : taken.join(', ')
}

function canonical(coding: string): string {
  const name = coding.trim().toLowerCase()
  return name === 'x-gzip' ? 'gzip' : name
}

/** Who sends no field is taken to decode nothing, although RFC 9110 §12.5.3 would let anything be sent. */
function parseAccepted(acceptEncoding: string | null): Map<string, number> {
  const weights = new Map<string, number>()
  for (const member of (acceptEncoding ?? '').toLowerCase().split(',')) {
    const [name = '', ...parameters] = member.split(';').map((part) => part.trim())
    const q = parameters.find((parameter) => parameter.startsWith('q='))
    // A weight that is none is greater than nothing.
    weights.set(canonical(name), q === undefined ? 1 : Number(q.slice(2)))
  }
  return weights
}
