// A queue of Cloudflare Queues.
import type { QueuePort } from '../ports/job-port.ts'
import { within } from '../within.ts'

const patienceMs = 2000

export function queuesQueue(queue: Queue): QueuePort {
  return {
    send: async (message, delayMs = 0) => {
      const taken = await within(patienceMs, async () => {
        await queue.send(message, { contentType: 'json', delaySeconds: Math.ceil(delayMs / 1000) })
        return true
      })
      return taken === true
    },
  }
}
