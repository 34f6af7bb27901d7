// Configurations to put into stores, and stores in memory that fail as they are told.
import { vi } from 'vitest'
import { foldPurges, type Purge, type PurgeRecord } from '../../../shared/purge.ts'
import type {
  ConfigurationDatabase,
  ConfigurationRecord,
  ConfigurationSources,
  PublishedConfiguration,
  PurgeDatabase,
} from '../../../workers/configuration.ts'

/** A valid document whose one route has this id. */
export function documentOf(routeId: string): string {
  const pools = { web: { origins: [{ url: 'http://127.0.0.1:9001' }] } }
  return JSON.stringify({ pools, routes: [{ id: routeId, path: '/*', pools: ['web'] }] })
}

/** A record whose route is called `v1`, `v2` and so on. */
export const record = (version: number): ConfigurationRecord => ({ version, document: documentOf(`v${version}`) })

/** All purges of a time: one of the tag `t<epoch>` for each epoch, up to this one. */
export function purgesUpTo(epoch: number): PurgeRecord {
  const list = Array.from({ length: epoch }, (_, index): Purge => {
    const each = index + 1
    return { epoch: each, kind: 'tag', value: `t${each}`, soft: false, at: each * 1000 }
  })
  return { epoch, floor: 0, list }
}

export const never = <T>(): Promise<T> => new Promise<T>(() => undefined)

export type Fault = 'throws' | 'throws at once' | 'hangs'

export const faults: readonly Fault[] = ['throws', 'throws at once', 'hangs']

/** Lets all the time pass that anybody waits for a store; to be used with fake timers. */
export async function patiently<T>(asked: Promise<T>): Promise<T> {
  await vi.advanceTimersByTimeAsync(60_000)
  return asked
}

/** What a call to a store does instead of working. */
export function fail<T>(fault: Fault): Promise<T> {
  if (fault === 'throws at once') throw new Error('The store is away.')
  return fault === 'hangs' ? never() : Promise.reject(new Error('The store is away.'))
}

export interface MemoryCopy extends PublishedConfiguration {
  content: ConfigurationRecord | undefined
  fault: Fault | undefined
  reads: number
  writes: number
}

/** Keeps one record. */
export function memoryCopy(content?: ConfigurationRecord): MemoryCopy {
  const copy: MemoryCopy = {
    content,
    fault: undefined,
    reads: 0,
    writes: 0,
    read() {
      copy.reads++
      return copy.fault === undefined ? Promise.resolve(copy.content) : fail(copy.fault)
    },
    write(written) {
      copy.writes++
      if (copy.fault !== undefined) return fail(copy.fault)
      copy.content = written
      return Promise.resolve()
    },
  }
  return copy
}

export interface MemoryPurges extends PurgeDatabase {
  list: readonly Purge[]
  fault: Fault | undefined
}

export function memoryPurges(): MemoryPurges {
  const record = (): PurgeRecord => {
    const { purges, floor } = foldPurges(memory.list)
    return { epoch: memory.list.at(-1)?.epoch ?? 0, floor, list: purges }
  }
  const memory: MemoryPurges = {
    list: [],
    fault: undefined,
    read: () => (memory.fault === undefined ? Promise.resolve(record()) : fail(memory.fault)),
    append(targets, now) {
      if (memory.fault !== undefined) return fail(memory.fault)
      const { epoch = 0, at = 0 } = memory.list.at(-1) ?? {}
      const added = targets.map((target) => ({ ...target, epoch: epoch + 1, at: Math.max(now, at) }))
      memory.list = [...memory.list, ...added]
      return Promise.resolve(record())
    },
  }
  return memory
}

export interface MemoryDatabase extends ConfigurationDatabase {
  readonly records: ConfigurationRecord[]
  fault: Fault | undefined
  reads: number
}

/** Keeps every record, the newest last; `purges` are those of the same database. */
export function memoryDatabase(purges = memoryPurges()): MemoryDatabase {
  const records: ConfigurationRecord[] = []
  const database: MemoryDatabase = {
    records,
    fault: undefined,
    reads: 0,
    async read() {
      database.reads++
      if (database.fault !== undefined) return fail(database.fault)
      const newest = records.at(-1)
      return newest && purges.list.length > 0 ? { ...newest, purges: await purges.read() } : newest
    },
    newest() {
      if (database.fault !== undefined) return fail(database.fault)
      return Promise.resolve({ version: records.at(-1)?.version ?? 0, epoch: purges.list.at(-1)?.epoch ?? 0 })
    },
    append(document, expectedVersion) {
      if (database.fault !== undefined) return fail(database.fault)
      const newest = records.at(-1)?.version ?? 0
      if (expectedVersion !== undefined && expectedVersion !== newest) return Promise.resolve(undefined)
      records.push({ version: newest + 1, document })
      return Promise.resolve(records.at(-1))
    },
  }
  return database
}

export interface MemorySources extends ConfigurationSources {
  readonly published: MemoryCopy
  readonly database: MemoryDatabase
  readonly purges: MemoryPurges
  readonly lastGood: MemoryCopy
}

/** All stores, empty and in order. */
export function memorySources(): MemorySources {
  const purges = memoryPurges()
  return { published: memoryCopy(), database: memoryDatabase(purges), purges, lastGood: memoryCopy() }
}
