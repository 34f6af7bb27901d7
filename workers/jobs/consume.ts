// Consumes the queue of jobs. Each message is acknowledged or retried by itself, so that none harms its neighbours; what
// becomes of its job is decided by the job's book, which knows a message that was sent twice. A message that is no
// envelope goes to the dead letters with its reason.
import { ruleOf } from '../../shared/config/jobs.ts'
import { type Envelope, type Json, parseEnvelope } from '../../shared/jobs/envelope.ts'
import { snapshotOf } from '../configuration.ts'
import type { Finished, QueuePort } from '../ports/job-port.ts'
import { type RunServices, runJob } from './run.ts'

export interface ConsumerServices extends RunServices {
  readonly deadLetters: QueuePort
}

/** What is to become of a message. */
export type Settlement = { readonly kind: 'acknowledge' } | { readonly kind: 'retry'; readonly ms: number }

/** Of a queue; who comes too early waits again. */
const longestDelaySeconds = 43_200

const acknowledge: Settlement = { kind: 'acknowledge' }

/** Where the gateway's own parts do not answer: neither the job's fault nor one of its runs. */
const awayMs = 15_000
/** Of what is no envelope: it is kept as it came if it has at most so many bytes of JSON, or else its beginning. */
const keptWholeBytes = 100_000
const keptOfLonger = 30_000
/** Of what is wrong with it. */
const keptOfErrors = 1000

/** Settles all messages of a batch, each by itself. Does not reject. */
export async function consume(batch: MessageBatch, services: ConsumerServices): Promise<void> {
  await settleEach(batch, (message) => takeMessage(message, services))
}

/** A consumer that throws is given the whole batch again, what was acknowledged too. */
export async function settleEach(
  batch: MessageBatch,
  settlementOf: (message: Message) => Promise<Settlement>,
): Promise<void> {
  const settle = async (message: Message) => {
    const settlement = await settlementOf(message).catch((error): Settlement => {
      console.error(error)
      return { kind: 'retry', ms: awayMs }
    })
    if (settlement.kind === 'acknowledge') message.ack()
    else message.retry({ delaySeconds: Math.min(Math.ceil(settlement.ms / 1000), longestDelaySeconds) })
  }
  await Promise.all(batch.messages.map(settle))
}

async function takeMessage({ id, body }: Message, services: ConsumerServices): Promise<Settlement> {
  const parsed = parseEnvelope(body)
  if (!parsed.ok) {
    const errors = parsed.error.map(({ path, message }) => `${path} ${message}`).join('; ')
    const because = `The message is no envelope: ${errors.slice(0, keptOfErrors)}.`
    const taken = await services.deadLetters.send({ because, message: plain(body), messageId: id })
    return taken ? acknowledge : { kind: 'retry', ms: awayMs }
  }
  return takeJob(parsed.value, services)
}

const encoder = new TextEncoder()

/** Whatever was in the queue, as JSON. */
function plain(body: unknown): Json {
  try {
    const text = JSON.stringify(body) ?? String(body)
    return encoder.encode(text).length <= keptWholeBytes ? JSON.parse(text) : text.slice(0, keptOfLonger)
  } catch {
    return String(body)
  }
}

async function takeJob(envelope: Envelope, services: ConsumerServices): Promise<Settlement> {
  const { ports, journal, background } = services
  const snapshot = await snapshotOf(ports.configuration, ports.now(), background)
  if (snapshot === undefined) return { kind: 'retry', ms: awayMs }
  const grant = await journal.begin(envelope, ruleOf(snapshot.config.jobs, envelope.type))
  if (grant === undefined) return { kind: 'retry', ms: awayMs }
  switch (grant.kind) {
    case 'skip':
      return acknowledge
    case 'wait':
      return { kind: 'retry', ms: grant.ms }
    case 'run':
      return settlementOf(envelope, await runJob(envelope, grant, snapshot, services), services)
    default:
      return grant satisfies never
  }
}

async function settlementOf(
  { id, ...envelope }: Envelope,
  finished: Finished | undefined,
  { deadLetters }: ConsumerServices,
): Promise<Settlement> {
  // Its book finds out that nobody has been heard of the run, and has another one.
  if (finished === undefined || finished.kind === 'over') return acknowledge
  if (finished.kind === 'again') return { kind: 'retry', ms: finished.ms }
  // Its book has it already: should this get lost, nothing is.
  await deadLetters.send({ because: finished.because, message: { id, ...envelope }, messageId: id })
  return acknowledge
}
