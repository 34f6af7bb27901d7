// Origins inside the Worker: a URL such as `weir:media` or `service:catalog` names one, and what it answers lives as if it
// had come over the network. All other URLs go there.
import { failureOfStatus } from '../../shared/balance/attempt.ts'
import { contentLength } from '../../shared/http/fields.ts'
import { attemptClock, upload } from '../balance/upload.ts'
import type { Attempt, Exchange, InnerOrigin, OriginPort, OriginRequest } from '../ports.ts'
import { late } from '../within.ts'

/** `find` gives the origin of a scheme and a name; a name that it does not know is one that does not resolve. */
export function innerOrigin(
  find: (scheme: string, name: string) => InnerOrigin | undefined,
  network: OriginPort,
): OriginPort {
  return {
    send(request) {
      const [, scheme, name = '', target = ''] = /^([a-z0-9]+):([^/]+)(\/.*)$/.exec(request.url) ?? []
      if (scheme === undefined) return network.send(request)
      const origin = find(scheme, name)
      return origin === undefined ? unknown : begin(origin, request, target)
    },
  }
}

const unknown: Exchange = {
  attempt: Promise.resolve({ kind: 'failed', failure: 'unreachable' }),
  abandon: () => undefined,
}

function begin(origin: InnerOrigin, request: OriginRequest, target: string): Exchange {
  const controller = new AbortController()
  const abandon = () => controller.abort()
  return { attempt: exchange(origin, request, target, controller.signal, abandon), abandon }
}

async function exchange(
  origin: InnerOrigin,
  { method, fields, body, headersMs, leftMs, rule }: OriginRequest,
  target: string,
  signal: AbortSignal,
  abandon: () => void,
): Promise<Attempt> {
  // It sees the URL that the client has asked for.
  const url = `${fields.get('x-forwarded-proto')}://${fields.get('x-forwarded-host')}${target}`
  const clock = attemptClock(headersMs, leftMs)
  try {
    const response = await clock.inTime(() => {
      const sent = body instanceof ReadableStream ? upload(body, contentLength(fields), clock) : body
      return origin(new Request(url, { method, headers: fields, body: sent, redirect: 'manual', signal }), rule)
    })
    const failure = response === late ? 'timeout' : failureOfStatus(response.status)
    if (response !== late && failure === undefined) {
      return { kind: 'answer', response: asSent(response, signal), abandon }
    }
    abandon()
    return { kind: 'failed', failure: failure ?? 'protocol' }
  } catch (error) {
    if (!clock.hasClientLeft) console.error(error)
    return { kind: 'failed', failure: 'connection', clientLeft: clock.hasClientLeft }
  }
}

/** As it would have come over the network: it ends when the exchange is given up, and its end can be told from a cut. */
function asSent(response: Response, signal: AbortSignal): Response {
  const { status, body } = response
  if (body === null || response.webSocket) return response
  const headers = new Headers(response.headers)
  if (contentLength(headers) === undefined) headers.set('transfer-encoding', 'chunked')
  const piped = body.pipeThrough(new IdentityTransformStream(), { signal })
  return new Response(piped, { status, headers, encodeBody: 'manual' })
}
