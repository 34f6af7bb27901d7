// Brings D1 what it has not got yet, the oldest first, as often as it takes: a batch at a time, each after a longer time
// if the one before has failed. What is in the outbox persists; how often it has failed does not.
import { within } from '../within.ts'
import { type KeysTools, recordOf, type StateKeys } from './state-keys.ts'

const batchKeys = 100
/** A batch is full at this size; its last value may go beyond it. */
const batchBytes = 1_000_000
const databasePatienceMs = 10_000
/** So long after a change D1 gets it, with all others of that time. */
const batchMs = 1_000
const longestPauseMs = 60_000

export class WriteBehind {
  readonly #keys: StateKeys
  readonly #tools: Pick<KeysTools, 'outbox' | 'database' | 'now'>
  #failures = 0
  #triedAt = 0

  constructor(keys: StateKeys, tools: Pick<KeysTools, 'outbox' | 'database' | 'now'>) {
    this.#keys = keys
    this.#tools = tools
  }

  /** When it is to flush, in ms; undefined where D1 has all. */
  nextAt(): number | undefined {
    const [oldest] = this.#tools.outbox.oldest(1)
    if (oldest === undefined) return undefined
    const pauseMs = this.#failures === 0 ? 0 : Math.min(longestPauseMs, batchMs * 2 ** this.#failures)
    return Math.max(oldest.since + batchMs, this.#triedAt + pauseMs)
  }

  /** Never rejects. */
  async flush(): Promise<void> {
    this.#triedAt = this.#tools.now()
    const batch = this.#nextBatch()
    if (batch.length === 0) return
    const isSaved = await within(databasePatienceMs, async () => {
      await this.#tools.database.save(batch.map(({ record }) => record))
      return true
    })
    this.#failures = isSaved ? 0 : this.#failures + 1
    if (isSaved) for (const { name, record } of batch) this.#tools.outbox.remove(name, record.version)
  }

  #nextBatch() {
    const savedAt = this.#tools.now()
    let left = batchBytes
    return this.#tools.outbox.oldest(batchKeys).flatMap(({ version, since: _, ...name }) => {
      if (left <= 0 || this.#keys.isBusy(name)) return []
      const entry = this.#keys.settled(name)
      left -= entry?.content?.bytes.byteLength ?? 0
      return [{ name, record: recordOf(name, entry, entry?.version ?? version, savedAt) }]
    })
  }
}
