// What whole histories of requests cost the origins of a pool, and what becomes of the requests. Time passes by timers
// that are faked, and whatever is by chance comes from a seed.
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { type PoolState, startPool } from '../../../shared/balance/pool.ts'
import { rankOrigins } from '../../../shared/balance/rank.ts'
import { type Asking, askPool } from '../../../workers/balance/attempts.ts'
import { randomFrom } from '../../../workers/cli/simulate/random.ts'
import type { Attempt, Exchange, OriginRequest, Ports } from '../../../workers/ports.ts'
import { eject, poolWith } from './pools.ts'

const start = 1e12
const spare = 10

/** What an origin does with an attempt, and after how many milliseconds. */
interface Doing {
  readonly what: number | 'refuses' | 'client leaves'
  readonly ms: number
}

interface History {
  readonly seed: number
  readonly origins: number
  /** When each request comes, in milliseconds from the start. */
  readonly instants: readonly number[]
  /** `origin` counts from 0, `at` in milliseconds from the start. */
  readonly doing: (origin: number, at: number, random: () => number) => Doing
  readonly pool?: object
  readonly isolates?: number
  readonly mayHedge?: boolean
  /** Milliseconds from the coming of a request on. */
  readonly deadlineMs?: number
  /** Called with the pool, at that time. */
  readonly meanwhile?: readonly [at: number, change: (state: PoolState) => void]
  /** Time does not pass: nothing of the budgets fades, and none comes again. */
  readonly clockStands?: boolean
}

interface Report {
  readonly attempts: number
  /** Requests that have had a good answer, and those of them that a second attempt got it for. */
  readonly good: number
  readonly helped: number
  /** Attempts that had neither failed nor been given up when their request was over, beside those that it was answered by. */
  readonly forgotten: number
  /** The most that an origin was given for an answer. */
  readonly longestMs: number
  readonly states: readonly PoolState[]
}

beforeEach(() => {
  vi.useFakeTimers({ now: start, toFake: ['setTimeout', 'clearTimeout', 'Date'], loopLimit: 1e7 })
})

afterEach(() => {
  vi.useRealTimers()
})

async function live(history: History): Promise<Report> {
  const {
    seed,
    origins,
    pool: fields = {},
    isolates = 1,
    instants,
    doing,
    mayHedge = false,
    clockStands = false,
    deadlineMs,
    meanwhile,
  } = history
  const random = randomFrom(seed)
  const pool = poolWith(
    fields,
    ...Array.from({ length: origins }, (_, index) => ({ url: `http://127.0.0.1:${9000 + index}` })),
  )
  const states = Array.from({ length: isolates }, () => startPool(pool, random))
  const counts = { attempts: 0, good: 0, helped: 0, forgotten: 0, longestMs: 0 }
  const now = () => (clockStands ? start : Date.now())
  const ask = async () => {
    let asked = 0
    const open = new Set<object>()
    const send = ({ url, headersMs }: OriginRequest): Exchange => {
      asked++
      counts.longestMs = Math.max(counts.longestMs, headersMs)
      return exchange(doing(Number(new URL(url).port) - 9000, Date.now() - start, random), open)
    }
    const state = states[Math.floor(random() * isolates)]!
    const ports = { now, random, origins: { send } } as unknown as Ports
    const deadline = deadlineMs === undefined ? undefined : now() + deadlineMs
    const ending = await askPool({ ...askingOf(ports), mayHedge, deadline }, state, ports)
    const isGood = ending.kind === 'answer' && ending.response.status < 500
    counts.attempts += asked
    counts.forgotten += open.size - (ending.kind === 'answer' ? 1 : 0)
    if (isGood) counts.good++
    if (isGood && asked > 1) counts.helped++
  }
  for (const instant of instants) setTimeout(ask, instant)
  if (meanwhile !== undefined) setTimeout(meanwhile[1], meanwhile[0], states[0]!)
  await vi.runAllTimersAsync()
  return { ...counts, states }
}

