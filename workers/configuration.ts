// Which configuration is in force in this isolate? Held in memory, refreshed behind responses, and replaced as a
// whole. KV is asked first, D1 where KV has nothing to say, and the last good copy where both are away.
import { parseConfig } from '../shared/config/parse.ts'
import { makeSnapshot, type Snapshot } from '../shared/snapshot.ts'
import type { ConfigurationPort } from './ports.ts'
import { storePatienceMs, within } from './within.ts'

/** One version of the configuration, as it travels between the stores. */
export interface ConfigurationRecord {
  readonly version: number
  /** JSON text, as the user wrote it. */
  readonly document: string
}

/** A copy that can be read and replaced. Its methods may throw or hang. */
export interface PublishedConfiguration {
  read(): Promise<ConfigurationRecord | undefined>
  write(record: ConfigurationRecord): Promise<void>
}

/** The primary copy. Its methods may throw or hang. */
export interface ConfigurationDatabase {
  read(): Promise<ConfigurationRecord | undefined>
  /** The record that was added; undefined, and nothing changed, where `expectedVersion` is not the newest. */
  append(document: string, expectedVersion: number | undefined, now: number): Promise<ConfigurationRecord | undefined>
}

export interface ConfigurationSources {
  readonly published: PublishedConfiguration
  readonly database: ConfigurationDatabase
  readonly lastGood: PublishedConfiguration
}

export interface Configuration extends ConfigurationPort {
  /** Puts a version in force in this isolate at once, unless a newer one is. */
  adopt(record: ConfigurationRecord): void
  /** Why this isolate may be serving an old configuration; empty where all is well. */
  troubles(): readonly string[]
}

/** A change is in force everywhere within this time plus KV's own delay (up to 60 s). */
const refreshMs = 30_000
/** Without any configuration the stores are not asked for every request. */
const emptyRetryMs = 1_000
/** Behind a response there is more time than in front of it. */
const backgroundPatienceMs = 5_000

export function createConfiguration(sources: ConfigurationSources, random: () => number): Configuration {
  let snapshot: Snapshot | undefined
  let inForce: ConfigurationRecord | undefined
  let checkedAt = 0
  let emptyUntil = 0
  let troubles: readonly string[] = []

  const adopt = (record: ConfigurationRecord | undefined): boolean => {
    if (!isRecord(record)) return false
    if (snapshot !== undefined && record.version <= snapshot.version) return true
    const parsed = parseConfig(record.document)
    if (!parsed.ok) {
      console.error(`Configuration ${record.version} cannot be read by this version of the gateway:`, parsed.error)
      return false
    }
    snapshot = makeSnapshot(record.version, parsed.value.config, random)
    inForce = record
    return true
  }

  /** Asks the stores in turn until one has a usable version. */
  const refresh = async (patienceMs: number): Promise<void> => {
    const found: string[] = []
    const published = await within(patienceMs, sources.published.read)
    if (adopt(published)) {
      troubles = []
      return
    }
    found.push('KV did not give the configuration')
    const recorded = await within(patienceMs, sources.database.read)
    if (!adopt(recorded)) {
      found.push('D1 did not give the configuration')
      if (snapshot === undefined) adopt(await within(patienceMs, sources.lastGood.read))
    }
    troubles = found
  }

  const keepLastGood = async (before: ConfigurationRecord | undefined): Promise<void> => {
    const record = inForce
    if (record !== undefined && record !== before)
      await within(backgroundPatienceMs, () => sources.lastGood.write(record))
  }

  return {
    held(now, background) {
      if (snapshot !== undefined && now - checkedAt >= refreshMs) {
        checkedAt = now
        const before = inForce
        background(refresh(backgroundPatienceMs).then(() => keepLastGood(before)))
      }
      return snapshot
    },
    async load(now, background) {
      if (snapshot === undefined && now < emptyUntil) return undefined
      checkedAt = now
      await refresh(storePatienceMs)
      if (snapshot === undefined) emptyUntil = now + emptyRetryMs
      else background(keepLastGood(undefined))
      return snapshot
    },
    adopt,
    troubles: () => troubles,
  }
}

/** Whether a store gave a record at all: what it holds may be damaged, or of another version of the gateway. */
function isRecord(value: ConfigurationRecord | null | undefined): value is ConfigurationRecord {
  return Number.isSafeInteger(value?.version) && typeof value?.document === 'string'
}

/**
 * Repairs a publication that failed: what D1 has is put into KV again where KV has nothing or something older. What
 * is newer there was published since D1 was asked.
 */
export async function publishAgain({ database, published }: ConfigurationSources): Promise<void> {
  const record = await within(backgroundPatienceMs, database.read)
  if (!isRecord(record)) return
  const copy = await within(backgroundPatienceMs, published.read)
  if (isRecord(copy) && copy.version >= record.version) return
  await within(backgroundPatienceMs, () => published.write(record))
}
