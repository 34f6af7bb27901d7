// /_weir/api/assets: the files that `r2:assets` serves, for the administrator. What is put or removed is purged here, unless
// whoever changes many files does that at the end (`?purge=no`).
import { type Context, Hono } from 'hono'
import { assetName, assetPath, assetTag, assetType } from '../../shared/asset-path.ts'
import { contentLength } from '../../shared/http/fields.ts'
import { mayChange } from '../../shared/http/preconditions.ts'
import { canonicalTarget } from '../../shared/http/target.ts'
import type { Result } from '../../shared/result.ts'
import { purgeTags } from '../cache/purge-tags.ts'
import type { Assets } from '../media/assets.ts'
import { contentOf } from '../messages.ts'
import { type Content, type KeptObject, validatorsOf } from '../ports/object-port.ts'
import { type Problem, problemResponse } from '../problem.ts'
import { within } from '../within.ts'
import type { GatewayEnvironment, GatewayServices } from './gateway-app.ts'
import { patienceMs, wrongMethod } from './problems.ts'

export const assetsPath = '/_weir/api/assets'

/** What Cloudflare lets through in one request. */
const mostBytes = 104_857_600

export interface AssetsServices extends GatewayServices {
  readonly assets: Assets
}

type Asked = Context<GatewayEnvironment>

export function assetsApi(services: AssetsServices): Hono<GatewayEnvironment> {
  const { assets } = services
  const api = new Hono<GatewayEnvironment>()

  api.get('/', async (context) => {
    const { under = '/', after } = context.req.query()
    const prefix = prefixOf(under)
    if (prefix === undefined) return problemResponse(badPrefix)
    const page = await within(patienceMs, () => assets.objects.list(prefix, after))
    if (page === undefined) return problemResponse(away('GET the list again.'))
    const listed = page.objects.map(({ name, ...object }) => described(name, object))
    return Response.json(
      { assets: listed, ...(page.after !== undefined && { after: page.after }) },
      { headers: noStore },
    )
  })
  api.all('/', () => problemResponse(wrongMethod('The files can be listed with GET.', 'GET')))

  /** Goes on when the client has left: what is changed has to be purged too. */
  const changing =
    (change: (services: AssetsServices, name: string, context: Asked) => Promise<Response>) =>
    async (context: Asked) => {
      const name = nameOf(context)
      if (!name.ok) return problemResponse({ status: 400, reason: 'bad-path', detail: name.error })
      const work = change(services, name.value, context)
      context.env.background(work.catch(() => undefined))
      return work
    }
  api.put('/*', changing(put))
  api.delete('/*', changing(remove))
  const use = 'A file can be put with PUT and removed with DELETE; it is read where a route serves it.'
  api.all('/*', () => problemResponse(wrongMethod(use, 'PUT', 'DELETE')))
  return api
}

function nameOf({ req }: Asked): Result<string, string> {
  const target = canonicalTarget(req.url)
  return target.ok ? assetName(target.value.path.slice(assetsPath.length)) : target
}

/** The beginning of the names below a path; undefined where it is none. */
function prefixOf(under: string): string | undefined {
  if (under === '/') return ''
  const name = under.startsWith('/') ? assetName(under.replace(/\/$/, '')) : undefined
  return name?.ok ? `${name.value}/` : undefined
}

async function put(services: AssetsServices, name: string, context: Asked): Promise<Response> {
  const { assets, now } = services
  const request = context.req.raw
  const { headers } = request
  if (headers.has('content-range')) return problemResponse(partial)
  if (!/^(?:identity)?$/i.test(headers.get('content-encoding') ?? '')) return problemResponse(coded)
  const content = contentToKeep(request)
  if (content === undefined) return problemResponse(tooLarge)
  const there = await headOf(assets, name)
  if (there === undefined) return problemResponse(away('Nothing was stored.'))
  if (!mayChange(headers, there.object && validatorsOf(there.object), now())) return problemResponse(changedMeanwhile)
  const onlyIf = there.object === undefined ? 'absent' : { etag: there.object.etag }
  try {
    const kept = await assets.objects.put(name, content, assetType(name), isConditional(headers) ? onlyIf : undefined)
    if (kept.kind === 'too-large') return problemResponse(tooLarge)
    if (kept.kind === 'changed') return problemResponse(changedMeanwhile)
    if (!(await purged(services, name, context))) return problemResponse(notPurged('stored'))
    const status = there.object === undefined ? 201 : 200
    return Response.json(described(name, kept.object), { status, headers: { etag: kept.object.etag, ...noStore } })
  } catch (error) {
    console.error(error)
    return problemResponse(notTaken)
  }
}