function askingOf({ now, random }: Ports): Omit<Asking, 'mayHedge' | 'deadline'> {
  const hashKey = String(random())
  return {
    method: 'GET',
    target: '/',
    fields: new Headers(),
    body: { kind: 'kept', bytes: null },
    mayRepeat: true,
    rank: (state, at) => ({ kind: 'order', order: rankOrigins(state, { hashKey }, at, random) }),
    explain: false,
    begunAt: now(),
  }
}

function exchange({ what, ms }: Doing, open: Set<object>): Exchange {
  const { promise, resolve } = Promise.withResolvers<Attempt>()
  const fail = (clientLeft: boolean) => {
    open.delete(promise)
    resolve({ kind: 'failed', failure: 'connection', clientLeft })
  }
  const abandon = () => fail(false)
  open.add(promise)
  setTimeout(() => {
    if (typeof what === 'number') resolve({ kind: 'answer', response: new Response(null, { status: what }), abandon })
    else fail(what === 'client leaves')
  }, ms)
  return { attempt: promise, abandon }
}

const evenly = (count: number, everyMs: number) => Array.from({ length: count }, (_, index) => index * everyMs)
const atOnce = (count: number) => evenly(count, 0)

const seed = fc.integer()
const tries = fc.integer({ min: 1, max: 10 })
const policy = fc.constantFrom('round-robin', 'random', 'least-request', 'peak-ewma', 'hash')
const ejection = fc.constantFrom({}, { maxPercent: 0 }, { maxPercent: 100, baseSeconds: 1 })
const bad = fc.constantFrom(500, 502, 503, 504, 'refuses' as const)

describe('of requests to a pool of which no origin answers well', () => {
  test('there are at most 1.3 times as many attempts', async () => {
    const origins = fc.array(fc.record({ what: bad, other: bad, ms: fc.integer({ max: 100, min: 0 }) }), {
      minLength: 1,
      maxLength: 6,
    })
    await fc.assert(
      fc.asyncProperty(
        seed,
        origins,
        tries,
        policy,
        ejection,
        fc.boolean(),
        async (seed, all, tries, policy, ejection, mayHedge) => {
          const { attempts } = await live({
            seed,
            origins: all.length,
            instants: evenly(600, 10),
            mayHedge,
            pool: { policy, ejection, retry: { tries }, hedge: { afterMs: 50 } },
            doing: (origin, _, random) => {
              const { what, other, ms } = all[origin]!
              return { what: random() < 0.5 ? what : other, ms: ms * random() }
            },
          })
          expect(attempts).toBeLessThanOrEqual(1.3 * 600)
        },
      ),
      { numRuns: 12 },
    )
  })

  test('each isolate learns it from a few, and does not try again and again with what is spare', async () => {
    const { attempts } = await live({
      seed: 1,
      origins: 3,
      isolates: 100,
      instants: evenly(3000, 5),
      pool: { ejection: { maxPercent: 0 } },
      doing: () => ({ what: 'refuses', ms: 1 }),
    })
    expect(attempts).toBeLessThanOrEqual(1.2 * 3000)
  })
})

