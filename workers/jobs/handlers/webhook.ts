// Tells one URL of one event, by a webhook that its receiver can verify (Standard Webhooks). A message has the id of its
// job at every attempt.
import { outcomeOfAnswer } from '../../../shared/jobs/answer-outcome.ts'
import type { PayloadOf } from '../../../shared/jobs/envelope.ts'
import type { HookPort } from '../../ports/hook-port.ts'
import type { Handler } from '../handler.ts'

export function webhookHandler(hooks: HookPort): Handler<PayloadOf<'webhook@1'>> {
  return async function sendWebhook({ id, payload }, { ports, signal }) {
    const { url, event, at, data } = payload
    const body = JSON.stringify({ type: event, timestamp: new Date(at).toISOString(), data })
    const answer = await hooks.send({ url, id, body, at: ports.now() }, signal)
    switch (answer.kind) {
      case 'answer':
        return outcomeOfAnswer(answer.status, answer.retryAfterMs)
      case 'none':
        return { kind: 'again', because: answer.because }
      case 'refused':
        return { kind: 'failed', because: answer.because }
      default:
        return answer satisfies never
    }
  }
}
