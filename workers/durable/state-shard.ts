// A shard of the shared state cache: the keys of the buckets that it holds, and what it has to do with the others. All
// but who waits for whom persists; an eviction costs nothing but time. An answer waits until what it says is durable.
import { DurableObject } from 'cloudflare:workers'
import { shardName, shardOf } from '../../shared/key.ts'
import type { Claim, Heeded, Incoming, Position, Survey } from '../../shared/state/buckets.ts'
import { current, highest } from '../../shared/state/entry.ts'
import type { Filled, Led } from '../../shared/state/fill.ts'
import type { Change, Operation, Put, Read, Refusal, Reply } from '../../shared/state/operation.ts'
import type { StatePage, StateReport } from '../../shared/state/page.ts'
import type { Layout, Place } from '../../shared/state/place.ts'
import type { Env, StateShardObject } from '../env.ts'
import type { Elsewhere, StateDatabase } from '../ports/state-port.ts'
import { late, orLate } from '../within.ts'
import { BucketMoves } from './bucket-moves.ts'
import { Fills } from './fills.ts'
import { StateBuckets } from './state-buckets.ts'
import { StateKeys } from './state-keys.ts'
import { Outbox } from './state-outbox.ts'
import { type RowName, StateRows } from './state-rows.ts'
import { sweep } from './state-sweep.ts'
import { WriteBehind } from './write-behind.ts'

/** What the objects work by. */
export interface StateShardTools {
  readonly database: (env: Env) => StateDatabase
  /** Milliseconds since the epoch. */
  readonly now: () => number
  /** Gives a text that nobody has had before. */
  readonly unique: () => string
  /** A database of this size takes nothing more; absent: what the platform leaves room for. */
  readonly maxBytes?: number
}

/** The platform's own bound is 10 GB, beyond which not even a removal would succeed. */
const maxDatabaseBytes = 9_000_000_000

/** So many rows that have ended are seen to in one turn. */
const endedAtOnce = 500
/** What is due within this time is seen to together. */
const togetherMs = 1_000
/** How long a shard waits for another. */
const shardPatienceMs = 2_000
/** How long it waits for somebody who fills a key. */
const fillPatienceMs = 10_000
/** So long a copy waits for the shard that takes it in, before that is asked why. */
const sweepMs = 5_000

const tooLate: Reply = { kind: 'refused', because: 'moving' }