describe('where an origin answers well, nothing is lost, though others fail', () => {
  const good = fc.record({ what: fc.constantFrom(200, 304, 404), ms: fc.integer({ min: 0, max: 1000 }) })
  const failing = fc.record({ what: bad.filter((what) => what !== 500), ms: fc.integer({ min: 0, max: 1000 }) })
  const origins = (mostFailing: number) =>
    fc
      .tuple(
        fc.array(failing, { maxLength: mostFailing }),
        fc.array(good, { minLength: 1, maxLength: 3 }),
        fc.boolean(),
      )
      .map(([failing, good, isGoodFirst]) => ({
        all: isGoodFirst ? [...good, ...failing] : [...failing, ...good],
        tries: failing.length + 1,
      }))
  const crowd = fc.integer({ min: 1, max: 200 })
  const warm = evenly(20, 100)

  test.each<[string, number, fc.Arbitrary<number[]>, number]>([
    ['one does, of a crowd that comes at once', 1, crowd.map(atOnce), 0],
    ['one after the other', 3, fc.integer({ min: 1, max: 1000 }).map((ms) => evenly(200, ms)), 0],
    ['of a crowd, known to fail', 3, crowd.map((count) => [...warm, ...atOnce(count).map(() => 4000)]), 0],
    ['of a crowd, all at that moment', 3, crowd.map((count) => [...warm, ...atOnce(count).map(() => 4000)]), 4000],
  ])('%s', async (_, mostFailing, crowds, failFrom) => {
    await fc.assert(
      fc.asyncProperty(
        seed,
        origins(mostFailing),
        crowds,
        policy,
        ejection,
        async (seed, { all, tries }, instants, policy, ejection) => {
          const { good } = await live({
            seed,
            origins: all.length,
            instants,
            pool: { policy, ejection, retry: { tries } },
            doing: (origin, at) => (at < failFrom ? { what: 200, ms: 10 } : all[origin]!),
          })
          expect(good).toBe(instants.length)
        },
      ),
      { numRuns: 20 },
    )
  })
})

describe('when nothing is under way any more', () => {
  const doing = (_: number, __: number, random: () => number): Doing => {
    const kinds = [200, 200, 200, 429, 500, 503, 'refuses', 'client leaves'] as const
    return { what: kinds[Math.floor(random() * kinds.length)]!, ms: 600 * random() }
  }

  test('no origin owes an answer, hedged or not, and whatever did not win is given up', async () => {
    await fc.assert(
      fc.asyncProperty(seed, tries, policy, ejection, async (seed, tries, policy, ejection) => {
        const { states, forgotten } = await live({
          seed,
          origins: 4,
          instants: evenly(100, 10),
          mayHedge: true,
          pool: { policy, ejection, retry: { tries }, hedge: { afterMs: 100, budgetPercent: 50 } },
          doing,
        })
        for (const { inFlight, unanswered } of states[0]!.origins) expect([inFlight, unanswered]).toEqual([0, 0])
        expect(forgotten).toBe(0)
      }),
      { numRuns: 20 },
    )
  })

  test('the budget has paid for every retry that came to nothing, and for no other', async () => {
    await fc.assert(
      fc.asyncProperty(seed, tries, fc.integer({ min: 1, max: 100 }), async (seed, tries, count) => {
        const { attempts, helped, states } = await live({
          seed,
          origins: 4,
          instants: atOnce(count),
          pool: { policy: 'random', ejection: { maxPercent: 0 }, retry: { tries } },
          doing,
          clockStands: true,
        })
        const { earned, spare: left } = states[0]!.retryBudget
        expect(earned + left).toBeCloseTo(spare + 0.2 * count - (attempts - count - helped))
      }),
      { numRuns: 20 },
    )
  })

  test('a retry that was lent is paid for though the first, which seemed silent, is answered before it', async () => {
    const { attempts, good, states } = await live({
      seed: 1,
      origins: 2,
      instants: [0],
      mayHedge: true,
      pool: { policy: 'round-robin' },
      doing: (_, at) => ({ what: 200, ms: at === 0 ? 600 : 1000 }),
      meanwhile: [100, ({ origins }) => eject(origins.find(({ inFlight }) => inFlight > 0)!)],
      clockStands: true,
    })
    const { earned, spare: left } = states[0]!.retryBudget
    expect([attempts, good, earned + left]).toEqual([2, 1, spare + 0.2 - 1])
  })
})

describe('a request that says until when an answer is of use', () => {
  test.each([
    ['is over: reaches no origin', -1, 0, 0],
    ['is near: gives an origin no longer than that', 50, 1, 50],
    ['is far: gives it what the pool does', 60_000, 1, 10_000],
  ])('%s', async (_, deadlineMs, asked, mostMs) => {
    const doing = () => ({ what: 200, ms: 0 })
    const { attempts, longestMs } = await live({ seed: 1, origins: 2, instants: [0], doing, deadlineMs })
    expect([attempts, longestMs]).toEqual([asked, mostMs])
  })
})
