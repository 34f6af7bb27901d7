// The published configuration in KV: one value, so that a reader gets all of one version or all of another.
import type { ConfigurationRecord, PublishedConfiguration } from '../configuration.ts'

const key = 'configuration'

/** Its methods throw what KV throws; callers bound the time. */
export function kvConfiguration(namespace: KVNamespace): PublishedConfiguration {
  return {
    async read() {
      return (await namespace.get<ConfigurationRecord>(key, 'json')) ?? undefined
    },
    async write(record) {
      await namespace.put(key, JSON.stringify(record))
    },
  }
}
