// The lookup phase: what does the store have for this request, and may it be used? One match, two where the
// responses of a URL differ by what the request says (Vary, or the route's own choice of headers and cookies).
import { isSick } from '../../shared/balance/pool.ts'
import { acceptsCoding } from '../../shared/http/content-coding.ts'
import { mayReuse, staleSince } from '../../shared/http/may-reuse.ts'
import { hasOriginPreconditions } from '../../shared/http/preconditions.ts'
import { cacheKey, keyedUrl } from '../../shared/key.ts'
import type { Forward, Hit, Life, Slot } from '../life.ts'
import { isWebSocketUpgrade } from '../messages.ts'
import type { Stored, StoredResponse, VariantsNote } from '../ports.ts'
import { slicedResponse } from './slices.ts'
import { keyOfVariant } from './variants.ts'

export async function lookup(life: Life): Promise<Hit | Forward> {
  const { request, fields, target, route, ports, course } = life
  if (request.method !== 'GET' && request.method !== 'HEAD') return { kind: 'forward', because: 'method' }
  if (route.cache.mode === 'off' || isWebSocketUpgrade(request)) return { kind: 'forward', because: 'bypass' }
  // What is somebody's own is neither looked for nor kept.
  if (life.session !== undefined) return { kind: 'forward', because: 'bypass' }
  if (hasOriginPreconditions(fields)) return { kind: 'forward', because: 'request' }
  const base = cacheKey(target, route.cache.key, course.side)
  const slot: Slot = { base, key: base, hitForMiss: false, after: 0 }
  const there = await ports.store.match(base)
  const variants = variantsOf(there, life.requestTime)
  if (variants === undefined) return judge(life, foundAt(life, slot, there))
  const key = keyOfVariant(life, base, variants)
  const { after = 0 } = variants
  return judge(life, foundAt(life, { ...slot, key, variants, after }, await ports.store.match(key)))
}

interface Found {
  readonly slot: Slot
  readonly stored?: StoredResponse
}

function variantsOf(there: Stored | undefined, now: number): VariantsNote | undefined {
  return there?.kind === 'note' && there.note.kind === 'variants' && now < there.note.until ? there.note : undefined
}

function foundAt(life: Life, slot: Slot, there: Stored | undefined): Found {
  if (there?.kind === 'forgotten') return { slot: { ...slot, after: there.askedAt } }
  if (there?.kind !== 'note') return { slot, ...(there && { stored: there }) }
  const { note } = there
  if (note.until <= life.requestTime || note.kind === 'variants') return { slot }
  if (note.kind === 'hit-for-miss') return { slot: { ...slot, hitForMiss: true } }
  return { slot, stored: slicedResponse({ key: slot.key, note }) }
}

function judge(life: Life, { slot, stored: found }: Found): Hit | Forward {
  const { fields, directives, pools, requestTime } = life
  const stored = found && afterPurges(life, found)
  if (stored === undefined) {
    found?.discard()
    return { kind: 'forward', because: slot.variants === undefined ? 'uri-miss' : 'vary-miss', slot }
  }
  const { shareable, unlisted } = stored.head
  const coding = stored.fields['content-encoding']
  const isForOthers =
    (!shareable && fields.get('authorization') !== null) || unlisted.some((name) => fields.get(name) === null)
  if (isForOthers || (coding !== undefined && !acceptsCoding(fields.get('accept-encoding'), coding))) {
    stored.discard()
    return { kind: 'forward', because: 'request', slot }
  }
  const reuse = mayReuse(stored.head, directives, requestTime, pools.every(isSick))
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
