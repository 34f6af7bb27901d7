// Asks one URL as fast as it answers, on a few connections, in a process of its own. Takes a Burst as a message,
// answers it with an Outcome, and ends with the process that forked it.
import autocannon from 'autocannon'

export interface Burst {
  /** `[<id>]` in it is another text for every request. */
  readonly url: string
  readonly connections: number
  readonly seconds: number
}

export interface Outcome {
  /** Answered with 2xx. */
  readonly requests: number
  readonly failed: number
  /** How long it took, as measured. */
  readonly seconds: number
}

process.on('message', async ({ url, connections, seconds }: Burst) => {
  const idReplacement = url.includes('[<id>]')
  const result = await autocannon({ url, connections, duration: seconds, sampleInt: 20, idReplacement })
  const { '2xx': requests, non2xx, errors, duration } = result
  process.send?.({ requests, failed: non2xx + errors, seconds: duration } satisfies Outcome)
})
process.once('disconnect', () => process.exit())
