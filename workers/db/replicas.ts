// A D1 database and its replicas. Every read says what it tolerates, every write goes to the primary, and both give the
// bookmark with which a later read sees at least as much. What has served each read is told; drizzle stands on top.
import { type DrizzleD1Database, drizzle } from 'drizzle-orm/d1'
import { late, orLate } from '../within.ts'
import { type D1Source, inTime, type Listener, listening } from './statements.ts'

/** How old an answer may be. */
export type Tolerance =
  /** As old as any replica is. */
  | { readonly kind: 'unconstrained' }
  /** Whoever was given the bookmark sees what it has seen and written, and maybe more; without one any replica will do. */
  | { readonly kind: 'bookmark'; readonly bookmark: string | undefined }
  /** Nothing that is written is missing. */
  | { readonly kind: 'primary' }

export interface Served {
  /** kv: a replica in KV (kv-replica.ts). */
  readonly by: 'primary' | 'replica' | 'kv'
  /** As D1 names it, such as WEUR; a local database has none. */
  readonly region?: string
  /** For how long the statement was waited for. */
  readonly ms: number
}

export interface Written<T> {
  readonly value: T
  /** Undefined where nothing was asked. */
  readonly bookmark: string | undefined
}

export interface Answered<T> extends Written<T> {
  /** For each statement, in order of their answers. */
  readonly served: readonly Served[]
}

export type Reader = Pick<DrizzleD1Database, 'select' | 'selectDistinct' | 'all' | 'get' | '$count'>
export type Writer = DrizzleD1Database

export interface Database {
  /** Of what bookmarks and reports call it. */
  readonly name: string
  /**
   * The statements of one read see the database in order, never an older state after a newer one. A replica that fails,
   * or has not answered after 1.5 s, is passed over for the primary. Rejects where that fails, or takes 10 s.
   */
  read<T>(tolerance: Tolerance, query: (database: Reader) => Promise<T>): Promise<Answered<T>>
  /** Rejects where the primary fails; after 10 s too, and then nobody knows whether it was written. */
  write<T>(query: (database: Writer) => Promise<T>): Promise<Written<T>>
}

export interface ReadEvent {
  readonly database: string
  /** bounded: as old as a replica in KV may be. */
  readonly tolerance: Tolerance['kind'] | 'bounded'
  readonly served: Served
}

const replicaPatienceMs = 1500

/** `onRead` is told of every statement of a read. */
export function replicated(
  name: string,
  source: D1Source,
  now: () => number,
  onRead: (event: ReadEvent) => void = () => undefined,
): Database {
  async function ask<T>(
    constraint: string,
    query: (database: Reader) => Promise<T>,
    hear: Listener,
  ): Promise<Written<T>> {
    const session = source.withSession(constraint)
    const value = await query(drizzle(listening(session, hear)))
    return { value, bookmark: session.getBookmark() ?? undefined }
  }

  async function read<T>(tolerance: Tolerance, query: (database: Reader) => Promise<T>): Promise<Answered<T>> {
    const served: Served[] = []
    const hear = hearing(now, (one) => {
      served.push(one)
      onRead({ database: name, tolerance: tolerance.kind, served: one })
    })
    if (tolerance.kind !== 'primary') {
      const constraint = (tolerance.kind === 'bookmark' && tolerance.bookmark) || 'first-unconstrained'
      const answer = await unlessItFails(name, ask(constraint, query, hear))
      if (answer !== undefined) return { ...answer, served }
    }
    return { ...(await inTime(name, ask('first-primary', query, hear))), served }
  }

  return {
    name,
    read,
    async write(query) {
      const session = source.withSession('first-primary')
      const value = await inTime(name, query(drizzle(listening(session))))
      return { value, bookmark: session.getBookmark() ?? undefined }
    },
  }
}

/** What served a statement, and how long that took from its sending on. */
function hearing(now: () => number, tell: (served: Served) => void): Listener {
  return () => {
    const sentAt = now()
    return ({ served_by_primary: isPrimary = true, served_by_region: region }) =>
      tell({ by: isPrimary ? 'primary' : 'replica', ...(region !== undefined && { region }), ms: now() - sentAt })
  }
}

async function unlessItFails<T>(name: string, answer: Promise<T>): Promise<T | undefined> {
  try {
    const given = await orLate(replicaPatienceMs, answer)
    if (given !== late) return given
    console.warn(`A replica of ${name} did not answer within ${replicaPatienceMs} ms.`)
  } catch (error) {
    console.warn(`A replica of ${name} failed:`, error)
  }
  return undefined
}
