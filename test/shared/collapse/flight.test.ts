import fc from 'fast-check'
import { describe, expect, it, test } from 'vitest'
import { expiresAt, type Flight, type FlightStep, next, startFlight, step } from '../../../shared/collapse/flight.ts'
import type {
  FlightCommand,
  FlightEvent,
  FlightLimits,
  HeadVerdict,
  ReaderId,
} from '../../../shared/collapse/flight-events.ts'

const limits: FlightLimits = {
  windowBytes: 10,
  finishBytes: 4,
  maxReaders: 3,
  beyond: 'direct',
  maxWaitMs: 100,
  holdMs: 50,
}

const storable: HeadVerdict = { kind: 'store', total: 12, etag: '"e"', acceptsRanges: false }
const unannounced: HeadVerdict = { ...storable, total: undefined }

const join = (reader: ReaderId, at = 0): FlightEvent => ({ kind: 'join', reader, at })
const head = (verdict: HeadVerdict = storable, unfit: ReaderId[] = []): FlightEvent => ({
  kind: 'head',
  verdict,
  unfit,
  at: 0,
})
const uncacheable = head({ kind: 'uncacheable' })
const chunk = (bytes: number): FlightEvent => ({ kind: 'chunk', bytes })
const land: FlightEvent = { kind: 'land', at: 0 }
const fail = (because = 'timeout'): FlightEvent => ({ kind: 'fail', because, at: 0 })
const leave = (reader: ReaderId | 'store'): FlightEvent => ({ kind: 'leave', reader })
const expire = (at: number): FlightEvent => ({ kind: 'expire', at })

/** Only the commands of the last event. */
function fly(events: readonly FlightEvent[], by: FlightLimits = limits): FlightStep {
  return events.reduce<FlightStep>(({ state }, event) => step(state, event, by), { state: startFlight, commands: [] })
}

/** `asking: ask`, or `cut 1 2 (timeout)` for a command to readers. */
const inWords = ({ state, commands }: FlightStep) => [state.phase, commands.map(word).join(', ')].join(': ')

function word(command: FlightCommand): string {
  const readers = 'readers' in command ? ` ${command.readers.join(' ')}` : ''
  const because = 'because' in command ? ` (${command.because})` : ''
  return `${command.kind}${readers}${because}${command.kind === 'drop' ? ` ${command.before}` : ''}`
}

// Every phase × every event ───────────────────────────────────────────────────────────────────────────────────────

/** Readers 1 and 2 came at 0. What has ended answers until 50. */
const phases = {
  idle: [],
  asking: [join(1), join(2)],
  flying: [join(1), join(2), head(), chunk(6)],
  landed: [join(1), join(2), head(), chunk(12), land],
  dispersed: [join(1), join(2), uncacheable],
  failed: [join(1), join(2), fail()],
  lost: [join(1), join(2), head(), fail()],
} satisfies Record<Flight['phase'], FlightEvent[]>

const events = {
  join: join(3, 49),
  'join, later': join(3, 50),
  'head, store': head(),
  'head, uncacheable': uncacheable,
  'chunk, within the length': chunk(6),
  'chunk, beyond the length': chunk(7),
  land,
  fail: fail('connection'),
  'leave, of the first': leave(1),
  'leave, of nobody': leave(9),
  'leave, of the store': leave('store'),
  'expire, too early': expire(99),
  expire: expire(100),
} satisfies Record<string, FlightEvent>

type Row = Record<keyof typeof events, string>

const ignored = 'ignored'

/** As long as no exchange is expected to say anything. */
const silent = {
  'head, store': ignored,
  'head, uncacheable': ignored,
  'chunk, within the length': ignored,
  'chunk, beyond the length': ignored,
  land: ignored,
  fail: ignored,
}
const untimed = { 'expire, too early': ignored, expire: ignored }

