// What a flight or a batch says to one of those who have joined it: the answer that it brings, or that there is none.
import { type Frame, frameDecoder, type Notice } from '../../shared/collapse/frames.ts'
import { contentLength, without } from '../../shared/http/fields.ts'
import { sameStrong } from '../../shared/http/preconditions.ts'
import { parseDeadline, requestDeadline } from '../../shared/http/request-deadline.ts'
import { hasNoContent } from '../../shared/http/status.ts'
import { forward } from '../balance/forward.ts'
import { joined } from '../bytes.ts'
import { statedIn } from '../cache/slice-fill.ts'
import { type Answer, type AnsweredBy, type Life, type Refused, refuse } from '../life.ts'
import type { StoredHead } from '../ports.ts'
import type { Problem } from '../problem.ts'
import { notIdle } from '../relay.ts'
import { late, orLate } from '../within.ts'

/** The answer to a request with these fields; undefined where this one is to go on alone, as where there is no body. */
export async function follow(
  life: Life,
  body: ReadableStream<Uint8Array> | undefined,
  fields: Headers,
): Promise<Refused | Answer | undefined> {
  if (body === undefined) return undefined
  const frames = new FrameReader(body)
  const notice = await firstNotice(life, frames)
  switch (notice?.kind) {
    case 'head':
      return answerFrom(life, frames, notice, fields)
    case 'fail':
      frames.cancel()
      if (notice.problem === undefined) return undefined
      return {
        ...refuse(notice.problem as Problem),
        collapsed: notice.collapsed,
        by: notice.by as AnsweredBy | undefined,
      }
    case 'refuse':
      frames.cancel()
      return refuse(refusals[notice.because])
    default:
      frames.cancel()
      return undefined
  }
}

const refusals = {
  crowded: refusal('crowded', 'As many as this route allows are waiting for the same answer'),
  waited: refusal('waited', 'No origin has answered for as long as this route lets anybody wait for the same answer'),
}

function refusal(reason: string, why: string): Problem {
  return { status: 503, reason, detail: `${why}; it may be tried again.`, headers: { 'retry-after': '1' } }
}

/** As long as an origin may take, and a little more for a flight that has lost its way; not beyond the client's deadline. */
async function firstNotice({ pools, fields, ports }: Life, frames: FrameReader): Promise<Notice | undefined> {
  const longest = pools.reduce((sum, { pool }) => sum + 2 * pool.retry.tries * pool.timeouts.headersMs, 1000)
  const deadline = parseDeadline(fields.get(requestDeadline))
  const patience = deadline === undefined ? longest : Math.min(longest, Math.max(0, deadline - ports.now()))
  try {
    const frame = await orLate(patience, frames.next())
    return frame !== late && frame?.kind === 'notice' ? frame.notice : undefined
  } catch {
    return undefined
  }
}

function answerFrom(life: Life, frames: FrameReader, head: Extract<Notice, { kind: 'head' }>, sent: Headers): Answer {
  const headers = new Headers(head.fields as [string, string][])
  const idleMs = Math.max(...life.pools.map(({ pool }) => pool.timeouts.idleMs))
  const body = hasNoContent(head.status)
    ? null
    : (frames.rest() ?? bodyFrom(life, frames, contentLength(headers), sent))
  const response = new Response(body, { status: head.status, headers, encodeBody: 'manual' })
  const kept = head.kept as StoredHead | undefined
  const by = head.by as AnsweredBy | undefined
  return { kind: 'answer', response, abandon: () => frames.cancel(), idleMs, sent, flight: head, kept, by }
}

function bodyFrom(life: Life, frames: FrameReader, length: number | undefined, sent: Headers): ReadableStream {
  const { readable, writable } = length === undefined ? new IdentityTransformStream() : new FixedLengthStream(length)
  const writer = writable.getWriter()
  const pump = async () => {
    try {
      for (let frame = await frames.next(); frame?.kind !== 'end'; frame = await frames.next()) {
        if (frame?.kind === 'bytes') await writer.write(frame.bytes)
        else if (frame?.kind === 'notice' && frame.notice.kind === 'alone')
          return await alone(life, frame.notice, sent, writer)
        else throw new Error('The flight ended before its time.')
      }
      await writer.close()
    } catch (error) {
      frames.cancel()
      await writer.abort(error).catch(() => undefined)
    }
  }
  life.background(pump())
  return readable
}

/** Goes on by itself with what is missing, of the very same representation. */
async function alone(
  life: Life,
  { from, ifRange }: Extract<Notice, { kind: 'alone' }>,
  sent: Headers,
  writer: WritableStreamDefaultWriter<Uint8Array>,
): Promise<void> {
  const fields = new Headers(sent)
  fields.set('range', `bytes=${from}-`)
  fields.set('if-range', ifRange)
  // The client's deadline is for the head, which it has.
  const got = await forward({ ...life, fields: without(life.fields, requestDeadline) }, fields)
  if (got.kind === 'refused') throw new Error(got.problem.detail)
  const { status, headers, body } = got.response
  const stated = status === 206 ? statedIn(headers, from) : undefined
  const isRest = stated?.last === (stated?.size ?? 0) - 1 && sameStrong(headers.get('etag'), ifRange)
  if (stated === undefined || !isRest || body === null) {
    got.abandon()
    throw new Error('The rest cannot be had any more.')
  }
  const reader = body.getReader({ mode: 'byob' })
  for (let next = from; ; ) {
    const { done, value } = await notIdle(reader.read(new Uint8Array(chunkSize)), got.idleMs)
    if (done && next !== stated.size) throw new Error('The rest was cut.')
    if (done) return writer.close()
    next += value.byteLength
    await writer.write(value)
  }
}

/** The most that is read of a flight at once: without a buffer of its own a read gives 4 KiB. */
const chunkSize = 32_768

class FrameReader {
  readonly #reader: ReadableStreamBYOBReader
  readonly #decode = frameDecoder()
  #frames: Frame[] = []

  constructor(body: ReadableStream<Uint8Array>) {
    this.#reader = body.getReader({ mode: 'byob' })
  }

  /** Undefined at the end of the body; an end that was announced has a frame of its own. */
  async next(): Promise<Frame | undefined> {
    for (;;) {
      const frame = this.#frames.shift()
      if (frame !== undefined) return frame
      const { done, value } = await this.#reader.read(new Uint8Array(chunkSize))
      if (done) return undefined
      this.#frames = this.#decode(value)
    }
  }

  /** All the bytes, if all of them have come already. */
  rest(): Uint8Array | undefined {
    if (this.#frames.at(-1)?.kind !== 'end') return undefined
    return joined(this.#frames.flatMap((frame) => (frame.kind === 'bytes' ? [frame.bytes] : [])))
  }

  cancel(): void {
    this.#reader.cancel().catch(() => undefined)
  }
}
