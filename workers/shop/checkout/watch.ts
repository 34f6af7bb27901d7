// Checkouts that stand still: their run was never begun, has died, or has given up. Whoever finds one has it run again.
// What was over long ago is forgotten, and what others keep of it before: where they fail, it is there to be forgotten still.
import { within } from '../../within.ts'
import { mostForgotten } from '../forgetting.ts'
import type { WakeCheckout } from '../ports.ts'
import type { CheckoutJournal } from './journal.ts'

export interface WatchTools {
  readonly journal: CheckoutJournal
  readonly wake: WakeCheckout
  readonly now: () => number
}

const patienceMs = 5_000
/** By one watch; the next comes in a minute. */
const mostAtOnce = 100

/** If it stands still: of many who find it one wakes it. Never rejects: where it fails, the next who looks tries again. */
export async function wakeIfStanding(id: string, { journal, wake, now }: WatchTools): Promise<void> {
  await within(patienceMs, async () => {
    if (!(await journal.claim(id, now()))) return
    await wake(id).catch(async (error) => {
      await journal.fail(id, `Its run could not be begun: ${error}`, now())
      throw error
    })
  })
}

/** What other services keep of these checkouts. Rejects where they have not let go of all of it. */
export type ForgetEffects = (ids: readonly string[]) => Promise<void>

/** Rejects where the journal cannot be read. */
export async function watchCheckouts(tools: WatchTools, forgetEffects: ForgetEffects): Promise<void> {
  const ids = await tools.journal.standing(tools.now(), mostAtOnce)
  await Promise.all(ids.map((id) => wakeIfStanding(id, tools)))
  const old = await tools.journal.longOver(tools.now(), mostForgotten)
  if (old.length === 0) return
  await forgetEffects(old)
  await tools.journal.forget(old)
}
