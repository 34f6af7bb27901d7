// What the demo's shop says: its routes, and the answer to each. It keeps nothing, so that an origin that is killed and
// started again is the same origin.
import { randomUUID } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { setTimeout as pause } from 'node:timers/promises'
import { gzipSync } from 'node:zlib'
import {
  type Answer,
  digest,
  html,
  json,
  lasting,
  passing,
  personal,
  plain,
  refusal,
  seeOther,
  toJson,
} from './answers.ts'
import { cartAsJson, changeCart, showCart } from './cart.ts'
import { readText } from './form.ts'
import type { Gateway } from './gateway.ts'
import { allGoods, goodOf } from './goods.ts'
import { items } from './items.ts'
import { itemPage, personPage, shopPage, styleSheet } from './pages.ts'
import { drawView } from './png.ts'
import { sellAsJson, sellByForm, showForm } from './sell.ts'
import { setting, valuesOf } from './session.ts'

/** What a route is asked with. `gateway` is undefined until it has been introduced. */
export type Ask = {
  origin: string
  request: IncomingMessage
  url: URL
  id: string
  at: Date
  gone: AbortSignal
  gateway: Gateway | undefined
}

type Route = { method: 'GET' | 'POST'; path: RegExp; answer: (ask: Ask) => Answer | Promise<Answer> }

const slowLimitMs = 30_000

const routes: readonly Route[] = [
  { method: 'GET', path: /^\/$/, answer: front },
  { method: 'GET', path: /^\/items\.json$/, answer: goods },
  { method: 'POST', path: /^\/items\.json$/, answer: sellAsJson },
  { method: 'GET', path: /^\/items\/([^/]+)\.json$/, answer: itemAsJson },
  { method: 'GET', path: /^\/items\/([^/]+)$/, answer: item },
  { method: 'GET', path: /^\/cart$/, answer: showCart },
  { method: 'POST', path: /^\/cart$/, answer: changeCart },
  { method: 'GET', path: /^\/cart\.json$/, answer: cartAsJson },
  { method: 'GET', path: /^\/sell$/, answer: showForm },
  { method: 'POST', path: /^\/sell$/, answer: sellByForm },
  { method: 'GET', path: /^\/style\.css$/, answer: style },
  { method: 'GET', path: /^\/photos\/([^/]+)\.png$/, answer: photo },
  { method: 'GET', path: /^\/now$/, answer: now },
  { method: 'GET', path: /^\/me$/, answer: person },
  { method: 'POST', path: /^\/login$/, answer: login },
  { method: 'POST', path: /^\/orders$/, answer: order },
  { method: 'GET', path: /^\/slow$/, answer: slow },
  { method: 'GET', path: /^\/fail$/, answer: fail },
  { method: 'GET', path: /^\/events$/, answer: events },
  { method: 'GET', path: /^\/healthz$/, answer: () => plain('ok') },
]

const pictures = new Map<string, Buffer>()
const stylePlain = Buffer.from(styleSheet)
const styleGzip = gzipSync(stylePlain)

export type Match = { kind: 'found'; route: Route; url: URL; id: string } | { kind: 'refused'; answer: Answer }

/** The route for this method and path. A GET route answers HEAD too. */
export function match(request: IncomingMessage): Match {
  const url = urlOf(request.url ?? '/')
  if (url === null) return { kind: 'refused', answer: refusal(400, 'the request target is no path') }
  const path = url.pathname
  const method = request.method === 'HEAD' ? 'GET' : request.method
  const here = routes.filter((route) => route.path.test(path))
  const route = here.find((candidate) => candidate.method === method)
  if (route !== undefined) return { kind: 'found', route, url, id: route.path.exec(path)?.[1] ?? '' }
  if (here.length === 0) return { kind: 'refused', answer: refusal(404, `there is nothing at ${path}`) }
  const allow = here.map((candidate) => (candidate.method === 'GET' ? 'GET, HEAD' : 'POST')).join(', ')
  return { kind: 'refused', answer: refusal(405, `${path} takes ${allow}`, { Allow: allow }) }
}

/** RFC 9112 §3.2: a path as it is, even one that begins with two slashes; or a whole URL. */
function urlOf(target: string): URL | null {
  return URL.parse(target.startsWith('/') ? `http://origin${target}` : target)
}

