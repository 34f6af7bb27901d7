// Configurations to put into stores, and stores in memory that fail as they are told.
import type {
  ConfigurationDatabase,
  ConfigurationRecord,
  ConfigurationSources,
  PublishedConfiguration,
} from '../../../workers/configuration.ts'

/** A valid document whose one route has this id. */
export function documentOf(routeId: string): string {
  const pools = { web: { origins: [{ url: 'http://127.0.0.1:9001' }] } }
  return JSON.stringify({ pools, routes: [{ id: routeId, path: '/*', pools: ['web'] }] })
}

/** A record whose route is called `v1`, `v2` and so on. */
export const record = (version: number): ConfigurationRecord => ({ version, document: documentOf(`v${version}`) })

export const never = <T>(): Promise<T> => new Promise<T>(() => undefined)

export type Fault = 'throws' | 'throws at once' | 'hangs'

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

export interface MemoryDatabase extends ConfigurationDatabase {
  readonly records: ConfigurationRecord[]
  fault: Fault | undefined
  reads: number
}

/** Keeps every record, the newest last. */
export function memoryDatabase(...records: ConfigurationRecord[]): MemoryDatabase {
  const database: MemoryDatabase = {
    records,
    fault: undefined,
    reads: 0,
    read() {
      database.reads++
      return database.fault === undefined ? Promise.resolve(records.at(-1)) : fail(database.fault)
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
  readonly lastGood: MemoryCopy
}

/** All three stores, empty and in order. */
export function memorySources(): MemorySources {
  return { published: memoryCopy(), database: memoryDatabase(), lastGood: memoryCopy() }
}
