// The run of a checkout as a Cloudflare Workflow: one step of it is one move (advance.ts), with pauses when something does
// not answer. It remembers nothing itself: restarted from its first step, or run twice, it goes by the journal.
import { WorkflowEntrypoint, type WorkflowEvent, type WorkflowStep } from 'cloudflare:workers'
import type { CheckoutRun, Env } from '../../env.ts'
import type { WakeCheckout } from '../ports.ts'
import { advance, type CheckoutTools } from './advance.ts'

/** When it has failed so often in a row the run ends; the watch of checkouts begins it again. */
const retries = { limit: 5, delay: '1 second', backoff: 'exponential' } as const

export function checkoutWorkflow(
  toolsOf: (env: Env) => CheckoutTools,
): new (
  context: ExecutionContext,
  env: Env,
) => WorkflowEntrypoint<Env, CheckoutRun> {
  return class Checkout extends WorkflowEntrypoint<Env, CheckoutRun> {
    override async run({ payload: { id } }: Readonly<WorkflowEvent<CheckoutRun>>, step: WorkflowStep): Promise<string> {
      for (let move = 1; ; move++) {
        const end = await step.do(`move ${move}`, { retries, timeout: '30 seconds' }, async () => {
          return (await advance(id, toolsOf(this.env))) ?? 'running'
        })
        if (end !== 'running') return end
      }
    }
  }
}

/** The instance's id is the checkout's: there is one at most. */
export const workflowRuns =
  (workflow: Workflow<CheckoutRun>): WakeCheckout =>
  async (id) => {
    try {
      await workflow.create({ id, params: { id } })
    } catch {
      // It is there already, or else this says what is wrong.
      await (await workflow.get(id)).restart()
    }
  }
