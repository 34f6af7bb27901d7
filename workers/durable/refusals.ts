// The object that remembers the last calls that were refused, by services and out of here. All of it persists.
import { DurableObject } from 'cloudflare:workers'
import { isOfNobody, type Refusal } from '../../shared/services/refusal.ts'
import type { Env, RefusalsObject } from '../env.ts'
import type { ListedRefusals } from '../ports/refusal-port.ts'

const most = 1000
/** Whoever may try as often as he likes takes half of the places at most. */
const mostOfNobody = 500

export class Refusals extends DurableObject<Env> implements RefusalsObject {
  constructor(context: DurableObjectState, env: Env) {
    super(context, env)
    context.storage.sql.exec('CREATE TABLE IF NOT EXISTS refusals (place INTEGER PRIMARY KEY, refusal TEXT NOT NULL)')
  }

  async record(refusal: Refusal, unnoted: number): Promise<true> {
    const { sql, kv } = this.ctx.storage
    sql.exec('INSERT INTO refusals (refusal) VALUES (?)', JSON.stringify(refusal))
    sql.exec('DELETE FROM refusals WHERE place <= (SELECT max(place) FROM refusals) - ?', most)
    if (isOfNobody(refusal)) {
      const nobodys = "json_extract(refusal, '$.caller') = 'nobody'"
      const beyond = `SELECT place FROM refusals WHERE ${nobodys} ORDER BY place DESC LIMIT -1 OFFSET ?`
      sql.exec(`DELETE FROM refusals WHERE place IN (${beyond})`, mostOfNobody)
    }
    if (unnoted > 0) kv.put('unnoted', this.#unnoted() + unnoted)
    return true
  }

  async list(): Promise<ListedRefusals> {
    const rows = this.ctx.storage.sql.exec<{ refusal: string }>('SELECT refusal FROM refusals ORDER BY place DESC')
    return { refusals: rows.toArray().map(({ refusal }) => JSON.parse(refusal) as Refusal), unnoted: this.#unnoted() }
  }

  #unnoted(): number {
    return this.ctx.storage.kv.get<number>('unnoted') ?? 0
  }
}
