// The last good configuration, kept in this data centre's cache for an isolate that starts while KV and D1 are away.
import type { ConfigurationRecord, PublishedConfiguration } from '../configuration.ts'

const keptSeconds = 30 * 86_400

/** `url` names the copy, on a host of the Worker's own. Its methods throw what the Cache API throws. */
export function cacheApiConfiguration(open: () => Promise<Cache>, url: string): PublishedConfiguration {
  return {
    async read() {
      const response = await (await open()).match(url)
      return response === undefined ? undefined : response.json<ConfigurationRecord>()
    },
    async write(record) {
      const headers = { 'cache-control': `max-age=${keptSeconds}` }
      await (await open()).put(url, Response.json(record, { headers }))
    },
  }
}
