// A shard of the shared state cache: the keys of the buckets that it holds. Everything persists; an eviction costs
// nothing but time. One operation on a key is one synchronous turn, and its answer waits until it is durable.
import { DurableObject } from 'cloudflare:workers'
import { applied, changesAt, current, type Entry, highest } from '../../shared/state/entry.ts'
import type { Operation, Reply } from '../../shared/state/operation.ts'
import type { Place } from '../../shared/state/place.ts'
import type { Env, StateShardObject } from '../env.ts'
import { type RowName, StateRows } from './state-rows.ts'

/** What the objects work by. */
export interface StateShardTools {
  /** Milliseconds since the epoch. */
  readonly now: () => number
  /** A database of this size takes nothing more; absent: what the platform leaves room for. */
  readonly maxBytes?: number
}

/** The platform's own bound is 10 GB, beyond which not even a removal would succeed. */
const maxDatabaseBytes = 9_000_000_000

/** So many rows that have ended are seen to in one turn. */
const endedAtOnce = 500
/** What ends within this time is seen to together. */
const togetherMs = 1_000

export function stateShardObject(
  tools: StateShardTools,
): new (
  context: DurableObjectState,
  env: Env,
) => DurableObject<Env> & StateShardObject {
  const { now, maxBytes = maxDatabaseBytes } = tools

  return class StateShard extends DurableObject<Env> implements StateShardObject {
    readonly #rows: StateRows
    /** When the alarm is to ring; undefined until the storage was asked. */
    #alarmAt: number | undefined

    constructor(context: DurableObjectState, env: Env) {
      super(context, env)
      this.#rows = new StateRows(context.storage.sql)
    }

    async apply(operation: Operation, { bucket }: Place): Promise<Reply> {
      const { namespace, key } = operation
      const name = { bucket, namespace, key }
      const stored = this.#rows.read(name)
      const { reply, next, floor } = applied(stored, this.#rows.floorOf(bucket), operation, now())
      if (next === stored) return reply
      if (next !== undefined && operation.kind !== 'remove' && this.ctx.storage.sql.databaseSize >= maxBytes)
        return { kind: 'refused', because: 'full' }
      await this.#save(name, next, floor)
      return reply
    }

    override async alarm(): Promise<void> {
      this.#alarmAt = Number.POSITIVE_INFINITY
      this.#tidy(now())
      const next = this.#rows.nextEnd()
      if (next !== undefined) await this.#wakeAt(Math.max(next, now()))
    }

    async #save(name: RowName, next: Entry | undefined, floor = 0): Promise<void> {
      this.ctx.storage.transactionSync(() => this.#replace(name, next, floor))
      const at = next && changesAt(next)
      if (at !== undefined) await this.#wakeAt(at)
    }

    #replace(name: RowName, next: Entry | undefined, floor: number): void {
      if (next === undefined) this.#rows.remove(name, floor)
      else this.#rows.write({ ...name, entry: next })
    }

    /** Lets go of what has ended: nobody reads it any more, but it lies there. */
    #tidy(at: number): void {
      this.ctx.storage.transactionSync(() => {
        for (const { entry, ...name } of this.#rows.ended(at, endedAtOnce))
          this.#replace(name, current(entry, at), highest(entry))
      })
    }

    /** Sees to it that the alarm rings by then, or a little later. */
    async #wakeAt(at: number): Promise<void> {
      const rounded = Math.ceil(at / togetherMs) * togetherMs
      this.#alarmAt ??= (await this.ctx.storage.getAlarm()) ?? Number.POSITIVE_INFINITY
      if (this.#alarmAt <= rounded) return
      this.#alarmAt = rounded
      await this.ctx.storage.setAlarm(rounded)
    }
  }
}