const table: Record<Flight['phase'], Row> = {
  idle: {
    join: 'asking: ask',
    'join, later': 'asking: ask',
    ...silent,
    'leave, of the first': ignored,
    'leave, of nobody': ignored,
    'leave, of the store': ignored,
    ...untimed,
  },
  asking: {
    join: 'asking: ',
    'join, later': 'asking: ',
    'head, store': 'flying: begin, serve 1 2',
    'head, uncacheable': 'dispersed: give 1, direct 2 (uncacheable)',
    'chunk, within the length': ignored,
    'chunk, beyond the length': ignored,
    land: ignored,
    fail: 'failed: fail 1 2 (connection)',
    'leave, of the first': 'asking: ',
    'leave, of nobody': ignored,
    'leave, of the store': 'asking: ',
    'expire, too early': ignored,
    expire: 'asking: direct 2 (waited)',
  },
  flying: {
    join: 'flying: serve 3',
    'join, later': 'flying: serve 3',
    'head, store': ignored,
    'head, uncacheable': ignored,
    'chunk, within the length': 'flying: hold, drop 2',
    'chunk, beyond the length': 'lost: abort, discard, cut 1 2 (too-long), drop 6',
    land: 'lost: discard, cut 1 2 (too-short), drop 6',
    fail: 'lost: discard, cut 1 2 (connection), drop 6',
    'leave, of the first': 'flying: ',
    'leave, of nobody': ignored,
    'leave, of the store': 'flying: ',
    ...untimed,
  },
  landed: {
    join: 'landed: serve 3',
    'join, later': 'landed: anew',
    ...silent,
    'leave, of the first': 'landed: ',
    'leave, of nobody': ignored,
    'leave, of the store': ignored,
    ...untimed,
  },
  dispersed: {
    join: 'dispersed: direct 3 (uncacheable)',
    'join, later': 'dispersed: anew',
    ...silent,
    'leave, of the first': 'dispersed: abort',
    'leave, of nobody': ignored,
    'leave, of the store': ignored,
    ...untimed,
  },
  failed: {
    join: 'failed: fail 3 (timeout)',
    'join, later': 'failed: anew',
    ...silent,
    'leave, of the first': ignored,
    'leave, of nobody': ignored,
    'leave, of the store': ignored,
    ...untimed,
  },
  lost: {
    join: 'lost: anew',
    'join, later': 'lost: anew',
    ...silent,
    'leave, of the first': ignored,
    'leave, of nobody': ignored,
    'leave, of the store': ignored,
    ...untimed,
  },
}

const cells = Object.entries(table).flatMap(([phase, row]) =>
  Object.entries(row).map(([event, verdict]) => [phase, event, verdict] as [Flight['phase'], keyof Row, string]),
)

test.each(cells)('%s × %s: %s', (phase, event, verdict) => {
  const before = fly(phases[phase]).state
  expect(before.phase).toBe(phase)
  const after = step(before, events[event], limits)
  if (verdict === ignored) expect(after).toEqual({ state: before, commands: [] })
  else expect(inWords(after)).toBe(verdict)
})

// What goes on longer than one event ──────────────────────────────────────────────────────────────────────────────

type Told = [title: string, events: FlightEvent[], verdict: string]

const isTold = (_: string, events: FlightEvent[], verdict: string) => expect(inWords(fly(events))).toBe(verdict)

describe('what is uncacheable is given to', () => {
  const onlyFor = (unfit: ReaderId[]) => head({ kind: 'uncacheable' }, unfit)

  test.each<Told>([
    ['the only one', [join(1), uncacheable], 'dispersed: give 1'],
    ['the first who is left', [join(1), join(2), leave(1), uncacheable], 'dispersed: give 2'],
    ['the first whom it fits', [join(1), join(2), onlyFor([1])], 'dispersed: give 2, direct 1 (unfit)'],
    ['nobody, as it fits nobody', [join(1), onlyFor([1])], 'dispersed: abort, direct 1 (unfit)'],
  ])('%s', isTold)

  test.each<Told>([
    ['another leaves', [leave(2)], 'dispersed: '],
    ['it leaves', [leave(1)], 'dispersed: abort'],
    ['it leaves again', [leave(1), leave(1)], 'dispersed: '],
  ])('one, whose exchange ends when %s', (_, events, verdict) => isTold(_, [...phases.dispersed, ...events], verdict))
})

