// The rows of a shard: an entry for each key, and for each bucket the floor that entries leave behind when their rows go.
import { changesAt, type Entry } from '../../shared/state/entry.ts'

export interface Row {
  readonly bucket: number
  readonly namespace: string
  readonly key: string
  readonly entry: Entry
}

export type RowName = Omit<Row, 'entry'>

/** As SQLite has it. */
type Columns = {
  bucket: number
  namespace: string
  key: string
  version: number
  type: string | null
  value: ArrayBuffer | null
  expires_at: number | null
  lease_holder: string | null
  lease_token: number | null
  lease_until: number | null
}

/** `changes_at`: when the entry changes by itself. */
const tables = `
  CREATE TABLE IF NOT EXISTS entries (
    bucket INTEGER NOT NULL, namespace TEXT NOT NULL, key TEXT NOT NULL, version INTEGER NOT NULL,
    type TEXT, value BLOB, expires_at INTEGER,
    lease_holder TEXT, lease_token INTEGER, lease_until INTEGER, changes_at INTEGER,
    PRIMARY KEY (bucket, namespace, key)
  );
  CREATE INDEX IF NOT EXISTS entries_changes ON entries (changes_at) WHERE changes_at IS NOT NULL;
  CREATE TABLE IF NOT EXISTS floors (bucket INTEGER PRIMARY KEY, floor INTEGER NOT NULL);
`

const columns = 'bucket, namespace, key, version, type, value, expires_at, lease_holder, lease_token, lease_until'
const isThis = 'bucket = ? AND namespace = ? AND key = ?'

/** All at once, and synchronous: nothing comes between what is read and what is written in one turn. */
export class StateRows {
  readonly #sql: SqlStorage

  constructor(sql: SqlStorage) {
    this.#sql = sql
    sql.exec(tables)
  }

  read({ bucket, namespace, key }: RowName): Entry | undefined {
    const [found] = this.#sql.exec<Columns>(`SELECT ${columns} FROM entries WHERE ${isThis}`, bucket, namespace, key)
    return found && toRow(found).entry
  }

  write({ bucket, namespace, key, entry }: Row): void {
    const { version, content, expiresAt, lease } = entry
    this.#sql.exec(
      `INSERT OR REPLACE INTO entries (${columns}, changes_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      ...[bucket, namespace, key, version, content?.type ?? null, content?.bytes ?? null, expiresAt ?? null],
      ...[lease?.holder ?? null, lease?.token ?? null, lease?.until ?? null, changesAt(entry) ?? null],
    )
  }

  /** Its numbers stay below the floor of the bucket. */
  remove({ bucket, namespace, key }: RowName, floor: number): void {
    this.raiseFloor(bucket, floor)
    this.#sql.exec(`DELETE FROM entries WHERE ${isThis}`, bucket, namespace, key)
  }

  floorOf(bucket: number): number {
    const [row] = this.#sql.exec<{ floor: number }>('SELECT floor FROM floors WHERE bucket = ?', bucket)
    return row?.floor ?? 0
  }

  raiseFloor(bucket: number, floor: number): void {
    const raise = 'ON CONFLICT (bucket) DO UPDATE SET floor = max(floor, excluded.floor)'
    this.#sql.exec(`INSERT INTO floors (bucket, floor) VALUES (?, ?) ${raise}`, bucket, floor)
  }

  /** Those of a bucket, in the order of namespace and key, one after the other. */
  *behind(bucket: number, after: { readonly namespace: string; readonly key: string } | undefined): Iterable<Row> {
    const { namespace, key } = after ?? { namespace: '', key: '' }
    const where = 'WHERE bucket = ? AND (namespace, key) > (?, ?) ORDER BY namespace, key'
    for (const row of this.#sql.exec<Columns>(`SELECT ${columns} FROM entries ${where}`, bucket, namespace, key))
      yield toRow(row)
  }

  clear(bucket: number): void {
    this.#sql.exec('DELETE FROM entries WHERE bucket = ?', bucket)
    this.#sql.exec('DELETE FROM floors WHERE bucket = ?', bucket)
  }

  count(): number {
    return this.#sql.exec<{ count: number }>('SELECT count(*) AS count FROM entries').one().count
  }

  /** Those of which something has ended by `now`, the first `limit` of them. */
  ended(now: number, limit: number): Row[] {
    const where = 'WHERE changes_at <= ? ORDER BY changes_at LIMIT ?'
    return this.#sql.exec<Columns>(`SELECT ${columns} FROM entries ${where}`, now, limit).toArray().map(toRow)
  }

  /** When the next one ends, in ms. */
  nextEnd(): number | undefined {
    const query = 'SELECT min(changes_at) AS at FROM entries WHERE changes_at IS NOT NULL'
    return this.#sql.exec<{ at: number | null }>(query).one().at ?? undefined
  }
}

function toRow(row: Columns): Row {
  const { bucket, namespace, key, version, type, value, expires_at, lease_holder, lease_token, lease_until } = row
  const entry: Entry = {
    version,
    ...(type !== null && value !== null && { content: { type, bytes: new Uint8Array(value) } }),
    ...(expires_at !== null && { expiresAt: expires_at }),
    ...(lease_holder !== null && { lease: { holder: lease_holder, token: lease_token!, until: lease_until! } }),
  }
  return { bucket, namespace, key, entry }
}
