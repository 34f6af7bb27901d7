// Those who read one flight, each at its own pace: what each is told and sent, in frames. Knows nothing of the origin.
import type { Next } from '../../shared/collapse/flight.ts'
import type { ReaderId } from '../../shared/collapse/flight-events.ts'
import { encodeFrame, type Frame, type Notice } from '../../shared/collapse/frames.ts'
import type { Passenger, Reader } from './passenger.ts'

/** What they read. */
export interface Reading {
  /** How somebody goes on who has come as far as this offset. */
  readonly next: (position: number) => Next
  /** What is held from this offset on, some of it at least. */
  readonly bytesAt: (position: number) => Uint8Array
  /** Somebody has left, for whatever reason. */
  readonly onLeave: (id: ReaderId) => void
}

/** A reader is sent so many bytes at once. */
const mostAtOnce = 262_144

export class Readers {
  readonly #reading: Reading
  readonly #readers = new Map<ReaderId, Reader>()
  #lastId = 0
  /** There may be something to read, or to hear. */
  #changed = Promise.withResolvers<void>()
  /** Somebody has read on, or left. */
  #moved = Promise.withResolvers<void>()

  constructor(reading: Reading) {
    this.#reading = reading
  }

  /** In the order in which they came. */
  get all(): readonly Reader[] {
    return [...this.#readers.values()]
  }

  get isEmpty(): boolean {
    return this.#readers.size === 0
  }

  add(passenger: Passenger): Reader {
    const reader: Reader = {
      ...passenger,
      id: ++this.#lastId,
      told: Promise.withResolvers(),
      position: 0,
      end: Number.POSITIVE_INFINITY,
      hasHead: false,
      isCut: false,
      given: undefined,
    }
    this.#readers.set(reader.id, reader)
    return reader
  }

  /** Forgets one who was not taken on. */
  remove({ id }: Reader): void {
    this.#readers.delete(id)
  }

  /** Those who wait look again. */
  wake(): void {
    this.#changed.resolve()
    this.#changed = Promise.withResolvers()
  }

  /** Each of those who are still there hears how it goes on for it. */
  tell(ids: readonly ReaderId[], noticeFor: (reader: Reader) => Notice): void {
    for (const id of ids) {
      const reader = this.#readers.get(id)
      if (reader !== undefined) reader.told.resolve(noticeFor(reader))
    }
  }

  /** What comes now is for this one alone. */
  cutOthers(id: ReaderId): void {
    for (const reader of this.#readers.values()) reader.isCut ||= reader.id !== id
  }

  /** Resolves as soon as the fastest has read beyond this offset, or nobody is there. */
  async beyond(position: number): Promise<void> {
    while (!this.isEmpty && this.all.every((reader) => reader.position <= position)) {
      this.#moved = Promise.withResolvers()
      await this.#moved.promise
    }
  }

  /** Its frames, which begin at once. */
  streamTo(reader: Reader): ReadableStream<Uint8Array> {
    const leave = () => {
      this.remove(reader)
      this.#moved.resolve()
      reader.given?.cancel().catch(() => undefined)
      this.#reading.onLeave(reader.id)
    }
    return new ReadableStream<Uint8Array>(
      {
        pull: async (controller) => {
          try {
            const frames = await this.#framesFor(reader)
            for (const piece of frames.flatMap(encodeFrame)) controller.enqueue(piece)
            if (!isLast(frames.at(-1))) return
            leave()
            controller.close()
          } catch (error) {
            leave()
            controller.error(error)
          }
        },
        cancel: leave,
      },
      { highWaterMark: 0 },
    )
  }

  /** What there is for a reader; waits where there is nothing. Rejects where it is cut. */
  async #framesFor(reader: Reader): Promise<Frame[]> {
    if (reader.given !== undefined) {
      const { done, value } = await reader.given.read()
      return [done ? { kind: 'end' } : { kind: 'bytes', bytes: value }]
    }
    if (!reader.hasHead) {
      const notice = await reader.told.promise
      reader.hasHead = true
      const head: Frame = { kind: 'notice', notice }
      return notice.kind === 'head' && !reader.given ? [head, ...this.#heldFor(reader)] : [head]
    }
    for (;;) {
      const held = this.#heldFor(reader)
      if (held.length > 0) return held
      await this.#changed.promise
    }
  }

  /** What can be sent at once. */
  #heldFor(reader: Reader): Frame[] {
    const frames: Frame[] = []
    for (let sent = 0; sent < mostAtOnce; ) {
      if (reader.isCut) throw new Error('What comes now is somebody else’s.')
      const move: Next = reader.position < reader.end ? this.#reading.next(reader.position) : { kind: 'end' }
      if (move.kind === 'cut' && frames.length === 0) throw new Error('The flight was lost.')
      if (move.kind === 'wait' || move.kind === 'cut') break
      if (move.kind !== 'bytes') return [...frames, move.kind === 'end' ? move : { kind: 'notice', notice: move }]
      const bytes = this.#reading.bytesAt(reader.position).subarray(0, reader.end - reader.position)
      reader.position += bytes.byteLength
      this.#moved.resolve()
      sent += bytes.byteLength
      frames.push({ kind: 'bytes', bytes })
    }
    return frames
  }
}

/** Whether nothing comes behind it. */
function isLast(frame: Frame | undefined): boolean {
  return frame?.kind === 'end' || (frame?.kind === 'notice' && frame.notice.kind !== 'head')
}
