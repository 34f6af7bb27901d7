// The shared state cache in its objects, one for each shard. A key that has moved is followed. A read that an object could
// not answer, because it was restarted, is asked once more; a change is not, since it may have been made.
import { shardName } from '../../shared/key.ts'
import type { Reply } from '../../shared/state/operation.ts'
import type { StateReport } from '../../shared/state/page.ts'
import { bucketOf, type Layout, maxShards, ownerOf, type Place } from '../../shared/state/place.ts'
import type { StateShardObject } from '../env.ts'
import type { Elsewhere, StatePort } from '../ports/state-port.ts'
import { within } from '../within.ts'

/** With a move of the key's bucket on the way. */
const patienceMs = 3_000
/** Room for the answer to come back, so that what was given up is not done after all. */
const returnMs = 250
const reportPatienceMs = 2_000
/** A bucket moves no more often than that while a request follows it. */
const maxHops = 8
/** So often a key is led that somebody has changed while it was filled. */
const maxLeads = 3

const moving = { kind: 'refused', because: 'moving' } as const

/** `now` gives milliseconds. */
export function objectState(objects: DurableObjectNamespace<StateShardObject>, now: () => number): StatePort {
  // What comes over RPC is what was sent; its own types are beyond the compiler where they are unions.
  const objectOf = (shard: number) => objects.getByName(shardName(shard)) as unknown as StateShardObject

  /** Asks the shard that holds the bucket, wherever that is by now. */
  async function follow<T extends { readonly kind: string }>(
    question: (shard: StateShardObject, place: Place) => Promise<T | Elsewhere>,
    place: Place,
    until = Number.POSITIVE_INFINITY,
  ): Promise<Exclude<T, Elsewhere> | typeof moving> {
    let shard = ownerOf(place.bucket, place.shards)
    let asked = place
    for (let hops = 0; hops < maxHops && now() < until; hops++) {
      const answer = await question(objectOf(shard), asked)
      if (isMoved(answer)) {
        shard = answer.to
        asked = { ...asked, version: answer.version }
      } else if (answer.kind !== 'busy') return answer as Exclude<T, Elsewhere>
    }
    return moving
  }

  const placeOf = (namespace: string, key: string, layout: Layout): Place => ({
    shards: layout.shards,
    version: layout.version,
    bucket: bucketOf(namespace, key),
  })

  return {
    apply(operation, _, layout) {
      const place = placeOf(operation.namespace, operation.key, layout)
      const by = now() + patienceMs - returnMs
      const ask = () => follow<Reply | Elsewhere>((shard, at) => shard.apply(operation, at, by), place, by)
      return within(patienceMs, () =>
        ask().catch((error) => {
          if (operation.kind !== 'read' || error.overloaded) throw error
          return ask()
        }),
      )
    },

    async fill({ namespace, key }, _, layout, ask) {
      const place = placeOf(namespace, key, layout)
      const name = { namespace, key }
      for (let leads = 0; leads < maxLeads; leads++) {
        const led = await within(leadPatienceMs, () => follow((shard, at) => shard.lead(name, at), place))
        if (led?.kind !== 'lead') return led
        const filled = await ask()
        const landed = await within(patienceMs, () =>
          follow((shard, at) => shard.land(name, led.token, filled, at), place),
        )
        // Where the key was removed meanwhile, what was asked for before may be old.
        if (landed?.kind !== 'absent' || filled.kind !== 'content') return landed
      }
      return { kind: 'refused', because: 'unfilled', why: 'the key was changed again and again meanwhile' }
    },

    async report(layout) {
      const shards = Array.from({ length: maxShards }, (_, shard) => shard)
      const asked = shards.map(
        async (shard): Promise<[number, StateReport | undefined]> => [
          shard,
          await within(reportPatienceMs, () => objectOf(shard).report(layout)),
        ],
      )
      return new Map(await Promise.all(asked))
    },
  }
}

/** Others fill it, and may take their time. */
const leadPatienceMs = 40_000

const isMoved = (answer: { readonly kind: string }): answer is Extract<Elsewhere, { kind: 'moved' }> =>
  answer.kind === 'moved'
