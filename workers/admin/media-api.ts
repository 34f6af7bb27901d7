// /_weir/media/<path>: originals are put here by whoever has a credential, and read by everybody unless the configuration
// says otherwise. Reading is the life of any request (shared/inner-routes.ts); what is changed is purged by its tag.
import { type Context, Hono } from 'hono'
import { contentLength } from '../../shared/http/fields.ts'
import { mayChange } from '../../shared/http/preconditions.ts'
import type { Picture } from '../../shared/image/sniff.ts'
import { mediaPath, mediaTag, mediaTarget, originalName } from '../../shared/media-path.ts'
import type { Snapshot } from '../../shared/snapshot.ts'
import { letGo } from '../cache/invalidate.ts'
import { purgeTags } from '../cache/purge-tags.ts'
import { snapshotOf } from '../configuration.ts'
import { clearThumbnails, type Media } from '../media/media.ts'
import { type Original, type PictureBounds, readOriginal } from '../media/original.ts'
import { contentOf } from '../messages.ts'
import { type Content, type KeptObject, type OnlyIf, validatorsOf } from '../ports/object-port.ts'
import type { ResponseStore } from '../ports.ts'
import { noConfiguration, type Problem, problemResponse } from '../problem.ts'
import { within } from '../within.ts'
import { requireCaller } from './authorise.ts'
import type { GatewayEnvironment, GatewayServices } from './gateway-app.ts'
import {
  away,
  changedMeanwhile,
  noContent,
  noPreset,
  notPurged,
  notStored,
  notTaken,
  partial,
} from './media-problems.ts'
import { patienceMs, wrongMethod } from './problems.ts'

export interface MediaServices extends GatewayServices {
  readonly media: Media
  readonly store: Pick<ResponseStore, 'forget'>
}

/** A request to a path that names a picture, or may. */
interface Asked {
  readonly request: Request
  readonly path: string
  readonly snapshot: Snapshot
}

type Handler = Context<GatewayEnvironment>

export function mediaApi(services: MediaServices): Hono<GatewayEnvironment> {
  const { configuration, now } = services
  const api = new Hono<GatewayEnvironment>()
  const mustShow = requireCaller(services)

  api.use('*', async (context, next) => {
    const snapshot = await snapshotOf(configuration, now(), context.env.background)
    if (snapshot === undefined) return problemResponse(noConfiguration)
    context.set('snapshot', snapshot)
    const isRead = context.req.raw.method === 'GET' || context.req.raw.method === 'HEAD'
    return isRead && snapshot.config.media.read === 'open' ? next() : mustShow(context, next)
  })

  /** Goes on when the client has left: what is changed has to be purged too. */
  const changing = (change: (services: MediaServices, asked: Asked, context: Handler) => Promise<Response>) => {
    return async (context: Handler) => {
      const asked = askedOf(context)
      if ('status' in asked) return problemResponse(asked)
      const work = change(services, asked, context)
      context.env.background(work.catch(() => undefined))
      return work
    }
  }

  api.get('*', async (context) => {
    const asked = askedOf(context)
    if ('status' in asked) return problemResponse(asked)
    const preset = new URL(asked.request.url).searchParams.get('preset') ?? undefined
    const { thumbnails, clientSeconds } = asked.snapshot.config.media
    if (preset !== undefined && !Object.hasOwn(thumbnails, preset)) return problemResponse(noPreset(preset, thumbnails))
    const response = await services.answer(innerRequest(asked, preset), context.env.background)
    return clientSeconds === 0 ? response : asOfNow(response, now())
  })
  api.put('*', changing(put))
  api.delete('*', changing(remove))
  const use = 'A picture can be read with GET and HEAD, put with PUT, and removed with DELETE.'
  api.all('*', () => problemResponse(wrongMethod(use, 'GET', 'HEAD', 'PUT', 'DELETE')))
  return api
}

function askedOf({ req, var: { snapshot } }: Handler): Asked | Problem {
  const path = mediaPath(new URL(req.url).pathname)
  if (!path.ok) return { status: 400, reason: 'bad-path', detail: path.error }
  return { request: req.raw, path: path.value, snapshot: snapshot! }
}

// Reading ─────────────────────────────────────────────────────────────────────────────────────────────────────────

/** What a client may say of how it wants the answer; the rest of what it says is not for a store that all share. */
const passedOn = [
  'range',
  'if-range',
  'if-match',
  'if-unmodified-since',
  'if-none-match',
  'if-modified-since',
  'cache-control',
  'pragma',
  'cf-connecting-ip',
]

/** In the one spelling of its target, in nobody's name. */
function innerRequest({ request, path }: Asked, preset: string | undefined): Request {
  const { method, cf, signal, url } = request
  // Whoever wants an explanation shows the token for it, which goes no further.
  const explains = request.headers.has('weir-explain') ? ['weir-explain', 'authorization'] : []
  const headers = new Headers()
  for (const name of [...passedOn, ...explains]) {
    const value = request.headers.get(name)
    if (value !== null) headers.set(name, value)
  }
  return new Request(new URL(mediaTarget(path, preset), url), { method, headers, signal, ...(cf && { cf }) })
}

/**
 * Here is the origin, and what is kept is what is there: how long it has been kept is not of the time that clients are given.
 */
function asOfNow(response: Response, now: number): Response {
  response.headers.delete('age')
  response.headers.set('date', new Date(now).toUTCString())
  return response
}

// Changing ────────────────────────────────────────────────────────────────────────────────────────────────────────

