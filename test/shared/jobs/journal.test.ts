import fc from 'fast-check'
import { describe, expect, it, test } from 'vitest'
import type { JobRule } from '../../../shared/config/jobs.ts'
import type { Envelope } from '../../../shared/jobs/envelope.ts'
import {
  advance,
  begin,
  bury,
  callbackOf,
  cancel,
  type Ended,
  finish,
  isOver,
  isSame,
  type JobRecord,
  mayKnow,
  open,
  retry,
  statusOf,
  unsent,
  wake,
} from '../../../shared/jobs/journal.ts'

const at = 1e12
const rule: JobRule = {
  ...{ tries: 3, baseDelayMs: 1000, timeoutMs: 60_000, deadlineMs: 600_000 },
  ...{ keepMs: 100_000, resendMs: 30_000, leaseMs: 10_000 },
}
const envelope: Envelope = {
  ...{ type: 'report', version: 1, id: '0123456789abcdef0123456789abcdef', key: 'pool:web order-17' },
  ...{ deadline: at + rule.deadlineMs, traceparent: '00-0-0-00', payload: { n: 1 } },
}
/** Delays come out as they are configured. */
const half = 0.5

const opened = (delayMs = 0) => open({ envelope, rule, delayMs }, at)

function running(record = opened(), when = at): JobRecord {
  const begun = begin(record, rule, when, half)
  if (begun.kind !== 'run') throw new Error(begun.kind)
  return begun.record
}

const ended = (ended: Ended, record = running(), when = at) => finish(record, record.token, ended, when, half)!
const again: Ended = { kind: 'again', because: 'status 500' }
const failed = () => ended(again)
const done = () => ended({ kind: 'done', result: 7 })
const dead = () => ended({ kind: 'failed', because: 'status 422' })

describe('who asks for a run', () => {
  test.each<[title: string, record: JobRecord, when: number, kind: string, state: string]>([
    ['of a job that waits, gets it', opened(), at, 'run', 'running'],
    ['of one that is to wait longer, comes again', opened(5000), at + 4999, 'wait', 'queued'],
    ['of one that has waited, gets it', opened(5000), at + 5000, 'run', 'running'],
    ['of one that runs, has a message that was sent twice', running(), at + 9999, 'skip', 'running'],
    ['of one that has failed, waits for its time', failed(), at + 999, 'wait', 'failed'],
    ['of one whose time has come again, gets it', failed(), at + 1000, 'run', 'running'],
    ['of one whose run was lost, waits for its time', running(), at + 10_000, 'wait', 'failed'],
    ['of one that is done', done(), at, 'skip', 'done'],
    ['of one that is dead', dead(), at, 'skip', 'dead'],
    ['of one that was cancelled', cancel(opened(), at)!, at, 'skip', 'cancelled'],
    ['of one that is past its deadline', opened(), at + 600_000, 'skip', 'expired'],
  ])('%s', (_, record, when, kind, state) => {
    const begun = begin(record, rule, when, half)
    expect([begun.kind, begun.record.state]).toEqual([kind, state])
  })

  it('gets the time of its type, and no more than until the deadline', () => {
    expect(begin(opened(), rule, at, half)).toMatchObject({ until: at + 60_000 })
    expect(begin(opened(), rule, at + 590_000, half)).toMatchObject({ until: at + 600_000 })
  })
})

describe('how a run ends', () => {
  it('done, with its result, for as long as is kept', () => {
    expect(done()).toMatchObject({ state: 'done', result: 7, endedAt: at, wakeAt: at + 100_000 })
  })

  it('failed for good: dead, with its reason', () => {
    expect(dead()).toMatchObject({ state: 'dead', error: 'status 422', endedAt: at })
  })

  it('failed again and again: with growing pauses, then dead', () => {
    const pauses: number[] = []
    let record = failed()
    for (
      let when = at;
      record.state === 'failed';
      record = ended(again, running(record, record.nextAt), record.nextAt)
    ) {
      pauses.push(record.nextAt - when)
      when = record.nextAt
    }
    expect(pauses).toEqual([1000, 2000])
    expect(record).toMatchObject({ state: 'dead', runs: 3, error: 'status 500' })
  })

  it('failed, and is to wait for as long as was asked for, to twelve hours', () => {
    const late = { ...running(), envelope: { ...envelope, deadline: at + 1e9 } }
    expect(ended({ ...again, afterSeconds: 30 }).nextAt).toBe(at + 30_000)
    expect(ended({ ...again, afterSeconds: 1e6 }, late).nextAt).toBe(at + 43_200_000)
  })

  it('failed, with no time for another: expired', () => {
    const record = ended({ ...again, afterSeconds: 600 })
    expect(record).toMatchObject({ state: 'expired', error: 'status 500 There is no time for another run.' })
  })

  it('pauses differ by a tenth', () => {
    const pause = (random: number) => finish(running(), 1, again, at, random)!.nextAt - at
    expect([pause(0), pause(0.999_999)]).toEqual([900, 1100])
  })

  it('is not heard where another run has begun, or the job is over', () => {
    const first = running()
    const lost = wake(first, at + 10_000, half)
    const second = running((lost as { record: JobRecord }).record, at + 11_000)
    expect(second.token).toBe(2)
    expect(finish(second, 1, { kind: 'done' }, at + 12_000, half)).toBeUndefined()
    expect(advance(second, 1, { percent: 50 }, at)).toBeUndefined()
    expect(finish(cancel(first, at)!, 1, { kind: 'done' }, at, half)).toBeUndefined()
  })
})

