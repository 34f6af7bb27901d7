// Fetches the original of a picture, in nobody's name: from a pool, as any request to it is balanced, or from an address
// that the configuration lists. Wherever it is sent on to is asked again whether it may be.
import { rankOrigins } from '../../shared/balance/rank.ts'
import { hashKeyOf } from '../../shared/hash-key.ts'
import { forbidsStoring } from '../../shared/image/freshness.ts'
import { pictureTypes } from '../../shared/image/sniff.ts'
import type { Source, Sources } from '../../shared/image/sources.ts'
import type { Snapshot } from '../../shared/snapshot.ts'
import { askPool } from '../balance/attempts.ts'
import { via } from '../messages.ts'
import type { Ports } from '../ports.ts'
import type { Problem } from '../problem.ts'

/** Until the head of an original has come from an address; a pool has its own. */
const headersMs = 10_000
const mostRedirects = 3

export type FetchedSource =
  | {
      readonly kind: 'answer'
      readonly response: Response
      /** Whether a redirect on the way was for this once. */
      readonly isForOnce: boolean
    }
  | { readonly kind: 'failed'; readonly problem: Problem }

export interface Fetching {
  readonly snapshot: Snapshot
  readonly sources: Sources
  /** Of the gateway, as the client has called it: a redirect there means the pool. */
  readonly ownOrigin: string
  readonly fields: Headers
  readonly ports: Ports
  readonly signal: AbortSignal
}

/** Follows at most three redirects. */
export async function fetchSource(first: Source, fetching: Fetching): Promise<FetchedSource> {
  let source = first
  let isForOnce = false
  for (let redirects = 0; ; redirects++) {
    const answered = await askOnce(source, fetching)
    if (answered === undefined) return { kind: 'failed', problem: noAnswer }
    const { response, abandon } = answered
    fetching.signal.addEventListener('abort', abandon)
    const location = isRedirect(response.status) ? response.headers.get('location') : null
    if (location === null) return { kind: 'answer', response, isForOnce }
    abandon()
    if (redirects === mostRedirects) return { kind: 'failed', problem: tooManyRedirects }
    isForOnce ||= forbidsStoring(response.headers)
    const next = fetching.sources.redirected(source, location, ownAddresses(source, fetching))
    if (!next.ok) return { kind: 'failed', problem: redirectedAway }
    source = next.value
  }
}

interface Answered {
  readonly response: Response
  readonly abandon: () => void
}

async function askOnce(source: Source, { snapshot, fields, ports }: Fetching): Promise<Answered | undefined> {
  if (source.kind === 'url') {
    const url = `${source.origin}${source.target}`
    const { attempt } = ports.origins.send({ url, method: 'GET', fields, body: null, headersMs })
    const ended = await attempt
    return ended.kind === 'answer' ? ended : undefined
  }
  const state = snapshot.pools.get(source.pool)
  if (state === undefined) return undefined
  const { policy, hashOn } = state.pool
  const [path = '', query] = source.target.split(/(?=\?)/, 2)
  const target = { scheme: 'http', host: '', hostname: '', path, query: query ?? '' } as const
  const hashKey = policy === 'hash' ? hashKeyOf(hashOn, { target, fields, address: '' }) : undefined
  const ended = await askPool(
    {
      method: 'GET',
      target: source.target,
      fields,
      body: { kind: 'kept', bytes: null },
      mayRepeat: true,
      mayHedge: true,
      begunAt: ports.now(),
      deadline: undefined,
      rank: (pool, at) => ({ kind: 'order', order: rankOrigins(pool, { hashKey }, at, ports.random) }),
      explain: false,
    },
    state,
    ports,
  )
  return ended.kind === 'answer' ? ended : undefined
}

/** What is asked for: the same for everybody, so that the answer is anybody's. */
export function sourceFields(asked: Headers, conditions: readonly (readonly [string, string])[]): Headers {
  const fields = new Headers({
    accept: pictureTypes.join(','),
    'accept-encoding': 'identity',
    via,
    'user-agent': 'weir',
  })
  for (const name of ['x-forwarded-host', 'x-forwarded-proto', 'x-request-id', 'traceparent']) {
    const value = asked.get(name)
    if (value !== null) fields.set(name, value)
  }
  for (const [name, value] of conditions) fields.set(name, value)
  return fields
}

function ownAddresses(source: Source, { snapshot, ownOrigin }: Fetching): string[] {
  if (source.kind === 'url') return []
  const origins = snapshot.pools.get(source.pool)?.pool.origins ?? []
  return [ownOrigin, ...origins.map(({ url }) => url)]
}

const isRedirect = (status: number): boolean =>
  status === 301 || status === 302 || status === 303 || status === 307 || status === 308

const noAnswer: Problem = {
  status: 502,
  reason: 'source-unreachable',
  detail: 'The place that the picture is to come from gave no answer; it may be tried again.',
  headers: { 'retry-after': '5' },
}

const tooManyRedirects: Problem = {
  status: 502,
  reason: 'source-redirects',
  detail: `The picture was moved more than ${mostRedirects} times on: name the place where it is now.`,
}

const redirectedAway: Problem = {
  status: 502,
  reason: 'source-redirects',
  detail: 'The picture was moved to a place that "images.sources" of the configuration does not list.',
}
