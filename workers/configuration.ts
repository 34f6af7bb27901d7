// Which configuration and which purges are in force in this isolate? Held in memory, refreshed behind responses, each
// replaced as a whole by a newer one. KV is asked first, D1 where KV has nothing to say, and the last good copy where
// both are away.
import { parseConfig } from '../shared/config/parse.ts'
import type { Config } from '../shared/config/schema.ts'
import { compilePurges, isPurgeRecord, noPurges, type PurgeRecord, type PurgeTarget } from '../shared/purge.ts'
import { makeSnapshot, type Snapshot } from '../shared/snapshot.ts'
import type { Background, ConfigurationPort } from './ports.ts'
import { storePatienceMs, within } from './within.ts'

/** One version of the configuration and all purges, as they travel between the stores. */
export interface ConfigurationRecord {
  readonly version: number
  /** JSON text, as the user wrote it. */
  readonly document: string
  /** Absent where there was none yet. */
  readonly purges?: PurgeRecord
}

/** A copy that can be read and replaced. Its methods may throw or hang. */
export interface PublishedConfiguration {
  read(): Promise<ConfigurationRecord | undefined>
  write(record: ConfigurationRecord): Promise<void>
}

/** The primary copy. Its methods may throw or hang. */
export interface ConfigurationDatabase {
  /** Both parts, of one instant; undefined without a configuration, whatever purges there are. */
  read(): Promise<ConfigurationRecord | undefined>
  /** The numbers of the newest, 0 for none: cheaper to read. */
  newest(): Promise<{ readonly version: number; readonly epoch: number }>
  /** The version that was added; undefined, and nothing changed, where `expectedVersion` is not the newest. */
  append(document: string, expectedVersion: number | undefined, now: number): Promise<ConfigurationRecord | undefined>
}

/** The purges in the primary copy. Its methods may throw or hang. */
export interface PurgeDatabase {
  read(): Promise<PurgeRecord>
  /** Adds a purge under the next epoch, which no other gets. All there are then; this is the newest of them. */
  append(targets: readonly PurgeTarget[], now: number): Promise<PurgeRecord>
}

export interface ConfigurationSources {
  readonly published: PublishedConfiguration
  readonly database: ConfigurationDatabase
  readonly purges: PurgeDatabase
  readonly lastGood: PublishedConfiguration
}

export interface Configuration extends ConfigurationPort {
  /** The snapshot in memory; starts no refresh. */
  current(): Snapshot | undefined
  /** Puts each part of a record in force in this isolate at once, unless a newer one is. */
  adopt(record: ConfigurationRecord): void
  adoptPurges(record: PurgeRecord): void
  /** Why this isolate may be serving an old configuration; empty where all is well. */
  troubles(): readonly string[]
}

/** The snapshot in memory, or what the stores have. */
export async function snapshotOf(
  configuration: ConfigurationPort,
  now: number,
  background: Background,
): Promise<Snapshot | undefined> {
  return configuration.held(now, background) ?? configuration.load(now, background)
}

/** A change is in force everywhere within this time plus KV's own delay (up to 60 s). */
const refreshMs = 30_000
/** Without any configuration the stores are not asked for every request. */
const emptyRetryMs = 1_000
/** Behind a response there is more time than in front of it. */
const backgroundPatienceMs = 5_000

export function createConfiguration(sources: ConfigurationSources, random: () => number): Configuration {
  let snapshot: Snapshot | undefined
  /** What the snapshot was made from. */
  let inForce: ConfigurationRecord | undefined
  let purges = noPurges
  let purgesInForce: PurgeRecord | undefined
  let kept: ConfigurationRecord | undefined
  let checkedAt = 0
  let emptyUntil = 0
  let troubles: readonly string[] = []

  const adoptPurges = (record: PurgeRecord): void => {
    if (record.epoch <= purges.epoch) return
    purges = compilePurges(record.list, record.epoch, record.floor)
    purgesInForce = record
    // The pools stay what they are: a purge does not start their turns anew.
    if (snapshot !== undefined) snapshot = { ...snapshot, purges }
    if (inForce !== undefined) inForce = { ...inForce, purges: record }
  }

  /** Whether the record has a usable configuration. Its purges count even if it has none. */
  const adopt = (record: ConfigurationRecord | undefined): boolean => {
    if (!isRecord(record)) return false
    if (record.purges !== undefined) adoptPurges(record.purges)
    if (snapshot !== undefined && record.version <= snapshot.version) return true
    const parsed = parseConfig(record.document)
    if (!parsed.ok) {
      console.error(`Configuration ${record.version} cannot be read by this version of the gateway:`, parsed.error)
      return false
    }
    snapshot = makeSnapshot(record.version, parsed.value.config, purges, random)
    const { version, document } = record
    inForce = { version, document, ...(purgesInForce && { purges: purgesInForce }) }
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

  const keepLastGood = async (): Promise<void> => {
    const record = inForce
    if (record === undefined || record === kept) return
    kept = record
    await within(backgroundPatienceMs, () => sources.lastGood.write(record))
  }

  return {
    held(now, background) {
      if (snapshot !== undefined && now - checkedAt >= refreshMs) {
        checkedAt = now
        background(refresh(backgroundPatienceMs).then(keepLastGood))
      }
      return snapshot
    },
    async load(now, background) {
      if (snapshot === undefined && now < emptyUntil) return undefined
      checkedAt = now
      await refresh(storePatienceMs)
      if (snapshot === undefined) emptyUntil = now + emptyRetryMs
      else background(keepLastGood())
      return snapshot
    },
    current: () => snapshot,
    adopt,
    adoptPurges,
    troubles: () => troubles,
  }
}

/** The configuration as the stores have it now, for who does not hold one: of KV, or else of D1; at most 5 s each. */
export async function readConfiguration({ published, database }: ConfigurationSources): Promise<Config | undefined> {
  return (
    configOf(await within(backgroundPatienceMs, published.read)) ??
    configOf(await within(backgroundPatienceMs, database.read))
  )
}

function configOf(record: ConfigurationRecord | undefined): Config | undefined {
  const parsed = isRecord(record) ? parseConfig(record.document) : undefined
  return parsed?.ok ? parsed.value.config : undefined
}

/** Whether a store gave a record at all: what it holds may be damaged, or of another version of the gateway. */
function isRecord(value: ConfigurationRecord | null | undefined): value is ConfigurationRecord {
  if (!Number.isSafeInteger(value?.version) || typeof value?.document !== 'string') return false
  return value.purges === undefined || isPurgeRecord(value.purges)
}

/**
 * Puts into KV what D1 has, read after the change that is to be published: of two who publish at once the later reads
 * what the earlier has changed. True where KV took it. Where KV keeps the older of the two, `publishAgain` repairs it.
 */
export async function publish({ database, published }: ConfigurationSources, patienceMs: number): Promise<boolean> {
  const record = await within(patienceMs, database.read)
  if (!isRecord(record)) return false
  const written = await within(patienceMs, async () => {
    await published.write(record)
    return true
  })
  return written === true
}

/**
 * Repairs a publication that failed: what D1 has is put into KV again where KV has nothing, or something older of
 * either part. What is newer there was published since D1 was asked.
 */
export async function publishAgain(sources: ConfigurationSources): Promise<void> {
  const newest = await within(backgroundPatienceMs, sources.database.newest)
  if (newest === undefined || newest.version === 0) return
  const copy = await within(backgroundPatienceMs, sources.published.read)
  if (isRecord(copy) && copy.version >= newest.version && (copy.purges?.epoch ?? 0) >= newest.epoch) return
  await publish(sources, backgroundPatienceMs)
}
