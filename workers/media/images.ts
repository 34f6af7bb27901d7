// Pictures on the fly: an origin inside the Worker, for requests that were judged before. It fetches the original, looks at
// what it is, and has the picture made; where nothing is bound that can, the original stands in.
import { contentLength } from '../../shared/http/fields.ts'
import { canonicalTarget } from '../../shared/http/target.ts'
import { typeFor } from '../../shared/image/format.ts'
import { conditionsFor, livesAs, validatorOf } from '../../shared/image/freshness.ts'
import { formatImageOptions } from '../../shared/image/options.ts'
import { sizeOf } from '../../shared/image/size.ts'
import type { Picture } from '../../shared/image/sniff.ts'
import { parseWanted, sourcesOf, tooLarge, type Wanted } from '../../shared/image/wanted.ts'
import { shortHash } from '../../shared/key.ts'
import type { Snapshot } from '../../shared/snapshot.ts'
import type { ImagePort, Made } from '../ports/image-port.ts'
import type { InnerOrigin, Ports } from '../ports.ts'
import { type Problem, problemResponse } from '../problem.ts'
import { fetchSource, sourceFields } from './fetch-source.ts'
import { readOriginal } from './original.ts'

export interface ImageServices {
  /** The configuration by which the request was judged. */
  readonly current: () => Snapshot | undefined
  /** Undefined where nothing is bound that makes pictures. */
  readonly images: ImagePort | undefined
  readonly ports: () => Ports
}

/** Answers with a picture, or with a problem that nobody keeps. */
export function imageOrigin(services: ImageServices): InnerOrigin {
  return async function answerWithPicture(request) {
    const snapshot = services.current()
    const target = canonicalTarget(request.url)
    if (snapshot === undefined || !target.ok) throw new Error('A picture was asked for without a judgement.')
    const { path, query, scheme, host } = target.value
    const wanted = parseWanted(path, query, snapshot.config.images)
    // Another isolate has judged by another version of the configuration.
    if (!wanted.ok) return problemResponse({ status: 404, reason: 'no-such-image', detail: wanted.error.detail })
    return answer(request, wanted.value, { ...services, snapshot, ownOrigin: `${scheme}://${host}` })
  }
}

interface Judged extends ImageServices {
  readonly snapshot: Snapshot
  readonly ownOrigin: string
}

async function answer({ headers, signal }: Request, wanted: Wanted, judged: Judged): Promise<Response> {
  const { snapshot, ownOrigin, ports } = judged
  const rule = snapshot.config.images
  const made = shortHash(formatImageOptions(wanted.options))
  const conditions = conditionsFor(headers, made)
  const fields = sourceFields(headers, conditions)
  const fetching = { snapshot, sources: sourcesOf(rule), ownOrigin, fields, ports: ports(), signal }
  const fetched = await fetchSource(wanted.source, fetching)
  if (fetched.kind === 'failed') return problemResponse(fetched.problem)
  const { response, isForOnce } = fetched
  const answered = new Headers(livesAs(response.headers, isForOnce))
  const etag = validatorOf(response.headers.get('etag'), made)
  if (etag !== undefined) answered.set('etag', etag)
  if (response.status === 304 && conditions.length > 0) return new Response(null, { status: 304, headers: answered })
  const problem = sourceProblem(response)
  if (problem !== undefined || response.body === null) {
    await response.body?.cancel().catch(() => undefined)
    return problemResponse(problem ?? sourceFailed(response.status))
  }
  const original = await readOriginal(response.body, contentLength(response.headers), { ...rule, ...still })
  if (original.kind === 'refused') return problemResponse(original.problem)
  const { picture, body, fault } = original
  const size = sizeOf(picture, wanted.options)
  if (size.width > rule.maxWidth || size.height > rule.maxHeight) {
    await body.cancel().catch(() => undefined)
    return problemResponse(wouldBeTooLarge(picture, rule))
  }
  const ended = await make(body, picture, wanted, judged)
  if (ended.kind !== 'made') {
    const found = fault()
    return problemResponse(found === 'cut' ? cut : (found ?? (ended.kind === 'refused' ? cannotBeMade : notMade)))
  }
  answered.set('content-type', ended.type)
  answered.set('x-content-type-options', 'nosniff')
  return new Response(ended.body, { headers: answered })
}

/** Of what is made into others. */
const still = { mayMove: false, beginningBytes: 1_048_576 }

async function make(
  body: ReadableStream<Uint8Array>,
  { type }: Picture,
  { options }: Wanted,
  { images }: Judged,
): Promise<Made> {
  if (images === undefined) return { kind: 'made', body, type }
  const made = await images.make(body, options, typeFor(options, type))
  if (made.kind === 'refused') console.warn('A picture could not be made:', made.because)
  return made
}

/** What is wrong with an answer that has no picture. */
function sourceProblem({ status, headers }: Response): Problem | undefined {
  if (status === 404 || status === 410)
    return { status: 404, reason: 'no-such-picture', detail: 'There is no picture at the place that was named.' }
  if (status !== 200) return sourceFailed(status)
  const coding = headers.get('content-encoding') ?? 'identity'
  return coding === 'identity' ? undefined : coded
}

const sourceFailed = (status: number): Problem => ({
  status: 502,
  reason: 'source-failed',
  detail: `The place that the picture is to come from answered ${status} in its stead; it may be tried again.`,
})

const cut: Problem = {
  status: 502,
  reason: 'source-cut',
  detail: 'The picture broke off on its way here; it may be tried again.',
}

const coded: Problem = {
  status: 502,
  reason: 'source-coded',
  detail: 'The picture came in a content coding that was not asked for: have its origin send it as it is.',
}

const wouldBeTooLarge = (
  { width, height }: Picture,
  rule: { readonly maxWidth: number; readonly maxHeight: number },
): Problem => ({
  status: 422,
  reason: 'too-large-made',
  detail: `The original has ${width} × ${height} pixels. ${tooLarge(rule.maxWidth, rule.maxHeight)}`,
})

const cannotBeMade: Problem = {
  status: 422,
  reason: 'broken-picture',
  detail:
    'The picture begins well, but it cannot be decoded, or not be made into what is wanted: it may be cut or broken.',
}

const notMade: Problem = {
  status: 503,
  reason: 'images-unavailable',
  detail: 'What makes pictures did not answer in time; it may be tried again.',
  headers: { 'retry-after': '5' },
}
