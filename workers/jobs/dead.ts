// Consumes the dead letters: each is put into the book, with its reason, where an administrator finds it. One that has
// none was moved here by the queue itself, after so many deliveries that nobody could take.
import { jobsSchema, ruleOf } from '../../shared/config/jobs.ts'
import { type Json, parseEnvelope } from '../../shared/jobs/envelope.ts'
import { snapshotOf } from '../configuration.ts'
import type { DeadLetter, JournalPort, Letter } from '../ports/job-port.ts'
import type { Background, Ports } from '../ports.ts'
import { settleEach } from './consume.ts'
import { idOf } from './enqueue.ts'

export interface DeadServices {
  readonly ports: Pick<Ports, 'configuration' | 'now'>
  readonly journal: JournalPort
  readonly background: Background
}

const awayMs = 60_000
const defaults = jobsSchema.parse({})
const givenUp = 'The queue has delivered it again and again, and nobody has taken it.'

/** Settles all messages of a batch, each by itself. Does not reject. */
export async function consumeDead(batch: MessageBatch, services: DeadServices): Promise<void> {
  const { ports, journal, background } = services
  const snapshot = await snapshotOf(ports.configuration, ports.now(), background)
  await settleEach(batch, async ({ id, body }) => {
    const { messageId, ...read } = readLetter(body, id)
    const parsed = parseEnvelope(read.message)
    const rule = ruleOf(snapshot?.config.jobs ?? defaults, parsed.ok ? parsed.value.type : '')
    const letter = { ...read, messageId: parsed.ok ? parsed.value.id : await idOf(messageId), rule }
    return (await journal.bury(letter)) === true ? { kind: 'acknowledge' } : { kind: 'retry', ms: awayMs }
  })
}

/** A letter of our own, or a message that the queue has moved. */
function readLetter(body: unknown, messageId: string): Omit<DeadLetter, 'rule'> {
  const letter = body as Partial<Letter> | null
  if (typeof letter === 'object' && typeof letter?.because === 'string' && typeof letter.messageId === 'string') {
    const { because, message = null, messageId } = letter
    return { because, message, messageId, isTold: true }
  }
  return { because: givenUp, message: body as Json, messageId, isTold: false }
}
