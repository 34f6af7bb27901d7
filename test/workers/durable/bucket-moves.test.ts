// The moves of a bucket against a model: shards that crash at any step, messages that are lost or come late and in any
// order, isolates that go by different configurations, and clients that read and count meanwhile.
import fc from 'fast-check'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { type BucketState, type Claim, type Incoming, isEmpty, isHeld } from '../../../shared/state/buckets.ts'
import type { StatePage } from '../../../shared/state/page.ts'
import { type Layout, ownerOf, type Place, possibleOwners } from '../../../shared/state/place.ts'
import { BucketMoves, type BucketRows, type OtherShards, type Page } from '../../../workers/durable/bucket-moves.ts'
import type { StateBuckets } from '../../../workers/durable/state-buckets.ts'
import { type Adopt, sweep } from '../../../workers/durable/state-sweep.ts'

type Counters = readonly (readonly [key: string, count: number])[]

interface CounterPage extends Page {
  readonly counters: Counters
}

const bucket = 1234
const keys = ['a', 'b', 'c', 'd', 'e']
const keysAPage = 2
const steps = 1500
/** Numbers of shards, by each of which another one owns the bucket. */
const counts = possibleOwners(bucket).map((shard) => shard + 1)

/** What persists of a shard. */
class Disk implements BucketRows<CounterPage> {
  state: BucketState | undefined
  counters = new Map<string, number>()

  known: Layout | undefined

  layout(): Layout | undefined {
    return this.known
  }

  learn(layout: Layout): void {
    this.known = layout
  }

  seen(): number[] {
    return this.state === undefined ? [] : [bucket]
  }

  read(): BucketState | undefined {
    return this.state
  }

  save(_: number, state: BucketState): void {
    this.state = state
    if (isEmpty(state)) this.counters.clear()
  }

  pageOf(_: number, after: { readonly key: string } | undefined): CounterPage {
    const sorted = [...this.counters].sort().filter(([key]) => after === undefined || key > after.key)
    const counters = sorted.slice(0, keysAPage)
    if (sorted.length === counters.length) return { counters }
    return { counters, after: { namespace: '', key: counters.at(-1)![0] } }
  }

  keep(_: number, { counters }: CounterPage, state: BucketState): void {
    for (const [key, count] of counters) this.counters.set(key, count)
    this.state = state
  }
}

