// One of the sixteen books in which the journals of jobs are kept, by the first digit of their ids. What may become of a
// job is decided in shared/jobs/journal.ts; a book loads its record, asks, and saves. All of it persists.
//
// The alarm rings when the first job is to be looked at: to send it to the queue, again if nobody has begun it, to give
// up a run that has lasted too long, to drop what is past its deadline, and to forget what is long over. So a message or
// a run that is lost costs time, and never a job.
import { DurableObject } from 'cloudflare:workers'
import type { JobRule } from '../../shared/config/jobs.ts'
import { type Envelope, parseEnvelope } from '../../shared/jobs/envelope.ts'
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
  type Posting,
  type Progress,
  retry,
  statusOf,
  unsent,
  wake,
} from '../../shared/jobs/journal.ts'
import { type ListedJob, listed, shortened } from '../../shared/jobs/listing.ts'
import { isLetter, letterOf, messageOf } from '../../shared/jobs/unreadable.ts'
import type { Env, JobBookObject } from '../env.ts'
import type { Changed, DeadLetter, Finished, Found, JobQuery, RunGrant, Swept, Written } from '../ports/job-port.ts'
import { late, orLate } from '../within.ts'
import { ChangeBell } from './change-bell.ts'
import { JobRows } from './job-rows.ts'

/** What the objects work by. */
export interface JobBookTools {
  /** Milliseconds since the epoch. */
  readonly now: () => number
  /** In [0, 1). */
  readonly random: () => number
}

/** A queue takes so much at once: messages, and bytes with some room. */
const sentAtOnce = 100
const bytesAtOnce = 250_000
const queuePatienceMs = 10_000
/** After an alarm that failed as a whole. */
const repairMs = 10_000
/** Who watches asks again after this time. */
const watchMs = 25_000
const sweptAtOnce = 500
const sweptShown = 20

