// What follows from an origin's answer: the jobs that the route names. An answer is on its way to the client when they
// are enqueued, and whatever becomes of them, it stays what it is. Where a payload wants something of the body, that is
// overheard as it passes, if it is JSON and short.

import { isExpected } from '../shared/balance/monitor.ts'
import type { OriginEvent } from '../shared/config/origin-events.ts'
import type { Json } from '../shared/jobs/envelope.ts'
import { followUp } from '../shared/jobs/follow-up.ts'
import { fillTemplate, needsResponse, type Sources } from '../shared/jobs/template.ts'
import { joined } from './bytes.ts'
import type { Answer, Life } from './life.ts'
import type { BodySink } from './ports.ts'

/** So much of a body is kept, as it came and decoded. */
const maxBytes = 65_536

/**
 * Enqueues, behind the response, what follows from this answer; what it takes the body for, when that has been seen. A
 * sink for the body where that is so.
 */
export function announce(life: Life, got: Answer): BodySink | undefined {
  const { route, request } = life
  if (route.enqueue.length === 0) return undefined
  const { status, headers } = got.response
  const events = route.enqueue.filter((event) => event.on === request.method && isExpected(status, event.status))
  const [wanting, ready] = divided(events, ({ job }) => needsResponse(job.payload))
  for (const event of ready) enqueue(life, got, event, undefined)
  if (wanting.length === 0) return undefined
  const enqueueAll = (response: Json) => {
    for (const event of wanting) enqueue(life, got, event, response)
  }
  const refuse = () => console.warn(`Route ${route.id}: no JSON of at most ${maxBytes} bytes came, and no job follows.`)
  if (!isJson(headers.get('content-type'))) {
    refuse()
    return undefined
  }
  return overhear(life, headers.get('content-encoding'), enqueueAll, refuse)
}

function enqueue(life: Life, got: Answer, { job }: OriginEvent, response: Json | undefined): void {
  const { ports, background } = life
  const { type, version } = job
  const payload = fillTemplate(job.payload, sourcesOf(life, got, response))
  if (payload === undefined) return
  const traceparent = got.sent.get('traceparent') ?? undefined
  background(
    ports.jobs.enqueue({ type, version, payload: followUp(type, payload, ports.now()), traceparent }, background),
  )
}

function sourcesOf({ request, target }: Life, { response: answer }: Answer, response: Json | undefined): Sources {
  const query = new URLSearchParams(target.query)
  return {
    request: {
      method: request.method,
      host: target.host,
      path: target.path,
      query: (name) => query.get(name),
      header: (name) => request.headers.get(name),
    },
    answer: (name) => answer.headers.get(name),
    response,
  }
}

const isJson = (contentType: string | null): boolean =>
  /^application\/(?:[\w.+-]+\+)?json\s*(?:;|$)/i.test(contentType ?? '')

function divided<T>(list: readonly T[], isFirst: (each: T) => boolean): readonly [T[], T[]] {
  return [list.filter(isFirst), list.filter((each) => !isFirst(each))]
}

// The body ────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Keeps a body that is whole and not too long, and gives it to `onJson` when it has ended; or calls `onNone`. */
function overhear(
  { ports }: Life,
  coding: string | null,
  onJson: (response: Json) => void,
  onNone: () => void,
): BodySink {
  let chunks: Uint8Array[] | undefined = []
  let held = 0
  const forget = () => {
    if (chunks !== undefined) onNone()
    chunks = undefined
  }
  return {
    get wanted() {
      return chunks !== undefined
    },
    write(chunk) {
      held += chunk.byteLength
      if (held > maxBytes) forget()
      else chunks?.push(chunk)
    },
    async end() {
      if (chunks === undefined) return
      const bytes = await decoded(joined(chunks), coding, ports.decoderFor)
      const response = bytes && parsed(bytes)
      if (response === undefined) return forget()
      onJson(response)
    },
    abort: forget,
  }
}

async function decoded(
  bytes: Uint8Array,
  coding: string | null,
  decoderFor: Life['ports']['decoderFor'],
): Promise<Uint8Array | undefined> {
  const applied = coding?.trim().toLowerCase() || 'identity'
  if (applied === 'identity') return bytes
  const pieces: Uint8Array[] = []
  let held = 0
  const decoder = decoderFor(applied, (piece) => {
    held += piece.byteLength
    if (held > maxBytes) decoder?.stop()
    else pieces.push(piece)
  })
  if (decoder === undefined) return undefined
  await decoder.write(bytes)
  await decoder.end()
  return held > maxBytes ? undefined : joined(pieces)
}

function parsed(bytes: Uint8Array): Json | undefined {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: false }).decode(bytes)) as Json
  } catch {
    return undefined
  }
}

/** A body for two. */
export function both(first: BodySink | undefined, second: BodySink | undefined): BodySink | undefined {
  if (first === undefined || second === undefined) return first ?? second
  return {
    get wanted() {
      return first.wanted || second.wanted
    },
    write(chunk) {
      first.write(chunk)
      second.write(chunk)
    },
    end: async () => void (await Promise.all([first.end(), second.end()])),
    abort() {
      first.abort()
      second.abort()
    },
  }
}