describe('RFC 9111 §4.1: whom the response does not fit', () => {
  test.each<Told>([
    ['asks for itself', [join(1), join(2), head(storable, [2])], 'flying: begin, serve 1, direct 2 (unfit)'],
    ['has left already', [join(1), join(2), leave(2), head(storable, [2])], 'flying: begin, serve 1'],
    ['was alone', [join(1), head(storable, [1])], 'lost: begin, direct 1 (unfit), abort, discard, drop 0'],
  ])('%s', isTold)
})

describe('when the last one leaves', () => {
  const flying = (verdict: HeadVerdict, bytes: number) => [join(1), head(verdict), chunk(bytes)]

  test.each<Told>([
    ['before the head: abort', [join(1), leave(1)], 'lost: abort'],
    ['far from the end: abort', [...flying(storable, 7), leave(1)], 'lost: abort, discard, drop 7'],
    ['nearly done: fly on', [...flying(storable, 8), leave(1)], 'flying: '],
    ['nobody knows how far from the end: abort', [...flying(unannounced, 8), leave(1)], 'lost: abort, discard, drop 8'],
    ['at the very end: fly on', [...flying(storable, 12), leave(1)], 'flying: '],
    [
      'nearly done, and the store gave up: abort',
      [...flying(storable, 8), leave('store'), leave(1)],
      'lost: abort, discard, drop 8',
    ],
    ['after the end: the bytes stay for those who come yet', [...flying(storable, 12), land, leave(1)], 'landed: '],
  ])('%s', isTold)

  test.each<Told>([
    ['while somebody reads', [join(1), head(), leave('store'), chunk(9)], 'flying: hold'],
    [
      'and so nobody is sent to look there',
      [...phases.flying, leave('store'), chunk(6), land, join(3)],
      'landed: anew',
    ],
  ])('the store gives up, %s', isTold)

  test.each<Told>([
    ['lands in the store', [chunk(4), land], 'landed: commit'],
    ['may be cut', [fail()], 'lost: discard, drop 8'],
    ['takes others', [join(2)], 'flying: serve 2'],
    ['takes others, who may leave again', [join(2), leave(2)], 'flying: '],
  ])('what flies on %s', (_, events, verdict) => isTold(_, [...flying(storable, 8), leave(1), ...events], verdict))
})

describe('before there is a head', () => {
  test.each<Told>([
    ['a failure is everybody’s', [join(1), join(2), fail('dns')], 'failed: fail 1 2 (dns)'],
    ['nobody is left for a failure', [join(1), leave(1), fail()], 'lost: '],
    ['the first waits on', [join(1), expire(1000)], 'asking: '],
    ['the next is the first then', [join(1), join(2), leave(1), expire(1000)], 'asking: '],
    ['each waits for its own time', [join(1), join(2), join(3, 5), expire(104)], 'asking: direct 2 (waited)'],
    ['all whose time has come go', [join(1), join(2), join(3, 5), expire(105)], 'asking: direct 2 3 (waited)'],
    ['who went is not served later', [join(1), join(2), expire(100), head()], 'flying: begin, serve 1'],
  ])('%s', isTold)

  test.each<[string, FlightEvent[], number | undefined]>([
    ['nobody', [], undefined],
    ['one, who waits on', [join(1, 7)], undefined],
    ['two', [join(1, 7), join(2, 8)], 108],
    ['three', [join(1, 7), join(2, 8), join(3, 9)], 108],
    ['three, the first of whom left', [join(1, 7), join(2, 8), join(3, 9), leave(1)], 109],
    ['two who have the head', [join(1, 7), join(2, 8), head()], undefined],
  ])('the time of %s', (_, events, at) => expect(expiresAt(fly(events).state, limits)).toBe(at))
})

describe('too many', () => {
  const three = [join(1), join(2), join(3)]

  test.each<Told>([
    ['before the head', [...three, join(4)], 'asking: direct 4 (crowded)'],
    ['after the head', [...three, head(), join(4)], 'flying: direct 4 (crowded)'],
    ['no more', [...three, leave(2), join(4)], 'asking: '],
    ['who are told at once do not count', [...three, uncacheable, join(4)], 'dispersed: direct 4 (uncacheable)'],
  ])('%s', isTold)

  it('may be refused', () => {
    expect(inWords(fly([...three, join(4)], { ...limits, beyond: 'refuse' }))).toBe('asking: refuse 4 (crowded)')
  })
})

