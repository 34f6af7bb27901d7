// The journal of checkouts, in the shop's primary database. An event and what it makes of the checkout are written in one
// transaction; of two runners that write at the same position one is told that it came late.
import { and, asc, eq, exists, inArray, lte, type SQL, sql } from 'drizzle-orm'
import { endOf, type SagaEvent } from '../../../shared/saga.ts'
import type { Database, Reader } from '../../db/replicas.ts'
import type { CheckoutQuery, CheckoutState } from '../../ports/checkout-port.ts'
import { isAmong } from '../forgetting.ts'
import type { CheckoutRecord, Journal } from './advance.ts'
import type { Purchase } from './steps.ts'
import { checkoutEvents, checkouts } from './tables.ts'

export interface Opening {
  readonly id: string
  /** Of this account: the same one again means the same checkout. */
  readonly idempotencyKey: string
  /** The cart that it comes of: the same one again means the same checkout too. */
  readonly cart?: string | undefined
  readonly purchase: Purchase
  /** ms since the epoch. */
  readonly at: number
}

export interface CheckoutJournal extends Journal {
  read(id: string): Promise<StoredCheckout | undefined>
  /** Resolves to the checkout of this idempotency key or this cart, which may be an earlier one. */
  open(opening: Opening): Promise<StoredCheckout>
  /** Undefined where the account has begun none by this key. */
  find(account: string, idempotencyKey: string): Promise<StoredCheckout | undefined>
  /** The ids of those that stand still and should not, the longest first. */
  standing(at: number, limit: number): Promise<readonly string[]>
  /** Whether it stands still, and nobody else is about to wake it. That counts as a move. */
  claim(id: string, at: number): Promise<boolean>
  list(query: CheckoutQuery, at: number): Promise<readonly StoredCheckout[]>
  /** The ids of those that have been over for 90 days, the longest first. */
  longOver(at: number, limit: number): Promise<readonly string[]>
  /** Of those that are over. */
  forget(ids: readonly string[]): Promise<void>
}

export interface StoredCheckout extends CheckoutRecord {
  readonly state: CheckoutState
  readonly idempotencyKey: string
  readonly cart: string | null
  readonly movedAt: number
  /** ms since the epoch: when it came to the step that it is at. */
  readonly since: number
  /** Of that step. */
  readonly failures: number
  readonly trouble: string | null
}

const shortestPauseMs = 30_000
const longestPauseMs = 600_000
const stuckMs = 5 * 60_000
const keptMs = 90 * 86_400_000
const longestTrouble = 500
const isOver = inArray(checkouts.state, ['done', 'undone'])

export function checkoutJournal(database: Database): CheckoutJournal {
  const written = async <T>(query: Parameters<typeof database.write<T>>[0]) => (await database.write(query)).value
  const asked = async <T>(query: Parameters<typeof database.read<T>>[1]) =>
    (await database.read({ kind: 'primary' }, query)).value
  const all = async (where: (db: Reader) => SQL) => {
    const { kind, step, because, at } = checkoutEvents
    const rows = await asked((db) =>
      db
        .select({ checkout: checkouts, kind, step, because, at })
        .from(checkouts)
        .leftJoin(checkoutEvents, eq(checkoutEvents.checkout, checkouts.id))
        .where(where(db))
        .orderBy(asc(checkouts.since), asc(checkouts.id), asc(checkoutEvents.position)),
    )
    const byId = Map.groupBy(rows, (row) => row.checkout.id)
    return [...byId.values()].map((rows) => {
      const { checkout } = rows[0]!
      return { ...checkout, purchase: JSON.parse(checkout.purchase) as Purchase, events: rows.flatMap(eventOf) }
    })
  }
  const first = async (where: SQL): Promise<StoredCheckout | undefined> => (await all(() => where))[0]
  const byKey = (account: string, key: string) =>
    and(eq(checkouts.account, account), eq(checkouts.idempotencyKey, key))!
  // Its pauses grow as it does, from 30 s to 10 minutes: what cannot be undone for a day is not tried all the time.
  const pauseMs = sql`max(${shortestPauseMs}, min(${longestPauseMs}, (${checkouts.movedAt} - ${checkouts.startedAt}) / 4))`
  const standsStill = (at: number) =>
    and(eq(checkouts.state, 'running'), sql`${checkouts.movedAt} + ${pauseMs} <= ${at}`)

  return {
    read: (id) => first(eq(checkouts.id, id)),
    find: (account, key) => first(byKey(account, key)),

    async open({ id, idempotencyKey, cart = null, purchase, at }) {
      const { account } = purchase
      const times = { startedAt: at, movedAt: at, since: at }
      const row = { id, account, idempotencyKey, cart, purchase: JSON.stringify(purchase), ...times }
      await written((db) =>
        db
          .insert(checkouts)
          .values({ ...row, state: 'running' })
          .onConflictDoNothing(),
      )
      const opened = await first(byKey(account, idempotencyKey))
      return opened ?? (await first(and(eq(checkouts.account, account), eq(checkouts.cart, cart ?? ''))!))!
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
            .set({
              movedAt: at,
              ...(end !== undefined && { state: end }),
              ...(saga.attempts === 0 && { since: at, failures: 0, trouble: null }),
            })
            .where(and(eq(checkouts.id, id), isWritten)),
        ])
      })
      return appended.length === 1
    },

    async fail(id, trouble, at) {
      await written((db) =>
        db
          .update(checkouts)
          .set({
            movedAt: at,
            failures: sql`${checkouts.failures} + 1`,
            trouble: trouble.slice(0, longestTrouble),
          })
          .where(and(eq(checkouts.id, id), eq(checkouts.state, 'running'))),
      )
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

    list({ state, limit, after }, at) {
      const { id, since } = checkouts
      const isWanted =
        state === 'stuck' ? and(eq(checkouts.state, 'running'), lte(since, at - stuckMs)) : eq(checkouts.state, state)
      const isLater = after && sql`(${since}, ${id}) > (${after.since}, ${after.id})`
      return all((db) =>
        inArray(
          id,
          db.select({ id }).from(checkouts).where(and(isWanted, isLater)).orderBy(asc(since), asc(id)).limit(limit),
        ),
      )
    },

    async longOver(at, limit) {
      const rows = await asked((db) =>
        db
          .select({ id: checkouts.id })
          .from(checkouts)
          .where(and(isOver, lte(checkouts.movedAt, at - keptMs)))
          .orderBy(asc(checkouts.movedAt), asc(checkouts.id))
          .limit(limit),
      )
      return rows.map(({ id }) => id)
    },

    async forget(ids) {
      await written((db) => {
        const old = db
          .select({ id: checkouts.id })
          .from(checkouts)
          .where(and(isOver, isAmong(checkouts.id, ids)))
        return db.batch([
          db.delete(checkoutEvents).where(inArray(checkoutEvents.checkout, old)),
          db.delete(checkouts).where(inArray(checkouts.id, old)),
        ])
      })
    },
  }
}

interface EventRow {
  readonly kind: SagaEvent['kind'] | null
  readonly step: string | null
  readonly because: string | null
  readonly at: number | null
}

/** Null where there is none yet. */
function eventOf({ kind, step, because, at }: EventRow): SagaEvent[] {
  if (kind === null || step === null) return []
  if (kind === 'begin') return [{ kind, step, at: at ?? 0 }]
  return [kind === 'refuse' || kind === 'give-up' ? { kind, step, because: because ?? '' } : { kind, step }]
}
