// What was in the queue and is no envelope: it is kept as the payload of a job that nobody does, and sent as it came.
import type { Envelope, Json } from './envelope.ts'

const type = 'unreadable'

/** `id`: 32 hexadecimal digits that stand for the message; `deadline` in milliseconds since the epoch. */
export function letterOf(message: Json | Envelope, id: string, deadline: number): Envelope {
  const traceparent = `00-${id}-${id.slice(16)}-00`
  return { type, version: 1, id, key: `gateway ${id}`, deadline, traceparent, payload: message as Json }
}

export const isLetter = (envelope: Envelope): boolean => envelope.type === type

/** What goes to the queue. */
export const messageOf = (envelope: Envelope): Json | Envelope => (isLetter(envelope) ? envelope.payload : envelope)