export function stateShardObject(
  tools: StateShardTools,
): new (
  context: DurableObjectState,
  env: Env,
) => DurableObject<Env> & StateShardObject {
  const { now, unique, maxBytes = maxDatabaseBytes } = tools

  return class StateShard extends DurableObject<Env> implements StateShardObject {
    readonly #me: number
    readonly #rows: StateRows
    readonly #outbox: Outbox
    readonly #buckets: StateBuckets
    readonly #moves: BucketMoves<StatePage>
    readonly #keys: StateKeys
    readonly #behind: WriteBehind
    readonly #fills = new Fills()
    /** When the alarm is to ring; undefined until the storage was asked. */
    #alarmAt: number | undefined

    constructor(context: DurableObjectState, env: Env) {
      super(context, env)
      const { storage } = context
      const database = tools.database(env)
      this.#me = shardOf(context.id.name)
      this.#rows = new StateRows(storage.sql)
      this.#outbox = new Outbox(storage.sql)
      this.#buckets = new StateBuckets(storage, this.#rows, this.#outbox, this.#me)
      this.#moves = new BucketMoves(this.#me, this.#buckets, this.#others(), (work) => context.waitUntil(work))
      const isHeld = (bucket: number) => this.#moves.isHeld(bucket)
      const shared = { storage, rows: this.#rows, outbox: this.#outbox, database, isHeld, maxBytes, now }
      this.#keys = new StateKeys(shared)
      this.#behind = new WriteBehind(this.#keys, shared)
      // The alarm may have been lost before it was set.
      if (this.#behind.nextAt() !== undefined) context.waitUntil(this.#wake())
    }

    async apply(operation: Operation, place: Place, by = Number.POSITIVE_INFINITY): Promise<Reply | Elsewhere> {
      await this.learn(place)
      const name = { bucket: place.bucket, namespace: operation.namespace, key: operation.key }
      return operation.kind === 'read' ? this.#read(operation, name, place) : this.#change(operation, name, place, by)
    }

    async #read(operation: Read, name: RowName, place: Place): Promise<Reply | Elsewhere> {
      const show = (claim: Claim, incoming: Incoming) =>
        this.#ask(incoming.from, (shard) => shard.show(operation, place.bucket, claim, incoming))
      return this.#moves.serve(place, () => this.#keys.read(operation, name), show)
    }

    async #change(operation: Change, name: RowName, place: Place, by: number): Promise<Reply | Elsewhere> {
      // What a route is asked for before or during a change may be older than that.
      const endFill = () => this.#fills.end(fillName(name), undefined)
      const change = () => {
        if (now() >= by) return tooLate
        endFill()
        return this.#keys.change(operation, name)
      }
      for (;;) {
        const reply = await this.#moves.serve<ReturnType<typeof change>>(place, change)
        if (reply === undefined) continue
        endFill()
        await this.#wake()
        return reply
      }
    }

    // Fills ─────────────────────────────────────────────────────────────────────────────────────────────────────────

    async lead({ namespace, key }: Position, place: Place): Promise<Led | Elsewhere> {
      const name = { bucket: place.bucket, namespace, key }
      const read: Read = { kind: 'read', namespace, key }
      for (let turns = 0; turns < 3; turns++) {
        const token = unique()
        const led = await this.#moves.serve(place, () => {
          const reply = this.#keys.read(read, name)
          if (reply.kind !== 'absent') return reply
          return this.#fills.lead(fillName(name), token, now())
        })
        if (typeof led !== 'string') return led
        if (led === 'leads') return { kind: 'lead', token }
        if (led === 'full') return unfilled('too many keys are filled at the same time')
        const reply = await orLate(fillPatienceMs, this.#fills.wait(fillName(name)))
        if (reply === late) break
        if (reply !== undefined) return reply
      }
      return unfilled('it took too long')
    }

    async land({ namespace, key }: Position, token: string, filled: Filled, place: Place): Promise<Reply | Elsewhere> {
      const name = { bucket: place.bucket, namespace, key }
      const text = fillName(name)
      const read: Read = { kind: 'read', namespace, key }
      const landed = await this.#moves.serve(place, (): Reply => {
        if (filled.kind === 'failed') return unfilled(filled.because)
        const { content, ttlSeconds } = filled.kind === 'content' ? filled : {}
        if (content !== undefined && this.#fills.isLed(text, token)) {
          const put: Put = {
            kind: 'put',
            namespace,
            key,
            content,
            ttlSeconds: ttlSeconds!,
            write: 'none',
            ifNoneMatch: 'any',
          }
          this.#keys.change(put, name)
        }
        return this.#keys.read(read, name)
      })
      if (landed.kind === 'moved' || landed.kind === 'busy') return landed
      if (this.#fills.isLed(text, token)) this.#fills.end(text, landed)
      await this.#wake()
      return landed
    }

    // Between shards ────────────────────────────────────────────────────────────────────────────────────────────────

    async heed(bucket: number, claim: Claim, layout: Layout): Promise<Heeded> {
      await this.learn(layout)
      const said = this.#moves.heed(bucket, claim)
      this.#fills.endAll(bucket)
      if (said.kind === 'heeded' && said.copy !== undefined) await this.#sweepBy(now() + sweepMs)
      return said
    }

    async page(bucket: number, claim: Claim, incoming: Incoming): Promise<StatePage | undefined> {
      return this.#moves.page(bucket, claim, incoming)
    }

    async show(operation: Read, bucket: number, claim: Claim, incoming: Incoming): Promise<Reply | undefined> {
      const { namespace, key } = operation
      if (!this.#moves.mayShow(bucket, claim, incoming)) return undefined
      return this.#keys.read(operation, { bucket, namespace, key })
    }

    async release(bucket: number, holder: Claim): Promise<void> {
      this.#moves.release(bucket, holder)
    }

    adopt(place: Place): Promise<Claim | undefined> {
      return this.#moves.adopt(place)
    }

    async learn(layout: Layout): Promise<void> {
      const before = this.#buckets.layout()
      if (!this.#moves.learn(layout) || before === undefined || before.shards === layout.shards) return
      // Those too that nobody asks for anything any more.
      const others = Array.from({ length: before.shards }, (_, shard) => shard)
      const told = others.map((shard) => this.#ask(shard, (other) => other.learn(layout)))
      this.ctx.waitUntil(Promise.allSettled(told))
      await this.#sweepBy(now() + togetherMs)
    }

    async survey(layout: Layout): Promise<Survey> {
      await this.learn(layout)
      return this.#moves.survey(layout)
    }

    async report(layout: Layout): Promise<StateReport> {
      await this.learn(layout)
      return {
        keys: this.#rows.count(),
        bytes: this.ctx.storage.sql.databaseSize,
        buckets: this.#buckets.count(),
        unsaved: this.#outbox.lag(),
      }
    }

    #others() {
      return {
        learn: (shard: number, layout: Layout) => this.#ask(shard, (other) => other.survey(layout)),
        heed: (shard: number, bucket: number, claim: Claim) =>
          this.#ask(shard, (other) => other.heed(bucket, claim, this.#buckets.layout()!)),
        page: (bucket: number, claim: Claim, incoming: Incoming) =>
          this.#ask(incoming.from, (other) => other.page(bucket, claim, incoming)),
        release: (shard: number, bucket: number, holder: Claim) =>
          this.#ask(shard, (other) => other.release(bucket, holder)),
      }
    }

    async #ask<T>(shard: number, question: (other: StateShardObject) => Promise<T>): Promise<T> {
      // What comes over RPC is what was sent; its own types are beyond the compiler where they are unions.
      const other = this.env.STATE.getByName(shardName(shard)) as unknown as StateShardObject
      const answer = await orLate(shardPatienceMs, question(other))
      if (answer === late) throw new Error(`The shard ${shard} does not answer.`)
      return answer
    }

    // By alarm ──────────────────────────────────────────────────────────────────────────────────────────────────────

    override async alarm(): Promise<void> {
      this.#alarmAt = Number.POSITIVE_INFINITY
      this.#tidy(now())
      if ((this.#behind.nextAt() ?? Number.POSITIVE_INFINITY) <= now()) await this.#behind.flush()
      if ((this.#sweepAt ?? Number.POSITIVE_INFINITY) <= now()) await this.#sweep()
      await this.#wake()
    }

    /** Lets go of what has ended: nobody reads it any more, but it lies there. */
    #tidy(at: number): void {
      this.ctx.storage.transactionSync(() => {
        for (const { entry, ...name } of this.#rows.ended(at, endedAtOnce)) {
          const next = current(entry, at)
          if (next === undefined) this.#rows.remove(name, highest(entry))
          else this.#rows.write({ ...name, entry: next })
        }
      })
    }

    async #sweep(): Promise<void> {
      const layout = this.#buckets.layout()
      this.#sweepAt = undefined
      if (layout === undefined) return
      const adopt = (shard: number, place: Place) => this.#ask(shard, (other) => other.adopt(place))
      const { left, failed } = await sweep(this.#me, layout, this.#buckets, this.#moves, adopt)
      if (left > 0) this.#sweepAt = now() + (failed ? sweepMs : 0)
    }

    /** When buckets are to be handed over, in ms. Persists. */
    get #sweepAt(): number | undefined {
      return this.ctx.storage.kv.get('sweep')
    }

    set #sweepAt(at: number | undefined) {
      if (at === undefined) this.ctx.storage.kv.delete('sweep')
      else this.ctx.storage.kv.put('sweep', at)
    }

    async #sweepBy(at: number): Promise<void> {
      if ((this.#sweepAt ?? Number.POSITIVE_INFINITY) > at) this.#sweepAt = at
      await this.#wake()
    }

    /** Sees to it that the alarm rings when the next thing is due, or a little later. */
    async #wake(): Promise<void> {
      const due = [this.#rows.nextEnd(), this.#behind.nextAt(), this.#sweepAt].filter((at) => at !== undefined)
      if (due.length === 0) return
      const rounded = Math.ceil(Math.max(Math.min(...due), now()) / togetherMs) * togetherMs
      this.#alarmAt ??= (await this.ctx.storage.getAlarm()) ?? Number.POSITIVE_INFINITY
      if (this.#alarmAt <= rounded) return
      this.#alarmAt = rounded
      await this.ctx.storage.setAlarm(rounded)
    }
  }
}

const unfilled = (why: string): Refusal => ({ kind: 'refused', because: 'unfilled', why })

const fillName = ({ bucket, namespace, key }: RowName): string => `${bucket}/${namespace}/${key}`
