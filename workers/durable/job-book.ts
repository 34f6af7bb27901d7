// One of the sixteen books in which the journals of jobs are kept, by the first digit of their ids. What may become of a
// job is decided in shared/jobs/journal.ts; a book loads its record, asks, and saves. All of it persists.
//
// The alarm rings when the first job is to be looked at: to send it to the queue, again if nobody has begun it, to give
// up a run that has lasted too long, to drop what is past its deadline, and to forget what is long over. So a message or
// a run that is lost costs time, and never a job.
import { DurableObject } from 'cloudflare:workers'
import type { JobRule } from '../../shared/config/jobs.ts'
import { type Envelope, type Json, parseEnvelope } from '../../shared/jobs/envelope.ts'
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
import type { Env, JobBookObject } from '../env.ts'
import type {
  Changed,
  DeadLetter,
  Finished,
  Found,
  JobQuery,
  ListedJob,
  RunGrant,
  Swept,
  Written,
} from '../job-port.ts'
import { late, orLate } from '../within.ts'

/** What the objects work by. */
export interface JobBookTools {
  /** Milliseconds since the epoch. */
  readonly now: () => number
  /** In [0, 1). */
  readonly random: () => number
}

interface Row {
  readonly [column: string]: SqlStorageValue
  readonly record: string
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
/** What stands for a job that nobody is told of any more, while its message may still come. */
const forgotten = 'forgotten'
/** The type of what could not be read. */
const unreadable = 'unreadable'

export function jobBookObject({
  now,
  random,
}: JobBookTools): new (
  context: DurableObjectState,
  env: Env,
) => DurableObject<Env> & JobBookObject {
  return class JobBook extends DurableObject<Env> implements JobBookObject {
    readonly #sql: SqlStorage
    /** When the alarm rings; undefined where that is not known. */
    #alarmAt: number | undefined
    /** Who waits for a change of a job. */
    readonly #waiting = new Map<string, Set<() => void>>()

    constructor(context: DurableObjectState, env: Env) {
      super(context, env)
      this.#sql = context.storage.sql
      this.#sql.exec(tables)
      this.#arm()
    }

    async write(posting: Posting): Promise<Written> {
      const known = this.#load(posting.envelope.id)
      if (known !== undefined) {
        const kind = isSame(known, posting.envelope) ? 'written' : 'other'
        return { kind, status: statusOf(known) }
      }
      const record = open(posting, now())
      this.#save(record)
      this.#arm()
      return { kind: 'written', status: statusOf(record) }
    }

    async begin(envelope: Envelope, rule: JobRule): Promise<RunGrant> {
      const at = now()
      if (this.#isForgotten(envelope.id)) return { kind: 'skip' }
      const known = this.#loadOrOpen({ envelope, rule, delayMs: 0 }, at)
      const begun = begin(known, rule, at, random())
      this.#replace(known, begun.record)
      this.#arm()
      if (begun.kind !== 'run') return begun.kind === 'wait' ? { kind: 'wait', ms: begun.ms } : { kind: 'skip' }
      const { token, runs } = begun.record
      return { kind: 'run', token, run: runs, until: begun.until, leaseMs: rule.leaseMs }
    }

    async advance(id: string, token: number, progress?: Progress): Promise<boolean> {
      const known = this.#load(id)
      const record = known && advance(known, token, progress, now())
      if (known === undefined || record === undefined) return false
      this.#replace(known, record)
      return true
    }

    async finish(id: string, token: number, ended: Ended): Promise<Finished> {
      const at = now()
      const known = this.#load(id)
      const record = known && finish(known, token, ended, at, random())
      if (known === undefined || record === undefined) return { kind: 'over' }
      this.#replace(known, record)
      this.#arm()
      if (record.state === 'failed') return { kind: 'again', ms: record.nextAt - at }
      return record.state === 'dead' ? { kind: 'dead', because: record.error ?? '' } : { kind: 'over' }
    }

    async bury({ because, message, messageId, rule }: DeadLetter): Promise<true> {
      const at = now()
      const parsed = parseEnvelope(message)
      const envelope = parsed.ok ? parsed.value : letterOf(message, messageId, at + rule.deadlineMs)
      if (this.#isForgotten(envelope.id)) return true
      const known = this.#loadOrOpen({ envelope, rule, delayMs: 0 }, at)
      const record = bury(known, because, at)
      if (record !== undefined) this.#replace(known, record)
      this.#arm()
      return true
    }

    async read(id: string): Promise<Found> {
      const record = this.#load(id)
      return record === undefined ? { kind: 'absent' } : { kind: 'found', job: listed(record) }
    }

    async change(id: string, caller: string, how: 'cancel' | 'retry'): Promise<Changed> {
      const known = this.#load(id)
      if (known === undefined || !mayKnow(caller, known.envelope)) return { kind: 'absent' }
      const record = how === 'cancel' ? cancel(known, now()) : retry(known, now())
      if (record === undefined) return { kind: 'refused', state: known.state }
      this.#replace(known, record)
      this.#arm()
      return { kind: 'changed', status: statusOf(record) }
    }

    async list(query: JobQuery): Promise<ListedJob[]> {
      return this.#select(query).map(listed)
    }

    async sweep(how: 'replay' | 'drop', query: JobQuery, dryRun: boolean): Promise<Omit<Swept, 'isWhole'>> {
      const found = this.#select({ ...query, states: ['dead'], limit: sweptAtOnce + 1 })
      const swept = found.slice(0, sweptAtOnce)
      const at = now()
      for (const record of dryRun ? [] : swept) {
        if (how === 'drop') this.#forget(record, record.envelope.deadline)
        else this.#replace(record, retry(record, at) ?? record)
      }
      this.#arm()
      const jobs = swept.slice(0, sweptShown).map(({ envelope: { id, type }, error }) => ({
        ...{ id, type, ...(error !== undefined && { error }) },
      }))
      return { count: swept.length, jobs, hasMore: found.length > sweptAtOnce }
    }

    /** As it is now if that is newer than `since`; or else as soon as it changes, or after 25 s. */
    async watch(id: string, since: number): Promise<Found> {
      const known = this.#load(id)
      if (known !== undefined && known.version <= since && !isOver(known)) await this.#changed(id)
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
      const due = this.#rows('SELECT * FROM jobs WHERE wake_at <= ? ORDER BY wake_at LIMIT ?', at, sentAtOnce)
      const sent: JobRecord[] = []
      let bytes = 0
      for (const row of due) {
        if (row.state === forgotten) {
          this.#sql.exec('DELETE FROM jobs WHERE id = ?', row.id)
          continue
        }
        const known = recordOf(row)
        const woken = wake(known, at, random())
        if (woken.kind === 'forgotten') {
          this.#forget(known, woken.until)
          continue
        }
        if (woken.kind === 'send') {
          bytes += encoder.encode(row.record).length
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
        const record = this.#load(envelope.id)
        if (record !== undefined) this.#save(unsent(record, at))
      }
      return false
    }

    /** What could not be read comes back under an id of its own, if it can be read now. */
    #letGoOfLetters(records: readonly JobRecord[]): void {
      for (const record of records) if (record.envelope.type === unreadable) this.#forget(record, 0)
    }

    #changed(id: string): Promise<void> {
      return new Promise((resolve) => {
        const waiting = this.#waiting.get(id) ?? new Set()
        this.#waiting.set(id, waiting)
        const over = () => {
          clearTimeout(timer)
          waiting.delete(over)
          if (waiting.size === 0) this.#waiting.delete(id)
          resolve()
        }
        const timer = setTimeout(over, watchMs)
        waiting.add(over)
      })
    }

    // Rows ────────────────────────────────────────────────────────────────────────────────────────────────────────

    #rows(query: string, ...values: SqlStorageValue[]): Row[] {
      return this.#sql.exec<Row>(query, ...values).toArray()
    }

    #load(id: string): JobRecord | undefined {
      const [row] = this.#rows('SELECT * FROM jobs WHERE id = ? AND state <> ?', id, forgotten)
      return row && recordOf(row)
    }

    /** Of some jobs the message is the first that their book hears of. */
    #loadOrOpen(posting: Posting, at: number): JobRecord {
      const known = this.#load(posting.envelope.id)
      if (known !== undefined) return known
      const record = open(posting, at)
      this.#save(record)
      return record
    }

