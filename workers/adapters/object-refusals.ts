// The object that remembers refused calls. However many there are, an isolate asks it a few times a second at most.
import { boundedRefusal, isOfNobody } from '../../shared/services/refusal.ts'
import type { Named, RefusalsObject } from '../env.ts'
import type { RefusalPort } from '../ports/refusal-port.ts'
import { within } from '../within.ts'

const recordPatienceMs = 500
const listPatienceMs = 5_000
/** Who shows no credential may try as often as he likes: that leaves room for what others are refused. */
const mostInASecond = { nobody: 5, known: 20 }

export function objectRefusals(objects: Named<RefusalsObject>, now: () => number): RefusalPort {
  const object = () => objects.getByName('refusals')
  let second = { begunAt: 0, nobody: 0, known: 0 }
  let unnoted = 0
  return {
    async record(refusal) {
      const at = now()
      if (at - second.begunAt >= 1000) second = { begunAt: at, nobody: 0, known: 0 }
      const who = isOfNobody(refusal) ? 'nobody' : 'known'
      if (++second[who] > mostInASecond[who]) {
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
