// The rows of a book of jobs: each has the record of one as JSON, and beside it what it is looked for by.
import type { JobRecord } from '../../shared/jobs/journal.ts'
import type { JobQuery } from '../ports/job-port.ts'

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

/** What stands for a job that nobody is told of any more, while its message may still come. */
const forgotten = 'forgotten'

/** All at once, and synchronous: nothing comes between what is read and what is written in one turn. */
export class JobRows {
  readonly #sql: SqlStorage

  constructor(sql: SqlStorage) {
    this.#sql = sql
    sql.exec(tables)
  }

  load(id: string): JobRecord | undefined {
    const [row] = this.#sql.exec<{ record: string }>(
      'SELECT record FROM jobs WHERE id = ? AND state <> ?',
      id,
      forgotten,
    )
    return row && JSON.parse(row.record)
  }

  save(record: JobRecord): void {
    const { envelope, state, createdAt, wakeAt } = record
    const values = [envelope.id, state, envelope.type, createdAt, wakeAt, JSON.stringify(record)]
    this.#sql.exec('INSERT OR REPLACE INTO jobs VALUES (?, ?, ?, ?, ?, ?)', ...values)
  }

  isForgotten(id: string): boolean {
    return this.#sql.exec('SELECT id FROM jobs WHERE id = ? AND state = ?', id, forgotten).toArray().length > 0
  }

  /** Nobody is told of it any more; its message is known for what it is `until` then. */
  forget(id: string, until: number): void {
    this.#sql.exec("UPDATE jobs SET state = ?, record = '', wake_at = ? WHERE id = ?", forgotten, until, id)
  }

  remove(id: string): void {
    this.#sql.exec('DELETE FROM jobs WHERE id = ?', id)
  }

  /** The first whose time has come, at most so many. */
  due(at: number, most: number): string[] {
    return this.#ids('SELECT id FROM jobs WHERE wake_at <= ? ORDER BY wake_at LIMIT ?', at, most)
  }

  /** When the first is to be looked at; undefined where there is none. */
  firstWakeAt(): number | undefined {
    const [row] = this.#sql.exec<{ at: number | null }>('SELECT min(wake_at) AS at FROM jobs')
    return row?.at ?? undefined
  }

  /** Those that fit, the newest first. Their ids alone: records may be long, and are looked at one by one. */
  find({ states = [], type, ids = [], because, after, limit }: JobQuery): string[] {
    const conditions: [sql: string, ...values: SqlStorageValue[]][] = [['state <> ?', forgotten]]
    const oneOf = (column: string, values: readonly string[]) => {
      if (values.length > 0) conditions.push([`${column} IN (SELECT value FROM json_each(?))`, JSON.stringify(values)])
    }
    oneOf('state', states)
    oneOf('id', ids)
    if (type !== undefined) conditions.push(['type = ?', type])
    if (because !== undefined) conditions.push(["instr(lower(json_extract(record, '$.error')), lower(?)) > 0", because])
    if (after !== undefined) conditions.push(['(created_at, id) < (?, ?)', after.createdAt, after.id])
    const where = conditions.map(([sql]) => sql).join(' AND ')
    const values = conditions.flatMap(([, ...given]) => given)
    return this.#ids(`SELECT id FROM jobs WHERE ${where} ORDER BY created_at DESC, id DESC LIMIT ?`, ...values, limit)
  }

  #ids(query: string, ...values: SqlStorageValue[]): string[] {
    return this.#sql
      .exec<{ id: string }>(query, ...values)
      .toArray()
      .map(({ id }) => id)
  }
}
