// One run of a job: its handler, with a clock, and heard of by the job's book until the end.
import { type Envelope, kindOf, payloadErrors, unknownKind } from '../../shared/jobs/envelope.ts'
import type { Ended, Progress } from '../../shared/jobs/journal.ts'
import type { Snapshot } from '../../shared/snapshot.ts'
import type { Finished, JournalPort, RunGrant } from '../ports/job-port.ts'
import type { Background, Ports } from '../ports.ts'
import { type Handler, type Handlers, type Job, maxResultBytes, type Outcome } from './handler.ts'

export interface RunServices {
  readonly ports: Ports
  readonly journal: JournalPort
  readonly handlers: Handlers
  readonly background: Background
}

type Granted = Extract<RunGrant, { kind: 'run' }>

/** How often a run is heard of while it may be silent. */
const beatsInLease = 4
/** Between two words of progress. */
const progressMs = 500
/** In milliseconds: how a run has ended is told until it was heard. */
const finishPauses = [0, 250, 1000, 4000]

/** What its book makes of the run; undefined where that does not answer. Does not reject. */
export async function runJob(
  envelope: Envelope,
  granted: Granted,
  snapshot: Snapshot,
  services: RunServices,
): Promise<Finished | undefined> {
  const { id } = envelope
  const { token, until, leaseMs } = granted
  const { ports, journal, background } = services
  const stopping = new AbortController()
  const advance = async (progress?: Progress) => {
    if ((await journal.advance(id, token, progress)) === false) stopping.abort('It was taken away.')
  }
  const clock = setTimeout(() => stopping.abort('It took too long.'), Math.max(0, until - ports.now()))
  const heartbeat = setInterval(() => background(advance()), leaseMs / beatsInLease)
  const told = throttled(advance, background)
  try {
    const progress = (percent: number, note?: string) => told.tell({ percent, note })
    const tools = { snapshot, ports, background, signal: stopping.signal, until, progress }
    const handler = handlerOf(envelope, snapshot, services.handlers)
    const outcome = typeof handler === 'function' ? await attempt(handler, jobOf(envelope, granted), tools) : handler
    told.end()
    return await tellEnd(id, token, bounded(outcome), journal)
  } finally {
    clearTimeout(clock)
    clearInterval(heartbeat)
  }
}

function jobOf({ id, type, version, key, traceparent, payload }: Envelope, { run, token }: Granted): Job {
  return { id, type, version, key, traceparent, payload, run, token }
}

/** Who does it, or what becomes of it because nobody does. */
function handlerOf(envelope: Envelope, { config }: Snapshot, handlers: Handlers): Handler | Outcome {
  const types = Object.keys(config.jobs.types)
  const unknown = unknownKind(envelope, types)
  // It may be known to a version of this gateway, or of its configuration, that is on its way.
  if (unknown !== undefined) return { kind: 'again', because: unknown }
  const errors = payloadErrors(envelope)
  if (errors.length > 0) {
    return { kind: 'failed', because: errors.map(({ path, message }) => `${path} ${message}`).join('; ') }
  }
  if (types.includes(envelope.type)) return handlers.configured
  const handler = new Map(Object.entries(handlers)).get(kindOf(envelope)) as Handler | undefined
  return handler ?? { kind: 'again', because: `Nobody here does jobs of ${kindOf(envelope)}.` }
}

/** Ends when the signal says so, whether the handler heeds it or not: what that says then counts no more. */
async function attempt(handler: Handler, job: Job, tools: Parameters<Handler>[1]): Promise<Outcome> {
  const stopped = new Promise<Outcome>((resolve) => {
    const { signal } = tools
    signal.addEventListener('abort', () => resolve({ kind: 'again', because: String(signal.reason) }), { once: true })
  })
  try {
    return await Promise.race([handler(job, tools), stopped])
  } catch (error) {
    console.warn(`A run of the job ${job.id} threw:`, error)
    return { kind: 'again', because: error instanceof Error ? error.message : String(error) }
  }
}

async function tellEnd(id: string, token: number, ended: Ended, journal: JournalPort): Promise<Finished | undefined> {
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
    tell(progress: Progress) {
      waiting = progress
      if (isSending || isOver) return
      isSending = true
      background(send())
    },
    end() {
      isOver = true
    },
  }
}
