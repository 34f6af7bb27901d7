// An object that is kept, as the answer to a GET or HEAD: whole, a part of it, or that the client has it already.
import { isStillThere, notModified, type Validators } from '../../shared/http/preconditions.ts'
import {
  type ByteRange,
  contentRange,
  ifRangeHolds,
  parseRange,
  selectRanges,
  unsatisfiedRange,
} from '../../shared/http/ranges.ts'
import { type KeptObject, type ObjectPort, validatorsOf } from '../ports/object-port.ts'
import { type Problem, problemResponse } from '../problem.ts'

/** The object that stands under a name. */
export interface NamedObject {
  readonly name: string
  readonly object: KeptObject
}

/** What is kept where, and when it is (milliseconds since the epoch). */
export interface Kept {
  readonly objects: Pick<ObjectPort, 'get'>
  readonly now: () => number
}

/** `fields` are those of the whole. Undefined where the object is not there any more. */
export async function represent(
  request: Request,
  { objects, now }: Kept,
  { name, object }: NamedObject,
  fields: Headers,
): Promise<Response | undefined> {
  const { etag, size, storedAt } = object
  const asked = request.headers
  const validators = validatorsOf(object)
  if (!isStillThere(asked, validators, now())) return problemResponse(another)
  if (notModified(asked, { ...validators, date: null, storedAt }, now())) {
    return new Response(null, { status: 304, headers: fields })
  }
  const range = rangeOf(asked, size, validators, now())
  if (range === 'unsatisfiable')
    return problemResponse({ ...unsatisfiable, headers: { 'content-range': unsatisfiedRange(size) } })
  fields.set('content-length', String(range === undefined ? size : range.last - range.first + 1))
  if (range !== undefined) fields.set('content-range', contentRange(range, size))
  const status = range === undefined ? 200 : 206
  if (request.method === 'HEAD') return new Response(null, { status, headers: fields })
  const body = await objects.get(name, etag, range)
  return body && new Response(body, { status, headers: fields })
}

/** The one range that is asked for; undefined where the whole is sent. */
function rangeOf(
  asked: Headers,
  size: number,
  { etag, lastModified }: Validators,
  now: number,
): ByteRange | 'unsatisfiable' | undefined {
  const specs = parseRange(asked.get('range'))
  if (specs === undefined || !ifRangeHolds(asked.get('if-range'), etag, lastModified, null, now)) return undefined
  const selection = selectRanges(specs, size, 1)
  return selection.kind === 'ranges' ? selection.ranges[0] : selection.kind === 'whole' ? undefined : selection.kind
}

const another: Problem = {
  status: 412,
  reason: 'changed-meanwhile',
  detail: 'What is there is not what If-Match or If-Unmodified-Since ask for: GET it without them.',
}

const unsatisfiable: Problem = {
  status: 416,
  reason: 'range-not-satisfiable',
  detail: 'The range lies beyond the end of what is there.',
}
