// The little that is asked of D1, so that something can stand between it and drizzle: what listens to who has served a
// statement, and what guards a shard.
import { late, orLate } from '../within.ts'

/** A D1 database, or what goes for one. */
export interface D1Source {
  /** As of D1: `first-primary`, `first-unconstrained`, or a bookmark. */
  withSession(constraint: string): D1Session
}

export interface D1Session {
  prepare(sql: string): Statement
  /** One transaction. */
  batch(statements: Statement[]): Promise<D1Result[]>
  getBookmark(): string | null
}

export interface Statement {
  bind(...values: unknown[]): Statement
  all(): Promise<D1Result>
}

/** What sends statements: one that is asked for by itself is a batch of one. */
export type Send = (statements: Statement[]) => Promise<D1Result[]>

/** A session whose statements all go through `send`. */
export function sessionThrough(session: D1Session, send: Send): D1Session {
  const inner = new WeakMap<Statement, Statement>()
  const wrap = (statement: Statement): Statement => {
    const wrapper = {
      bind: (...values: unknown[]) => wrap(statement.bind(...values)),
      all: async () => (await send([statement]))[0]!,
    }
    inner.set(wrapper, statement)
    return wrapper
  }
  return {
    prepare: (sql) => wrap(session.prepare(sql)),
    batch: (statements) => send(statements.map((statement) => inner.get(statement)!)),
    getBookmark: () => session.getBookmark(),
  }
}

const patienceMs = 10_000

/** Rejects as the answer does, or after 10 s; then nobody knows whether anything was written. */
export async function inTime<T>(name: string, answer: Promise<T>): Promise<T> {
  const given = await orLate(patienceMs, answer)
  if (given === late) throw new Error(`The database ${name} did not answer within ${patienceMs} ms.`)
  return given
}

/** The database at its primary, with a bound on each call. */
export function primaryOf(name: string, source: D1Source): D1Session {
  const session = source.withSession('first-primary')
  return sessionThrough(session, (statements) => inTime(name, session.batch(statements)))
}

/** Is called when a statement is sent; what it gives, when that is answered. */
export type Listener = () => (meta: D1Meta) => void

/** For drizzle. Rows come as objects, since D1 tells only of those who has served them. */
export function listening(session: D1Session, listener: Listener = () => () => undefined): D1Database {
  const heard = async <R extends D1Result | D1Result[]>(ask: () => Promise<R>): Promise<R> => {
    const tell = listener()
    const answer = await ask()
    for (const { meta } of [answer].flat()) tell(meta)
    return answer
  }
  const wrapped = new WeakMap<object, Statement>()
  const wrap = (sql: string, statement: Statement) => {
    const wrapper = {
      bind: (...values: unknown[]) => wrap(sql, statement.bind(...values)),
      all: () => heard(() => statement.all()),
      run: () => heard(() => statement.all()),
      raw: async () => rowsOf(sql, await heard(() => statement.all())),
    }
    wrapped.set(wrapper, statement)
    return wrapper
  }
  const client = {
    prepare: (sql: string) => wrap(sql, session.prepare(sql)),
    batch: (statements: object[]) => heard(() => session.batch(statements.flatMap((one) => wrapped.get(one) ?? []))),
  }
  return client as unknown as D1Database
}

function rowsOf(sql: string, { results }: D1Result): unknown[][] {
  const rows = results.map((row) => Object.values(row as object))
  const count = columnsOf(sql)
  if (rows[0] !== undefined && count !== undefined && rows[0].length !== count) {
    throw new Error(`Two columns go by the same name: give one of them another with sql\`…\`.as('name'). ${sql}`)
  }
  return rows
}

/** How many a SELECT gives; undefined where the text does not tell. */
export function columnsOf(sql: string): number | undefined {
  const start = /^\s*select\s+(?:distinct\s+)?/i.exec(sql)
  if (start === null) return undefined
  let depth = 0
  let count = 1
  const tokens = /"(?:[^"]|"")*"|'(?:[^']|'')*'|[(),*]|\bfrom\b/gi
  tokens.lastIndex = start[0].length
  for (const [token] of matchesOf(tokens, sql)) {
    if (token === '(') depth++
    else if (token === ')') depth--
    else if (depth > 0) continue
    else if (token === ',') count++
    else if (token === '*') return undefined
    else if (/^from$/i.test(token)) return count
  }
  return count
}

function* matchesOf(form: RegExp, text: string): Generator<RegExpExecArray> {
  for (let match = form.exec(text); match !== null; match = form.exec(text)) yield match
}
