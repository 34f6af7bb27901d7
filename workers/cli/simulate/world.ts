// What the gateway finds around it in a replay: a store of each data centre, origins that answer what the log says, and
// flights, on which those wait who want the same.
import { failureOfStatus } from '../../../shared/balance/attempt.ts'
import { encodeFrame } from '../../../shared/collapse/frames.ts'
import { parseVary } from '../../../shared/http/vary.ts'
import { shortHash } from '../../../shared/key.ts'
import type { Snapshot } from '../../../shared/snapshot.ts'
import { joined } from '../../bytes.ts'
import type { SessionPort } from '../../ports/session-port.ts'
import type { Attempt, OriginPort, Ports, ResponseStore, StoredHead } from '../../ports.ts'
import type { Clock } from './clock.ts'
import type { LoggedRequest } from './log.ts'

export interface OriginName {
  readonly pool: string
  readonly origin: string
}

/** What all requests have in common. */
export interface World {
  readonly clock: Clock
  readonly random: () => number
  readonly snapshot: Snapshot
  /** By the URLs of the simulated origins. */
  readonly named: ReadonlyMap<string, OriginName>
  /** Of a data centre. */
  readonly storeOf: (place: string) => ResponseStore
  readonly flying: Map<string, Flight>
  /** The gateway's cookie of each client. */
  readonly cookies: Map<string, string>
}

/** What has become of a request so far. */
export interface Journey {
  readonly asked: OriginName[]
  by?: OriginName
  stored?: { readonly head: StoredHead; readonly fields: Headers }
  /** The flights that it has begun. */
  readonly leads: Map<string, Flight>
}

/** A log does not say what sessions held. */
const noSessions: SessionPort = {
  read: async () => ({ view: undefined }),
  describe: async () => ({ view: undefined }),
  create: async () => undefined,
  write: async () => undefined,
  regenerate: async () => undefined,
  destroy: async () => undefined,
  acquire: async () => undefined,
  release: async () => undefined,
}

/** For one request. */
export function portsOf(logged: LoggedRequest, journey: Journey, world: World): Ports {
  const { clock, random, snapshot, storeOf } = world
  const store = storeOf(String(logged.cf.colo ?? ''))
  return {
    now: () => clock.now,
    random,
    configuration: { held: () => snapshot, load: async () => snapshot },
    store: {
      ...store,
      begin(key, head, fields, length) {
        journey.stored = { head, fields }
        return store.begin(key, head, fields, length)
      },
    },
    origins: originsOf(logged, journey, world),
    flights: { join: (name, _, fields) => join(name, fields, journey, world) },
    batches: { join: async () => undefined },
    monitors: { share: async () => undefined, arm: async () => undefined },
    jobs: { enqueue: async () => undefined, post: async () => ({ kind: 'away' }) },
    state: { apply: async () => undefined, fill: async () => undefined, report: async () => new Map() },
    decoderFor: () => undefined,
    sessions: noSessions,
    seal: { mac: async (text) => shortHash(text), isMac: async (text, mac) => mac === shortHash(text) },
    gateway: () => new Response(null, { status: 404 }),
    isAdmin: async () => false,
  }
}

// Origins ─────────────────────────────────────────────────────────────────────────────────────────────────────────

function originsOf({ answer }: LoggedRequest, journey: Journey, { clock, named }: World): OriginPort {
  return {
    send({ url, fields, headersMs, leftMs = Number.POSITIVE_INFINITY }) {
      const origin = named.get(new URL(url).origin)!
      journey.asked.push(origin)
      const { promise, resolve } = Promise.withResolvers<Attempt>()
      const patience = Math.min(headersMs, leftMs)
      const abandon = clock.at(clock.now + Math.min(answer.ms, patience), () => {
        if (answer.ms > patience) return resolve({ kind: 'failed', failure: 'timeout' })
        const failure = failureOfStatus(answer.status)
        if (failure !== undefined) return resolve({ kind: 'failed', failure })
        journey.by = origin
        resolve({ kind: 'answer', response: responseTo(fields, answer), abandon: () => undefined })
      })
      return { attempt: promise, abandon }
    },
  }
}

/** What the origin has answered, as it would have answered this gateway, which asks on conditions of its own. */
function responseTo(asked: Headers, { status, headers }: LoggedRequest['answer']): Response {
  const fields = new Headers(headers)
  // A log does not tell how a body was framed; it was whole.
  if (!fields.has('content-length')) fields.set('transfer-encoding', 'chunked')
  return new Response(null, { status: statusFor(asked, status, fields), headers: fields })
}

function statusFor(asked: Headers, status: number, fields: Headers): number {
  const [tag, since] = [asked.get('if-none-match'), asked.get('if-modified-since')]
  const isConditional = tag !== null || since !== null
  if (status === 304 && !isConditional) return 200
  if (status === 206 && !asked.has('range')) return 200
  if (status !== 200 || !isConditional) return status
  return (tag === null ? since === fields.get('last-modified') : tag === fields.get('etag')) ? 304 : 200
}

// Flights ─────────────────────────────────────────────────────────────────────────────────────────────────────────

/** A request that others wait for, since they want the same. */
interface Flight {
  readonly fields: Headers
  readonly landed: PromiseWithResolvers<Journey>
}

/** What a flight brings, as the object of one would tell it; undefined where the request goes on alone. */
async function join(
  name: string,
  fields: Headers,
  journey: Journey,
  { flying }: World,
): Promise<ReadableStream<Uint8Array> | undefined> {
  const flight = flying.get(name)
  if (flight === undefined) {
    const own = { fields, landed: Promise.withResolvers<Journey>() }
    flying.set(name, own)
    journey.leads.set(name, own)
    return undefined
  }
  const { stored, by } = await flight.landed.promise
  if (stored === undefined || by === undefined || differ(flight.fields, fields, stored.fields)) return undefined
  journey.by = by
  const notice = {
    kind: 'head',
    status: stored.head.status,
    fields: [...stored.fields],
    stores: false,
    collapsed: true,
    by,
  } as const
  const bytes = joined([...encodeFrame({ kind: 'notice', notice }), ...encodeFrame({ kind: 'end' })])
  return new ReadableStream({
    type: 'bytes',
    start(controller) {
      controller.enqueue(bytes)
      controller.close()
    },
  })
}

/** Those who wait for this request learn what has become of it. */
export function landAll(journey: Journey, { flying }: World): void {
  for (const [name, flight] of journey.leads) {
    flying.delete(name)
    flight.landed.resolve(journey)
  }
}

/** Whether two requests select different responses. */
function differ(one: Headers, other: Headers, response: Headers): boolean {
  const vary = parseVary(response.get('vary'))
  return vary === '*' || vary.some((name) => one.get(name) !== other.get(name))
}
