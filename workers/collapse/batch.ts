// Who may be answered from a batch, together with whom, and what the origin is told of them: what they have in common,
// and nothing of any of them.
import { batchId } from '../../shared/collapse/batch.ts'
import { selectingValue } from '../../shared/http/selecting.ts'
import { batchName, keyedQuery } from '../../shared/key.ts'
import type { Life } from '../life.ts'
import { originFields } from '../messages.ts'
import type { BatchBoarding, Boarding } from '../ports.ts'

/** A place in the batches of one name. */
export interface Seat {
  readonly name: string
  /** Of the batch's request. */
  readonly fields: Headers
  readonly boarding: BatchBoarding
}

/**
 * The seat of a request that may collapse and would be sent with `fields`; undefined where it is no single read that
 * the route's rule is about, or one on conditions.
 */
export function seatOf(life: Life, fields: Headers, boarding: Boarding): Seat | undefined {
  const { route, target } = life
  const { batch: rule, cache } = route
  if (rule === undefined || keyedQuery(target.query, cache.key) !== '') return undefined
  if (['if-none-match', 'if-modified-since', 'range'].some((name) => fields.has(name))) return undefined
  const id = batchId(rule, target.path)
  if (id === undefined) return undefined
  const common = commonTo(life)
  const colo = cache.collapse === 'global' ? undefined : boarding.colo
  const said = [...common.map(([, value]) => value), life.course.side ?? null]
  const name = batchName(colo, target, route, said)
  return { name, fields: fieldsInCommon(life, common), boarding: { ...boarding, rule, id } }
}

/** The fields that tell the answers to one path apart; the coding does not, since no batch is asked for in one. */
function commonTo({ fields, route }: Life): [name: string, value: string | null][] {
  const { key } = route.cache
  return ['accept', 'accept-language', ...key.headers].map((name) => [name, selectingValue(fields, name, route.cache)])
}

function fieldsInCommon(life: Life, common: readonly [string, string | null][]): Headers {
  const said = common.filter((field): field is [string, string] => field[1] !== null)
  const request = new Request(life.request.url, { headers: said })
  const fields = originFields({ ...life, request, fields: request.headers, showsToken: false }, true)
  // It has come from nobody in particular, and least of all from the machine itself.
  fields.delete('x-forwarded-for')
  fields.set('accept-encoding', 'identity')
  return fields
}
