// Which calls of the platform does one request cost? Runs Weir with counters in workerd, on an origin of its own.
import { setTimeout as pause } from 'node:timers/promises'
import { type LocalGateway, startLocalGateway } from '../../workers/cli/local-gateway.ts'
import { type Calls, type CallsReport, callsPath } from './workers/calls.ts'

export type { Calls }

export interface CallsCounter {
  /** Where Weir answers, without a slash at the end. */
  readonly url: string
  /** Sends one request, and waits for its answer's end and for all work behind it. */
  callsOf(path: string, init?: RequestInit): Promise<Calls & { readonly cacheStatus: string }>
  /** What is called until `work` has ended, and all work behind responses. */
  during<T>(work: () => Promise<T>): Promise<{ readonly result: T; readonly calls: Calls }>
  close(): Promise<void>
}

/** `configuration` as in `npm run dev -- --config`. */
export async function startCallsCounter(configuration: unknown, adminToken?: string): Promise<CallsCounter> {
  const document = JSON.stringify(configuration)
  const entry = 'test/bench/workers/counting.ts'
  const gateway = await startLocalGateway({ document, port: 0, entry, ...(adminToken !== undefined && { adminToken }) })
  const during: CallsCounter['during'] = async (work) => {
    const before = await callsSoFar(gateway)
    const result = await work()
    return { result, calls: difference(await callsSoFar(gateway), before) }
  }
  const callsOf: CallsCounter['callsOf'] = async (path, init) => {
    const { result, calls } = await during(async () => {
      const response = await fetch(gateway.url + path, init)
      await response.arrayBuffer()
      return response.headers.get('cache-status') ?? ''
    })
    return { ...calls, cacheStatus: result }
  }
  return { url: gateway.url, callsOf, during, close: gateway.close }
}

/** The counts, once no work behind a response is going on any more. */
async function callsSoFar({ url }: LocalGateway): Promise<Calls> {
  for (;;) {
    const { calls, pending } = (await (await fetch(url + callsPath)).json()) as CallsReport
    if (pending === 0) return calls
    await pause(5)
  }
}

function difference(after: Calls, before: Calls): Calls {
  const names = Object.keys(after) as (keyof Calls)[]
  return Object.fromEntries(names.map((name) => [name, after[name] - before[name]])) as unknown as Calls
}
