// Replays a log through the gateway itself, with a store of heads, origins that answer what the log says, and a clock of
// its own: what each request would have got. The same seed gives the same result. One isolate serves all requests, and a
// store each data centre; ranges are not kept, and there are no batches, no mirrors, no probes and no purges.
import { parseList } from 'structured-headers'
import type { Config } from '../../../shared/config/schema.ts'
import { canonicalTarget } from '../../../shared/http/target.ts'
import { reservedPrefix } from '../../../shared/key.ts'
import { compilePurges } from '../../../shared/purge.ts'
import { makeSnapshot, type Snapshot } from '../../../shared/snapshot.ts'
import type { ResponseStore } from '../../ports.ts'
import { proxy } from '../../proxy.ts'
import { Clock } from './clock.ts'
import type { LoggedRequest } from './log.ts'
import { randomFrom } from './random.ts'
import { headStore } from './store.ts'
import { type Journey, landAll, type OriginName, portsOf, type World } from './world.ts'

/** Who answered: the store, an origin, or with `failed` the gateway itself, since no origin did. */
export type Verdict = 'hit' | 'stale' | 'validated' | 'miss' | 'pass' | 'failed'

/** Why a request gets to no route. */
export type Refusal = 'no route' | 'method not allowed' | 'bad target' | 'the gateway itself'

/** What a request would have got. */
export interface Fate {
  readonly route: string | undefined
  readonly verdict: Verdict | Refusal
  /** Who has answered, where an origin did. */
  readonly by: OriginName | undefined
  /** The origins that were asked for its sake, retries and refreshes included. */
  readonly asked: readonly OriginName[]
}

/** The fates of these requests, in their order. */
export async function replay(config: Config, log: readonly LoggedRequest[], seed: number): Promise<Fate[]> {
  const random = randomFrom(seed)
  const { simulated, named } = simulatedOrigins(config)
  const clock = new Clock(log[0]?.at ?? 0)
  const snapshot = makeSnapshot(1, simulated, compilePurges([], 0, 0), random)
  const stores = new Map<string, ResponseStore>()
  const storeOf = (place: string) => stores.get(place) ?? stores.set(place, headStore()).get(place)!
  const world: World = { clock, random, snapshot, named, storeOf, flying: new Map(), cookies: new Map() }
  const fates: Promise<Fate>[] = []
  const begin = (index: number): void => {
    const logged = log[index]
    if (logged === undefined) return
    clock.at(logged.at, () => {
      fates.push(live(logged, world))
      begin(index + 1)
    })
  }
  const { Request } = globalThis
  globalThis.Request = RequestWithPlace as typeof Request
  try {
    begin(0)
    await clock.run()
    return await Promise.all(fates)
  } finally {
    globalThis.Request = Request
  }
}

/** The platform's requests keep where they come from, also when they are made from each other. */
class RequestWithPlace extends Request {
  readonly cf: unknown

  constructor(input: string | Request, init?: RequestInit & { cf?: unknown }) {
    super(input, init)
    this.cf = init?.cf ?? (input instanceof RequestWithPlace ? input.cf : undefined)
  }
}

/** Each origin gets a URL of its own, by which it is told from all others. */
function simulatedOrigins(config: Config): { simulated: Config; named: ReadonlyMap<string, OriginName> } {
  const named = new Map<string, OriginName>()
  const pools = Object.entries(config.pools).map(([pool, rule]): [string, Config['pools'][string]] => {
    const origins = rule.origins.map((origin) => {
      const url = `http://origin-${named.size}.invalid`
      named.set(url, { pool, origin: origin.id })
      return { ...origin, url }
    })
    return [pool, { ...rule, origins }]
  })
  const routes = config.routes.map(({ batch: _, mirror: __, ...route }) => {
    return { ...route, cache: { ...route.cache, sliceBytes: 0 } }
  })
  return { simulated: { ...config, pools: Object.fromEntries(pools), routes }, named }
}

// A request ───────────────────────────────────────────────────────────────────────────────────────────────────────

async function live(logged: LoggedRequest, world: World): Promise<Fate> {
  const { route, refusal } = routeOf(logged, world.snapshot)
  const journey: Journey = { asked: [], leads: new Map() }
  if (refusal !== undefined) return { route, verdict: refusal, by: undefined, asked: [] }
  const works: Promise<unknown>[] = []
  const request = requestOf(logged, world.cookies)
  const response = await proxy(request, portsOf(logged, journey, world), (work) => void works.push(work))
  const verdict = verdictOf(response)
  const by = verdict === 'hit' || verdict === 'stale' ? undefined : journey.by
  keepCookie(logged, response, world.cookies)
  for (let work = works.shift(); work !== undefined; work = works.shift()) await work
  landAll(journey, world)
  return { route, verdict, by, asked: journey.asked }
}

function routeOf({ method, url }: LoggedRequest, { router }: Snapshot): { route?: string; refusal?: Refusal } {
  const target = canonicalTarget(url)
  if (!target.ok) return { refusal: 'bad target' }
  if (`${target.value.path}/`.startsWith(reservedPrefix)) return { refusal: 'the gateway itself' }
  const routing = router(method, target.value)
  switch (routing.kind) {
    case 'route':
      return { route: routing.route.id }
    case 'no-route':
      return { refusal: 'no route' }
    case 'method':
      return { refusal: 'method not allowed' }
    default:
      return routing satisfies never
  }
}

function verdictOf({ headers }: Response): Verdict {
  const [, told] = parseList(headers.get('cache-status') ?? '').at(-1) ?? []
  const value = (name: string) => told?.get(name)?.toString()
  if (told?.has('hit')) return Number(value('ttl')) < 0 ? 'stale' : 'hit'
  const [because, status, detail] = [value('fwd'), value('fwd-status'), value('detail')]
  if (detail === 'error-grace') return 'stale'
  // It wanted what is stored, and nothing else.
  if (because === undefined) return 'miss'
  if (status === undefined) return 'failed'
  if (because === 'bypass' || because === 'method' || detail === 'hit-for-miss') return 'pass'
  return because === 'stale' && status === '304' ? 'validated' : 'miss'
}

// What a client sends ─────────────────────────────────────────────────────────────────────────────────────────────

/** One that was logged was of another gateway's making. */
const ownCookie = /(?:__Host-)?weir-affinity=[^;]*;?\s*/g

function requestOf(logged: LoggedRequest, cookies: World['cookies']): Request {
  const headers = new Headers(logged.headers)
  const others = headers.get('cookie')?.replace(ownCookie, '').trim() ?? ''
  const field = [others, cookies.get(clientOf(logged)) ?? ''].filter((part) => part !== '').join('; ')
  if (field === '') headers.delete('cookie')
  else headers.set('cookie', field)
  return new RequestWithPlace(logged.url, { method: logged.method, headers, cf: logged.cf })
}

function keepCookie(logged: LoggedRequest, { headers }: Response, cookies: World['cookies']): void {
  const [cookie] = headers.getSetCookie().filter((each) => /^(?:__Host-)?weir-affinity=/.test(each))
  if (cookie !== undefined) cookies.set(clientOf(logged), cookie.split(';', 1)[0]!)
}

/** A browser, as far as a log can tell. */
function clientOf({ url, headers }: LoggedRequest): string {
  const fields = new Headers(headers)
  return JSON.stringify([new URL(url).origin, fields.get('cf-connecting-ip'), fields.get('user-agent')])
}