export function jobBookObject({
  now,
  random,
}: JobBookTools): new (
  context: DurableObjectState,
  env: Env,
) => DurableObject<Env> & JobBookObject {
  return class JobBook extends DurableObject<Env> implements JobBookObject {
    readonly #rows: JobRows
    /** When the alarm rings; undefined where that is not known. */
    #alarmAt: number | undefined
    /** Who waits for a change of a job. */
    readonly #changes = new ChangeBell()

    constructor(context: DurableObjectState, env: Env) {
      super(context, env)
      this.#rows = new JobRows(context.storage.sql)
      this.#arm()
    }

    async write(posting: Posting): Promise<Written> {
      const known = this.#rows.load(posting.envelope.id)
      if (known !== undefined) {
        const kind = isSame(known, posting.envelope) ? 'written' : 'other'
        return { kind, status: statusOf(known) }
      }
      const record = open(posting, now())
      this.#rows.save(record)
      this.#arm()
      return { kind: 'written', status: statusOf(record) }
    }

    async begin(envelope: Envelope, rule: JobRule): Promise<RunGrant> {
      const at = now()
      if (this.#rows.isForgotten(envelope.id)) return { kind: 'skip' }
      const known = this.#loadOrOpen({ envelope, rule, delayMs: 0 }, at)
      // A key was used twice, and the book was not there to refuse it.
      if (!isSame(known, envelope)) return { kind: 'skip' }
      const begun = begin(known, rule, at, random())
      this.#replace(known, begun.record)
      this.#arm()
      if (begun.kind !== 'run') return begun.kind === 'wait' ? { kind: 'wait', ms: begun.ms } : { kind: 'skip' }
      const { token, runs } = begun.record
      return { kind: 'run', token, run: runs, until: begun.until, leaseMs: rule.leaseMs }
    }

    async advance(id: string, token: number, progress?: Progress): Promise<boolean> {
      const known = this.#rows.load(id)
      const record = known && advance(known, token, progress, now())
      if (known === undefined || record === undefined) return false
      this.#replace(known, record)
      return true
    }

    async finish(id: string, token: number, ended: Ended): Promise<Finished> {
      const at = now()
      const known = this.#rows.load(id)
      const record = known && finish(known, token, ended, at, random())
      if (known === undefined || record === undefined) return { kind: 'over' }
      this.#replace(known, record)
      this.#arm()
      if (record.state === 'failed') return { kind: 'again', ms: record.nextAt - at }
      return record.state === 'dead' ? { kind: 'dead', because: record.error ?? '' } : { kind: 'over' }
    }

    async bury({ because, message, messageId, isTold, rule }: DeadLetter): Promise<true> {
      const at = now()
      const parsed = parseEnvelope(message)
      const envelope = parsed.ok ? parsed.value : letterOf(message, messageId, at + rule.deadlineMs)
      if (this.#rows.isForgotten(envelope.id)) return true
      // How a run ended was judged here before its letter went out, and the job may have been queued anew since.
      if (isTold && this.#rows.load(envelope.id) !== undefined) return true
      const known = this.#loadOrOpen({ envelope, rule, delayMs: 0 }, at)
      const record = bury(known, because, at)
      if (record !== undefined) this.#replace(known, record)
      this.#arm()
      return true
    }

    async read(id: string): Promise<Found> {
      const record = this.#rows.load(id)
      return record === undefined ? { kind: 'absent' } : { kind: 'found', job: listed(record) }
    }

    async change(id: string, caller: string, how: 'cancel' | 'retry'): Promise<Changed> {
      const known = this.#rows.load(id)
      if (known === undefined || !mayKnow(caller, known.envelope)) return { kind: 'absent' }
      const record = how === 'cancel' ? cancel(known, now()) : retry(known, now())
      if (record === undefined) return { kind: 'refused', state: known.state }
      this.#replace(known, record)
      this.#arm()
      return { kind: 'changed', status: statusOf(record) }
    }

    async list(query: JobQuery): Promise<ListedJob[]> {
      return this.#rows.find(query).flatMap((id) => {
        const record = this.#rows.load(id)
        return record === undefined ? [] : [shortened(listed(record))]
      })
    }

    async sweep(how: 'replay' | 'drop', query: JobQuery, dryRun: boolean): Promise<Omit<Swept, 'isWhole'>> {
      const found = this.#rows.find({ ...query, states: ['dead'], limit: sweptAtOnce + 1 })
      const jobs: Swept['jobs'][number][] = []
      const at = now()
      for (const id of found.slice(0, sweptAtOnce)) {
        const record = this.#rows.load(id)
        if (record === undefined) continue
        const { envelope, error } = record
        if (jobs.length < sweptShown) jobs.push({ id, type: envelope.type, ...(error !== undefined && { error }) })
        if (dryRun) continue
        if (how === 'drop') this.#forget(id, envelope.deadline)
        else this.#replace(record, retry(record, at) ?? record)
      }
      this.#arm()
      return { count: Math.min(found.length, sweptAtOnce), jobs, hasMore: found.length > sweptAtOnce }
    }

    /** As it is now if that is newer than `since`; or else as soon as it changes, or after 25 s. */
    async watch(id: string, since: number): Promise<Found> {
      const known = this.#rows.load(id)
      if (known !== undefined && known.version <= since && !isOver(known)) await this.#changes.heard(id, watchMs)
      return this.read(id)
    }

    override async alarm(): Promise<void> {
      this.#alarmAt = undefined
      try {
        while (await this.#wakeDue());
        this.#arm()
      } catch (error) {
        // The platform gives up an alarm that throws again and again.
        console.error(error)
        this.#setAlarm(now() + repairMs)
      }
    }

    /** Looks at those whose time has come, as many as are sent at once; whether there may be more. */
    async #wakeDue(): Promise<boolean> {
      const at = now()
      const due = this.#rows.due(at, sentAtOnce)
      const sent: JobRecord[] = []
      let bytes = 0
      for (const id of due) {
        const known = this.#rows.load(id)
        if (known === undefined) {
          // It was forgotten, and by now its message has come or will not.
          this.#rows.remove(id)
          continue
        }
        const woken = wake(known, at, random())
        if (woken.kind === 'forgotten') {
          this.#forget(id, woken.until)
          continue
        }
        if (woken.kind === 'send') {
          bytes += encoder.encode(JSON.stringify(known)).length
          if (bytes > bytesAtOnce && sent.length > 0) break
          sent.push(woken.record)
        }
        this.#replace(known, woken.record)
      }
      const wasSent = sent.length === 0 || (await this.#send(sent))
      return wasSent && due.length > 0
    }

    async #send(records: readonly JobRecord[]): Promise<boolean> {
      try {
        const messages = records.map(({ envelope }) => ({ body: messageOf(envelope), contentType: 'json' as const }))
        if ((await orLate(queuePatienceMs, this.env.JOBS.sendBatch(messages))) !== late) {
          this.#letGoOfLetters(records)
          return true
        }
        console.warn(`The queue did not take ${records.length} jobs within ${queuePatienceMs} ms; they are sent again.`)
      } catch (error) {
        console.warn(`The queue did not take ${records.length} jobs; they are sent again:`, error)
      }
      const at = now()
      for (const { envelope } of records) {
        const record = this.#rows.load(envelope.id)
        if (record !== undefined) this.#rows.save(unsent(record, at))
      }
      return false
    }

    /** What could not be read comes back under an id of its own, if it can be read now. */
    #letGoOfLetters(records: readonly JobRecord[]): void {
      for (const record of records) if (isLetter(record.envelope)) this.#forget(record.envelope.id, 0)
    }

    // Records ─────────────────────────────────────────────────────────────────────────────────────────────────────

    /** Of some jobs the message is the first that their book hears of. */
    #loadOrOpen(posting: Posting, at: number): JobRecord {
      const known = this.#rows.load(posting.envelope.id)
      if (known !== undefined) return known
      const record = open(posting, at)
      this.#rows.save(record)
      return record
    }

    /** Saves what has become of a job; whoever waits for that is told, and so is its callback if it is over. */
    #replace(known: JobRecord, record: JobRecord): void {
      if (record === known) return
      this.#rows.save(record)
      if (record.version === known.version) return
      const at = now()
      const callback = isOver(record) && !isOver(known) ? callbackOf(record, this.#newId(record), at) : undefined
      if (callback !== undefined) this.#rows.save(open(callback, at))
      this.#changes.ring(record.envelope.id)
    }

    /** Of a job that is kept in this book, too: one write has both. */
    #newId({ envelope: { id } }: JobRecord): string {
      return `${id[0]}${crypto.randomUUID().replaceAll('-', '').slice(1)}`
    }

    #forget(id: string, until: number): void {
      if (until <= now()) this.#rows.remove(id)
      else this.#rows.forget(id, until)
      this.#changes.ring(id)
    }

    // The alarm ───────────────────────────────────────────────────────────────────────────────────────────────────

    /** Sets the alarm to the first job's time, if that is not when it rings anyway. */
    #arm(): void {
      const at = this.#rows.firstWakeAt()
      if (at === undefined) return
      if (this.#alarmAt === undefined || at < this.#alarmAt) this.#setAlarm(at)
    }

    #setAlarm(at: number): void {
      this.#alarmAt = at
      // Not awaited: the platform holds back whatever leaves the object until it is written.
      void this.ctx.storage.setAlarm(at)
    }
  }
}

const encoder = new TextEncoder()