describe('the window', () => {
  const flying = (...chunks: number[]) => [join(1), head(unannounced), ...chunks.map(chunk)]

  test.each<Told>([
    ['is full', flying(4, 6), 'flying: hold'],
    ['moves', flying(4, 6, 1), 'flying: hold, drop 1'],
    ['moves on', flying(4, 6, 1, 3), 'flying: hold, drop 4'],
    ['is never less than the newest chunk', flying(4, 30), 'flying: hold, drop 4'],
    ['moves past it again', flying(4, 30, 1), 'flying: hold, drop 25'],
    ['whole: who comes gets the beginning', [...flying(10), join(2)], 'flying: serve 2'],
    ['moved: who comes asks for itself', [...flying(11), chunk(1), join(2)], 'flying: direct 2 (late)'],
  ])('%s', isTold)
})

test.each<[string, FlightEvent[], ReturnType<typeof next>[]]>([
  ['nothing is asked', [], [{ kind: 'wait' }]],
  ['no head came', [join(1)], [{ kind: 'wait' }]],
  ['no byte came', [join(1), head()], [{ kind: 'wait' }]],
  ['two bytes came', [join(1), head(), chunk(2)], [{ kind: 'bytes' }, { kind: 'bytes' }, { kind: 'wait' }]],
  [
    'all came, and did not land',
    [join(1), head({ ...storable, total: 1 }), chunk(1)],
    [{ kind: 'bytes' }, { kind: 'wait' }],
  ],
  ['it landed', [join(1), head(unannounced), chunk(1), land], [{ kind: 'bytes' }, { kind: 'end' }]],
  ['it landed empty', [join(1), head(unannounced), land], [{ kind: 'end' }]],
  [
    'the window moved',
    [join(1), head(), chunk(1), chunk(10)],
    [{ kind: 'alone', from: 0, ifRange: '"e"' }, { kind: 'bytes' }],
  ],
  ['it landed and all left', [join(1), head(), chunk(12), land, leave(1)], [{ kind: 'bytes' }, { kind: 'bytes' }]],
  ['it was cut', [join(1), head(), chunk(1), fail()], [{ kind: 'cut' }, { kind: 'cut' }]],
  ['it dispersed', [join(1), uncacheable], [{ kind: 'cut' }]],
  ['it failed', [join(1), fail(), fail()], [{ kind: 'cut' }]],
])('next, from the first byte on, when %s', (_, events, nexts) => {
  const { state } = fly(events)
  expect(nexts.map((_, offset) => next(state, offset))).toEqual(nexts)
})

describe('RFC 9110 §13.1.5: who fell out of the window', () => {
  test.each<[string, Partial<HeadVerdict>, boolean]>([
    ['a strong tag and a length', {}, true],
    ['a strong tag and ranges', { total: undefined, acceptsRanges: true }, true],
    ['a strong tag alone', { total: undefined }, false],
    ['a weak tag', { etag: 'W/"e"', acceptsRanges: true }, false],
    ['a tag without quotes', { etag: 'e', acceptsRanges: true }, false],
    ['no tag', { etag: null, acceptsRanges: true }, false],
  ])('with %s', (_, verdict, isAlone) => {
    const { state } = fly([join(1), head({ ...storable, ...verdict } as HeadVerdict), chunk(3), chunk(9)])
    expect(next(state, 1)).toEqual(isAlone ? { kind: 'alone', from: 1, ifRange: '"e"' } : { kind: 'cut' })
    expect(next(state, 2)).toEqual({ kind: 'bytes' })
  })
})

// Whatever happens ────────────────────────────────────────────────────────────────────────────────────────────────

/** Longer than any response below. No byte comes twice, so one in the wrong place is seen. */
const content = Array.from({ length: 256 }, (_, index) => index)
const maxChunk = 25

