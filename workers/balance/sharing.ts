// Isolates share what they know of a pool through its object: behind a response, every second at most, while there
// are requests for an origin. Where the object is away each goes by what its own requests show.

import type { PoolState } from '../../shared/balance/pool.ts'
import { applyShared, learntBy, type SharedView, shareEveryMs } from '../../shared/balance/shared-view.ts'
import type { Config, Pool } from '../../shared/config/schema.ts'
import type { Life } from '../life.ts'
import type { MonitorPort, Rhythm } from '../ports.ts'

interface Sharing {
  readonly monitors: MonitorPort
  readonly now: () => number
}

/** When this isolate has begun to share last (ms), and what it has heard last. */
interface Shared {
  readonly at: number
  readonly view: SharedView
}

const nothingShared: Shared = { at: 0, view: {} }
const shared = new WeakMap<PoolState, Shared>()

/** What this isolate has heard last of a pool. */
export function viewOf(state: PoolState): SharedView {
  return shared.get(state)?.view ?? nothingShared.view
}

/** Shares the pools that this request may get to and that are due, behind the response. */
export function shareBehind({ course, snapshot, ports, background }: Life): void {
  for (const name of course.pools) {
    const state = snapshot.pools.get(name)
    const due = state && shareDue(name, state, ports)
    if (due !== undefined) background(due)
  }
}

/** Shares those of these pools that are due; resolves when it is known what the others know, after 500 ms at most. */
export async function shareNow(pools: ReadonlyMap<string, PoolState>, sharing: Sharing): Promise<void> {
  await Promise.all([...pools].map(([name, state]) => shareDue(name, state, sharing)))
}

function shareDue(name: string, state: PoolState, sharing: Sharing): Promise<void> | undefined {
  const at = sharing.now()
  const { at: since, view } = shared.get(state) ?? nothingShared
  // Of a lone origin without probes there is nothing to choose by.
  const isLone = state.origins.length === 1 && state.pool.monitor === undefined
  if (isLone || at - since < shareEveryMs) return undefined
  shared.set(state, { at, view })
  // An isolate that was idle may hold words that are too old by now.
  applyShared(state, view, at)
  return share(name, state, at, sharing)
}

async function share(name: string, state: PoolState, at: number, { monitors, now }: Sharing): Promise<void> {
  const view = await monitors.share(name, learntBy(state, viewOf(state), now()), rhythmOf(state.pool))
  if (view === undefined) return
  shared.set(state, { at, view })
  applyShared(state, view, now())
}

/** Wakes the monitors that have lost their alarm. */
export async function armMonitors(config: Config | undefined, monitors: MonitorPort): Promise<void> {
  const armed = Object.entries(config?.pools ?? {}).map(async ([name, pool]) => {
    const rhythm = rhythmOf(pool)
    if (rhythm !== undefined) await monitors.arm(name, rhythm)
  })
  await Promise.all(armed)
}

function rhythmOf({ monitor }: Pool): Rhythm | undefined {
  return monitor && { intervalMs: monitor.intervalSeconds * 1000 }
}
