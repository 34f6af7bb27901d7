// What stands before every statement to a shard: in the same transaction it is seen whether the shard holds the bucket.
// So nobody reads or writes where a bucket is not, however old what they know of its place is.
import type { D1Session, D1Source, Statement } from './statements.ts'

/** What a shard knows of a bucket. */
export interface Holding {
  readonly state: 'held' | 'frozen' | 'arriving' | 'gone' | 'never'
  readonly version: number
  readonly movedTo: number | null
}

/** The shard does not hold the bucket, or it may not be written for now; nothing was done. */
export class NotHere extends Error {
  override readonly name = 'NotHere'
  readonly holding: Holding

  constructor(holding: Holding) {
    super(`The bucket is ${holding.state} here.`)
    this.holding = holding
  }
}

/** Drizzle puts what went wrong into an error of its own. */
export function notHereIn(error: unknown): NotHere | undefined {
  if (error instanceof NotHere) return error
  return error instanceof Error && error.cause !== undefined ? notHereIn(error.cause) : undefined
}

/** A bucket stays in a shard from the version on by which it came; it is read there under the one by which it will leave. */
export type Stay = Pick<Holding, 'state' | 'version'>

/** Of one bucket, in one shard. */
export interface Guarded {
  readonly source: D1Source
  /** What the shard had of the bucket when it was last asked. */
  stay(): Stay
}

const stateOf = 'SELECT state, version, moved_to AS movedTo FROM buckets WHERE bucket = ?'
/** The only way in which a SELECT can end a transaction is to fail: `no` is no JSON. */
const mustBeHeld = `SELECT CASE WHEN coalesce((SELECT state FROM buckets WHERE bucket = ?1), ?2) = 'held'
  THEN coalesce((SELECT version FROM buckets WHERE bucket = ?1), 0) ELSE json('no') END AS version`

/** `isHome`: the shard holds it where it has never heard of it. */
export function guarded(source: D1Source, bucket: number, isHome: boolean, use: 'read' | 'write'): Guarded {
  const unheardOf = { state: isHome ? 'held' : 'never', version: 0, movedTo: null } as const
  let stay: Stay = unheardOf

  async function read(session: D1Session, statements: Statement[]): Promise<D1Result[]> {
    const [state, ...results] = await session.batch([session.prepare(stateOf).bind(bucket), ...statements])
    const holding = (state?.results[0] as Holding | undefined) ?? unheardOf
    if (holding.state !== 'held' && holding.state !== 'frozen') throw new NotHere(holding)
    stay = holding
    return results
  }

  async function write(session: D1Session, statements: Statement[]): Promise<D1Result[]> {
    const guard = session.prepare(mustBeHeld).bind(bucket, unheardOf.state)
    try {
      const [state, ...results] = await session.batch([guard, ...statements])
      stay = { state: 'held', version: (state?.results[0] as { readonly version?: number } | undefined)?.version ?? 0 }
      return results
    } catch (error) {
      const { results } = await source.withSession('first-primary').prepare(stateOf).bind(bucket).all()
      const holding = (results[0] as Holding | undefined) ?? unheardOf
      throw holding.state === 'held' ? error : new NotHere(holding)
    }
  }

  return {
    stay: () => stay,
    source: {
      withSession(constraint) {
        const session = source.withSession(constraint)
        return sessionOf(
          session,
          use === 'read' ? read.bind(undefined, session) : onlyOnce(write.bind(undefined, session)),
        )
      },
    },
  }
}

type Send = (statements: Statement[]) => Promise<D1Result[]>

/** What was written before a bucket moved would be written again where it moved to. */
function onlyOnce(send: Send): Send {
  let isSent = false
  return async (statements) => {
    if (isSent) throw new Error('A write to a shard is one statement, or one batch.')
    isSent = true
    return send(statements)
  }
}

function sessionOf(session: D1Session, send: Send): D1Session {
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
