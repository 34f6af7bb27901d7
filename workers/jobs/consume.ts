// Consumes the queue of jobs. Each message is acknowledged or retried by itself, so that none harms its neighbours; what
// becomes of its job is decided by the job's book, which knows a message that was sent twice. A message that is no
// envelope goes to the dead letters with its reason.
import { ruleOf } from '../../shared/config/jobs.ts'
import {
  type Envelope,
  type Json,
  kindOf,
  parseEnvelope,
  payloadErrors,
  unknownKind,
} from '../../shared/jobs/envelope.ts'
import type { Ended, Progress } from '../../shared/jobs/journal.ts'
import type { Snapshot } from '../../shared/snapshot.ts'
import { snapshotOf } from '../configuration.ts'
import type { Finished, JournalPort, QueuePort, RunGrant } from '../job-port.ts'
import type { Background, Ports } from '../ports.ts'
import type { Handler, Handlers, Job, JobTools, Outcome } from './handler.ts'

export interface ConsumerServices {
  readonly ports: Ports
  readonly journal: JournalPort
  readonly deadLetters: QueuePort
  readonly handlers: Handlers
  readonly background: Background
}

/** What is to become of a message. */
export type Settlement = { readonly kind: 'acknowledge' } | { readonly kind: 'retry'; readonly ms: number }

const acknowledge: Settlement = { kind: 'acknowledge' }

/** Where the gateway's own parts do not answer: neither the job's fault nor one of its runs. */
const awayMs = 15_000
/** How often a run asks whether it is still to go on. */
const heartbeatMs = 5000
/** Between two words of progress. */
const progressMs = 500
/** In milliseconds: a run that is over is told until it was heard. */
const finishPauses = [0, 250, 1000, 4000]
export const maxResultBytes = 65_536

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
    else message.retry({ delaySeconds: Math.ceil(settlement.ms / 1000) })
  }
  await Promise.all(batch.messages.map(settle))
}

async function takeMessage({ id, body }: Message, services: ConsumerServices): Promise<Settlement> {
  const parsed = parseEnvelope(body)
  if (!parsed.ok) {
    const because = `The message is no envelope: ${parsed.error.map(({ path, message }) => `${path} ${message}`).join('; ')}.`
    const taken = await services.deadLetters.send({ because, message: plain(body), messageId: id })
    return taken ? acknowledge : { kind: 'retry', ms: awayMs }
  }
  return runJob(parsed.value, services)
}

/** Whatever was in the queue, as JSON. */
function plain(body: unknown): Json {
  try {
    const text = JSON.stringify(body) ?? String(body)
    return text.length <= maxResultBytes ? JSON.parse(text) : text.slice(0, maxResultBytes)
  } catch {
    return String(body)
  }
}

async function runJob(envelope: Envelope, services: ConsumerServices): Promise<Settlement> {
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
      return settlementOf(
        envelope,
        await tellEnd(envelope, grant, await run(envelope, grant, snapshot, services), services),
        services,
      )
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

async function tellEnd(
  { id }: Envelope,
  { token }: Granted,
  outcome: Outcome,
  { journal }: ConsumerServices,
): Promise<Finished | undefined> {
  const ended = bounded(outcome)
  for (const pause of finishPauses) {
    await new Promise((resolve) => setTimeout(resolve, pause))
    const finished = await journal.finish(id, token, ended)
    if (finished !== undefined) return finished
  }
  return undefined
}

function bounded(outcome: Outcome): Ended {
  if (outcome.kind !== 'done' || outcome.result === undefined) return outcome
  const bytes = new TextEncoder().encode(JSON.stringify(outcome.result)).length
  if (bytes <= maxResultBytes) return outcome
  return { kind: 'done', error: `Its result was not kept: it has ${bytes} bytes, and ${maxResultBytes} are the most.` }
}

// One run ─────────────────────────────────────────────────────────────────────────────────────────────────────────

type Granted = Extract<RunGrant, { kind: 'run' }>

/** Why a run is to stop. */
type Stop = 'too-long' | 'taken-away'

async function run(
  envelope: Envelope,
  granted: Granted,
  snapshot: Snapshot,
  { ports, journal, handlers, background }: ConsumerServices,
): Promise<Outcome> {
  const unknown = unknownKind(envelope, Object.keys(snapshot.config.jobs.types))
  // It may be known to a version of this gateway, or of its configuration, that is on its way.
  if (unknown !== undefined) return { kind: 'again', because: unknown }
  const errors = payloadErrors(envelope)
  if (errors.length > 0) {
    return { kind: 'failed', because: errors.map(({ path, message }) => `${path} ${message}`).join('; ') }
  }
  const handler = handlerOf(envelope, snapshot, handlers)
  if (handler === undefined) return { kind: 'again', because: `Nobody here does jobs of ${kindOf(envelope)}.` }

  const { token, run: count, until } = granted
  const { id, type, version, key, traceparent, payload } = envelope
  const job: Job = { id, type, version, key, traceparent, payload, run: count }
  const stopping = new AbortController()
  const { signal } = stopping
  const stop = (because: Stop) => stopping.abort(because)
  const timer = setTimeout(() => stop('too-long'), Math.max(0, until - ports.now()))
  const advance = async (progress?: Progress) => {
    if ((await journal.advance(id, token, progress)) === false) stop('taken-away')
  }
  const heartbeat = setInterval(() => background(advance()), heartbeatMs)
  const tell = throttled(advance, background)
  const tools: JobTools = { snapshot, ports, background, signal, until, progress: tell.progress }
  try {
    return await Promise.race([handler(job, tools), stopped(signal)])
  } catch (error) {
    console.warn(`A run of the job ${id} threw:`, error)
    return { kind: 'again', because: error instanceof Error ? error.message : String(error) }
  } finally {
    clearTimeout(timer)
    clearInterval(heartbeat)
    tell.end()
    stop('taken-away')
  }
}

function handlerOf(envelope: Envelope, snapshot: Snapshot, handlers: Handlers): Handler | undefined {
  if (Object.hasOwn(snapshot.config.jobs.types, envelope.type)) return handlers.configured
  return new Map(Object.entries(handlers)).get(kindOf(envelope)) as Handler | undefined
}

/** Resolves when a run is to stop, whether its handler heeds it or not. What it says then counts no more. */
function stopped(signal: AbortSignal): Promise<Outcome> {
  return new Promise((resolve) => {
    const because = () => (signal.reason === 'too-long' ? 'It took too long.' : 'It was cancelled.')
    signal.addEventListener('abort', () => resolve({ kind: 'again', because: because() }), { once: true })
  })
}

/** Sends the last word of many, one at a time. */
function throttled(advance: (progress: Progress) => Promise<void>, background: Background) {
  let waiting: Progress | undefined
  let isSending = false
  let isOver = false
  const send = async () => {
    while (waiting !== undefined && !isOver) {
      const progress = waiting
      waiting = undefined
      await advance(progress)
      await new Promise((resolve) => setTimeout(resolve, progressMs))
    }
    isSending = false
  }
  return {
    progress(percent: number, note?: string) {
      waiting = { percent, note }
      if (isSending) return
      isSending = true
      background(send())
    },
    end() {
      isOver = true
    },
  }
}
