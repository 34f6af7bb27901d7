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
    const run = ({ sql, values }: Change): Result => {
      const isRead = /^\s*select\b/i.test(sql)
      const copy = isPrimary || !isRead ? this.#primary : this.#serving(seen)
      isPrimary = false
      const results = apply(copy, { sql, values })
      if (!isRead) copy.position = this.#changes.push({ sql, values })
      seen = Math.max(seen, copy.position)
      const meta = { served_by_primary: copy === this.#primary, served_by_region: copy.region }
      return { success: true, results, meta } as unknown as Result
    }
    const pending = new WeakMap<Statement, Change>()
    const prepare = (sql: string, values: readonly never[] = []): Statement => {
      const statement = {
        bind: (...bound: unknown[]) => prepare(sql, bound as never[]),
        all: async () => {
          await this.#travel()
          const result = run({ sql, values })
          await this.#travel()
          return result
        },
      }
      pending.set(statement, { sql, values })
      return statement
    }
    return {
      prepare,
      batch: async (statements) => {
        await this.#travel()
        return statements.map((statement) => run(pending.get(statement)!))
      },
      getBookmark: () => (seen < 0 ? null : String(seen).padStart(8, '0')),
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

  /** Others are faster, or not. */
  async #travel(): Promise<void> {
    for (let hops = Math.floor(this.#random() * 8); hops > 0; hops--) await undefined
  }
}

function apply({ database, prepared }: Copy, { sql, values }: Change): unknown[] {
  const statement = prepared.get(sql) ?? database.prepare(sql)
  prepared.set(sql, statement)
  return statement.all(...values)
}
