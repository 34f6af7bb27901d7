// Those who ask for parts of one content at the same time. They wait a moment for each other; then what they want is
// united into runs, each of which is one request to an origin, and a flight of its own. Who comes while a run is under
// way, and wants a part of it, joins it. Versions never mix.
import { encodeFrame } from '../../shared/collapse/frames.ts'
import { covers, gather, sizeOf } from '../../shared/collapse/gather.ts'
import { sameStrong } from '../../shared/http/preconditions.ts'
import type { ByteRange } from '../../shared/http/ranges.ts'
import type { WantedPart } from '../ports.ts'
import { Crew } from './crew.ts'
import type { Passenger } from './passenger.ts'

interface Waiting {
  readonly passenger: Passenger
  readonly part: WantedPart
  readonly body: PromiseWithResolvers<ReadableStream<Uint8Array>>
  hasLeft: boolean
}

interface Run {
  readonly range: ByteRange
  /** By If-Range; null where any version will do. */
  readonly version: string | null
  readonly crew: Crew
}

const versionOf = ({ fields }: Passenger): string | null => fields.get('if-range')

/** An object has six connections that wait for a head. */
const mostUnderWay = 6
/** Of the memory that an object shares with others. */
const mostBytes = 33_554_432

export class Runs {
  #waiting: Waiting[] = []
  #runs: Run[] = []

  /** A body of frames, which begins at once. */
  join(passenger: Passenger, part: WantedPart): ReadableStream<Uint8Array> {
    const wanted = versionOf(passenger)
    for (const { range, version, crew } of this.#runs) {
      // Who has seen a head already knows the version that others get who have asked for any.
      const isIt = version === wanted || sameStrong(wanted, crew.etag)
      const body = isIt && covers(range, part.range) ? crew.join(passenger) : undefined
      if (body !== undefined) return body
    }
    const waiting: Waiting = { passenger, part, body: Promise.withResolvers(), hasLeft: false }
    if (this.#waiting.push(waiting) === 1) setTimeout(() => this.#depart(), part.gatherMs)
    return streamOf(waiting)
  }

  #depart(): void {
    const waiting = this.#waiting.filter(({ hasLeft }) => !hasLeft)
    this.#waiting = []
    for (const [version, group] of Map.groupBy(waiting, ({ passenger }) => versionOf(passenger))) {
      this.#departFor(version, group)
    }
  }

  #departFor(version: string | null, group: readonly Waiting[]): void {
    const [first] = group
    if (first === undefined) return
    const { limits } = first.passenger.boarding
    const asked = group.map(({ part }) => part.range)
    for (const { range, members } of gather(asked, first.part.sliceBytes, limits.windowBytes)) {
      const crew = this.#hasRoomFor(range) ? new Crew(limits, range) : undefined
      if (crew !== undefined) this.#runs.push({ range, version, crew })
      for (const member of members) {
        const { passenger, body } = group[member]!
        body.resolve(crew?.join(passenger) ?? alone())
      }
    }
  }

  #hasRoomFor(range: ByteRange): boolean {
    this.#runs = this.#runs.filter(({ crew }) => !crew.isOver)
    const held = this.#runs.reduce((sum, run) => sum + sizeOf(run.range), 0)
    const underWay = this.#runs.filter(({ crew }) => crew.isUnderWay).length
    return underWay < mostUnderWay && held + sizeOf(range) <= mostBytes
  }
}

/** Tells somebody to ask for itself. */
function alone(): ReadableStream<Uint8Array> {
  return new Blob(encodeFrame({ kind: 'notice', notice: { kind: 'direct' } })).stream()
}

/** The body that is to come, and is left where this one is. */
function streamOf(waiting: Waiting): ReadableStream<Uint8Array> {
  const reader = waiting.body.promise.then((body) => body.getReader())
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const { done, value } = await (await reader).read()
        if (done) controller.close()
        else controller.enqueue(value)
      },
      async cancel(reason) {
        waiting.hasLeft = true
        await (await reader).cancel(reason)
      },
    },
    { highWaterMark: 0 },
  )
}
