// The messages that leave the gateway: the request to an origin, made from a client's, and the response to a client,
// made from an origin's. What ends at this hop stays here, and what the gateway says about a request it says itself.
import { originAcceptEncoding } from '../shared/http/content-coding.ts'
import { type Fields, hopByHopFields, isForGateway, isForgeable } from '../shared/http/fields.ts'
import type { ByteRange } from '../shared/http/ranges.ts'
import { negotiated, selectingValue } from '../shared/http/selecting.ts'
import { surrogateToken } from '../shared/http/targeted.ts'
import { withholdUnkeyed } from './cache/unkeyed.ts'
import type { Life } from './life.ts'
import { tellOfSession } from './session/session.ts'

export const via = '1.1 weir'

export function isWebSocketUpgrade(request: Request): boolean {
  return request.method === 'GET' && request.headers.get('upgrade')?.toLowerCase() === 'websocket'
}

/** The content of a request; null for none, which the platform shows as an empty stream where the length is 0. */
export function contentOf(request: Request): ReadableStream | null {
  const { body } = request
  return body === null || request.headers.get('content-length') === '0' ? null : body
}

/**
 * The fields of a request to an origin. Where the answer may be stored (`storable`), what selects has its normal form.
 * With `conditions` it is asked for everybody's sake: for the whole, on these conditions; without, on the client's.
 * `range` goes in the place of the client's.
 * Walks the names once: every call of Headers leaves the language.
 */
export function originFields(
  life: Life,
  storable: boolean,
  conditions?: readonly (readonly [string, string])[],
  range?: ByteRange,
): Headers {
  const { request, target, route } = life
  const fields = new Headers(request.headers)
  const hopByHop = hopByHopFields(request.headers)
  for (const name of request.headers.keys()) {
    if (hopByHop.has(name) || isForgeable(name) || name === 'host' || name === 'expect') fields.delete(name)
  }
  if (isWebSocketUpgrade(request)) fields.set('upgrade', 'websocket')
  if (life.showsToken) fields.delete('authorization')
  if (storable) {
    withholdUnkeyed(fields, life)
    // Of a request without content they say nothing, but may be what an origin gives an error for.
    fields.delete('content-type')
    fields.delete('max-forwards')
    for (const name of negotiated) replace(fields, name, selectingValue(life.fields, name, route.cache))
    fields.set('surrogate-capability', `${surrogateToken}="Surrogate/1.0"`)
  } else {
    replace(fields, 'accept-encoding', originAcceptEncoding(fields.get('accept-encoding')))
  }
  if (conditions !== undefined) {
    fields.delete('if-none-match')
    fields.delete('if-modified-since')
    if (conditions.length > 0 || life.fields.get('range') === null) {
      fields.delete('range')
      fields.delete('if-range')
    }
    for (const [name, value] of conditions) fields.set(name, value)
  }
  if (range !== undefined) fields.set('range', `bytes=${range.first}-${range.last}`)
  const requestId = crypto.randomUUID()
  fields.set('x-forwarded-for', clientAddress(request.headers))
  fields.set('x-forwarded-proto', target.scheme)
  fields.set('x-forwarded-host', target.host)
  fields.set('x-request-id', requestId)
  fields.set('traceparent', traceparent(requestId))
  fields.append('via', via)
  tellOfSession(fields, life)
  return fields
}

function replace(fields: Headers, name: string, value: string | null): void {
  if (value === null) fields.delete(name)
  else if (fields.get(name) !== value) fields.set(name, value)
}

/** Cloudflare always tells who asks; without it the gateway runs on a laptop and listens on loopback alone. */
export function clientAddress(fields: Fields): string {
  return fields.get('cf-connecting-ip') ?? '127.0.0.1'
}

/** W3C Trace Context: a trace of its own for every request, since a client's word is not taken for it. */
function traceparent(requestId: string): string {
  const id = requestId.replaceAll('-', '')
  return `00-${id}-${id.slice(16)}-01`
}

/**
 * Takes out of a response's fields what ends at this hop or is addressed to the gateway. Changes `fields` in place,
 * since a copy is the dearest thing that a pass does, and returns them. Doing it twice changes nothing more.
 */
export function tidyResponse(fields: Headers, now: number): Headers {
  const hopByHop = hopByHopFields(fields)
  const names = [...fields.keys()]
  for (const name of names) if (hopByHop.has(name) || isForGateway(name)) fields.delete(name)
  // RFC 9112 §6.3
  if (names.includes('transfer-encoding')) fields.delete('content-length')
  // RFC 9110 §6.6.1
  if (!names.includes('date')) fields.set('Date', new Date(now).toUTCString())
  return fields
}

export function isEventStream(fields: Fields): boolean {
  return fields.get('content-type')?.toLowerCase().startsWith('text/event-stream') === true
}
