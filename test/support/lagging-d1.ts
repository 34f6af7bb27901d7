// A D1 database with replicas that lag, made of SQLite databases: a write goes to the primary and is noted, and each
// replica does the same in order, some time later. Sessions and bookmarks are as D1 has them.
import { DatabaseSync, type StatementSync } from 'node:sqlite'
import type { D1Session, D1Source, Statement } from '../../workers/db/statements.ts'

type Result = Awaited<ReturnType<Statement['all']>>

interface Change {
  readonly sql: string
  readonly values: readonly never[]
}

interface Copy {
  readonly region: string
  readonly database: DatabaseSync
  readonly prepared: Map<string, StatementSync>
  /** So many of the changes it has. */
  position: number
  isStuck: boolean
}

const regions = ['WEUR', 'ENAM', 'APAC', 'OC']

export class LaggingD1 implements D1Source {
  /** False: its replicas have all that is written at once. */
  lags = true
  readonly #random: () => number
  readonly #primary: Copy
  readonly #replicas: readonly Copy[]
  readonly #changes: Change[] = []

  constructor(schema: string, random: () => number) {
    this.#random = random
    const copies = ['primary', ...regions].map((region) => {
      const database = new DatabaseSync(':memory:')
      database.exec(schema)
      return { region, database, prepared: new Map(), position: 0, isStuck: false }
    })
    this.#primary = copies[0]!
    this.#replicas = copies.slice(1)
  }

  close(): void {
    for (const { database } of [this.#primary, ...this.#replicas]) database.close()
  }

  withSession(constraint: string): D1Session {
    let isPrimary = constraint === 'first-primary'
    let seen = /^\d+$/.test(constraint) ? Number(constraint) : -1
    const pending = new WeakMap<Statement, Change>()

    const send = async (changes: readonly Change[]): Promise<Result[]> => {
      await this.#travel()
      const copy = isPrimary || changes.some(isWrite) ? this.#primary : this.#serving(seen)
      const results = copy === this.#primary ? this.#transact(changes) : changes.map((one) => apply(copy, one))
      isPrimary = false
      seen = Math.max(seen, copy.position)
      await this.#travel()
      const meta = { served_by_primary: copy === this.#primary, served_by_region: copy.region }
      return results.map((rows) => ({ success: true, results: rows, meta }) as unknown as Result)
    }
    const prepare = (sql: string, values: readonly never[] = []): Statement => {
      const statement = {
        bind: (...bound: unknown[]) => prepare(sql, bound as never[]),
        all: async () => (await send([{ sql, values }]))[0]!,
      }
      pending.set(statement, { sql, values })
      return statement
    }
    return {
      prepare,
      batch: (statements) => send(statements.map((statement) => pending.get(statement)!)),
      getBookmark: () => (seen < 0 ? null : String(seen).padStart(8, '0')),
    }
  }

  #transact(changes: readonly Change[]): unknown[][] {
    const { database } = this.#primary
    database.exec('BEGIN')
    try {
      const results = changes.map((change) => apply(this.#primary, change))
      database.exec('COMMIT')
      this.#primary.position = this.#changes.push(...changes.filter(isWrite))
      return results
    } catch (error) {
      database.exec('ROLLBACK')
      throw error
    }
  }

  /** Any replica; one that lags is waited for, and one that is stuck leaves the read to the primary. */
  #serving(position: number): Copy {
    for (const replica of this.#replicas) this.#lag(replica)
    const replica = this.#replicas[Math.floor(this.#random() * this.#replicas.length)]!
    if (replica.position < position && replica.isStuck) return this.#primary
    if (replica.position < position) this.#catchUp(replica, position)
    return replica
  }

  #lag(replica: Copy): void {
    if (!this.lags) this.#catchUp(replica, this.#changes.length)
    if (this.#random() < (replica.isStuck ? 0.1 : 0.006)) replica.isStuck = !replica.isStuck
    const distance = this.#changes.length - replica.position
    if (!replica.isStuck && this.#random() < 0.05) {
      this.#catchUp(replica, replica.position + Math.ceil(this.#random() * distance))
    }
  }

  #catchUp(replica: Copy, position: number): void {
    for (const change of this.#changes.slice(replica.position, position)) apply(replica, change)
    replica.position = position
  }

  /** Others are faster, or not; nobody waits for anything but the other parts of the test. */
  async #travel(): Promise<void> {
    for (let hops = Math.floor(this.#random() * 8); hops > 0; hops--) await undefined
  }
}

const isWrite = ({ sql }: Change): boolean => !/^\s*select\b/i.test(sql)

function apply({ database, prepared }: Copy, { sql, values }: Change): unknown[] {
  const statement = prepared.get(sql) ?? database.prepare(sql)
  prepared.set(sql, statement)
  return statement.all(...values)
}
