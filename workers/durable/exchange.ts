// The exchange of a flight with an origin, in the name of its leader and in the same way as for a request that flies alone:
// what came of it, whose it is, and the entry that is stored of it. Knows nothing of how the others read.
import type { Flight } from '../../shared/collapse/flight.ts'
import type { HeadVerdict, ReaderId } from '../../shared/collapse/flight-events.ts'
import type { Notice } from '../../shared/collapse/frames.ts'
import { covers } from '../../shared/collapse/gather.ts'
import type { ByteRange } from '../../shared/http/ranges.ts'
import { failedProblem } from '../balance/forward.ts'
import type { StatedPart } from '../cache/slice-fill.ts'
import { fromOrigin, type Sourced, throughUpperTier } from '../collapse/upper-tier.ts'
import type { Answer, Life, Refused } from '../life.ts'
import type { Background, BodySink } from '../ports.ts'
import { Incoming } from './incoming.ts'
import type { Passenger, Reader } from './passenger.ts'
import { screenOf } from './screen.ts'
import { differs, judge, shareOf, suits, takesCoding } from './verdict.ts'

/** What has come, in the life of the leader's request. */
interface Answered extends Sourced {
  readonly life: Life
  readonly got: Answer
}

/** What is known of a response at its head. */
interface Head {
  readonly got: Answer
  readonly incoming: Incoming
  readonly verdict: HeadVerdict
  /** Whether it is a request's too that comes now. */
  readonly isFor: (passenger: Passenger) => boolean
  readonly freshUntil: number
  readonly stated: StatedPart | undefined
  /** Begins its entry in the store; undefined where it is nothing to store. */
  readonly begin: () => BodySink | undefined
}

type Failed = Pick<Refused, 'problem' | 'by'>

/** What somebody gets who asks for the whole. */
const whole: ByteRange = { first: 0, last: Number.MAX_SAFE_INTEGER }

/** What broke was here. */
const brokenDown: Failed = { problem: failedProblem('connection', true) }

export class Exchange {
  readonly #leader: Reader
  /** What is asked for, where it is not the whole. */
  readonly #part: ByteRange | undefined
  readonly #id = crypto.randomUUID()
  #askedAt = Date.now()
  /** The newest purge that was known when it was asked; nobody can tell before. */
  #epoch = Number.POSITIVE_INFINITY
  #answered: Answered | undefined
  #head: Head | undefined
  #failed: Failed | undefined
  /** Who stores what. */
  #storing: { readonly colo: string; readonly range: ByteRange }[] = []
  #background: Background = () => undefined
  #sink: BodySink | undefined

  constructor(leader: Reader, part: ByteRange | undefined) {
    this.#leader = leader
    this.#part = part
  }

  get leader(): ReaderId {
    return this.#leader.id
  }

  /** The entity tag of the part that comes; null as long as none is known. */
  get etag(): string | null {
    return this.#head?.stated === undefined ? null : this.#head.got.response.headers.get('etag')
  }

