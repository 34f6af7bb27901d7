// Takes jobs: makes the envelope, and has it written into its book, which sees to all the rest. Where the book does not
// answer the envelope goes straight to the queue, and the book hears of it when somebody begins it.
import type { ConfigError } from '../../shared/config/errors.ts'
import { type JobsConfig, ruleOf, webhookUrlProblem } from '../../shared/config/jobs.ts'
import {
  type Envelope,
  isTraceparent,
  type Json,
  maxEnvelopeBytes,
  ownEventErrors,
  payloadErrors,
  unknownKind,
} from '../../shared/jobs/envelope.ts'
import type { Posting } from '../../shared/jobs/journal.ts'
import { err, ok, type Result } from '../../shared/result.ts'
import { snapshotOf } from '../configuration.ts'
import type { JobDraft, JobPort, Posted, QueuePort, Written } from '../ports/job-port.ts'
import type { Background, ConfigurationPort } from '../ports.ts'
import { orLate } from '../within.ts'

export interface JobServices {
  readonly configuration: ConfigurationPort
  readonly books: {
    /** At most 500 ms; undefined where the book does not answer. */
    write(posting: Posting): Promise<Written | undefined>
  }
  readonly queue: QueuePort
  readonly now: () => number
}

/** Who wants what nobody else has asked for. */
const gateway = 'gateway'
/** What a request waits for its side effect. */
const enqueuePatienceMs = 500
/** Of a queue. */
const longestQueuedMs = 43_200_000
/** Behind the response, in milliseconds: the platform lets a request go on for 30 s. */
const pauses = [0, 500, 1000, 2000, 4000, 8000]

export function jobPort({ configuration, books, queue, now }: JobServices): JobPort {
  async function make(draft: JobDraft, background: Background): Promise<Result<Posting, Posted>> {
    const at = now()
    const snapshot = await snapshotOf(configuration, at, background)
    if (snapshot === undefined) return err({ kind: 'unconfigured' })
    const made = await postingOf(draft, snapshot.config.jobs, at)
    return made.ok ? made : err({ kind: 'refused', errors: made.error })
  }

  /** Without a book that would wait for longer than a queue can. */
  const alone = async ({ envelope, delayMs }: Posting) =>
    delayMs <= longestQueuedMs && (await queue.send(envelope, delayMs))

  /** By whichever way is open. */
  async function insist(posting: Posting): Promise<void> {
    for (const pause of pauses) {
      await new Promise((resolve) => setTimeout(resolve, pause))
      if (await alone(posting)) return
      if ((await books.write(posting)) !== undefined) return
    }
    console.error('A job is lost: neither its book nor the queue has taken it.', posting.envelope.id)
  }

  return {
    async enqueue(draft, background) {
      let id: string | undefined
      /** What its book has not taken. */
      const hand = async () => {
        const made = await make(draft, background)
        if (!made.ok) {
          console.error(`A job of the type ${draft.type} cannot be done:`, made.error)
          return undefined
        }
        id = made.value.envelope.id
        return (await books.write(made.value)) === undefined ? made.value : undefined
      }
      const handing = hand()
      background(handing.then((left) => left && insist(left)).catch(console.error))
      // Whatever goes wrong is told by the log, behind the response.
      await orLate(enqueuePatienceMs, handing).catch(() => undefined)
      return id === undefined ? undefined : { id }
    },

    async post(draft, background) {
      const made = await make(draft, background)
      if (!made.ok) return made.error
      const { id } = made.value.envelope
      const written = await books.write(made.value)
      if (written !== undefined) return { ...written, id }
      return (await alone(made.value)) ? { kind: 'sent', id } : { kind: 'away' }
    },
  }
}

async function postingOf(draft: JobDraft, jobs: JobsConfig, at: number): Promise<Result<Posting, ConfigError[]>> {
  const { type, version = 1, payload, key, caller = gateway, callback, delaySeconds = 0 } = draft
  const rule = ruleOf(jobs, type)
  const { deadlineSeconds = rule.deadlineMs / 1000 } = draft
  const errors = [
    ...draftErrors({ type, version, payload, callback }, jobs),
    ...(caller === gateway ? [] : ownEventErrors({ type, payload })),
    ...(delaySeconds > 0 && delaySeconds >= deadlineSeconds ? [tooLate(deadlineSeconds)] : []),
  ]
  if (errors.length > 0) return err(errors)
  const id = key === undefined ? newId() : await idOf(`${caller} ${key}`)
  const envelope: Envelope = {
    ...{ type, version, id, key: `${caller} ${key ?? id}` },
    deadline: at + deadlineSeconds * 1000,
    traceparent: isTraceparent(draft.traceparent ?? '') ? draft.traceparent! : newTraceparent(),
    ...{ payload, ...(callback !== undefined && { callback }) },
  }
  const bytes = new TextEncoder().encode(JSON.stringify(envelope)).length
  if (bytes <= maxEnvelopeBytes) return ok({ envelope, rule, delayMs: delaySeconds * 1000 })
  const message = `is too long: the job has ${bytes} bytes, and ${maxEnvelopeBytes} at most can be sent; store the rest elsewhere and name it`
  return err([{ path: 'payload', message }])
}

function tooLate(deadlineSeconds: number): ConfigError {
  const message = `must be less than the ${deadlineSeconds} s after which the job is dropped: give a later "deadlineSeconds"`
  return { path: 'delaySeconds', message }
}

interface Wanted {
  readonly type: string
  readonly version: number
  readonly payload: Json
  readonly callback: string | undefined
}

function draftErrors({ type, version, payload, callback }: Wanted, jobs: JobsConfig): ConfigError[] {
  const unknown = unknownKind({ type, version }, Object.keys(jobs.types))
  const callbackProblem = callback === undefined ? undefined : webhookUrlProblem(callback)
  return [
    ...(unknown === undefined ? payloadErrors({ type, version, payload }) : [{ path: 'type', message: unknown }]),
    ...(callbackProblem === undefined ? [] : [{ path: 'callback', message: callbackProblem }]),
  ]
}

/** Hexadecimal digits that nobody can guess. */
const newId = (): string => hex(crypto.getRandomValues(new Uint8Array(16)))

/** The same for the same key: so a repeat finds the same job, in the same book. */
export async function idOf(key: string): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(key))
  return hex(new Uint8Array(digest, 0, 16))
}

const newTraceparent = (): string => `00-${newId()}-${newId().slice(16)}-01`

const hex = (bytes: Uint8Array): string => Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