type Notice = Extract<FlightCommand, { readers: unknown }>

interface Client {
  readonly id: ReaderId
  readonly since: number
  readonly body: number[]
  isServed: boolean
  hasLeft: boolean
  outcome: Exclude<Notice['kind'], 'serve'> | 'left' | 'end' | 'alone' | undefined
}

/** What the origin says. */
type Said =
  | { readonly kind: 'head'; readonly verdict: HeadVerdict; readonly fits: readonly boolean[] }
  | { readonly kind: 'chunk'; readonly bytes: number }
  | { readonly kind: 'land' }
  | { readonly kind: 'fail' }

/** The object around a flight, with arrays for streams. It does what it is told, and minds what it is told. */
class Crowd {
  state: Flight = startFlight
  readonly clients: Client[] = []
  verdict: HeadVerdict | undefined
  unfit: readonly ReaderId[] = []
  held: { readonly from: number; readonly bytes: readonly number[] }[] = []
  received = 0
  /** Bytes of the last chunk. */
  newest = 0
  hasStore = true
  isRunning = false
  asked = 0
  failedAt = 0
  entry: 'none' | 'begun' | 'committed' | 'discarded' = 'none'
  readonly limits: FlightLimits
  readonly seen: Set<string>

  constructor(limits: FlightLimits, seen: Set<string>) {
    this.limits = limits
    this.seen = seen
  }

  get total() {
    return this.verdict?.kind === 'store' ? this.verdict.total : undefined
  }

  /** Those who have no head, in the order in which they came. */
  get waiting() {
    return this.clients.filter(({ outcome, isServed }) => outcome === undefined && !isServed)
  }

  /** Those for whom the exchange is. */
  get present() {
    const wantsIt = ({ isServed, outcome }: Client) => isServed || outcome === undefined || outcome === 'give'
    return this.clients.filter((client) => !client.hasLeft && wantsIt(client))
  }

  get given() {
    return this.clients.filter(({ outcome }) => outcome === 'give').length
  }

  send(event: FlightEvent, now: number): readonly FlightCommand[] {
    const { state, commands } = step(this.state, event, this.limits)
    this.state = deepFreeze(state)
    for (const command of commands) this.#perform(command, event, now)
    for (const { id, outcome, hasLeft } of this.clients) {
      const isDone = outcome === 'cut' || (outcome === 'alone' && this.state.phase === 'landed')
      if (isDone && !hasLeft) this.leave(id, now)
    }
    return commands
  }

  join(client: Client, now: number): boolean {
    this.clients.push(client)
    if (this.send({ kind: 'join', reader: client.id, at: now }, now)[0]?.kind !== 'anew') return true
    this.clients.pop()
    return false
  }

  leave(id: ReaderId, now: number) {
    const client = this.#client(id)
    client.hasLeft = true
    client.outcome ??= 'left'
    this.send({ kind: 'leave', reader: id }, now)
  }

  giveUp(now: number) {
    if (this.state.phase === 'asking' || this.state.phase === 'flying') this.hasStore = false
    this.send({ kind: 'leave', reader: 'store' }, now)
  }

  expire(now: number) {
    this.send({ kind: 'expire', at: now }, now)
    for (const { since } of this.waiting.slice(1)) expect(now - since).toBeLessThan(this.limits.maxWaitMs)
    expect(expiresAt(this.state, this.limits) ?? Number.POSITIVE_INFINITY).toBeGreaterThan(now)
  }

