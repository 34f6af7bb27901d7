// What an origin of the demo answers by itself, to show what the gateway does with it: the time, slow answers, failures
// and streams. It keeps nothing, so that an origin that is killed and started again is the same origin.
import type { IncomingMessage, ServerResponse } from 'node:http'
import { setTimeout as pause } from 'node:timers/promises'

/** What a route says; `stream` writes the body itself, after the head. */
export type Answer = {
  status: number
  headers: Record<string, string>
  body: string
  stream?: (response: ServerResponse) => void
}

type Ask = { origin: string; url: URL; at: Date; gone: AbortSignal }

type Route = (ask: Ask) => Answer | Promise<Answer>

const slowLimitMs = 30_000

/** By the path; all of them are for GET and HEAD. */
const routes: ReadonlyMap<string, Route> = new Map<string, Route>([
  ['/now', now],
  ['/slow', slow],
  ['/fail', fail],
  ['/events', events],
  ['/healthz', () => ({ status: 200, headers: passingAs('text/plain; charset=utf-8'), body: 'ok' })],
])

export type Match =
  | { kind: 'found'; route: Route; url: URL }
  | { kind: 'refused'; answer: Answer }
  /** The services know. */
  | { kind: 'service' }

export function match({ method, url: target = '/' }: IncomingMessage): Match {
  // RFC 9112 §3.2: a path as it is, even one that begins with two slashes; or a whole URL.
  const url = URL.parse(target.startsWith('/') ? `http://origin${target}` : target)
  if (url === null) return { kind: 'refused', answer: refusal(400, 'the request target is no path') }
  const route = routes.get(url.pathname)
  if (route === undefined) return { kind: 'service' }
  if (method === 'GET' || method === 'HEAD') return { kind: 'found', route, url }
  return { kind: 'refused', answer: refusal(405, `${url.pathname} takes GET, HEAD`, { Allow: 'GET, HEAD' }) }
}

function now({ origin, at }: Ask): Answer {
  return passing(200, { origin, now: at.toISOString(), pid: process.pid })
}

async function slow({ origin, url, gone }: Ask): Promise<Answer> {
  const asked = Number(url.searchParams.get('ms') ?? 2000)
  if (!(asked >= 0)) return refusal(400, 'ms is a number of milliseconds')
  const waitedMs = Math.min(asked, slowLimitMs)
  await pause(waitedMs, undefined, { signal: gone })
  return passing(200, { origin, waitedMs })
}

function fail({ origin, url }: Ask): Answer {
  const status = Number(url.searchParams.get('status') ?? 503)
  if (!Number.isInteger(status) || status < 500 || status > 599) return refusal(400, 'status is from 500 to 599')
  return passing(status, { origin, error: 'failed, as asked' })
}

function events({ origin, gone }: Ask): Answer {
  const stream = (response: ServerResponse): void => {
    const tell = (): unknown => response.write(`data: ${JSON.stringify({ origin, now: new Date().toISOString() })}\n\n`)
    const timer = setInterval(tell, 1000)
    gone.addEventListener('abort', () => clearInterval(timer))
    tell()
  }
  return { status: 200, headers: passingAs('text/event-stream'), body: '', stream }
}

/** JSON that nobody may keep. */
function passing(status: number, value: unknown, headers?: Record<string, string>): Answer {
  return { status, headers: { ...passingAs('application/json'), ...headers }, body: `${JSON.stringify(value)}\n` }
}

export function refusal(status: number, error: string, headers?: Record<string, string>): Answer {
  return passing(status, { error }, headers)
}

function passingAs(type: string): Record<string, string> {
  return { 'Content-Type': type, 'Cache-Control': 'no-store' }
}
