// The lookup phase: what does the store have for this request, and may it be used? One match, two where the
// responses of a URL differ by Vary.
import { isSick } from '../shared/balance/rank.ts'
import { type CacheControl, requestDirectives } from '../shared/http/cache-control.ts'
import { acceptsCoding } from '../shared/http/content-coding.ts'
import { mayReuse, staleSince } from '../shared/http/may-reuse.ts'
import { hasOriginPreconditions } from '../shared/http/preconditions.ts'
import { selectingValue } from '../shared/http/selecting.ts'
import type { Target } from '../shared/http/target.ts'
import { cacheKey, keyedQuery, variantKey } from '../shared/key.ts'
import { type Forward, type Hit, type Life, type Refused, refuse, type Slot } from './life.ts'
import { isWebSocketUpgrade } from './messages.ts'
import type { Note, Stored, StoredResponse } from './ports.ts'
import type { Problem } from './problem.ts'

export async function lookup(life: Life): Promise<Refused | Hit | Forward> {
  const { request, fields, target, route, ports } = life
  if (request.method !== 'GET' && request.method !== 'HEAD') return { kind: 'forward', because: 'method' }
  if (route.cache.mode === 'off' || isWebSocketUpgrade(request)) return { kind: 'forward', because: 'bypass' }
  if (hasOriginPreconditions(fields)) return { kind: 'forward', because: 'request' }
  // A forced lifetime is the route's word; the client's Cache-Control does not change it.
  const directives = requestDirectives(route.cache.mode === 'force' ? null : fields)
  const base = cacheKey(target, route.cache.key, fields)
  const found = judge(life, await find(life, base, await ports.store.match(base), directives))
  if (found.kind !== 'forward' || !directives.onlyIfCached) return found
  found.stored?.discard()
  return refuse(notCached)
}

interface Found {
  readonly slot: Slot
  readonly stored?: StoredResponse
}

/** Follows a note of variants to the variant that this request selects. */
async function find(life: Life, base: string, stored: Stored | undefined, directives: CacheControl): Promise<Found> {
  const slot: Slot = { base, key: base, hitForMiss: false, directives }
  if (stored?.kind !== 'note') return { slot, ...(stored && { stored }) }
  const { note } = stored
  if (note.until <= life.requestTime) return { slot }
  if (note.kind === 'hit-for-miss') return { slot: { ...slot, hitForMiss: true } }
  const key = keyOfVariant(life, base, note)
  const variant = await life.ports.store.match(key)
  const slotOfVariant = { ...slot, key, variants: note, hitForMiss: variant?.kind === 'note' }
  return { slot: slotOfVariant, ...(variant?.kind === 'response' && { stored: variant }) }
}

export function keyOfVariant(life: Life, base: string, { names, generation }: Extract<Note, { kind: 'variants' }>) {
  const values = names.map((name) => selectingValue(life.fields, name, life.route.cache))
  return variantKey(base, generation, values)
}

function judge(life: Life, { slot, stored: found }: Found): Hit | Forward {
  const { fields, pools, requestTime } = life
  const stored = found && afterPurges(life, found)
  if (stored === undefined) {
    found?.discard()
    return { kind: 'forward', because: slot.variants === undefined ? 'uri-miss' : 'vary-miss', slot }
  }
  const personal = fields.get('authorization') !== null && !stored.head.shareable
  if (personal || !acceptsCoding(fields.get('accept-encoding'), stored.fields['content-encoding'] ?? null)) {
    stored.discard()
    return { kind: 'forward', because: 'request', slot }
  }
  const reuse = mayReuse(stored.head, slot.directives, requestTime, pools.every(isSick))
  if (reuse.kind === 'validate') return { kind: 'forward', because: reuse.because, slot, stored }
  return { ...reuse, stored, slot }
}

/** What the purges since it was asked for have left of a response. */
function afterPurges({ snapshot, target, route }: Life, stored: StoredResponse): StoredResponse | undefined {
  const { epoch, tags } = stored.head
  if (epoch >= snapshot.purges.epoch) return stored
  const verdict = snapshot.purges.verdict({ epoch, tags, url: keyedUrl(target, route.cache.key) })
  if (verdict === undefined) return stored
  return verdict.kind === 'hard' ? undefined : { ...stored, head: staleSince(stored.head, verdict.at) }
}

/** What purges know a request's responses by: its URL with the part of the query that is in the key. */
export function keyedUrl({ scheme, host, path, query }: Target, rule: Life['route']['cache']['key']): string {
  return `${scheme}://${host}${path}${keyedQuery(query, rule.query)}`
}

const notCached: Problem = {
  status: 504,
  reason: 'only-if-cached',
  detail: 'The request asked for a stored response only, and there is none that may be used.',
}