  /** After the end of the exchange, or once the response is given away, nothing is heard of it. */
  hear(said: Said, now: number) {
    const { state, isRunning } = this
    // No exchange ends as it should before it has a head.
    if (said.kind === 'land' && state.phase === 'asking') return
    const isHeard = isRunning && (state.phase === 'asking' || (state.phase === 'flying' && said.kind !== 'head'))
    if (said.kind === 'land' || said.kind === 'fail') this.isRunning = false
    if (!isHeard) {
      expect(this.send(eventOf(said, [], now), now)).toEqual([])
      return expect(this.state).toBe(state)
    }
    if (said.kind === 'head') {
      this.verdict = said.verdict
      this.unfit = this.waiting.filter((_, place) => said.fits[place] === false).map(({ id }) => id)
    }
    if (said.kind === 'fail') this.failedAt = now
    const couldHaveIt = this.waiting.some(({ id }) => !this.unfit.includes(id))
    const isTooLong = said.kind === 'chunk' && this.received + said.bytes > (this.total ?? content.length)
    const commands = this.send(eventOf(said, this.unfit, now), now)
    if (this.verdict?.kind === 'uncacheable') expect(this.given).toBe(couldHaveIt ? 1 : 0)
    // However slowly anybody reads: what comes is taken.
    if (said.kind === 'chunk' && state.phase === 'flying') expect(commands[0]?.kind).toBe(isTooLong ? 'abort' : 'hold')
  }

  /** One turn of a client's stream. */
  read(id: ReaderId, now: number) {
    const client = this.#client(id)
    if (!client.isServed || client.outcome !== undefined) return
    const offset = client.body.length
    const found = next(this.state, offset)
    this.seen.add(found.kind)
    switch (found.kind) {
      case 'bytes': {
        const chunk = this.held.find(({ from, bytes }) => from <= offset && offset < from + bytes.length)!
        client.body.push(...chunk.bytes.slice(offset - chunk.from))
        return expect(client.body).toEqual(content.slice(0, client.body.length))
      }
      case 'wait':
        return expect([this.isRunning, offset]).toEqual([true, this.received])
      case 'end':
        expect([this.entry, offset]).toEqual(['committed', this.total ?? this.received])
        break
      case 'alone':
        expect(found).toEqual({ kind: 'alone', from: offset, ifRange: '"strong"' })
        expect(this.verdict).toMatchObject({ etag: '"strong"' })
        this.#isBehind(offset)
        break
      case 'cut':
        this.#isBehind(offset)
        break
      default:
        found satisfies never
    }
    client.outcome = found.kind
    if (found.kind !== 'alone' || this.state.phase === 'landed') this.leave(id, now)
  }