async function remove(services: AssetsServices, name: string, context: Asked): Promise<Response> {
  const { assets, now } = services
  const { headers } = context.req.raw
  const there = await headOf(assets, name)
  if (there === undefined) return problemResponse(away('Nothing was removed.'))
  if (!mayChange(headers, there.object && validatorsOf(there.object), now())) return problemResponse(changedMeanwhile)
  const removed = await within(patienceMs, async () => {
    await assets.objects.remove(name)
    return true
  })
  if (removed === undefined) return problemResponse(away('GET the list to see whether the file was removed.'))
  // Also where nothing was there: it may be that only the purge had failed.
  return (await purged(services, name, context))
    ? new Response(null, { status: 204 })
    : problemResponse(notPurged('removed'))
}

/** What is there now; its absence, and a bucket that does not answer, are two things. */
const headOf = ({ objects }: Assets, name: string) =>
  within(patienceMs, async () => ({ object: await objects.head(name) }))

const isConditional = (headers: Headers): boolean =>
  ['if-match', 'if-none-match', 'if-unmodified-since'].some((name) => headers.has(name))

/** Undefined where it is known to be too large. */
function contentToKeep(request: Request): Content | undefined {
  const stream = contentOf(request)
  const length = contentLength(request.headers)
  if (stream === null) return { kind: 'bytes', bytes: new Uint8Array() }
  if (length === undefined) return { kind: 'unmeasured', stream, most: mostBytes }
  return length > mostBytes ? undefined : { kind: 'measured', stream, length }
}

const purged = async (services: AssetsServices, name: string, { req }: Asked): Promise<boolean> =>
  req.query('purge') === 'no' || purgeTags(services, [assetTag(name)], patienceMs)

const described = (name: string, { etag, size }: KeptObject) => ({
  path: assetPath(name),
  type: assetType(name),
  bytes: size,
  etag,
  tag: assetTag(name),
})

const noStore = { 'cache-control': 'no-store' }

// Problems ────────────────────────────────────────────────────────────────────────────────────────────────────────

const badPrefix: Problem = {
  status: 400,
  reason: 'bad-path',
  detail: '"under" must be a path with single slashes, such as "/static/".',
}

/** RFC 9110 §14.5 */
const partial: Problem = {
  status: 400,
  reason: 'partial-put',
  detail: 'A part of a file cannot be put: send all of it, without Content-Range. Nothing was stored.',
}

/** It would be served as if it were the content itself (RFC 9110 §8.4, §15.5.16). */
const coded: Problem = {
  status: 415,
  reason: 'coded',
  detail: 'A file is kept as it is: send it without Content-Encoding. Nothing was stored.',
}

const tooLarge: Problem = {
  status: 413,
  reason: 'too-large',
  detail: `A file may have ${mostBytes} bytes at most. Nothing was stored.`,
}

const changedMeanwhile: Problem = {
  status: 412,
  reason: 'changed-meanwhile',
  detail: 'What is there is not what the conditions of the request ask for. Nothing was changed.',
}

const notTaken: Problem = {
  status: 503,
  reason: 'not-stored',
  detail:
    'The file did not come to its end, or could not be stored; what was there before is unchanged. Send it again.',
  headers: { 'retry-after': '1' },
}

function away(consequence: string): Problem {
  return {
    status: 503,
    reason: 'assets-unavailable',
    detail: `The bucket (R2) does not answer. ${consequence}`,
    headers: { 'retry-after': '5' },
  }
}

function notPurged(done: string): Problem {
  return {
    status: 503,
    reason: 'not-purged',
    detail: `The file was ${done}, but what was there before could not be purged: send the request again.`,
    headers: { 'retry-after': '5' },
  }
}
