// The shared state cache in its objects, one for each shard. A read that an object could not answer, because it was
// moved or restarted, is asked once more; a change is not, since it may have been made.

import { shardName } from '../../shared/key.ts'
import type { Operation, Reply } from '../../shared/state/operation.ts'
import { bucketOf, ownerOf, type Place } from '../../shared/state/place.ts'
import type { StateShardObject } from '../env.ts'
import type { StatePort } from '../state-port.ts'
import { within } from '../within.ts'

const patienceMs = 2_000

export function objectState(objects: DurableObjectNamespace<StateShardObject>): StatePort {
  const ask = (operation: Operation, place: Place): Promise<Reply> =>
    objects.getByName(shardName(ownerOf(place.bucket, place.shards))).apply(operation, place)

  return {
    apply(operation, _, layout) {
      const place = { ...layout, bucket: bucketOf(operation.namespace, operation.key) }
      return within(patienceMs, () =>
        ask(operation, place).catch((error) => {
          if (operation.kind !== 'read' || error.overloaded) throw error
          return ask(operation, place)
        }),
      )
    },
  }
}
