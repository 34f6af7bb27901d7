// What is done to the keys of a shard, and what D1 is to know of it. One operation is one synchronous turn, but where
// D1 comes first (write-through): then all other changes of that key wait, and reads see what was there before.
import { applied, type Entry } from '../../shared/state/entry.ts'
import type { Change, Read, Reply } from '../../shared/state/operation.ts'
import type { StateDatabase, StateRecord } from '../ports/state-port.ts'
import { within } from '../within.ts'
import type { Outbox } from './state-outbox.ts'
import type { RowName, StateRows } from './state-rows.ts'

export interface KeysTools {
  readonly storage: DurableObjectStorage
  readonly rows: StateRows
  readonly outbox: Outbox
  readonly database: StateDatabase
  readonly isHeld: (bucket: number) => boolean
  /** A database of this size takes nothing more. */
  readonly maxBytes: number
  readonly now: () => number
}

interface Replaced {
  readonly name: RowName
  readonly next: Entry | undefined
  readonly floor: number
  readonly version: number
}

/** How long a write-through waits for D1. */
const databasePatienceMs = 2_000

export class StateKeys {
  readonly #tools: KeysTools
  /** Changes that D1 has not answered yet, by their keys. */
  readonly #through = new Map<string, Promise<unknown>>()

  constructor(tools: KeysTools) {
    this.#tools = tools
  }

  read(operation: Read, name: RowName): Reply {
    const { rows, now } = this.#tools
    return applied(rows.read(name), 0, operation, now()).reply
  }

  /** Undefined where it is to be asked again: the key was busy, or its bucket has gone. The bucket is held. */
  change(operation: Change, name: RowName): Reply | Promise<Reply | undefined> {
    const { storage, rows, outbox, maxBytes, now } = this.#tools
    const busy = this.#through.get(textOf(name))
    if (busy !== undefined) return busy.then(() => undefined)
    const stored = this.settled(name)
    const { reply, next, floor = 0 } = applied(stored, rows.floorOf(name.bucket), operation, now())
    if (next === stored) return reply
    if (next !== undefined && operation.kind !== 'remove' && storage.sql.databaseSize >= maxBytes)
      return { kind: 'refused', because: 'full' }
    const version = 'version' in reply ? reply.version! : 0
    const replaced: Replaced = { name, next, floor, version }
    const write = 'write' in operation ? operation.write : 'none'
    if (write === 'through') return this.#writeThrough(replaced, reply)
    storage.transactionSync(() => {
      this.#replace(replaced)
      if (write === 'behind') outbox.add({ ...name, version, since: now() })
    })
    return reply
  }

  /** Whether D1 is asked about the key, and has not answered yet. */
  isBusy(name: RowName): boolean {
    return this.#through.has(textOf(name))
  }

  /**
   * The entry, above all versions that D1 may have heard of: what was not acknowledged may have come through, and D1
   * takes only what is newer.
   */
  settled(name: RowName): Entry | undefined {
    const { storage, rows, outbox } = this.#tools
    const stored = rows.read(name)
    const version = outbox.versionOf(name)
    if (version <= (stored?.version ?? rows.floorOf(name.bucket))) return stored
    const settled = stored && { ...stored, version }
    storage.transactionSync(() => this.#replace({ name, next: settled, floor: version, version }))
    return settled
  }

  #replace({ name, next, floor }: Replaced): void {
    if (next === undefined) this.#tools.rows.remove(name, floor)
    else this.#tools.rows.write({ ...name, entry: next })
  }

  /**
   * That D1 may have it is durable before it is asked. If it says no, or nothing, what the key was goes there as a newer
   * version, by the outbox.
   */
  async #writeThrough(replaced: Replaced, reply: Reply): Promise<Reply | undefined> {
    const { storage, outbox, database, isHeld, now } = this.#tools
    const { name, next, version } = replaced
    const doubt = version + 1
    outbox.add({ ...name, version: doubt, since: now() })
    const text = textOf(name)
    const saved = within(databasePatienceMs, async () => {
      await database.save([recordOf(name, next, version, now())])
      return true
    })
    this.#through.set(text, saved)
    const isSaved = await saved
    this.#through.delete(text)
    // Whoever holds it now has the doubt too.
    if (!isHeld(name.bucket)) return undefined
    if (!isSaved) {
      this.settled(name)
      return { kind: 'refused', because: 'unsaved' }
    }
    storage.transactionSync(() => {
      this.#replace(replaced)
      outbox.remove(name, doubt)
    })
    return reply
  }
}

const textOf = ({ namespace, key }: RowName): string => `${namespace}/${key}`

export function recordOf(
  { namespace, key }: RowName,
  entry: Entry | undefined,
  version: number,
  savedAt: number,
): StateRecord {
  const { content, expiresAt } = entry ?? {}
  const end = expiresAt === undefined ? {} : { expiresAt }
  return { namespace, key, version, ...(content && { content, ...end }), savedAt }
}
