// What an origin of the demo can answer, before it is sent: the kinds of answers that several routes give.
import { createHash } from 'node:crypto'
import type { ServerResponse } from 'node:http'

/** What a route says; `stream` writes the body itself, after the head. */
export type Answer = {
  status: number
  headers: Record<string, string>
  body: string | Buffer
  stream?: (response: ServerResponse) => void
}

/** When the shop was last changed, for all that it has always sold. */
const changedAt = 'Mon, 05 Oct 2026 08:00:00 GMT'

export const html = 'text/html; charset=utf-8'
export const json = 'application/json'

/** An answer that anyone may keep for `maxAgeSeconds`; its ETag is of the bytes unless the headers bring one. */
export function lasting(
  type: string,
  body: string | Buffer,
  maxAgeSeconds: number,
  headers?: Record<string, string>,
): Answer {
  const common = {
    'Content-Type': type,
    'Cache-Control': `public, max-age=${maxAgeSeconds}`,
    ETag: `"${digest(body)}"`,
    'Last-Modified': changedAt,
  }
  return { status: 200, headers: { ...common, ...headers }, body }
}

/** A page for this visitor alone. */
export function personal(body: string, status = 200): Answer {
  return { status, headers: { 'Content-Type': html, 'Cache-Control': 'private' }, body }
}

/** JSON that nobody may keep. */
export function passing(status: number, value: unknown, headers?: Record<string, string>): Answer {
  const common = { 'Content-Type': json, 'Cache-Control': 'no-store' }
  return { status, headers: { ...common, ...headers }, body: toJson(value) }
}

/** RFC 9110 §15.4.4: the answer to a form, so that reloading the page sends nothing again. */
export function seeOther(location: string, headers?: Record<string, string>): Answer {
  return { status: 303, headers: { Location: location, 'Cache-Control': 'no-store', ...headers }, body: '' }
}

export function refusal(status: number, error: string, headers?: Record<string, string>): Answer {
  return passing(status, { error }, headers)
}

export function plain(body: string): Answer {
  return { status: 200, headers: { 'Content-Type': 'text/plain; charset=utf-8', 'Cache-Control': 'no-store' }, body }
}

/** What a handler throws to end with that answer. */
export class Refused extends Error {
  readonly status: number

  constructor(status: number, because: string) {
    super(because)
    this.status = status
  }
}

export function toJson(value: unknown): string {
  return `${JSON.stringify(value)}\n`
}

export function digest(content: string | Buffer): string {
  return createHash('sha256').update(content).digest('base64url').slice(0, 16)
}