describe('what keeps a run alive', () => {
  it('a word without news, that watchers do not see', () => {
    const record = running()
    expect(advance(record, 1, undefined, at + 9000)).toEqual({ ...record, wakeAt: at + 19_000 })
  })

  it('progress, within bounds', () => {
    const record = advance(running(), 1, { percent: 140, note: 'x'.repeat(2000) }, at)!
    expect(record.progress).toEqual({ percent: 100, note: 'x'.repeat(1000) })
    expect(record.version).toBe(running().version + 1)
  })
})

describe('what its book does in time', () => {
  const woken = (record: JobRecord, when = record.wakeAt) => wake(record, when, half)

  it('sends it, and again with growing pauses while nobody begins it', () => {
    let record = open({ envelope: { ...envelope, deadline: at + 1e9 }, rule, delayMs: 0 }, at)
    const pauses: number[] = []
    for (let times = 0; times < 5; times++) {
      const when = record.wakeAt
      const sent = woken(record)
      expect(sent.kind).toBe('send')
      record = (sent as { record: JobRecord }).record
      pauses.push(record.wakeAt - when)
    }
    expect(pauses).toEqual([30_000, 60_000, 120_000, 240_000, 240_000])
  })

  it('sends it soon where the queue did not take it', () => {
    const sent = woken(opened()) as { record: JobRecord }
    expect(unsent(sent.record, at).wakeAt).toBe(at + 1000)
    expect(unsent(running(), at)).toEqual(running())
  })

  it('drops it at its deadline', () => {
    const record = { ...opened(), wakeAt: envelope.deadline }
    expect(woken(record)).toMatchObject({ kind: 'kept', record: { state: 'expired', runs: 0 } })
  })

  it('has another run where one was lost, or gives it up', () => {
    expect(woken(running())).toMatchObject({ record: { state: 'failed', error: 'Its run ended without a word.' } })
    expect(woken({ ...running(), runs: 3 })).toMatchObject({ record: { state: 'dead' } })
  })

  it('forgets it, but for its message, which may still come', () => {
    expect(woken(done())).toEqual({ kind: 'forgotten', until: envelope.deadline })
  })

  it('sees that it was woken too early', () => {
    expect(wake(failed(), at, half)).toMatchObject({ kind: 'kept', record: failed() })
  })
})

describe('what people do', () => {
  test.each<[title: string, record: JobRecord, cancelled: string | undefined, retried: string | undefined]>([
    ['queued', opened(), 'cancelled', undefined],
    ['running', running(), 'cancelled', undefined],
    ['failed', failed(), 'cancelled', 'queued'],
    ['done', done(), undefined, undefined],
    ['dead', dead(), undefined, 'queued'],
    ['cancelled', cancel(opened(), at)!, undefined, 'queued'],
  ])('%s: cancel, retry', (_, record, cancelled, retried) => {
    expect([cancel(record, at)?.state, retry(record, at)?.state]).toEqual([cancelled, retried])
  })

  it('a retry has all its runs and its time again, and no words of the last', () => {
    const record = retry(dead(), at + 1e6)!
    expect(record).toMatchObject({ runs: 0, nextAt: at + 1e6, wakeAt: at + 1e6 })
    expect(record.envelope.deadline).toBe(at + 1e6 + rule.deadlineMs)
    expect(statusOf(record)).not.toHaveProperty('error')
    expect(statusOf(record)).not.toHaveProperty('endedAt')
  })

  it('what the queue has given up is dead, unless it was over', () => {
    expect(bury(opened(), 'nobody took it', at)).toMatchObject({ state: 'dead', error: 'nobody took it' })
    expect(bury(done(), 'nobody took it', at)).toBeUndefined()
  })

  it('two postings are the same by what is to be done, not by when', () => {
    expect(isSame(opened(), { ...envelope, deadline: 0, traceparent: 'x' })).toBe(true)
    expect(isSame(opened(), { ...envelope, payload: { n: 2 } })).toBe(false)
    expect(isSame(opened(), { ...envelope, callback: 'https://a.example.com/' })).toBe(false)
  })

  it('the administrator may know all, a pool its own', () => {
    expect(['admin', 'pool:web', 'pool:we', 'gateway'].map((who) => mayKnow(who, envelope))).toEqual([
      ...[true, true, false, false],
    ])
  })
})

