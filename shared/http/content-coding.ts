// Content codings (RFC 9110 §8.4, §12.5.3): which ones a client takes, and which ones we ask origins for.

/** Whether a body in `coding` (null: none) may be sent to a client with this Accept-Encoding. */
export function acceptsCoding(acceptEncoding: string | null, coding: string | null): boolean {
  if (coding === null || coding === '' || coding.toLowerCase() === 'identity') return true
  if (acceptEncoding === null) return false
  const weights = parseAccepted(acceptEncoding)
  const weight = weights.get(coding.trim().toLowerCase()) ?? weights.get('*') ?? 0
  return weight > 0
}

/**
 * The Accept-Encoding for an origin: what the client takes, of the codings that can pass untouched through fetch.
 * Null where none is left.
 */
export function originAcceptEncoding(acceptEncoding: string | null): string | null {
  if (acceptEncoding === null) return null
  const asked = ['gzip', 'br'].filter((coding) => acceptsCoding(acceptEncoding, coding))
  return asked.length === 0 ? null : asked.join(', ')
}

function parseAccepted(acceptEncoding: string): Map<string, number> {
  const weights = new Map<string, number>()
  for (const member of acceptEncoding.toLowerCase().split(',')) {
    const [name = '', ...parameters] = member.split(';').map((part) => part.trim())
    const q = parameters.find((parameter) => parameter.startsWith('q='))
    const weight = q === undefined ? 1 : Number(q.slice(2))
    weights.set(name === 'x-gzip' ? 'gzip' : name, Number.isNaN(weight) ? 0 : weight)
  }
  return weights
}
