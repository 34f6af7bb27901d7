// One request for many, and what of its answer belongs to whom. The answer is shared as that of a flight would be, or
// not at all; who asks with it is nobody in particular.
import { batchTarget, partFields, splitJson } from '../../shared/collapse/batch.ts'
import type { BatchRule } from '../../shared/config/schema.ts'
import { contentLength } from '../../shared/http/fields.ts'
import { negotiated } from '../../shared/http/selecting.ts'
import { err, ok, type Result } from '../../shared/result.ts'
import { forward } from '../balance/forward.ts'
import { admissionOf } from '../cache/admit.ts'
import type { Answer, Life } from '../life.ts'
import { notIdle } from '../relay.ts'
import { late, orLate } from '../within.ts'

export interface Parts {
  /** JSON text. */
  readonly byId: ReadonlyMap<string, string>
  /** Of each of them, without its length. */
  readonly fields: readonly (readonly [name: string, value: string])[]
  /** Whether what is missing does not exist: the answer has nothing that was not asked for, so it went by the ids. */
  readonly isComplete: boolean
}

/** What all who share a batch have in common. */
export interface Asking {
  readonly fields: Headers
  /** What an origin is asked by. */
  readonly life: () => Promise<Life>
}

/** Several are held at once, and each some times over while it is taken apart. */
const maxBytes = 4 * 1024 * 1024

/**
 * Asks an origin for these ids at once; or says why nobody can be given anything of the answer, which has to be whole
 * after `maxWaitMs`. Never rejects.
 */
export async function askForParts(
  rule: BatchRule,
  ids: readonly string[],
  asking: Asking,
  maxWaitMs: number,
): Promise<Result<Parts, string>> {
  const over = new AbortController()
  try {
    const parts = await orLate(maxWaitMs, exchange(rule, ids, asking, over.signal))
    return parts === late ? err(`it took longer than ${maxWaitMs} ms`) : parts
  } catch (error) {
    return err(String(error))
  } finally {
    over.abort()
  }
}

async function exchange(
  rule: BatchRule,
  ids: readonly string[],
  { fields, life: begin }: Asking,
  over: AbortSignal,
): Promise<Result<Parts, string>> {
  const life = lifeOfBatch(await begin(), batchTarget(rule, ids))
  const got = await forward(life, fields)
  if (got.kind === 'refused') return err(got.problem.reason)
  if (over.aborted) got.abandon()
  over.addEventListener('abort', got.abandon)
  const because = unfit(life, got)
  if (because !== undefined) return err(because)
  const split = splitJson(await textOf(got), rule.by)
  if (!split.ok) return split
  const asked = new Set(ids)
  const isComplete = [...split.value.keys()].every((id) => asked.has(id))
  return ok({ byId: split.value, fields: partFields(got.response.headers), isComplete })
}

/** The query of a batch is the route's own word: all of it goes to the origin, whatever is in the key. */
function lifeOfBatch(life: Life, target: string): Life {
  const { cache } = life.route
  const [path = '', ...query] = target.split('?')
  return {
    ...life,
    target: { ...life.target, path, query: query.length === 0 ? '' : `?${query.join('?')}` },
    route: { ...life.route, cache: { ...cache, key: { ...cache.key, query: 'all', sortQuery: false } } },
  }
}

/** Why an answer cannot be shared in parts, by its head. */
function unfit(life: Life, got: Answer): string | undefined {
  const { status, headers } = got.response
  if (status !== 200) return `its status is ${status}`
  if (!json.test(headers.get('content-type') ?? '')) return 'it does not say that it is JSON in UTF-8'
  if (!/^(?:identity)?$/i.test(headers.get('content-encoding') ?? '')) return 'it is coded'
  if ((contentLength(headers) ?? 0) > maxBytes) return 'it is too long'
  // Its validators are not the parts', which have to be fresh without.
  const ofParts = new Headers(headers)
  ofParts.delete('etag')
  ofParts.delete('last-modified')
  const admission = admissionOf(life, got, status, ofParts, life.ports.now())
  if (admission.kind === 'uncacheable') return `it may not be stored: ${admission.because}`
  const alike: readonly string[] = [...negotiated, ...life.route.cache.key.headers]
  return admission.vary.every((name) => alike.includes(name)) ? undefined : 'it varies by what its askers differ in'
}

const json = /^application\/(?:[\w.-]+\+)?json *(?:; *charset="?utf-8"? *)?$/i

/** Rejects where it is cut, too long or no UTF-8. */
async function textOf({ response, idleMs }: Answer): Promise<string> {
  const reader = (response.body ?? new Blob().stream()).getReader() as ReadableStreamDefaultReader<Uint8Array>
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: false })
  let text = ''
  let length = 0
  for (let next = await notIdle(reader.read(), idleMs); !next.done; next = await notIdle(reader.read(), idleMs)) {
    length += next.value.byteLength
    if (length > maxBytes) throw new Error('it is too long')
    text += decoder.decode(next.value, { stream: true })
  }
  return text + decoder.decode()
}
