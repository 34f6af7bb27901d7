// The journal of checkouts, in the shop's primary database. An event and what it makes of the checkout are written in one
// transaction; of two runners that write at the same position one is told that it came late.
import { and, asc, eq, exists, type SQL, sql } from 'drizzle-orm'
import { endOf, type SagaEvent } from '../../../shared/saga.ts'
import type { Database } from '../../db/replicas.ts'
import type { CheckoutRecord, Journal } from './advance.ts'
import type { Purchase } from './steps.ts'
import { checkoutEvents, checkouts } from './tables.ts'

export interface Opening {
  readonly id: string
  /** Of this account: the same one again means the same checkout. */
  readonly idempotencyKey: string
  readonly purchase: Purchase
  /** ms since the epoch. */
  readonly at: number
}

export interface CheckoutJournal extends Journal {
  read(id: string): Promise<StoredCheckout | undefined>
  /** Resolves to the checkout of this idempotency key, which may be an earlier one. */
  open(opening: Opening): Promise<StoredCheckout>
  /** Undefined where the account has begun none by this key. */
  find(account: string, idempotencyKey: string): Promise<StoredCheckout | undefined>
  /** The ids of those that stand still and should not, the longest first. */
  standing(at: number, limit: number): Promise<readonly string[]>
  /** Whether it stands still, and nobody else is about to wake it. That counts as a move. */
  claim(id: string, at: number): Promise<boolean>
}

export interface StoredCheckout extends CheckoutRecord {
  readonly state: 'running' | 'done' | 'undone'
  readonly movedAt: number
}

const shortestPauseMs = 30_000
const longestPauseMs = 600_000

export function checkoutJournal(database: Database): CheckoutJournal {
  const written = async <T>(query: Parameters<typeof database.write<T>>[0]) => (await database.write(query)).value
  const asked = async <T>(query: Parameters<typeof database.read<T>>[1]) =>
    (await database.read({ kind: 'primary' }, query)).value
  const first = async (where: SQL) => {
    const { id, state, purchase, startedAt, movedAt } = checkouts
    const { kind, step, because } = checkoutEvents
    const rows = await asked((db) =>
      db
        .select({ id, state, purchase, startedAt, movedAt, kind, step, because })
        .from(checkouts)
        .leftJoin(checkoutEvents, eq(checkoutEvents.checkout, id))
        .where(where)
        .orderBy(asc(checkoutEvents.position)),
    )
    const [row] = rows
    return row && { ...row, purchase: JSON.parse(row.purchase) as Purchase, events: rows.flatMap(eventOf) }
  }
  const byKey = (account: string, key: string) =>
    and(eq(checkouts.account, account), eq(checkouts.idempotencyKey, key))!
  // Its pauses grow as it does, from 30 s to 10 minutes: what cannot be undone for a day is not tried all the time.
  const pauseMs = sql`max(${shortestPauseMs}, min(${longestPauseMs}, (${checkouts.movedAt} - ${checkouts.startedAt}) / 4))`
  const standsStill = (at: number) =>
    and(eq(checkouts.state, 'running'), sql`${checkouts.movedAt} + ${pauseMs} <= ${at}`)

  return {
    read: (id) => first(eq(checkouts.id, id)),
    find: (account, key) => first(byKey(account, key)),

    async open({ id, idempotencyKey, purchase, at }) {
      const { account } = purchase
      const row = { id, account, idempotencyKey, purchase: JSON.stringify(purchase), startedAt: at, movedAt: at }
      await written((db) =>
        db
          .insert(checkouts)
          .values({ ...row, state: 'running' })
          .onConflictDoNothing(),
      )
      return (await first(byKey(account, idempotencyKey)))!
    },

    async append(id, event, saga, at) {
      const { kind, step } = event
      const position = saga.events
      const because = 'because' in event ? event.because : null
      const [appended] = await written((db) => {
        // Where another has written the same here it says the same of the checkout.
        const isWritten = exists(
          db
            .select({ one: sql`1` })
            .from(checkoutEvents)
            .where(
              and(
                ...[eq(checkoutEvents.checkout, id), eq(checkoutEvents.position, position)],
                ...[eq(checkoutEvents.kind, kind), eq(checkoutEvents.step, step)],
              ),
            ),
        )
        const end = endOf(saga)
        return db.batch([
          db
            .insert(checkoutEvents)
            .values({ checkout: id, position, kind, step, because, at })
            .onConflictDoNothing()
            .returning({ position: checkoutEvents.position }),
          db
            .update(checkouts)
            .set({ movedAt: at, ...(end !== undefined && { state: end }) })
            .where(and(eq(checkouts.id, id), isWritten)),
        ])
      })
      return appended.length === 1
    },

    async standing(at, limit) {
      const rows = await asked((db) =>
        db
          .select({ id: checkouts.id })
          .from(checkouts)
          .where(standsStill(at))
          .orderBy(asc(checkouts.movedAt))
          .limit(limit),
      )
      return rows.map(({ id }) => id)
    },

    async claim(id, at) {
      const claimed = await written((db) =>
        db
          .update(checkouts)
          .set({ movedAt: at })
          .where(and(eq(checkouts.id, id), standsStill(at)))
          .returning({ id: checkouts.id }),
      )
      return claimed.length === 1
    },
  }
}

interface EventRow {
  readonly kind: SagaEvent['kind'] | null
  readonly step: string | null
  readonly because: string | null
}

/** Null where there is none yet. */
function eventOf({ kind, step, because }: EventRow): SagaEvent[] {
  if (kind === null || step === null) return []
  return [kind === 'refuse' || kind === 'give-up' ? { kind, step, because: because ?? '' } : { kind, step }]
}
