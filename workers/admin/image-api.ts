// /_weir/image/<options>/<source>: pictures made on the fly, for whoever shows a signature, or asks for a preset. Making is
// dear, so what is not one of these is not made. What may be, lives as any answer (shared/inner-routes.ts).
import { Hono } from 'hono'
import { canonicalTarget, type Target } from '../../shared/http/target.ts'
import { negotiated } from '../../shared/image/format.ts'
import { type ImageKey, parseImageKeys, queryOfOriginal, readSignature } from '../../shared/image/signature.ts'
import { formatWanted, parseWanted, type WantedProblem } from '../../shared/image/wanted.ts'
import { snapshotOf } from '../configuration.ts'
import { imageMac } from '../media/image-signature.ts'
import type { Background } from '../ports.ts'
import { noConfiguration, type Problem, problemResponse } from '../problem.ts'
import type { GatewayEnvironment, GatewayServices } from './gateway-app.ts'
import { wrongMethod } from './problems.ts'

export function imageApi(services: GatewayServices): Hono<GatewayEnvironment> {
  const { configuration, now } = services
  const keys = parseImageKeys(services.imageKeys)
  const api = new Hono<GatewayEnvironment>()

  api.get('*', async (context) => {
    const { background } = context.env
    const request = context.req.raw
    const target = canonicalTarget(request.url)
    const snapshot = await snapshotOf(configuration, now(), background)
    if (!target.ok || snapshot === undefined) return problemResponse(noConfiguration)
    const { path, query } = target.value
    const wanted = parseWanted(path, queryOfOriginal(query), snapshot.config.images)
    if (!wanted.ok) return problemResponse(unreadable(wanted.error))
    const { isPreset, options, source } = wanted.value
    const problem = isPreset && query === '' ? undefined : await signatureProblem(target.value, isPreset, keys, now())
    if (problem !== undefined) return problemResponse(problem)
    const accept = request.headers.get('accept')
    const inner = formatWanted({ options: negotiated(options, accept), source })
    const response = await services.answer(innerRequest(request, inner), background)
    const answered = request.method === 'HEAD' ? headOf(response, background) : response
    return options.format === 'auto' ? varying(answered) : answered
  })
  api.all('*', () => problemResponse(wrongMethod('Pictures can be read with GET and HEAD.', 'GET', 'HEAD')))
  return api
}

/** Why this request may not have what it asks for; undefined where it may. */
async function signatureProblem(
  { path, query }: Target,
  isPreset: boolean,
  keys: readonly ImageKey[],
  now: number,
): Promise<Problem | undefined> {
  const signature = readSignature(`${path}${query}`)
  if (signature === undefined) return isPreset ? presetWithQuery : unsigned
  const { signed, mac, keyId, expires } = signature
  const key = keys.find(({ id }) => id === keyId)
  if (key === undefined) return keys.length === 0 ? noKeys : unknownKey
  if (!isSame(mac, await imageMac(key.secret, signed))) return wrongSignature
  return expires !== undefined && expires * 1000 <= now ? expired : undefined
}

/** In a time that tells nothing of where they differ. */
function isSame(given: string, expected: string): boolean {
  const [left, right] = [given, expected].map((text) => new TextEncoder().encode(text)) as [Uint8Array, Uint8Array]
  return left.byteLength === right.byteLength && crypto.subtle.timingSafeEqual(left, right)
}

/** What a client may say of how it wants the answer; of whom it is, nothing matters any more. */
const passedOn = ['range', 'if-range', 'if-none-match', 'if-modified-since', 'cache-control', 'pragma']

/** What was made is read to its end behind the head, so that it is kept for whoever comes next. */
function headOf(response: Response, background: Background): Response {
  const read = response.body?.pipeTo(new WritableStream())
  if (read !== undefined) background(read.catch(() => undefined))
  return new Response(null, response)
}

/** Asks for the whole even where only the head is wanted. */
function innerRequest({ headers: said, cf, signal, url }: Request, target: string): Request {
  // Whoever wants an explanation shows the token for it, which goes no further.
  const explains = said.has('weir-explain') ? ['weir-explain', 'authorization'] : []
  const headers = new Headers()
  for (const name of [...passedOn, ...explains]) {
    const value = said.get(name)
    if (value !== null) headers.set(name, value)
  }
  return new Request(`${new URL(url).origin}${target}`, { headers, signal, ...(cf && { cf }) })
}

/** Other caches on the way cannot know that the type went by the client's Accept, unless they are told. */
function varying(response: Response): Response {
  const told = new Response(response.body, response)
  told.headers.append('vary', 'Accept')
  return told
}

function unreadable({ because, detail }: WantedProblem): Problem {
  switch (because) {
    case 'options':
      return { status: 400, reason: 'bad-image-options', detail }
    case 'source':
      return { status: 400, reason: 'bad-image-source', detail }
    case 'preset':
      return { status: 404, reason: 'no-such-preset', detail }
    case 'forbidden':
      return { status: 403, reason: 'image-source-forbidden', detail }
    default:
      return because satisfies never
  }
}

const refused = (reason: string, detail: string): Problem => ({ status: 403, reason, detail })

const unsigned = refused(
  'image-unsigned',
  'This URL is not signed: end it with "exp", "kid" and "sig" (`npm run sign-image` makes them), or ask for a preset of the configuration with "preset=NAME".',
)

const presetWithQuery = refused(
  'image-unsigned',
  'A preset is for pictures without a query: remove it, or sign the URL (`npm run sign-image`).',
)

const noKeys = refused(
  'image-unsigned',
  'No key is configured that URLs of images could be signed with: set IMAGE_KEYS to "ID:SECRET" with `npx wrangler secret put IMAGE_KEYS`.',
)

const unknownKey = refused('image-key', 'The key that "kid" names is none of this gateway: it may have been replaced.')

const wrongSignature = refused(
  'image-signature',
  'The signature is not that of this URL: it was altered, or signed with another secret.',
)

const expired = refused('image-expired', 'The URL has expired: have it signed again.')