async function put(services: MediaServices, asked: Asked, context: Handler): Promise<Response> {
  const { media, now } = services
  const { request, path, snapshot } = asked
  const { headers } = request
  const body = contentOf(request)
  if (body === null) return problemResponse(noContent)
  if (headers.has('content-range')) return problemResponse(partial)
  const name = originalName(path)
  const there = await headOf(media, name)
  if (there === undefined) return problemResponse(away('Nothing was stored.'))
  if (!mayChange(headers, there.object && validatorsOf(there.object), now()))
    return problemResponse(changedMeanwhile(412, there.object))
  const rule = { ...snapshot.config.media, mayMove: true, beginningBytes }
  const length = contentLength(headers)
  let fault: Fault = () => undefined
  try {
    const original = await readOriginal(body, length, rule)
    if (original.kind === 'refused') return problemResponse(notStored(original.problem))
    fault = original.fault
    const { picture } = original
    const content = inPieces(original, length, rule)
    const isConditional = conditions.some((condition) => headers.has(condition))
    const put = await media.objects.put(name, content, picture.type, conditionOf(there.object, isConditional))
    if (put.kind === 'too-large') throw new Error('The store takes less than the configuration allows.')
    if (put.kind === 'changed') return problemResponse(changedMeanwhile(isConditional ? 412 : 409, undefined))
    const isPurged = await letGoOf(services, asked, there.object !== undefined)
    const { background } = context.env
    background(clearThumbnails(media, path, put.object.etag).catch(console.error))
    const jobs = await enqueueThumbnails(services, asked, put.object, context)
    return isPurged ? stored(asked, there.object, put.object, picture, jobs) : problemResponse(notPurged('stored'))
  } catch (error) {
    const found = fault()
    if (found !== undefined && found !== 'cut') return problemResponse(notStored(found))
    console.error(error)
    return problemResponse(notTaken)
  }
}

type Intact = Extract<Original, { kind: 'picture' }>
type Fault = Intact['fault']

/** A still GIF has to be seen to its end before it is known to be one. */
const beginningBytes = 5_242_880

function inPieces({ bytes, body }: Intact, length: number | undefined, { maxBytes }: PictureBounds): Content {
  if (bytes !== undefined) return { kind: 'bytes', bytes }
  return length === undefined
    ? { kind: 'unmeasured', stream: body, most: maxBytes }
    : { kind: 'measured', stream: body, length }
}

const conditions = ['if-match', 'if-none-match', 'if-unmodified-since']

/** What makes sure that nobody else has changed meanwhile what this change goes by. */
function conditionOf(there: KeptObject | undefined, isConditional: boolean): OnlyIf | undefined {
  if (there === undefined) return 'absent'
  return isConditional ? { etag: there.etag } : undefined
}

async function remove(services: MediaServices, asked: Asked, context: Handler): Promise<Response> {
  const { media, now } = services
  const { request, path } = asked
  const name = originalName(path)
  const there = await headOf(media, name)
  if (there === undefined) return problemResponse(away('Nothing was removed.'))
  if (!mayChange(request.headers, there.object && validatorsOf(there.object), now()))
    return problemResponse(changedMeanwhile(412, there.object))
  const removed = await within(patienceMs, async () => {
    await media.objects.remove(name)
    return true
  })
  if (removed === undefined) return problemResponse(away('GET the picture to see whether it was removed.'))
  // Also where nothing was there: it may be that only the purge had failed.
  const isPurged = await letGoOf(services, asked, true)
  context.env.background(clearThumbnails(media, path).catch(console.error))
  return isPurged ? new Response(null, { status: 204 }) : problemResponse(notPurged('removed'))
}

/** What is there now; its absence, and a store that does not answer, are two things. */
const headOf = (media: Media, name: string) =>
  within(patienceMs, async () => ({ object: await media.objects.head(name) }))

/**
 * Nobody gets any more what was there before, nor hears here that nothing was. Where nothing was, nothing has to be purged
 * elsewhere: an absence is known for a second at most.
 */
async function letGoOf(services: MediaServices, asked: Asked, wasThere: boolean) {
  const { store, now } = services
  const { request, path, snapshot } = asked
  const targets = [undefined, ...Object.keys(snapshot.config.media.thumbnails)].map((preset) =>
    mediaTarget(path, preset),
  )
  const urls = targets.map((target) => new URL(target, request.url).href)
  const forgotten = letGo(urls, snapshot, store, now())
  if (wasThere && !(await purgeTags(services, [mediaTag(path)], patienceMs))) return false
  await forgotten
  return true
}

async function enqueueThumbnails({ jobs }: MediaServices, asked: Asked, { version }: KeptObject, context: Handler) {
  const { path, snapshot } = asked
  const presets = Object.keys(snapshot.config.media.thumbnails)
  const enqueued = presets.map((preset) => {
    const draft = { type: 'thumbnail', payload: { path, preset }, key: `${version} ${preset}` }
    return jobs.enqueue(draft, context.env.background)
  })
  return (await Promise.all(enqueued)).flatMap((job) => (job === undefined ? [] : [`/_weir/jobs/${job.id}`]))
}

function stored(
  { path, snapshot }: Asked,
  before: KeptObject | undefined,
  { etag, size, type }: KeptObject,
  { width, height }: Picture,
  jobs: readonly string[],
): Response {
  const presets = Object.keys(snapshot.config.media.thumbnails)
  const thumbnails = Object.fromEntries(presets.map((preset) => [preset, mediaTarget(path, preset)]))
  const location = mediaTarget(path)
  return Response.json(
    { path: location, type, bytes: size, width, height, thumbnails, jobs },
    { status: before === undefined ? 201 : 200, headers: { location, etag, 'cache-control': 'no-store' } },
  )
}
