// The files of a site, as an origin inside the Worker: `"url": "r2:assets"`. Browsers ask for each version again, but for what
// has its hash in its name; the gateway's own cache keeps them for a minute, and a change purges it by tag.
import { type AssetCandidate, assetCandidates, assetTag, assetType, isImmutable } from '../../shared/asset-path.ts'
import { defaultStatic, type StaticRule } from '../../shared/config/static.ts'
import { type KeptObject, type ObjectPort, validatorsOf } from '../ports/object-port.ts'
import type { InnerOrigin } from '../ports.ts'
import { type Problem, problemResponse } from '../problem.ts'
import { type Kept, represent } from './represent.ts'

/** A bucket with the files of a site, by their paths. */
export interface Assets extends Kept {
  readonly objects: ObjectPort
}

/** A file that is replaced again and again while somebody reads it is given up. */
const tries = 3
/** What may have changed without a purge is asked for again so soon. */
const keptSeconds = 60
const yearSeconds = 31_536_000

export function assetsOrigin(assets: Assets): InnerOrigin {
  return async function answerAsset(request, rule = defaultStatic) {
    if (request.method !== 'GET' && request.method !== 'HEAD') return problemResponse(readOnly)
    const candidates = assetCandidates(new URL(request.url).pathname, rule)
    if (!candidates.ok) return absent(candidates.error, [])
    for (let left = tries; left > 0; left--) {
      const found = await firstOf(assets, candidates.value)
      if (found === undefined) return absent('There is no such file here.', candidates.value)
      if (found.as === 'folder') return toFolder(request, found)
      const response = await represent(request, assets, found, fieldsOf(found, rule))
      if (response !== undefined) return response
    }
    return problemResponse(unavailable)
  }
}

interface Found extends AssetCandidate {
  readonly object: KeptObject
  /** It, and those that would have stood before it. */
  readonly lookedFor: readonly AssetCandidate[]
}

async function firstOf({ objects }: Assets, candidates: readonly AssetCandidate[]): Promise<Found | undefined> {
  for (const [index, candidate] of candidates.entries()) {
    const object = await objects.head(candidate.name)
    if (object !== undefined) return { ...candidate, object, lookedFor: candidates.slice(0, index + 1) }
  }
  return undefined
}

/** Nothing of what the bucket knows beside these reaches anybody. */
function fieldsOf({ name, object, as, lookedFor }: Found, rule: StaticRule): Headers {
  const isForGood = as === 'itself' && isImmutable(name, rule)
  return new Headers({
    'content-type': assetType(name),
    etag: object.etag,
    'last-modified': validatorsOf(object).lastModified!,
    'accept-ranges': 'bytes',
    'cache-control': isForGood ? `public, max-age=${yearSeconds}, immutable` : 'public, no-cache',
    'surrogate-control': `max-age=${isForGood ? yearSeconds : keptSeconds}`,
    'cache-tag': tagsFor(lookedFor),
    'x-content-type-options': 'nosniff',
  })
}

/** Where the links of the page in there are right. */
function toFolder({ url }: Request, { lookedFor }: Found): Response {
  const { pathname, search } = new URL(url)
  const headers = {
    location: `${pathname}/${search}`,
    'content-length': '0',
    'cache-control': 'public, no-cache',
    'surrogate-control': `max-age=${keptSeconds}`,
    'cache-tag': tagsFor(lookedFor),
  }
  return new Response(null, { status: 308, headers })
}

/** A file that comes to stand before the one that has answered changes the answer too. */
const tagsFor = (candidates: readonly AssetCandidate[]): string =>
  candidates.map(({ name }) => assetTag(name)).join(',')

/** Kept for a moment, so that a crowd costs one look. */
function absent(detail: string, candidates: readonly AssetCandidate[]): Response {
  const lifetime = {
    'surrogate-control': 'max-age=1, must-revalidate',
    ...(candidates.length > 0 && { 'cache-tag': tagsFor(candidates) }),
  }
  return problemResponse({ status: 404, reason: 'no-such-file', detail, headers: lifetime })
}

const readOnly: Problem = {
  status: 405,
  reason: 'method-not-allowed',
  detail: 'Files can be read with GET and HEAD.',
  headers: { allow: 'GET, HEAD' },
}

const unavailable: Problem = {
  status: 503,
  reason: 'assets-unavailable',
  detail: 'The file could not be read just now; it may be tried again.',
  headers: { 'retry-after': '5' },
}