/** Random numbers from a seed (mulberry32). */
function randomFrom(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

interface Done {
  readonly kind: 'counted' | 'read'
  readonly key: string
  readonly value: number
  readonly began: number
  readonly ended: number
}

/** Shards, what is on its way between them, and a clock that counts steps. */
class World {
  readonly disks = new Map<number, Disk>()
  readonly #running = new Map<number, BucketMoves<CounterPage>>()
  #onTheWay: (() => void)[] = []
  /** What comes long after what was sent later. */
  #late: (() => void)[] = []
  readonly random: () => number
  /** Of what is sent, so much is lost: the question or the answer. */
  lossRate = 0
  step = 0
  /** How often a key was counted, acknowledged or not. */
  readonly counted = new Map<string, number>()
  readonly done: Done[] = []

  constructor(seed: number) {
    this.random = randomFrom(seed)
  }

  pick<T>(list: readonly T[]): T {
    return list[Math.floor(this.random() * list.length)]!
  }

  diskOf(shard: number): Disk {
    const disk = this.disks.get(shard) ?? new Disk()
    this.disks.set(shard, disk)
    return disk
  }

  runningOf(shard: number): BucketMoves<CounterPage> {
    const running = this.#running.get(shard) ?? this.#start(shard)
    this.#running.set(shard, running)
    return running
  }

  #start(shard: number): BucketMoves<CounterPage> {
    const disk = this.diskOf(shard)
    const isUp = () => this.#running.get(shard) === moves
    // What is dead writes nothing any more.
    const rows: BucketRows<CounterPage> = {
      layout: () => disk.layout(),
      learn: (layout) => isUp() && disk.learn(layout),
      seen: () => disk.seen(),
      read: () => disk.read(),
      save: (...given) => isUp() && disk.save(...given),
      pageOf: (...given) => disk.pageOf(...given),
      keep: (...given) => isUp() && disk.keep(...given),
    }
    const others: OtherShards<CounterPage> = {
      learn: (to, layout) => this.call(() => this.runningOf(to).survey(layout), isUp),
      heed: (to, of, claim) => this.call(() => this.runningOf(to).heed(of, claim), isUp),
      page: (of, claim, incoming) => this.call(() => this.runningOf(incoming.from).page(of, claim, incoming), isUp),
      release: (to, of, holder) => this.call(() => this.runningOf(to).release(of, holder), isUp),
    }
    const moves: BucketMoves<CounterPage> = new BucketMoves(shard, rows, others, () => undefined)
    return moves
  }

  crash(shard: number): void {
    this.#running.delete(shard)
  }

  /** What it gives, once the question and the answer have come; a caller that is not up any more hears nothing. */
  call<T>(answer: () => T | Promise<T>, isUp = () => true): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>()
    const lost = () => this.random() < this.lossRate
    const send = (deliver: () => void) => {
      const way = this.random() < 0.1 ? this.#late : this.#onTheWay
      way.push(() => (lost() ? reject(new Error('lost')) : deliver()))
    }
    send(() => {
      const back = (settle: () => void) => send(() => isUp() && settle())
      const failed = (error: unknown) => back(() => reject(error))
      try {
        Promise.resolve(answer()).then((value) => back(() => resolve(value)), failed)
      } catch (error) {
        failed(error)
      }
    })
    return promise
  }

  /** Lets one of the messages come. */
  async deliver(): Promise<boolean> {
    this.step++
    const way = this.#onTheWay.length === 0 || this.random() < 0.02 ? this.#late : this.#onTheWay
    const [message] = way.splice(Math.floor(this.random() * way.length), 1)
    message?.()
    for (let turn = 0; turn < 40; turn++) await undefined
    this.check()
    return this.#onTheWay.length + this.#late.length > 0
  }

  check(): void {
    const holders = [...this.disks].filter(([shard, { state }]) => isHeld(state, shard))
    expect(holders.length).toBeLessThanOrEqual(1)
  }

  /** A client that goes by this layout. */
  async ask(kind: Done['kind'], key: string, layout: { version: number; shards: number }): Promise<void> {
    const began = this.step
    let shard = ownerOf(bucket, layout.shards)
    let place: Place = { bucket, ...layout }
    for (let hops = 0; hops < 6; hops++) {
      const answer = await this.call(() => this.#serve(shard, kind, key, place))
      if (answer.kind === 'done') {
        this.done.push({ kind, key, value: answer.value, began, ended: this.step })
        return
      }
      if (answer.kind === 'moved') {
        shard = answer.to
        place = { ...place, version: answer.version }
      }
    }
    throw new Error('not to be had')
  }

  #serve(shard: number, kind: Done['kind'], key: string, place: Place) {
    const moves = this.runningOf(shard)
    const { counters } = this.diskOf(shard)
    const isUp = () => this.#running.get(shard) === moves
    if (kind === 'counted') {
      return moves.serve(place, () => {
        if (!isUp()) throw new Error('crashed')
        const value = (counters.get(key) ?? 0) + 1
        counters.set(key, value)
        this.counted.set(key, (this.counted.get(key) ?? 0) + 1)
        return { kind: 'done' as const, value }
      })
    }
    const read = (from: number) => ({ kind: 'done' as const, value: this.diskOf(from).counters.get(key) ?? 0 })
    const show = (claim: Claim, incoming: Incoming) =>
      this.call(() => {
        const may = this.runningOf(incoming.from).mayShow(bucket, claim, incoming)
        return may ? read(incoming.from) : undefined
      }, isUp)
    return moves.serve(place, () => read(shard), show)
  }
}

/** What is wrong with what clients were told: nobody is told less than was told before it asked. */
function stale(done: readonly Done[]): string[] {
  return done.flatMap((later) =>
    done
      .filter(({ key, ended }) => key === later.key && ended < later.began)
      .filter(({ value }) => (later.kind === 'counted' ? later.value <= value : later.value < value))
      .map((earlier) => `${JSON.stringify(later)} after ${JSON.stringify(earlier)}`),
  )
}

