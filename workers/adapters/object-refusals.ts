// The object that remembers refused calls. However many there are, an isolate asks it a few times a second at most.
import { boundedRefusal } from '../../shared/services/refusal.ts'
import type { Named, RefusalsObject } from '../env.ts'
import type { RefusalPort } from '../refusal-port.ts'
import { within } from '../within.ts'

const recordPatienceMs = 500
const listPatienceMs = 5_000
const mostInASecond = 20

export function objectRefusals(objects: Named<RefusalsObject>, now: () => number): RefusalPort {
  const object = () => objects.getByName('refusals')
  let second = { begunAt: 0, count: 0 }
  let unnoted = 0
  return {
    async record(refusal) {
      const at = now()
      if (at - second.begunAt >= 1000) second = { begunAt: at, count: 0 }
      if (++second.count > mostInASecond) {
        unnoted++
        return
      }
      const told = unnoted
      unnoted = 0
      const isNoted = await within(recordPatienceMs, () => object().record(boundedRefusal(refusal), told))
      if (isNoted === undefined) unnoted += told + 1
    },
    list: () => within(listPatienceMs, async () => object().list()),
  }
}