  /** By more than the window, and more than the newest chunk. */
  #isBehind(offset: number) {
    expect(this.received - offset).toBeGreaterThan(this.limits.windowBytes)
    expect(offset).toBeLessThan(this.received - this.newest)
  }

  #client(id: ReaderId): Client {
    return this.clients.find((client) => client.id === id)!
  }

  #perform(command: FlightCommand, event: FlightEvent, now: number) {
    const isGivenAway = this.verdict?.kind === 'uncacheable'
    this.seen.add('because' in command && command.kind === 'direct' ? command.because : command.kind)
    switch (command.kind) {
      case 'ask':
        expect(this.isRunning).toBe(false)
        expect(++this.asked).toBe(1)
        this.isRunning = true
        return
      case 'abort':
        // A response that was given away may be over already.
        if (event.kind === 'leave') expect(this.present.length).toBe(0)
        expect(this.isRunning || isGivenAway).toBe(true)
        this.isRunning = false
        return
      case 'begin':
        expect(this.entry).toBe('none')
        this.entry = 'begun'
        return
      case 'hold': {
        const end = this.received + (event.kind === 'chunk' ? event.bytes : Number.NaN)
        expect(end).toBeLessThanOrEqual(this.total ?? content.length)
        this.held.push({ from: this.received, bytes: content.slice(this.received, end) })
        this.newest = end - this.received
        this.received = end
        return
      }
      case 'drop':
        this.held = this.held.filter(({ from, bytes }) => from + bytes.length > command.before)
        return
      case 'commit':
        expect([this.entry, event.kind, this.received]).toEqual(['begun', 'land', this.total ?? this.received])
        this.entry = 'committed'
        return
      case 'discard':
        expect(this.entry).toBe('begun')
        this.entry = 'discarded'
        return
      case 'anew':
        return expect(['landed', 'dispersed', 'failed', 'lost']).toContain(this.state.phase)
      default:
        for (const id of command.readers) this.#tell(this.#client(id), command, now)
    }
  }

  #tell(client: Client, notice: Notice, now: number) {
    if (notice.kind === 'cut' && client.outcome === 'alone') return
    expect([client.outcome, client.hasLeft, client.isServed]).toEqual([undefined, false, notice.kind === 'cut'])
    this.#isTrue(notice, client, now)
    if (notice.kind === 'serve') client.isServed = true
    else client.outcome = notice.kind
  }

  /** Whether what it is told is so. */
  #isTrue(notice: Notice, client: Client, now: number) {
    const { maxReaders, maxWaitMs, windowBytes, holdMs } = this.limits
    const because = 'because' in notice ? notice.because : notice.kind
    const isUnfit = this.unfit.includes(client.id)
    switch (because) {
      case 'serve':
        return expect([this.verdict?.kind, isUnfit]).toEqual(['store', false])
      case 'give':
      case 'uncacheable':
        return expect([this.verdict?.kind, isUnfit]).toEqual(['uncacheable', false])
      case 'unfit':
        return expect(isUnfit).toBe(true)
      case 'crowded':
        expect(notice.kind).toBe(this.limits.beyond)
        return expect(this.present.length - 1).toBe(maxReaders)
      case 'waited':
        expect(notice.kind).toBe(this.limits.beyond)
        expect(this.waiting[0]).not.toBe(client)
        return expect(now - client.since).toBeGreaterThanOrEqual(maxWaitMs)
      case 'late':
        return expect(this.received).toBeGreaterThan(windowBytes)
      default:
        if (notice.kind !== 'fail') return
        expect([this.asked, this.isRunning, because]).toEqual([1, false, 'reset'])
        expect(now === this.failedAt || now < this.failedAt + holdMs).toBe(true)
    }
  }

  /** What holds between any two events. */
  check() {
    const { waiting, present, limits, held, verdict } = this
    const { phase } = this.state
    if (waiting.length > 0) expect(phase).toBe('asking')
    if (phase === 'asking' || phase === 'flying') expect(this.isRunning).toBe(true)
    expect(present.length).toBeLessThanOrEqual(limits.maxReaders)
    expect(held.reduce((sum, { bytes }) => sum + bytes.length, 0)).toBeLessThanOrEqual(limits.windowBytes + maxChunk)
    expect(this.given).toBeLessThanOrEqual(verdict?.kind === 'uncacheable' ? 1 : 0)
    if (present.length > 0) return
    // What has landed is held for those who come yet, until its owner lets it go.
    if (!this.isRunning) expect(phase === 'landed' ? [] : held).toEqual([])
    else {
      this.seen.add('finish')
      expect(this.hasStore).toBe(true)
      expect(this.total! - this.received).toBeLessThanOrEqual(limits.finishBytes)
    }
  }

  /** The origin fails, clients read all that they can get, and leave. */
  end(now: number) {
    while (this.isRunning) this.hear({ kind: 'fail' }, now)
    const turns = [...this.held, 'the end']
    for (const { id } of this.clients) for (const _ of turns) this.read(id, now)
    expect(this.clients.map(({ outcome }) => outcome)).not.toContain(undefined)
    for (const { id, hasLeft } of this.clients) if (!hasLeft) this.leave(id, now)
    this.check()
    expect(this.entry).not.toBe('begun')
  }
}

function eventOf(said: Said, unfit: readonly ReaderId[], at: number): FlightEvent {
  switch (said.kind) {
    case 'head':
      return { kind: 'head', verdict: said.verdict, unfit, at }
    case 'chunk':
      return said
    case 'land':
      return { kind: 'land', at }
    case 'fail':
      return { kind: 'fail', because: 'reset', at }
    default:
      return said satisfies never
  }
}

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value)
    Object.values(value).forEach(deepFreeze)
  }
  return value
}

type Op =
  | Said
  | { readonly kind: 'tick'; readonly ms: number }
  | { readonly kind: 'join' | 'expire' | 'give up' }
  | { readonly kind: 'leave'; readonly which: number }
  | { readonly kind: 'read'; readonly which: number; readonly times: number }

/** What happens at one name: flights one after another, the last of which takes those who come. */
class Place {
  now = 0
  readonly flights: Crowd[] = []
  #readers = 0
  readonly #begin: () => Crowd

