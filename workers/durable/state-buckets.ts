// The buckets of a shard in its database, and their contents page by page.
import { type BucketState, heirOf, isEmpty, isHeld, type Position } from '../../shared/state/buckets.ts'
import type { StatePage, StateReport } from '../../shared/state/page.ts'
import type { Layout } from '../../shared/state/place.ts'
import type { BucketRows } from './bucket-moves.ts'
import type { Outbox } from './state-outbox.ts'
import type { Row, StateRows } from './state-rows.ts'

/** A page is full at this size; its last entry may go beyond it. */
const pageBytes = 524_288
/** What an entry takes beside its value. */
const entryBytes = 1_200

const table =
  'CREATE TABLE IF NOT EXISTS buckets (bucket INTEGER PRIMARY KEY, state TEXT NOT NULL, held INTEGER NOT NULL)'

export class StateBuckets implements BucketRows<StatePage> {
  readonly #storage: DurableObjectStorage
  readonly #rows: StateRows
  readonly #outbox: Outbox
  readonly #me: number
  #layout: Layout | undefined

  constructor(storage: DurableObjectStorage, rows: StateRows, outbox: Outbox, me: number) {
    this.#storage = storage
    this.#rows = rows
    this.#outbox = outbox
    this.#me = me
    storage.sql.exec(table)
  }

  layout(): Layout | undefined {
    this.#layout ??= this.#storage.kv.get('layout')
    return this.#layout
  }

  learn(layout: Layout): void {
    this.#storage.kv.put('layout', layout)
    this.#layout = layout
  }

  seen(): number[] {
    const rows = this.#storage.sql.exec<{ bucket: number }>('SELECT bucket FROM buckets')
    return rows.toArray().map(({ bucket }) => bucket)
  }

  read(bucket: number): BucketState | undefined {
    const query = 'SELECT state FROM buckets WHERE bucket = ?'
    const [row] = this.#storage.sql.exec<{ state: string }>(query, bucket)
    return row && (JSON.parse(row.state) as BucketState)
  }

  save(bucket: number, state: BucketState): void {
    this.#storage.transactionSync(() => {
      if (isEmpty(state)) {
        this.#rows.clear(bucket)
        this.#outbox.clear(bucket)
      }
      this.#write(bucket, state)
    })
  }

  keep(bucket: number, { rows, unsaved, floor }: StatePage, state: BucketState): void {
    this.#storage.transactionSync(() => {
      for (const row of rows) this.#rows.write(row)
      for (const each of unsaved) this.#outbox.add(each)
      if (floor > 0) this.#rows.raiseFloor(bucket, floor)
      this.#write(bucket, state)
    })
  }

  pageOf(bucket: number, after: Position | undefined): StatePage {
    const rows: Row[] = []
    let left = pageBytes
    let isLast = true
    for (const row of this.#rows.behind(bucket, after)) {
      if (left <= 0) {
        isLast = false
        break
      }
      rows.push(row)
      left -= entryBytes + (row.entry.content?.bytes.byteLength ?? 0)
    }
    const last = isLast ? undefined : rows.at(-1)
    const page = { rows, unsaved: this.#outbox.between(bucket, after, last), floor: this.#rows.floorOf(bucket) }
    return last === undefined ? page : { ...page, after: { namespace: last.namespace, key: last.key } }
  }

  /** All that this shard has to do with. */
  all(): { readonly bucket: number; readonly state: BucketState }[] {
    const rows = this.#storage.sql.exec<{ bucket: number; state: string }>('SELECT bucket, state FROM buckets')
    return rows.toArray().map(({ bucket, state }) => ({ bucket, state: JSON.parse(state) }))
  }

  count(): StateReport['buckets'] {
    const all = this.all()
    const layout = this.layout()
    const held = all.filter(({ state }) => isHeld(state, this.#me)).length
    const arriving = all.filter(({ state }) => state.claim.shard === this.#me).length - held
    const heirs = layout && all.filter(({ bucket, state }) => heirOf(bucket, state, this.#me, layout) !== undefined)
    return { held, arriving, leaving: heirs?.length ?? 0 }
  }

  #write(bucket: number, state: BucketState): void {
    this.#storage.sql.exec(
      'INSERT OR REPLACE INTO buckets (bucket, state, held) VALUES (?, ?, ?)',
      ...[bucket, JSON.stringify(state), isHeld(state, this.#me) ? 1 : 0],
    )
  }
}
