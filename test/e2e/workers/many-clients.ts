// Weir beside many clients of its shared state, in one Worker: a request for `/_clients?shards=4,7` has them ask for
// random things of a few keys, all at the same time, and says what contradicts the model. In each round the configuration
// has another number of shards, and half of the clients have not heard of it yet; between rounds all objects are lost.
import { namespaceSchema } from '../../../shared/config/state.ts'
import { shardName } from '../../../shared/key.ts'
import type { Operation } from '../../../shared/state/operation.ts'
import { objectState } from '../../../workers/adapters/object-state.ts'
import type { Env } from '../../../workers/env.ts'
import weir, { StateShard as WeirStateShard } from '../../../workers/index.ts'
import { contradictions, type Event } from './history.ts'

export * from '../../../workers/index.ts'

type Fetch = Parameters<typeof weir.fetch>

export class StateShard extends WeirStateShard {
  async lose(): Promise<void> {
    this.ctx.abort('lost, for a test')
  }
}

const clients = 200
const operationsEach = 4
const keys = 40
const rule = namespaceSchema.parse({})

/** What has become of all operations. */
export interface ClientsReport {
  readonly operations: number
  /** How often each kind of answer came. */
  readonly answers: Readonly<Record<string, number>>
  readonly wrong: readonly string[]
}

async function runClients(env: Env, rounds: readonly number[]): Promise<ClientsReport> {
  const state = objectState(env.STATE, Date.now)
  const events: Event[] = []
  let clock = 1
  const layoutOf = (round: number) => ({ shards: rounds[round]!, version: round + 1 })
  const client = async (seed: number, round: number) => {
    const random = dice(seed)
    const seen = new Map<string, number>()
    for (let step = 0; step < operationsEach; step++) {
      const key = `key ${Math.floor(random() * keys)}`
      const operation = randomOperation(random, key, seen.get(key), String(seed * 1000 + step))
      const layout = layoutOf(random() < 0.5 ? round : Math.max(0, round - 1))
      const began = clock++
      const reply = await state.apply(operation, rule, layout)
      if (reply === undefined) throw new Error('An object did not answer.')
      // Nothing was done, in the time that a busy machine left.
      if (reply.kind === 'refused' && reply.because === 'moving') {
        step--
        continue
      }
      events.push({ operation, reply, began, ended: clock++ })
      if ('version' in reply && reply.version !== undefined) seen.set(key, reply.version)
    }
  }
  for (const round of rounds.keys()) {
    await Promise.all(Array.from({ length: clients }, (_, index) => client(round * clients + index, round)))
    await loseAll(env, Math.max(...rounds))
  }
  const answers: Record<string, number> = {}
  for (const { reply } of events) {
    const answer = reply.kind === 'refused' ? reply.because : reply.kind
    answers[answer] = (answers[answer] ?? 0) + 1
  }
  const histories = Map.groupBy(events, ({ operation }) => operation.key)
  return { operations: events.length, answers, wrong: [...histories.values()].flatMap(contradictions) }
}

async function loseAll(env: Env, count: number): Promise<void> {
  const shards = Array.from({ length: count }, (_, shard) => env.STATE.getByName(shardName(shard)))
  await Promise.allSettled(shards.map((shard) => (shard as unknown as StateShard).lose()))
}

/** `seen` is the version that the client has last seen of the key. */
function randomOperation(random: () => number, key: string, seen: number | undefined, text: string): Operation {
  const kind = Math.floor(random() * 10)
  const named = { namespace: 'model', key, write: 'none' } as const
  const condition = random() < 0.5 && seen !== undefined ? { ifMatch: [seen] } : {}
  const content = { type: 'text/plain', bytes: new TextEncoder().encode(text) }
  if (kind < 3) return { ...named, kind: 'read' }
  if (kind < 5) return { ...named, ...condition, kind: 'put', content }
  if (kind < 6) return { ...named, kind: 'put', content, ifNoneMatch: 'any' }
  if (kind < 7) return { ...named, ...condition, kind: 'remove' }
  return { ...named, ...condition, kind: 'add', by: kind - 8 }
}

/** Numbers in [0, 1) that are the same at every run (mulberry32). */
function dice(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

export default {
  ...weir,
  async fetch(...[request, env, context]: Fetch) {
    const { pathname, searchParams } = new URL(request.url)
    if (pathname !== '/_clients') return weir.fetch(request, env, context)
    const rounds = searchParams.get('shards')?.split(',').map(Number) ?? []
    return Response.json(await runClients(env, rounds))
  },
}
