// The body of an exchange as it comes from the origin. What may say again what only its request has said is looked
// through first (screen.ts), and held back for as long as what comes next decides.
import type { Answer } from '../life.ts'
import { isEventStream } from '../messages.ts'
import { notIdle } from '../relay.ts'
import { late, orLate } from '../within.ts'
import type { Screen } from './screen.ts'

/** The most that is read at once: without a buffer of its own a read gives 4 KiB. */
const chunkSize = 65_536
/** A small body is most often in the packets behind its head. */
const beginningMs = 5
/** More is not held back: then it counts as saying it. */
const maxHeldBytes = 262_144

type Read = Promise<ReadableStreamReadResult<Uint8Array>>

export class Incoming {
  readonly #reader: ReadableStreamBYOBReader
  /** Undefined for streams that may be silent. */
  readonly #idleMs: number | undefined
  readonly #screen: Screen | undefined
  #reading: Read | undefined
  /** What has come, and has not gone on. */
  #held: Uint8Array[] = []
  #heldBytes = 0
  #isOpen = false
  #isOver = false
  #isReflecting = false

  constructor({ response, idleMs }: Answer, screen: Screen | undefined) {
    this.#reader = (response.body ?? new Blob().stream()).getReader({ mode: 'byob' })
    this.#idleMs = isEventStream(response.headers) ? undefined : idleMs
    this.#screen = screen
  }

  /** Whether something has come that is for nobody but the one for whom it was asked. */
  get isReflecting(): boolean {
    return this.#isReflecting
  }

  /** Looks at what is there at once. */
  async begin(): Promise<void> {
    if (this.#screen === undefined) return
    // A read that fails is left for `next` to see.
    const first = await orLate(beginningMs, this.#read()).catch(() => late)
    if (first !== late) await this.#takeIn(first as Awaited<Read>)
  }

  /** The next pieces, one at least; undefined at the end. Rejects where it is cut, or the origin falls silent. */
  async next(): Promise<Uint8Array[] | undefined> {
    for (;;) {
      if (this.#held.length > 0 && (!this.#isOpen || this.#isOver || this.#isReflecting)) {
        const pieces = this.#held
        this.#held = []
        this.#heldBytes = 0
        return pieces
      }
      if (this.#isOver) return undefined
      await this.#takeIn(await notIdle(this.#read(), this.#idleMs))
    }
  }

  /** All of it, for one reader. */
  stream(): ReadableStream<Uint8Array> {
    return new ReadableStream<Uint8Array>(
      {
        pull: async (controller) => {
          const pieces = await this.next()
          if (pieces === undefined) controller.close()
          else for (const piece of pieces) controller.enqueue(piece)
        },
        cancel: (reason) => this.#reader.cancel(reason),
      },
      { highWaterMark: 0 },
    )
  }

  #read(): Read {
    this.#reading ??= this.#reader.read(new Uint8Array(chunkSize))
    return this.#reading
  }

  async #takeIn({ done, value }: Awaited<Read>): Promise<void> {
    this.#reading = undefined
    if (done) {
      this.#isOver = true
      return
    }
    // What is held does not hold the rest of its buffer too.
    const piece = value.byteLength < chunkSize / 2 ? value.slice() : value
    this.#held.push(piece)
    this.#heldBytes += piece.byteLength
    if (this.#screen === undefined || this.#isReflecting) return
    const sight = await this.#screen(piece)
    this.#isOpen = sight === 'open'
    this.#isReflecting = sight === 'found' || this.#heldBytes > maxHeldBytes
  }
}
