// What those are told who put pictures, or ask for what is not there.
import { unknownPreset } from '../../shared/media-path.ts'
import type { KeptObject } from '../ports/object-port.ts'
import type { Problem } from '../problem.ts'

export const noPreset = (preset: string, thumbnails: object): Problem => ({
  status: 404,
  reason: 'no-such-preset',
  detail: unknownPreset(preset, Object.keys(thumbnails)),
})

/** RFC 9110 §15.5.14 has a status of its own for what is sent here and is too long. */
export function notStored(problem: Problem): Problem {
  const status = problem.reason === 'too-many-bytes' ? 413 : problem.status
  return { ...problem, status, detail: `${problem.detail} Nothing was stored.` }
}

export const noContent: Problem = {
  status: 400,
  reason: 'no-content',
  detail: 'The request has no content: send the bytes of the picture. Nothing was stored.',
}

/** RFC 9110 §14.5 */
export const partial: Problem = {
  status: 400,
  reason: 'partial-put',
  detail: 'A part of a picture cannot be put: send all of it, without Content-Range. Nothing was stored.',
}

export const notTaken: Problem = {
  status: 503,
  reason: 'not-stored',
  detail:
    'The picture did not come to its end, or could not be stored; what was there before is unchanged. Send it again.',
  headers: { 'retry-after': '1' },
}

export function away(consequence: string): Problem {
  return {
    status: 503,
    reason: 'media-unavailable',
    detail: `The store of the media (R2) does not answer. ${consequence}`,
    headers: { 'retry-after': '5' },
  }
}

export function notPurged(done: string): Problem {
  return {
    status: 503,
    reason: 'not-purged',
    detail: `The picture was ${done}, but what was there before could not be purged: send the request again.`,
    headers: { 'retry-after': '5' },
  }
}

export function changedMeanwhile(status: 409 | 412, object: KeptObject | undefined): Problem {
  return {
    status,
    reason: 'changed-meanwhile',
    detail:
      status === 409
        ? 'Somebody else has put a picture there at the same time: send yours again, if it is to stay.'
        : 'What is there is not what If-Match or If-None-Match ask for: GET it, and decide again. Nothing was changed.',
    ...(object && { headers: { etag: object.etag } }),
  }
}