    #isForgotten(id: string): boolean {
      return this.#rows('SELECT state FROM jobs WHERE id = ? AND state = ?', id, forgotten).length > 0
    }

    #select({ states = [], type, ids = [], because, after, limit }: JobQuery): JobRecord[] {
      const conditions: [sql: string, ...values: SqlStorageValue[]][] = [['state <> ?', forgotten]]
      const oneOf = (column: string, values: readonly string[]) => {
        if (values.length > 0)
          conditions.push([`${column} IN (SELECT value FROM json_each(?))`, JSON.stringify(values)])
      }
      oneOf('state', states)
      oneOf('id', ids)
      if (type !== undefined) conditions.push(['type = ?', type])
      if (because !== undefined) conditions.push(["instr(json_extract(record, '$.error'), ?) > 0", because])
      if (after !== undefined) conditions.push(['(created_at, id) < (?, ?)', after.createdAt, after.id])
      const where = conditions.map(([sql]) => sql).join(' AND ')
      const values = conditions.flatMap(([, ...given]) => given)
      const order = 'ORDER BY created_at DESC, id DESC LIMIT ?'
      return this.#rows(`SELECT * FROM jobs WHERE ${where} ${order}`, ...values, limit).map(recordOf)
    }

    /** Saves what has become of a job; whoever waits for that is told, and so is its callback if it is over. */
    #replace(known: JobRecord, record: JobRecord): void {
      if (record === known) return
      this.#save(record)
      if (record.version === known.version) return
      const at = now()
      const callback = isOver(record) && !isOver(known) ? callbackOf(record, this.#newId(record), at) : undefined
      if (callback !== undefined) this.#save(open(callback, at))
      for (const tell of this.#waiting.get(record.envelope.id) ?? []) tell()
    }

    /** Of a job that is kept in this book, too: one write has both. */
    #newId({ envelope: { id } }: JobRecord): string {
      return `${id[0]}${crypto.randomUUID().replaceAll('-', '').slice(1)}`
    }

    #save(record: JobRecord): void {
      const { envelope, state, createdAt, wakeAt } = record
      const values = [envelope.id, state, envelope.type, createdAt, wakeAt, JSON.stringify(record)]
      this.#sql.exec('INSERT OR REPLACE INTO jobs VALUES (?, ?, ?, ?, ?, ?)', ...values)
    }

    #forget({ envelope: { id } }: JobRecord, until: number): void {
      if (until <= now()) this.#sql.exec('DELETE FROM jobs WHERE id = ?', id)
      else this.#sql.exec("UPDATE jobs SET state = ?, record = '', wake_at = ? WHERE id = ?", forgotten, until, id)
      for (const tell of this.#waiting.get(id) ?? []) tell()
    }

    // The alarm ───────────────────────────────────────────────────────────────────────────────────────────────────

    /** Sets the alarm to the first job's time, if that is not when it rings anyway. */
    #arm(): void {
      const [row] = this.#rows("SELECT min(wake_at) AS at, '' AS record FROM jobs")
      const at = row?.at
      if (typeof at !== 'number') return
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

const tables = `
  CREATE TABLE IF NOT EXISTS jobs (
    id TEXT PRIMARY KEY,
    state TEXT NOT NULL,
    type TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    wake_at INTEGER NOT NULL,
    record TEXT NOT NULL
  ) WITHOUT ROWID;
  CREATE INDEX IF NOT EXISTS jobs_wake_at ON jobs (wake_at);
  CREATE INDEX IF NOT EXISTS jobs_state ON jobs (state, created_at);
`

const recordOf = ({ record }: Row): JobRecord => JSON.parse(record)

function listed(record: JobRecord): ListedJob {
  const { key, payload, callback } = record.envelope
  return { ...statusOf(record), key, payload, ...(callback !== undefined && { callback }) }
}

/** What could not be read is kept as the payload of a job that nobody does. */
function letterOf(message: Json | Envelope, id: string, deadline: number): Envelope {
  const traceparent = `00-${id}-${id.slice(16)}-00`
  return { type: unreadable, version: 1, id, key: `gateway ${id}`, deadline, traceparent, payload: message as Json }
}

/** What goes to the queue: what could not be read goes as it came. */
const messageOf = (envelope: Envelope): Json | Envelope => (envelope.type === unreadable ? envelope.payload : envelope)
