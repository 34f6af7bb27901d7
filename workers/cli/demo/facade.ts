// The shop as an origin serves it: a facade that keeps nothing. It asks the services of the deployment at the gateway, with
// a credential of its pool; whose cart is meant they know by the session token that came with the request.
import { request as ask, type IncomingMessage, type ServerResponse } from 'node:http'
import { pipeline } from 'node:stream/promises'

/** Where the services are asked for, and what to show there. `url` has no slash at its end. */
export type Gateway = { url: string; credential: string }

/** What a service may go by. */
const passedOn = [
  ...['accept', 'accept-language', 'content-type', 'content-length', 'cookie', 'idempotency-key', 'if-match'],
  ...['if-none-match', 'sec-fetch-site', 'traceparent', 'weir-session-token', 'x-forwarded-for', 'x-request-id'],
]

/** Of one connection alone (RFC 9110 §7.6.1). */
const hopByHop = ['connection', 'keep-alive', 'transfer-encoding']

/**
 * Answers as the service does that this path is of.
 * @param origin its id, sent as X-Origin
 * @param gone when the client has left
 */
export async function answerAsService(
  gateway: Gateway,
  origin: string,
  incoming: IncomingMessage,
  response: ServerResponse,
  gone: AbortSignal,
): Promise<void> {
  const outgoing = ask(`${gateway.url}/_weir/service/${serviceOf(incoming.url ?? '/')}${incoming.url}`, {
    method: incoming.method,
    headers: { ...only(passedOn, incoming.headers), authorization: `Bearer ${gateway.credential}` },
    signal: gone,
  })
  const answer = await new Promise<IncomingMessage>((resolve, reject) => {
    outgoing.on('response', resolve).on('error', reject)
    incoming.pipe(outgoing)
  })
  const headers = Object.entries(answer.headers).filter(([name]) => !hopByHop.includes(name))
  response.writeHead(answer.statusCode!, { ...Object.fromEntries(headers), 'X-Origin': origin })
  await pipeline(answer, response)
  if (outgoing.writableFinished) return
  // The service has said all before it has read everything: the rest is dropped, so that the client's connection goes on.
  outgoing.destroy()
  incoming.resume()
}

const serviceOf = (target: string): 'checkout' | 'pages' => (target.startsWith('/api/cart') ? 'checkout' : 'pages')

function only(names: readonly string[], headers: IncomingMessage['headers']): Record<string, string | string[]> {
  return Object.fromEntries(names.flatMap((name) => (headers[name] === undefined ? [] : [[name, headers[name]]])))
}