beforeEach(() => {
  vi.spyOn(console, 'warn').mockReturnValue()
  // What has to come comes; how long the machine takes for it is not the model's.
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
})

afterEach(() => {
  vi.useRealTimers()
  vi.restoreAllMocks()
})

async function play(seed: number, { lossRate, crashRate }: { lossRate: number; crashRate: number }): Promise<World> {
  const world = new World(seed)
  const few = counts.slice(0, 2 + Math.floor(world.random() * 3))
  // Where there are many, claims overlap.
  const length = 2 + Math.floor(world.random() * (world.random() < 0.5 ? 40 : 400))
  const layouts = Array.from({ length }, (_, index) => ({ version: index + 1, shards: world.pick(few) }))
  const askRate = 0.05 + 0.3 * world.random()
  // Whoever hears nothing knows nothing.
  const failed = () => undefined
  world.lossRate = lossRate
  for (let step = 0; step < steps; step++) {
    // Newer ones come to be known, older ones are still gone by.
    const known = layouts.slice(0, 1 + Math.floor((step / steps) * layouts.length))
    if (world.random() < askRate) {
      const kind = world.random() < 0.6 ? 'counted' : 'read'
      world.ask(kind, world.pick(keys), world.pick(known.slice(-6))).catch(failed)
    }
    if (world.random() < crashRate) world.crash(world.pick([...world.disks.keys(), 0]))
    await world.deliver()
  }
  world.lossRate = 0
  while (await world.deliver());
  const newest = layouts.at(-1)!
  // Whatever is gone by finds the way, and finds everything.
  for (const layout of [newest, ...layouts.slice(0, 3), ...layouts.slice(-3)]) {
    for (const key of keys) {
      const last = world.ask('read', key, layout)
      last.catch(() => undefined)
      while (await world.deliver());
      await last
      expect(world.done.at(-1)!.value).toBe(world.counted.get(key) ?? 0)
    }
  }
  const held = world.disks.get(ownerOf(bucket, newest.shards))!
  expect(isHeld(held.state, ownerOf(bucket, newest.shards))).toBe(true)
  expect(stale(world.done)).toEqual([])
  const acknowledged = world.done.filter(({ kind }) => kind === 'counted').map(({ key, value }) => `${key} ${value}`)
  expect(new Set(acknowledged).size).toBe(acknowledged.length)
  return world
}

it.each([
  ['nothing fails', { lossRate: 0, crashRate: 0 }],
  ['messages are lost', { lossRate: 0.1, crashRate: 0 }],
  ['shards crash', { lossRate: 0, crashRate: 0.1 }],
  ['all of it', { lossRate: 0.05, crashRate: 0.05 }],
])(
  'one shard holds a bucket, and nothing counted is lost or read late, when %s',
  async (_, rates) => {
    let told = 0
    const property = fc.asyncProperty(fc.integer(), async (seed) => {
      told += (await play(seed, rates)).done.length
    })
    await fc.assert(property, { numRuns: 40 })
    // The model did something.
    expect(told).toBeGreaterThan(40 * 20)
  },
  20_000,
)

it.each([
  ['nobody answers', () => Promise.reject(new Error('away'))],
  ['nobody holds it yet', async () => undefined],
])('a bucket that is to be handed over stays where %s', async (_, adopt) => {
  const claim = { version: 1, shard: 0 }
  const layout = { shards: 64, version: 2 }
  const leaving = Array.from({ length: 64 }, (_, each) => each).filter((each) => ownerOf(each, layout.shards) !== 0)
  const all = () => leaving.map((each) => ({ bucket: each, state: { claim, copy: claim } }))
  const released: number[] = []
  const moves = { release: (each: number) => released.push(each) }
  const swept = (by: Adopt) => sweep(0, layout, { all } as StateBuckets, moves as unknown as BucketMoves<StatePage>, by)
  expect(await swept(adopt)).toEqual({ left: leaving.length, failed: true })
  expect(released).toEqual([])
  expect(await swept(async (shard) => ({ version: 2, shard }))).toMatchObject({ left: 0 })
  expect(released.toSorted((left, right) => left - right)).toEqual(leaving)
})
