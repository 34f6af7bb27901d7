// Tells of an event whoever the configuration names for it: one webhook job for each of them, so that a receiver that is
// away keeps none of the others waiting. Done again it makes no job twice.
import type { PayloadOf } from '../../../shared/jobs/envelope.ts'
import { hearersOf } from '../../../shared/jobs/hearers.ts'
import type { Handler } from '../handler.ts'

export const fanOut: Handler<PayloadOf<'event@1'>> = async (job, { snapshot, ports, background }) => {
  const { event, at, data } = job.payload
  const hearers = hearersOf(snapshot.config.jobs.subscribers, event)
  const posted = await Promise.all(
    hearers.map(async ([name, { url }]) => {
      const draft = { type: 'webhook', payload: { url, event, at, data }, key: `${job.id} ${name}` }
      return { name, ...(await ports.jobs.post({ ...draft, traceparent: job.traceparent }, background)) }
    }),
  )
  const refused = posted.filter(({ kind }) => kind === 'refused')
  if (refused.length > 0) return { kind: 'failed', because: `It is too long for a webhook to ${namesOf(refused)}.` }
  const left = posted.filter(({ kind }) => kind === 'away' || kind === 'unconfigured')
  if (left.length > 0) return { kind: 'again', because: `Nobody has taken the webhook to ${namesOf(left)}.` }
  return { kind: 'done', result: { webhooks: Object.fromEntries(posted.flatMap(idOf)) } }
}

type Named = { readonly name: string; readonly id?: string }

const namesOf = (list: readonly Named[]): string => list.map(({ name }) => name).join(', ')
const idOf = ({ name, id }: Named): [string, string][] => (id === undefined ? [] : [[name, id]])
