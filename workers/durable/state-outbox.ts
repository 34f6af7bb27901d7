// What of a shard D1 has not got yet: the names of keys, each with the newest version that D1 is to know. What D1 gets
// is what the key is by then, so that a key that changes a thousand times a second is one row to write.
import type { Position } from '../../shared/state/buckets.ts'
import type { StateReport, Unsaved } from '../../shared/state/page.ts'
import type { RowName } from './state-rows.ts'

const tables = `
  CREATE TABLE IF NOT EXISTS outbox (
    bucket INTEGER NOT NULL, namespace TEXT NOT NULL, key TEXT NOT NULL,
    version INTEGER NOT NULL, since INTEGER NOT NULL,
    PRIMARY KEY (bucket, namespace, key)
  );
  CREATE INDEX IF NOT EXISTS outbox_since ON outbox (since);
`

const isThis = 'bucket = ? AND namespace = ? AND key = ?'
const columns = 'bucket, namespace, key, version, since'

type Columns = { -readonly [Name in keyof Unsaved]: Unsaved[Name] }

export class Outbox {
  readonly #sql: SqlStorage

  constructor(sql: SqlStorage) {
    this.#sql = sql
    sql.exec(tables)
  }

  add({ bucket, namespace, key, version, since }: Unsaved): void {
    const newer = 'version = max(version, excluded.version), since = min(since, excluded.since)'
    this.#sql.exec(
      `INSERT INTO outbox (${columns}) VALUES (?, ?, ?, ?, ?) ON CONFLICT (bucket, namespace, key) DO UPDATE SET ${newer}`,
      ...[bucket, namespace, key, version, since],
    )
  }

  versionOf({ bucket, namespace, key }: RowName): number {
    const query = `SELECT version FROM outbox WHERE ${isThis}`
    return this.#sql.exec<{ version: number }>(query, bucket, namespace, key).toArray()[0]?.version ?? 0
  }

  /** D1 has this version. Where the key has changed since, it stays. */
  remove({ bucket, namespace, key }: RowName, version: number): void {
    this.#sql.exec(`DELETE FROM outbox WHERE ${isThis} AND version <= ?`, bucket, namespace, key, version)
  }

  /** The oldest of the buckets that are held here. */
  oldest(limit: number): Unsaved[] {
    const held = 'bucket IN (SELECT bucket FROM buckets WHERE held = 1)'
    const query = `SELECT ${columns} FROM outbox WHERE ${held} ORDER BY since LIMIT ?`
    return this.#sql.exec<Columns>(query, limit).toArray()
  }

  lag(): StateReport['unsaved'] {
    const { keys, since } = this.#sql
      .exec<{ keys: number; since: number | null }>('SELECT count(*) AS keys, min(since) AS since FROM outbox')
      .one()
    return { keys, ...(since !== null && { since }) }
  }

  /** Those of a bucket behind `after`, up to `last` where that is given. */
  between(bucket: number, after: Position | undefined, last: Position | undefined): Unsaved[] {
    const from = after ?? { namespace: '', key: '' }
    const behind = `SELECT ${columns} FROM outbox WHERE bucket = ? AND (namespace, key) > (?, ?)`
    if (last === undefined) return this.#sql.exec<Columns>(behind, bucket, from.namespace, from.key).toArray()
    const bounds = [bucket, from.namespace, from.key, last.namespace, last.key]
    return this.#sql.exec<Columns>(`${behind} AND (namespace, key) <= (?, ?)`, ...bounds).toArray()
  }

  clear(bucket: number): void {
    this.#sql.exec('DELETE FROM outbox WHERE bucket = ?', bucket)
  }
}