test('who wants to know the end is told by a job of its own', () => {
  const record = { ...done(), envelope: { ...envelope, callback: 'https://a.example.com/hook' } }
  const id = 'f'.repeat(32)
  expect(callbackOf(record, id, at)).toMatchObject({
    envelope: {
      ...{ type: 'webhook', version: 1, id, deadline: at + rule.deadlineMs, traceparent: envelope.traceparent },
      payload: { url: 'https://a.example.com/hook', event: 'job.done', at, data: { id: envelope.id, result: 7 } },
    },
  })
  expect(callbackOf(done(), id, at)).toBeUndefined()
})

// The model: messages that come twice, late or never, runs that die, and books that look when they are due ─────────────

type Step =
  | { readonly kind: 'message' | 'wake' | 'cancel' | 'retry' | 'lose-run' | 'lose-messages' }
  | { readonly kind: 'end'; readonly ended: Ended }
  | { readonly kind: 'wait'; readonly ms: number }

const steps: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.constant<Step>({ kind: 'message' }) },
  { weight: 4, arbitrary: fc.constant<Step>({ kind: 'wake' }) },
  ...(['cancel', 'retry', 'lose-run', 'lose-messages'] as const).map((kind) => ({
    weight: 1,
    arbitrary: fc.constant<Step>({ kind }),
  })),
  {
    weight: 4,
    arbitrary: fc
      .constantFrom<Ended[]>({ kind: 'done' }, again, again, { kind: 'failed', because: 'no' })
      .map((ended): Step => ({ kind: 'end', ended })),
  },
  { weight: 4, arbitrary: fc.integer({ min: 1, max: 60_000 }).map((ms): Step => ({ kind: 'wait', ms })) },
)

it('a job is run by one at a time, is done once at most, keeps its bounds, and is never lost', () => {
  fc.assert(
    fc.property(fc.array(steps, { maxLength: 60 }), (given) => {
      let now = at
      let record = opened()
      let messages = 0
      let runs: number[] = []
      let timesDone = 0
      const replace = (next: JobRecord) => {
        expect(next.version).toBeGreaterThanOrEqual(record.version)
        expect(next.runs).toBeLessThanOrEqual(rule.tries)
        if (next.state === 'done' && record.state !== 'done') timesDone++
        record = next
      }
      const take = (step: Step) => {
        switch (step.kind) {
          case 'message': {
            if (messages === 0) return
            const begun = begin(record, rule, now, half)
            if (begun.kind === 'run') runs.push(begun.record.token)
            // Acknowledged, or sent on. That of a run may come a second time.
            if (begun.kind === 'skip') messages--
            return replace(begun.record)
          }
          case 'wake': {
            if (now < record.wakeAt || isOver(record)) return
            const woken = wake(record, now, half)
            if (woken.kind === 'send') messages++
            return woken.kind === 'forgotten' ? undefined : replace(woken.record)
          }
          case 'end':
            for (const token of runs) replace(finish(record, token, step.ended, now, half) ?? record)
            runs = []
            return
          case 'cancel':
            return replace(cancel(record, now) ?? record)
          case 'retry':
            return record.state === 'done' ? undefined : replace(retry(record, now) ?? record)
          case 'lose-run':
            runs = []
            return
          case 'lose-messages':
            messages = 0
            return
          case 'wait':
            now += step.ms
            return
          default:
            return step satisfies never
        }
      }
      for (const step of given) take(step)
      expect(timesDone).toBeLessThanOrEqual(1)
      // Whatever has happened so far: with a book that looks, and somebody who does it, the job comes to an end.
      for (let turn = 0; turn < 50 && !isOver(record); turn++) {
        now = Math.max(now, record.wakeAt, record.nextAt)
        take({ kind: 'wake' })
        take({ kind: 'message' })
        take({ kind: 'end', ended: { kind: 'done' } })
      }
      expect(isOver(record)).toBe(true)
    }),
    { numRuns: 500 },
  )
})
