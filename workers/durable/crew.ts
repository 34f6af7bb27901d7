// One flight as it happens: the streams, timers and bytes around the state machine in shared/collapse, whose commands
// are carried out here, in order. The origin is asked in the same way as for a request that flies alone.
import { expiresAt, type Flight, type Next, next, startFlight, step } from '../../shared/collapse/flight.ts'
import type { FlightCommand, FlightEvent, FlightLimits, ReaderId } from '../../shared/collapse/flight-events.ts'
import { encodeFrame, type Frame, type Notice } from '../../shared/collapse/frames.ts'
import { covers } from '../../shared/collapse/gather.ts'
import type { ByteRange } from '../../shared/http/ranges.ts'
import { failedProblem } from '../forward.ts'
import type { Answer, Refused } from '../life.ts'
import type { Background, BodySink } from '../ports.ts'
import type { StatedPart } from '../slice-fill.ts'
import { fromOrigin, throughUpperTier } from '../upper-tier.ts'
import { HeldBytes } from './held-bytes.ts'
import { Incoming } from './incoming.ts'
import type { Passenger, Reader } from './passenger.ts'
import { screenOf } from './screen.ts'
import { differs, judge, shareOf, suits, takesCoding } from './verdict.ts'

/** What is known of a response at its head, beside what the state machine has to know. */
interface Known {
  /** Whether it is a request's too that comes now. */
  readonly isFor: (passenger: Passenger) => boolean
  readonly freshUntil: number
  readonly stated: StatedPart | undefined
}

/** A reader is sent so many bytes at once. */
const mostAtOnce = 262_144

/** Whether nothing comes behind it. */
function isLast(frame: Frame | undefined): boolean {
  return frame?.kind === 'end' || (frame?.kind === 'notice' && frame.notice.kind !== 'head')
}

/** What somebody gets who asks for the whole. */
const whole: ByteRange = { first: 0, last: Number.MAX_SAFE_INTEGER }

