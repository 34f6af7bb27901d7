import { afterEach, beforeEach, describe, expect, it, test, vi } from 'vitest'
import { originKey } from '../../../shared/balance/monitor.ts'
import { type PoolState, startPool } from '../../../shared/balance/pool.ts'
import { type LearntByOrigin, type SharedView, shareEveryMs } from '../../../shared/balance/shared-view.ts'
import { parseDocument } from '../../../shared/config/parse.ts'
import { objectMonitors } from '../../../workers/adapters/object-monitors.ts'
import { armMonitors, shareNow } from '../../../workers/balance/sharing.ts'
import type { Env } from '../../../workers/env.ts'
import type { MonitorPort, Rhythm } from '../../../workers/ports.ts'
import { type Fault, fail, faults } from '../support/configurations.ts'

afterEach(() => {
  vi.useRealTimers()
  vi.restoreAllMocks()
})

const a = { id: 'a', url: 'http://a.test' }
const b = { id: 'b', url: 'http://b.test' }

function configOf(pool: object) {
  const parsed = parseDocument({
    pools: { web: { origins: [a, b], ...pool } },
    routes: [{ path: '/*', pools: ['web'] }],
  })
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.error))
  return parsed.value.config
}

/** An isolate with one pool, a clock of its own, and an object that answers what it is told to. */
function isolate(pool: object = {}) {
  const calls: { learnt: LearntByOrigin; rhythm: Rhythm | undefined }[] = []
  const state: PoolState = startPool(configOf(pool).pools.web!, () => 0)
  const it = {
    at: 1_000_000,
    calls,
    state,
    view: undefined as SharedView | undefined,
    share: () => shareNow(new Map([['web', state]]), { monitors, now: () => it.at }),
  }
  const monitors: MonitorPort = {
    async share(_, learnt, rhythm) {
      calls.push({ learnt, rhythm })
      return it.view
    },
    arm: async () => undefined,
  }
  return it
}

const down = (until: number): SharedView => ({
  [originKey(a)]: { word: { verdict: 'down', since: 0, because: 'x', until } },
})

describe('how often', () => {
  it('at most every two seconds, by the clock alone', async () => {
    const one = isolate()
    for (let passed = 0; passed < 60_000; passed += 100, one.at += 100) await one.share()
    expect(one.calls).toHaveLength(60_000 / shareEveryMs)
  })

  test.each([
    ['a lone origin without probes: never', { origins: [a] }, 0],
    ['a lone origin that is probed', { origins: [a], monitor: {} }, 1],
    ['two, of which one is off: never', { origins: [a, { ...b, state: 'off' }] }, 0],
    ['two origins without probes', {}, 1],
  ])('%s', async (_, pool, calls) => {
    const one = isolate(pool)
    await one.share()
    expect(one.calls).toHaveLength(calls)
  })
})

it('tells the object how often it is to probe, or that it is not', async () => {
  const [probed, other] = [isolate({ monitor: { intervalSeconds: 7 } }), isolate()]
  await Promise.all([probed.share(), other.share()])
  expect(probed.calls[0]?.rhythm).toEqual({ intervalMs: 7000 })
  expect(other.calls[0]?.rhythm).toBeUndefined()
})

it('goes by what it has heard until that is too old, and the object may be gone meanwhile', async () => {
  const one = isolate()
  const heard = () => one.state.origins[0]!.health.monitor
  one.view = down(one.at + 5000)
  await one.share()
  expect(heard()).toBe('down')
  one.view = undefined
  one.at += 4000
  await one.share()
  expect(heard()).toBe('down')
  one.at += 2000
  // At once, before the object is asked: an isolate that was idle does not send its first request by an old word.
  const asked = one.share()
  expect(heard()).toBeUndefined()
  await asked
})

describe('an object that', () => {
  beforeEach(() => {
    vi.spyOn(console, 'warn').mockReturnValue()
    vi.useFakeTimers()
  })

  const broken = (fault: Fault) => {
    const call = () => fail<never>(fault)
    return objectMonitors({ getByName: () => ({ share: call, arm: call }) } as unknown as Env['MONITORS'])
  }

  test.each<Fault>(faults)('%s costs 500 ms at most, and a view', async (fault) => {
    const shared = broken(fault).share('web', {}, undefined)
    await vi.advanceTimersByTimeAsync(500)
    expect(await shared).toBeUndefined()
  })

  test.each<Fault>(faults)('%s cannot be armed, and does not keep the others from it', async (fault) => {
    const config = configOf({ monitor: {} })
    const armed = armMonitors(config, broken(fault))
    await vi.advanceTimersByTimeAsync(500)
    expect(await armed).toBeUndefined()
  })
})

test('those pools alone are armed that have a monitor, and none without a configuration', async () => {
  const armed: string[] = []
  const monitors: MonitorPort = {
    share: async () => undefined,
    arm: async (pool, { intervalMs }) => void armed.push(`${pool} ${intervalMs}`),
  }
  await armMonitors(undefined, monitors)
  await armMonitors(configOf({}), monitors)
  await armMonitors(configOf({ monitor: {} }), monitors)
  expect(armed).toEqual(['web 10000'])
})