  constructor(limits: FlightLimits, seen: Set<string>) {
    this.#begin = () => {
      const flight = new Crowd(limits, seen)
      this.flights.push(flight)
      return flight
    }
    this.#begin()
  }

  /** To the last flight, or to the one before it. */
  happen(op: Op, isToOld: boolean) {
    const { now, flights } = this
    const last = flights.at(-1)!
    const flight = isToOld ? (flights.at(-2) ?? last) : last
    switch (op.kind) {
      case 'tick':
        this.now += op.ms
        return
      case 'join': {
        const id = this.#readers++
        const client = { id, since: now, body: [], isServed: false, hasLeft: false, outcome: undefined }
        if (!last.join(client, now)) expect(this.#begin().join(client, now)).toBe(true)
        return
      }
      case 'expire':
        return flight.expire(now)
      case 'give up':
        return flight.giveUp(now)
      case 'leave':
      case 'read': {
        const client = flight.present[op.which]
        if (client === undefined) return
        if (op.kind === 'leave') return flight.leave(client.id, now)
        for (let time = 0; time < op.times; time++) flight.read(client.id, now)
        return
      }
      case 'chunk':
        if (flight.received + op.bytes <= content.length) flight.hear(op, now)
        return
      default:
        flight.hear(op, now)
    }
  }
}

const anyVerdict: fc.Arbitrary<HeadVerdict> = fc.oneof(
  { weight: 1, arbitrary: fc.constant({ kind: 'uncacheable' as const }) },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('store' as const),
      total: fc.option(fc.nat(100), { nil: undefined }),
      etag: fc.constantFrom('"strong"', 'W/"weak"', null),
      acceptsRanges: fc.boolean(),
    }),
  },
)

const which = fc.nat(4)
const fits = fc.array(fc.nat(5).map((one) => one > 0))
const anyOp: fc.Arbitrary<Op> = fc.oneof(
  { weight: 6, arbitrary: fc.constant({ kind: 'join' as const }) },
  {
    weight: 3,
    arbitrary: fc.constantFrom('expire' as const, 'give up' as const).map((kind) => ({ kind })),
  },
  { weight: 2, arbitrary: fc.constantFrom('land' as const, 'fail' as const).map((kind) => ({ kind })) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('tick' as const), ms: fc.nat(15) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('head' as const), verdict: anyVerdict, fits }) },
  { weight: 8, arbitrary: fc.record({ kind: fc.constant('chunk' as const), bytes: fc.nat(maxChunk) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('leave' as const), which }) },
  { weight: 8, arbitrary: fc.record({ kind: fc.constant('read' as const), which, times: fc.nat(6) }) },
)

const anyLimits: fc.Arbitrary<FlightLimits> = fc.record({
  windowBytes: fc.integer({ min: 1, max: 50 }),
  finishBytes: fc.nat(30),
  maxReaders: fc.integer({ min: 1, max: 5 }),
  beyond: fc.constantFrom('direct', 'refuse'),
  maxWaitMs: fc.integer({ min: 1, max: 20 }),
  holdMs: fc.nat(20),
})

it('serves no wrong byte, forgets nobody, and stops when nobody is left', () => {
  const seen = new Set<string>()
  fc.assert(
    fc.property(anyLimits, fc.array(fc.tuple(anyOp, fc.nat(9)), { maxLength: 80, size: 'max' }), (by, ops) => {
      const place = new Place(by, seen)
      for (const [op, age] of ops) {
        place.happen(op, age === 0)
        for (const flight of place.flights) flight.check()
      }
      for (const flight of place.flights) flight.end(place.now)
    }),
    { numRuns: 1000 },
  )
  const commands = ['ask', 'abort', 'begin', 'hold', 'drop', 'commit', 'discard', 'anew', 'finish']
  const notices = ['serve', 'give', 'uncacheable', 'unfit', 'crowded', 'waited', 'late', 'refuse', 'fail', 'cut']
  expect(seen).toEqual(new Set([...commands, ...notices, 'bytes', 'wait', 'end', 'alone']))
})
