// How often objects are called, which is what collapsed forwarding costs: counted over some thousand requests, and told
// for a million.
import { startCallsCounter } from './calls.ts'
import { table } from './table.ts'

interface Traffic {
  readonly name: string
  readonly requests: number
  /** Under way at the same time. */
  readonly atOnce: number
  /** Of the n-th request. */
  readonly path: (index: number) => string
}

/** In the first two one request of twenty is the first for its key. */
const kinds: readonly Traffic[] = [
  { name: '95 % hits, spread over 100 keys', requests: 2000, atOnce: 20, path: (index) => `/spread/${index % 100}` },
  {
    name: '95 % not the first, 20 of a key at once',
    requests: 2000,
    atOnce: 20,
    path: (index) => `/crowd/${Math.floor(index / 20)}`,
  },
  { name: '100 neighbours at once, by batch', requests: 100, atOnce: 100, path: (index) => `/items/${index}` },
  { name: '100 neighbours at once, each alone', requests: 100, atOnce: 100, path: (index) => `/alone/items/${index}` },
]

/** Markdown: object calls and origin requests of each kind of traffic. */
export async function objectCalls(configuration: unknown): Promise<string> {
  const counter = await startCallsCounter(configuration)
  try {
    const body: string[][] = []
    for (const { name, requests, atOnce, path } of kinds) {
      const { calls } = await counter.during(async () => {
        let sent = 0
        const client = async () => {
          while (sent < requests) await (await fetch(counter.url + path(sent++))).arrayBuffer()
        }
        await Promise.all(Array.from({ length: atOnce }, client))
      })
      const ofMillion = (count: number) => String(Math.round((count / requests) * 1_000_000))
      body.push([name, ofMillion(calls.objects), ofMillion(calls.fetch)])
    }
    return table(['', 'objects', 'origin'], body)
  } finally {
    await counter.close()
  }
}
