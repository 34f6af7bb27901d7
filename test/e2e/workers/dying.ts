// Weir in which who runs a checkout for Atlantis stands still for good when the charge is made, and before anything is
// shipped: until its process dies.
import type { WorkflowEvent, WorkflowStep } from 'cloudflare:workers'
import type { CheckoutRun, Env } from '../../../workers/env.ts'
import weir, { Checkout as WeirCheckout } from '../../../workers/index.ts'

export * from '../../../workers/index.ts'

export class Checkout extends WeirCheckout {
  override async run(event: Readonly<WorkflowEvent<CheckoutRun>>, step: WorkflowStep): Promise<unknown> {
    const { SHOP } = this.env as Env
    const sql = 'SELECT purchase FROM checkouts WHERE id = ?'
    const purchase = await SHOP.prepare(sql).bind(event.payload.id).first<string>('purchase')
    if (!purchase?.includes('Atlantis')) return super.run(event, step)
    return super.run(event, until('move 4', step as unknown as Steps))
  }
}

interface Steps {
  do(name: string, ...given: unknown[]): Promise<unknown>
}

function until(last: string, steps: Steps): WorkflowStep {
  const own: Steps = {
    do: (name, ...given) => (name === last ? new Promise<never>(() => undefined) : steps.do(name, ...given)),
  }
  return own as unknown as WorkflowStep
}

export default weir
