// What stands before every statement to a shard: in the same transaction it is seen whether the shard holds the bucket.
// So nobody reads or writes where a bucket is not, however old what they know of its place is.
import { type D1Session, type D1Source, type Send, type Statement, sessionThrough } from './statements.ts'

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

/** The source is frozen under the version under which the target then holds: that is later, whatever their numbers. */
export const orderOf = ({ state, version }: Stay): number => 2 * version + (state === 'held' ? 1 : 0)

/** Of one bucket, in one shard. */
export interface Guarded {
  readonly source: D1Source
  /** What the shard had of the bucket when it was last asked. */
  stay(): Stay
}

const stateOf = 'SELECT state, version, moved_to AS movedTo FROM buckets WHERE bucket = ?'
/** The only way in which a SELECT can end a transaction is to fail, as nothing else does: no number has this one's size. */
const mustBeHeld = `SELECT CASE WHEN coalesce((SELECT state FROM buckets WHERE bucket = ?1), ?2) = 'held'
  THEN coalesce((SELECT version FROM buckets WHERE bucket = ?1), 0) ELSE abs(1 << 63) END AS version`

/** Whatever else fails may have written, for all that is known: where only the answer is lost, the bucket may move next. */
const isGuards = (error: unknown): boolean => error instanceof Error && error.message.includes('integer overflow')

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
      if (!isGuards(error)) throw error
      const { results } = await source.withSession('first-primary').prepare(stateOf).bind(bucket).all()
      const holding = (results[0] as Holding | undefined) ?? unheardOf
      throw new NotHere(holding)
    }
  }

  return {
    stay: () => stay,
    source: {
      withSession(constraint) {
        const session = source.withSession(constraint)
        return sessionThrough(
          session,
          use === 'read' ? read.bind(undefined, session) : onlyOnce(write.bind(undefined, session)),
        )
      },
    },
  }
}

/** What was written before a bucket moved would be written again where it moved to. */
function onlyOnce(send: Send): Send {
  let isSent = false
  return async (statements) => {
    if (isSent) throw new Error('A write to a shard is one statement, or one batch.')
    isSent = true
    return send(statements)
  }
}
