// The objects of pools, one for each.
import { monitorName } from '../../shared/key.ts'
import type { MonitorObject } from '../env.ts'
import type { MonitorPort } from '../ports.ts'
import { within } from '../within.ts'

const patienceMs = 500

export function objectMonitors(monitors: DurableObjectNamespace<MonitorObject>): MonitorPort {
  const objectOf = (pool: string) => monitors.getByName(monitorName(pool))
  return {
    share: (pool, learnt, rhythm) => within(patienceMs, async () => objectOf(pool).share(pool, learnt, rhythm)),
    arm: (pool, rhythm) => within(patienceMs, async () => objectOf(pool).arm(pool, rhythm)),
  }
}