export class Crew {
  readonly #limits: FlightLimits
  /** What is asked for, where it is not the whole. */
  readonly #part: ByteRange | undefined
  #flight: Flight = startFlight
  #readers = new Map<ReaderId, Reader>()
  #lastId = 0
  readonly #held = new HeldBytes()
  #chunk: Uint8Array | undefined
  #exchange: Answer | undefined
  #failed: Pick<Refused, 'problem' | 'by'> | undefined
  #changed = Promise.withResolvers<void>()
  #moved = Promise.withResolvers<void>()
  #timer: ReturnType<typeof setTimeout> | undefined
  /** When the timer rings (ms): it is set anew only where that changes, not for each who joins. */
  #ringsAt: number | undefined
  /** Who stores what. */
  #storing: { readonly colo: string; readonly range: ByteRange }[] = []
  readonly #id = crypto.randomUUID()
  #isOver = false
  #leader: ReaderId | undefined
  #askedAt = Date.now()
  #epoch = Number.POSITIVE_INFINITY
  #known: Known | undefined
  #background: Background = () => undefined
  #begin: (() => BodySink | undefined) | undefined
  #sink: BodySink | undefined
  #incoming: Incoming | undefined

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
    return this.#known?.stated === undefined ? null : this.#exchange!.response.headers.get('etag')
  }

  /** A body of frames, which begins at once; undefined where this flight is over, and another one is to begin. */
  join(passenger: Passenger): ReadableStream<Uint8Array> | undefined {
    if (this.#isOver || !this.#willDo(passenger)) return undefined
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
    this.#send({ kind: 'join', reader: reader.id, at: Date.now() })
    if (!this.#isOver) return this.#streamTo(reader)
    this.#readers.delete(reader.id)
    return undefined
  }

  #willDo(passenger: Passenger): boolean {
    const { after, epoch, staleSince } = passenger.boarding
    if (this.#flight.phase === 'idle') return true
    if (this.#askedAt < after || this.#epoch < epoch) return false
    // Who comes later for a part of what is nobody's to share is told so.
    if (this.#part !== undefined && this.#flight.phase === 'dispersed') return true
    if (this.#known?.isFor(passenger) === false) return false
    if (this.#incoming?.isReflecting && this.#flight.phase !== 'dispersed') return false
    if (this.#flight.phase !== 'landed') return true
    const isFresh = this.#known !== undefined && Date.now() < this.#known.freshUntil
    return isFresh && this.#askedAt >= staleSince
  }

  #streamTo(reader: Reader): ReadableStream<Uint8Array> {
    const leave = () => {
      this.#readers.delete(reader.id)
      this.#moved.resolve()
      if (this.#isOver) this.#letGo()
      reader.given?.cancel().catch(() => undefined)
      this.#send({ kind: 'leave', reader: reader.id })
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
      const move: Next = reader.position < reader.end ? next(this.#flight, reader.position) : { kind: 'end' }
      if (move.kind === 'cut' && frames.length === 0) throw new Error('The flight was lost.')
      if (move.kind === 'wait' || move.kind === 'cut') break
      if (move.kind !== 'bytes') return [...frames, move.kind === 'end' ? move : { kind: 'notice', notice: move }]
      const bytes = this.#held.at(reader.position).subarray(0, reader.end - reader.position)
      reader.position += bytes.byteLength
      this.#moved.resolve()
      sent += bytes.byteLength
      frames.push({ kind: 'bytes', bytes })
    }
    return frames
  }

  /** Nobody joins any more, and when nobody reads any more the bytes go. */
  #letGo(): void {
    this.#isOver = true
    if (this.#readers.size === 0) this.#held.clear()
  }

  #send(event: FlightEvent): void {
    const { state, commands } = step(this.#flight, event, this.#limits)
    this.#flight = state
    for (const command of commands) this.#perform(command)
    this.#changed.resolve()
    this.#changed = Promise.withResolvers()
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
    switch (command.kind) {
      case 'anew':
        this.#isOver = true
        return
      case 'ask':
        return void this.#ask()
      case 'abort':
        this.#exchange?.abandon()
        return
      case 'hold':
        if (this.#chunk === undefined) return
        this.#held.push(this.#chunk)
        this.#sink?.write(this.#chunk)
        return
      case 'drop':
        this.#held.drop(command.before)
        return
      case 'begin':
        this.#sink = this.#begin?.()
        return
      case 'commit':
        if (this.#sink !== undefined) this.#background(this.#sink.end())
        return
      case 'discard':
        this.#sink?.abort()
        return
      case 'cut':
        return
      case 'serve':
        for (const id of command.readers) this.#serve(id)
        return
      case 'give':
        for (const id of command.readers) this.#give(id)
        return
      case 'direct':
        for (const id of command.readers) this.#tell(id, { kind: 'direct' })
        return
      case 'refuse':
        for (const id of command.readers) this.#tell(id, { kind: 'refuse', because: command.because })
        return
      case 'fail':
        for (const id of command.readers) {
          this.#tell(id, {
            kind: 'fail',
            problem: this.#failed?.problem,
            by: this.#failed?.by,
            collapsed: id !== this.#leader,
          })
        }
        return
      default:
        command satisfies never
    }
  }

  #tell(id: ReaderId, notice: Notice): void {
    this.#readers.get(id)?.told.resolve(notice)
  }

  #serve(id: ReaderId): void {
    const reader = this.#readers.get(id)
    if (reader === undefined) return
    const { headers } = this.#exchange!.response
    const { begin, end, fields } = shareOf(headers, this.#known?.stated, reader.boarding.part?.range)
    reader.position = begin
    reader.end = end
    this.#tellHead(reader, fields)
  }

  #give(id: ReaderId): void {
    const reader = this.#readers.get(id)
    if (reader === undefined) return
    reader.given = this.#incoming!.stream().getReader()
    this.#tellHead(reader, this.#exchange!.response.headers)
  }

  #tellHead({ id, boarding: { colo, part } }: Reader, fields: Headers): void {
    const range = part?.range ?? whole
    const stores = !this.#storing.some((each) => each.colo === colo && covers(each.range, range))
    if (stores) this.#storing.push({ colo, range })
    const { response, kept, by } = this.#exchange!
    const { status } = response
    const head = {
      kind: 'head',
      status,
      fields: [...fields],
      stores,
      collapsed: id !== this.#leader,
      kept,
      by,
    } as const
    this.#tell(id, part === undefined ? head : { ...head, id: this.#id })
  }

  async #ask(): Promise<void> {
    try {
      const [leader] = this.#readers.values()
      if (leader === undefined) return this.#send({ kind: 'fail', because: 'left', at: Date.now() })
      this.#leader = leader.id
      const life = await leader.life()
      this.#background = life.background
      this.#epoch = Math.max(life.snapshot.purges.epoch, leader.boarding.epoch)
      const isTiered = life.route.cache.collapse === 'global' && this.#part === undefined
      const ask = isTiered ? throughUpperTier : fromOrigin
      const asked = new Headers(leader.fields)
      if (this.#part !== undefined) asked.set('range', `bytes=${this.#part.first}-${this.#part.last}`)
      const { got, selecting, begin } = await ask(life, asked, leader.boarding)
      if (got.kind === 'refused') {
        this.#failed = got
        return this.#send({ kind: 'fail', because: got.problem.reason, at: Date.now() })
      }
      // Nobody waits for it any more.
      if (this.#flight.phase !== 'asking') return got.abandon()
      this.#exchange = got
      if (got.kept !== undefined) this.#askedAt = got.kept.askedAt
      const judgement = judge(life, got, this.#part)
      const { verdict, vary, freshUntil, admission, stated } = judgement
      const names = [...vary, ...selecting]
      const isFor = ({ fields, boarding }: Passenger) =>
        !names.some((name) => differs(life, name, fields, leader.fields)) &&
        (takesCoding(fields, got.response) || !takesCoding(leader.fields, got.response)) &&
        suits(life, judgement, this.#part, fields, boarding.part?.range)
      this.#known = { isFor, freshUntil: got.kept?.freshUntil ?? freshUntil, stated }
      if (admission !== undefined) this.#begin = () => begin(admission)
      const unfit = [...this.#readers.values()].filter((reader) => !this.#willDo(reader)).map(({ id }) => id)
      // Of parts it is known who may have them; what the upper tier has was looked through before it was stored.
      const isKnown = this.#part !== undefined || got.kept !== undefined
      const incoming = new Incoming(got, isKnown ? undefined : screenOf(life, got, names))
      this.#incoming = incoming
      if (verdict.kind === 'store') await incoming.begin()
      if (verdict.kind === 'store' && !incoming.isReflecting) {
        this.#send({ kind: 'head', verdict, unfit, at: Date.now() })
        return await this.#carry(got, incoming)
      }
      // The one for whom it was asked may have left: then it is nobody's.
      const others = [...this.#readers.keys()].filter((id) => id !== this.#leader)
      this.#send({ kind: 'head', verdict: { kind: 'uncacheable' }, unfit: [...unfit, ...others], at: Date.now() })
    } catch (error) {
      console.error(error)
      this.#failed = { problem: failedProblem('connection', true) }
      this.#send({ kind: 'fail', because: 'connection', at: Date.now() })
    }
  }

  /** Waits for no slow reader, but while even the fastest is half a window behind. */
  async #pace(): Promise<void> {
    for (;;) {
      const positions = [...this.#readers.values()].map(({ position }) => position)
      const received = 'received' in this.#flight ? this.#flight.received : 0
      if (positions.length === 0 || received - Math.max(...positions) < this.#limits.windowBytes / 2) return
      this.#moved = Promise.withResolvers()
      await this.#moved.promise
    }
  }

  async #carry(got: Answer, incoming: Incoming): Promise<void> {
    try {
      for (;;) {
        await this.#pace()
        const pieces = await incoming.next()
        if (pieces === undefined) break
        if (incoming.isReflecting) this.#cutOthers()
        for (const piece of pieces) {
          this.#chunk = piece
          this.#send({ kind: 'chunk', bytes: piece.byteLength })
        }
        if (this.#sink?.wanted === false) this.#send({ kind: 'leave', reader: 'store' })
      }
      this.#send({ kind: 'land', at: Date.now() })
    } catch {
      got.abandon()
      this.#send({ kind: 'fail', because: 'cut', at: Date.now() })
    }
  }

  /** What comes now is for the one alone for whom it was asked. */
  #cutOthers(): void {
    for (const [id, reader] of this.#readers) reader.isCut ||= id !== this.#leader
  }
}