/** The entity tags of If-None-Match without their weakness, which a weak comparison ignores (RFC 9110 §8.8.3.2). */
export function tagsOf(request: IncomingMessage): string[] {
  return request.headers['if-none-match']?.match(/"[^"]*"/g) ?? []
}

/**
 * Every copy of the front page shows who made it and when, so a strong ETag must name both. The origin lets any copy
 * of its own stand as long as the shop is unchanged, though its process may be a new one since; a copy made by
 * another origin is another page.
 */
async function front({ origin, request, at, gateway }: Ask): Promise<Answer> {
  const shown = await allGoods(gateway)
  const content = digest(shopPage({ origin, at: new Date(0) }, shown))
  const prefix = `"${origin}-${content}-`
  const fresh = `${prefix}${at.getTime().toString(36)}"`
  const etag = tagsOf(request).find((tag) => tag.startsWith(prefix)) ?? fresh
  return lasting(html, shopPage({ origin, at }, shown), 30, { ETag: etag })
}

async function goods({ gateway }: Ask): Promise<Answer> {
  return lasting(json, toJson({ items: await allGoods(gateway) }), 30)
}

async function item({ id, gateway }: Ask): Promise<Answer> {
  const found = await goodOf(gateway, id)
  return found ? lasting(html, itemPage(found), 30) : refusal(404, `there is no item ${id}`)
}

async function itemAsJson({ id, gateway }: Ask): Promise<Answer> {
  const found = await goodOf(gateway, id)
  return found ? lasting(json, toJson(found), 30) : refusal(404, `there is no item ${id}`)
}

function style({ request }: Ask): Answer {
  const packed = acceptsGzip(String(request.headers['accept-encoding'] ?? ''))
  // Two sets of bytes, so two strong ETags (RFC 9110 §8.8.3.3).
  const tag = `"${digest(stylePlain)}${packed ? '-gzip' : ''}"`
  const encoding = packed ? { 'Content-Encoding': 'gzip' } : undefined
  const headers = { Vary: 'Accept-Encoding', ETag: tag, ...encoding }
  return lasting('text/css; charset=utf-8', packed ? styleGzip : stylePlain, 3600, headers)
}

/** RFC 9110 §12.5.3, as far as gzip is concerned: its own weight, or else that of `*`. */
function acceptsGzip(header: string): boolean {
  const weights = new Map<string, number>()
  for (const part of header.toLowerCase().split(',')) {
    const [coding = '', ...parameters] = part.split(';').map((piece) => piece.trim())
    const weight = parameters.find((parameter) => parameter.startsWith('q='))
    weights.set(coding, weight === undefined ? 1 : Number(weight.slice(2)))
  }
  return (weights.get('gzip') ?? weights.get('*') ?? 0) > 0
}

function photo({ id }: Ask): Answer {
  const found = items.find((one) => one.id === id)
  if (found === undefined) return refusal(404, `there is no photo ${id}`)
  const picture = pictures.get(id) ?? drawView(found.view)
  pictures.set(id, picture)
  return lasting('image/png', picture, 3600)
}

function now({ origin, at }: Ask): Answer {
  return passing(200, { origin, now: at.toISOString(), pid: process.pid })
}

function person({ origin, request, at }: Ask): Answer {
  const user = valuesOf(request).get('user')
  return personal(personPage({ origin, at }, user === undefined ? undefined : String(user)))
}

/** Who signs in goes on in a session of a new id, with all that was in the old one. */
function login({ url }: Ask): Answer {
  const user = url.searchParams.get('user') ?? ''
  if (!/^\P{Cc}{1,40}$/u.test(user)) return refusal(400, 'say who: /login?user=ada, at most 40 characters')
  return seeOther('/me', { ...setting('user', user.toWellFormed()), 'Weir-Session-Regenerate': '?1' })
}

/** Orders are answered, not kept: their Location names what a real shop would keep. */
async function order({ origin, request }: Ask): Promise<Answer> {
  const body = await readText(request)
  if (body === undefined) return refusal(413, 'an order has at most 64 KiB')
  const parsed = parseJson(body)
  if (parsed === undefined) return refusal(400, 'an order is JSON')
  const id = randomUUID()
  return passing(201, { id, origin, order: parsed.value }, { Location: `/orders/${id}` })
}

function parseJson(text: string): { value: unknown } | undefined {
  try {
    return { value: JSON.parse(text) }
  } catch {
    return undefined
  }
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
  return {
    status: 200,
    headers: { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store' },
    body: '',
    stream,
  }
}
