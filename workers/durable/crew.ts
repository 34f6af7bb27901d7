// One flight as it happens: the state machine of shared/collapse hears here what its readers and its exchange do, and its
// commands are carried out, in order.
import { expiresAt, type Flight, next, startFlight, step } from '../../shared/collapse/flight.ts'
import type { FlightCommand, FlightEvent, FlightLimits, ReaderId } from '../../shared/collapse/flight-events.ts'
import type { ByteRange } from '../../shared/http/ranges.ts'
import { Exchange } from './exchange.ts'
import { HeldBytes } from './held-bytes.ts'
import type { Passenger, Reader } from './passenger.ts'
import { Readers } from './readers.ts'

export class Crew {
  readonly #limits: FlightLimits
  /** What is asked for, where it is not the whole. */
  readonly #part: ByteRange | undefined
  #flight: Flight = startFlight
  readonly #readers = new Readers({
    next: (position) => next(this.#flight, position),
    bytesAt: (position) => this.#held.at(position),
    onLeave: (id) => this.#leave(id),
  })
  #exchange: Exchange | undefined
  readonly #held = new HeldBytes()
  /** That of the event which is under way. */
  #chunk: Uint8Array | undefined
  #timer: ReturnType<typeof setTimeout> | undefined
  /** When the timer rings (ms): it is set anew only where that changes, not for each who joins. */
  #ringsAt: number | undefined
  #isOver = false

  constructor(limits: FlightLimits, part?: ByteRange) {
    this.#limits = limits
    this.#part = part
  }

  /** Whether nobody joins any more. */
  get isOver(): boolean {
    return this.#isOver
  }

  /** Whether there is an exchange with an origin. */
  get isUnderWay(): boolean {
    return this.#flight.phase === 'asking' || this.#flight.phase === 'flying'
  }

  /** The entity tag of the part that comes; null as long as none is known. */
  get etag(): string | null {
    return this.#exchange?.etag ?? null
  }

  /** A body of frames, which begins at once; undefined where this flight is over, and another one is to begin. */
  join(passenger: Passenger): ReadableStream<Uint8Array> | undefined {
    if (this.#isOver || !this.#willDo(passenger)) return undefined
    const reader = this.#readers.add(passenger)
    this.#exchange ??= new Exchange(reader, this.#part)
    this.#send({ kind: 'join', reader: reader.id, at: Date.now() })
    if (!this.#isOver) return this.#readers.streamTo(reader)
    this.#readers.remove(reader)
    return undefined
  }

  #willDo(passenger: Passenger): boolean {
    return this.#exchange?.willDo(passenger, this.#flight.phase) ?? true
  }

  #leave(id: ReaderId): void {
    if (this.#isOver) this.#letGo()
    this.#send({ kind: 'leave', reader: id })
  }

  /** Nobody joins any more, and when nobody reads any more the bytes go. */
  #letGo(): void {
    this.#isOver = true
    if (this.#readers.isEmpty) this.#held.clear()
  }

  #send(event: FlightEvent): void {
    const { state, commands } = step(this.#flight, event, this.#limits)
    this.#flight = state
    for (const command of commands) this.#perform(command)
    this.#readers.wake()
    this.#setTimer()
  }

  #setTimer(): void {
    const flight = this.#flight
    if (flight.phase === 'lost') this.#letGo()
    const at = 'until' in flight ? flight.until : expiresAt(flight, this.#limits)
    if (at === this.#ringsAt) return
    this.#ringsAt = at
    clearTimeout(this.#timer ?? null)
    if (at === undefined) return
    const ring = () => {
      this.#ringsAt = undefined
      if ('until' in this.#flight) this.#letGo()
      else this.#send({ kind: 'expire', at: Date.now() })
    }
    this.#timer = setTimeout(ring, Math.max(0, at - Date.now()))
  }

  #perform(command: FlightCommand): void {
    const [readers, exchange] = [this.#readers, this.#exchange!]
    switch (command.kind) {
      case 'anew':
        this.#isOver = true
        return
      case 'ask':
        return void this.#ask(exchange)
      case 'abort':
        exchange.abandon()
        return
      case 'hold':
        if (this.#chunk === undefined) return
        this.#held.push(this.#chunk)
        exchange.write(this.#chunk)
        return
      case 'drop':
        this.#held.drop(command.before)
        return
      case 'begin':
        exchange.begin()
        return
      case 'commit':
        exchange.commit()
        return
      case 'discard':
        exchange.discard()
        return
      case 'cut':
        return
      case 'serve':
        readers.tell(command.readers, (reader) => exchange.serve(reader))
        return
      case 'give':
        readers.tell(command.readers, (reader) => exchange.give(reader))
        return
      case 'direct':
        readers.tell(command.readers, () => ({ kind: 'direct' }))
        return
      case 'refuse':
        readers.tell(command.readers, () => ({ kind: 'refuse', because: command.because }))
        return
      case 'fail':
        readers.tell(command.readers, (reader) => exchange.failureFor(reader))
        return
      default:
        command satisfies never
    }
  }

  async #ask(exchange: Exchange): Promise<void> {
    try {
      const because = await exchange.ask()
      if (because !== undefined) return this.#send({ kind: 'fail', because, at: Date.now() })
      // Nobody waits for it any more.
      if (this.#flight.phase !== 'asking') return exchange.abandon()
      exchange.judge()
      const idsOf = (readers: readonly Reader[]) => readers.map(({ id }) => id)
      const unfit = idsOf(this.#readers.all.filter((reader) => !this.#willDo(reader)))
      const verdict = await exchange.verdict()
      if (verdict.kind === 'store') {
        this.#send({ kind: 'head', verdict, unfit, at: Date.now() })
        return await this.#carry(exchange)
      }
      // The one for whom it was asked may have left: then it is nobody's.
      const others = idsOf(this.#readers.all).filter((id) => id !== exchange.leader)
      this.#send({ kind: 'head', verdict, unfit: [...unfit, ...others], at: Date.now() })
    } catch (error) {
      console.error(error)
      this.#send({ kind: 'fail', because: 'connection', at: Date.now() })
    }
  }

  async #carry(exchange: Exchange): Promise<void> {
    try {
      for (;;) {
        // Waits for no slow reader, but while even the fastest is half a window behind.
        const received = 'received' in this.#flight ? this.#flight.received : 0
        await this.#readers.beyond(received - this.#limits.windowBytes / 2)
        const pieces = await exchange.next()
        if (pieces === undefined) break
        if (exchange.isReflecting) this.#readers.cutOthers(exchange.leader)
        for (const piece of pieces) {
          this.#chunk = piece
          this.#send({ kind: 'chunk', bytes: piece.byteLength })
        }
        if (exchange.isUnwanted) this.#send({ kind: 'leave', reader: 'store' })
      }
      this.#send({ kind: 'land', at: Date.now() })
    } catch {
      exchange.abandon()
      this.#send({ kind: 'fail', because: 'cut', at: Date.now() })
    }
  }
}
