// The object of one job that is watched: it asks the job's book once for all who watch, and tells each of them what has
// changed as server-sent events. It remembers nothing; who loses it comes back, and is told how things stand.
//
// Who reads slowly is told the newest alone: what waits for a watcher is one event, however many there are.
import { DurableObject } from 'cloudflare:workers'
import { isOver, type JobState, type JobStatus, mayKnow } from '../../shared/jobs/journal.ts'
import { type ListedJob, statusAlone } from '../../shared/jobs/listing.ts'
import { bookName } from '../../shared/key.ts'
import type { Env } from '../env.ts'
import { noSuchJob } from '../job-problems.ts'
import { problemResponse } from '../problem.ts'
import { late, orLate } from '../within.ts'

/** How it stands with the job, as its watchers are told. */
interface Event {
  /** Counts up with each change. */
  readonly id: number
  readonly state: JobState
  readonly bytes: Uint8Array
}

/** What is known of the job: what it is allowed to whom, and the last event. */
interface Known {
  readonly job: ListedJob
  readonly event: Event
}

const mostWatchers = 10_000
/** The book answers within 25 s, whether anything has changed or not. */
const bookPatienceMs = 40_000
/** After a book that did not answer; doubled each time. */
const pauseMs = 250
const longestPauseMs = 8000
/** A line that says nothing keeps what lies between from closing the connection, and shows who has left. */
const heartbeatMs = 15_000
/** How soon who has lost the stream comes back. */
const returnMs = 2000

const encoder = new TextEncoder()
const heartbeat = encoder.encode(':\n\n')

export class JobWatch extends DurableObject<Env> {
  readonly #watchers = new Set<Watcher>()
  /** The book's last word, while somebody watches. */
  #known: Known | undefined
  /** A question that has no answer yet: who comes meanwhile waits for the same. */
  #asking: Promise<Heard> | undefined

  override async fetch(request: Request): Promise<Response> {
    const { searchParams } = new URL(request.url)
    const [id, caller] = [searchParams.get('id') ?? '', searchParams.get('caller') ?? '']
    const seen = Number(request.headers.get('last-event-id') ?? 0)
    if (this.#watchers.size >= mostWatchers) return problemResponse(tooMany)
    const heard = this.#known ?? (await this.#first(id))
    if (heard === 'away') return problemResponse(bookAway)
    const known = this.#known ?? heard
    if (known === 'absent' || !mayKnow(caller, known.job)) return problemResponse(noSuchJob)
    if (!isOver(known.event)) return new Response(this.#join(id, known, seen), { headers: eventStream })
    // Who comes back although it has been told the end is told to stay away: 204 ends an EventSource.
    const status = seen === known.event.id ? 204 : 200
    return new Response(status === 204 ? null : known.event.bytes, { status, headers: eventStream })
  }

  #first(id: string): Promise<Heard> {
    this.#asking ??= this.#ask(id, 0).finally(() => {
      this.#asking = undefined
    })
    return this.#asking
  }

  #join(id: string, known: Known, seen: number): ReadableStream<Uint8Array> {
    const watcher = new Watcher(seen, () => this.#watchers.delete(watcher))
    this.#watchers.add(watcher)
    watcher.tell(known.event)
    if (this.#known === undefined) this.ctx.waitUntil(this.#follow(id, known))
    return watcher.body
  }

  /** Asks the book as long as anybody watches, or until the job is over. */
  async #follow(id: string, first: Known): Promise<void> {
    let known = first
    this.#known = known
    const beat = setInterval(() => {
      for (const watcher of this.#watchers) watcher.beat()
    }, heartbeatMs)
    for (let pause = pauseMs; this.#watchers.size > 0 && !isOver(known.event); ) {
      const heard = await this.#ask(id, known.event.id)
      if (heard === 'absent') break
      if (heard === 'away') {
        await new Promise((resolve) => setTimeout(resolve, pause))
        pause = Math.min(pause * 2, longestPauseMs)
        continue
      }
      pause = pauseMs
      known = heard
      this.#known = known
      for (const watcher of this.#watchers) watcher.tell(known.event)
    }
    clearInterval(beat)
    this.#known = undefined
    for (const watcher of this.#watchers) watcher.end()
    this.#watchers.clear()
  }

  async #ask(id: string, since: number): Promise<Heard> {
    try {
      const found = await orLate(bookPatienceMs, this.env.JOB_BOOKS.getByName(bookName(id)).watch(id, since))
      if (found === late) return 'away'
      return found.kind === 'absent' ? 'absent' : knownOf(found.job)
    } catch (error) {
      console.warn('The book of a job that is watched does not answer:', error)
      return 'away'
    }
  }
}

type Heard = Known | 'absent' | 'away'

function knownOf(job: ListedJob): Known {
  const { state, changes: id } = job
  return { job, event: { id, state, bytes: encoder.encode(eventText(id, statusAlone(job))) } }
}

const eventStream = { 'content-type': 'text/event-stream', 'cache-control': 'no-store', 'x-accel-buffering': 'no' }

const eventText = (id: number, status: JobStatus): string =>
  `retry: ${returnMs}\nid: ${id}\ndata: ${JSON.stringify(status)}\n\n`

const bookAway = {
  status: 503,
  reason: 'jobs-unavailable',
  detail: 'The book of this job does not answer: come back in a while.',
  headers: { 'retry-after': '5' },
}

const tooMany = {
  status: 503,
  reason: 'too-many-watchers',
  detail: `${mostWatchers} watch this job already: ask for its status from time to time.`,
  headers: { 'retry-after': '10' },
}

/** One who watches. */
class Watcher {
  readonly body: ReadableStream<Uint8Array>
  readonly #leave: () => void
  #controller: ReadableStreamDefaultController<Uint8Array> | undefined
  /** The last event that it was told. */
  #seen: number
  /** What it has not had room for. */
  #waiting: Event | undefined
  #isOver = false

  constructor(seen: number, leave: () => void) {
    this.#seen = seen
    this.#leave = leave
    this.body = new ReadableStream<Uint8Array>({
      start: (controller) => {
        this.#controller = controller
      },
      pull: () => this.#flush(),
      cancel: () => this.#gone(),
    })
  }

  /** The last event is sent before the end. */
  tell(event: Event): void {
    if (event.id === this.#seen) return
    this.#waiting = event
    this.#flush()
  }

  beat(): void {
    if ((this.#controller?.desiredSize ?? 0) > 0) this.#enqueue(heartbeat)
  }

  end(): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#flush()
    if (this.#waiting === undefined) this.#close()
  }

  #flush(): void {
    const event = this.#waiting
    if (event === undefined || (this.#controller?.desiredSize ?? 0) <= 0) return
    this.#waiting = undefined
    this.#seen = event.id
    this.#enqueue(event.bytes)
    if (this.#isOver) this.#close()
  }

  #enqueue(bytes: Uint8Array): void {
    try {
      this.#controller?.enqueue(bytes)
    } catch {
      // It has left while this was on its way.
      this.#gone()
    }
  }

  #close(): void {
    this.#leave()
    try {
      this.#controller?.close()
    } catch {
      // It has left.
    }
  }

  #gone(): void {
    this.#waiting = undefined
    this.#controller = undefined
    this.#leave()
  }
}