  /** Whether it will do for somebody who comes in this phase of the flight, or is there. */
  willDo(passenger: Passenger, phase: Flight['phase']): boolean {
    const { after, epoch, staleSince } = passenger.boarding
    if (this.#askedAt < after || this.#epoch < epoch) return false
    // Who comes later for a part of what is nobody's to share is told so.
    if (this.#part !== undefined && phase === 'dispersed') return true
    if (this.#head?.isFor(passenger) === false) return false
    if (this.#head?.incoming.isReflecting && phase !== 'dispersed') return false
    if (phase !== 'landed') return true
    const isFresh = this.#head !== undefined && Date.now() < this.#head.freshUntil
    return isFresh && this.#askedAt >= staleSince
  }

  /** Asks; why there is no response, or undefined where its head has come. */
  async ask(): Promise<string | undefined> {
    const leader = this.#leader
    const life = await leader.life()
    this.#background = life.background
    this.#epoch = Math.max(life.snapshot.purges.epoch, leader.boarding.epoch)
    const isTiered = life.route.cache.collapse === 'global' && this.#part === undefined
    const ask = isTiered ? throughUpperTier : fromOrigin
    const asked = new Headers(leader.fields)
    if (this.#part !== undefined) asked.set('range', `bytes=${this.#part.first}-${this.#part.last}`)
    const { got, ...more } = await ask(life, asked, leader.boarding)
    if (got.kind === 'answer') {
      this.#answered = { life, got, ...more }
      return undefined
    }
    this.#failed = got
    return got.problem.reason
  }

  /** Looks at the head that has come: from now on it is known whose it is. */
  judge(): void {
    const { life, got, selecting, begin } = this.#answered!
    if (got.kept !== undefined) this.#askedAt = got.kept.askedAt
    const judgement = judge(life, got, this.#part)
    const { verdict, vary, freshUntil, admission, stated } = judgement
    const names = [...vary, ...selecting]
    const asked = this.#leader.fields
    // Of parts it is known who may have them; what the upper tier has was looked through before it was stored.
    const isKnown = this.#part !== undefined || got.kept !== undefined
    this.#head = {
      got,
      incoming: new Incoming(got, isKnown ? undefined : screenOf(life, got, names)),
      verdict,
      isFor: ({ fields, boarding }) =>
        !names.some((name) => differs(life, name, fields, asked)) &&
        (takesCoding(fields, got.response) || !takesCoding(asked, got.response)) &&
        suits(life, judgement, this.#part, fields, boarding.part?.range),
      freshUntil: got.kept?.freshUntil ?? freshUntil,
      stated,
      begin: () => (admission === undefined ? undefined : begin(admission)),
    }
  }

  /** Whether all may have it, by its head and what has come with it. */
  async verdict(): Promise<HeadVerdict> {
    const { verdict, incoming } = this.#head!
    if (verdict.kind === 'store') await incoming.begin()
    return incoming.isReflecting ? { kind: 'uncacheable' } : verdict
  }

  /** The next pieces of the body, one at least; undefined at the end. Rejects where it is cut. */
  next(): Promise<Uint8Array[] | undefined> {
    return this.#head!.incoming.next()
  }

  /** Whether something has come that is for the leader alone. */
  get isReflecting(): boolean {
    return this.#head?.incoming.isReflecting === true
  }

  abandon(): void {
    this.#answered?.got.abandon()
  }

  /** Lets a reader read its share; what it is told. */
  serve(reader: Reader): Notice {
    const { got, stated } = this.#head!
    const { begin, end, fields } = shareOf(got.response.headers, stated, reader.boarding.part?.range)
    reader.position = begin
    reader.end = end
    return this.#noticeFor(reader, fields)
  }

  /** Gives a reader all of it as it comes; what it is told. */
  give(reader: Reader): Notice {
    const { got, incoming } = this.#head!
    reader.given = incoming.stream().getReader()
    return this.#noticeFor(reader, got.response.headers)
  }

  #noticeFor({ id, boarding: { colo, part } }: Reader, fields: Headers): Notice {
    const range = part?.range ?? whole
    const stores = !this.#storing.some((each) => each.colo === colo && covers(each.range, range))
    if (stores) this.#storing.push({ colo, range })
    const { response, kept, by } = this.#head!.got
    const { status } = response
    const collapsed = id !== this.leader
    const head = { kind: 'head', status, fields: [...fields], stores, collapsed, kept, by } as const
    return part === undefined ? head : { ...head, id: this.#id }
  }

  /** What a reader is told where no head came. */
  failureFor({ id }: Reader): Notice {
    const { problem, by } = this.#failed ?? brokenDown
    return { kind: 'fail', problem, by, collapsed: id !== this.leader }
  }

  // Its entry in the store ────────────────────────────────────────────────────────────────────────────────────────

  begin(): void {
    this.#sink = this.#head?.begin()
  }

  write(chunk: Uint8Array): void {
    this.#sink?.write(chunk)
  }

  /** Whether the store has given it up. */
  get isUnwanted(): boolean {
    return this.#sink?.wanted === false
  }

  commit(): void {
    if (this.#sink !== undefined) this.#background(this.#sink.end())
  }

  discard(): void {
    this.#sink?.abort()
  }
}
