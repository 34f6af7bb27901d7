// Who is measured: Workers that do as little as can be done, and Weir at its kinds of request. Each runs in a
// workerd of its own, with the same bindings and flags, on a socket of its own.
import { startLocalGateway } from '../../workers/cli/local-gateway.ts'
import { workerdProcesses } from './cpu.ts'

export interface Contestant {
  readonly name: string
  /** Where the load goes. */
  readonly url: string
  /** Its workerd; undefined where that cannot be told. */
  readonly process: number | undefined
  /** The name of the contestant that it is compared with. */
  readonly baseline?: string
  /** The share of the baseline's requests a second that it should reach. */
  readonly goal?: number
  close(): Promise<void>
}

interface Entry extends Pick<Contestant, 'name' | 'baseline' | 'goal'> {
  /** The Worker's main file; absent: Weir. */
  readonly worker?: string
  /** Of Weir's configuration. */
  readonly hotTier?: object
  /** `[<id>]` in it is another text for every request. */
  readonly path: string
}

export const entries: readonly Entry[] = [
  { name: 'hello', worker: 'hello.ts', path: '/' },
  { name: 'one match', worker: 'one-match.ts', path: '/kept' },
  { name: 'least of a hit', worker: 'least-hit.ts', path: '/kept', baseline: 'one match' },
  { name: 'Weir, cold hit', path: '/kept', hotTier: { totalBytes: 0 }, baseline: 'one match', goal: 0.9 },
  { name: 'Weir, hot hit', path: '/kept', baseline: 'one match', goal: 2 },
  { name: 'one match, 64 KiB', worker: 'one-match.ts', path: '/kept/64-kib' },
  { name: 'Weir, hot hit, 64 KiB', path: '/kept/64-kib', baseline: 'one match, 64 KiB', goal: 2 },
  { name: 'pass-through', worker: 'pass-through.ts', path: '/pass/' },
  { name: 'Weir, pass', path: '/pass/', baseline: 'pass-through', goal: 0.85 },
  { name: 'match, fetch, put', worker: 'one-match.ts', path: '/[<id>]', baseline: 'pass-through' },
  { name: 'Weir, miss', path: '/[<id>]', baseline: 'pass-through' },
]

/** Weir's configuration: `/pass/` is never cached, all else for as long as the origin says. */
export function benchConfiguration(originUrl: string, hotTier = {}) {
  const pools = ['web']
  return {
    pools: { web: { origins: [{ id: 'a', url: originUrl }] } },
    routes: [
      { id: 'pass', path: '/pass/*', pools, cache: { mode: 'off' } },
      {
        id: 'batch',
        path: '/items/*',
        pools,
        batch: { path: '/items/:id', to: '/items?ids={ids}', split: 'json', by: 'id', windowMs: 10, max: 100 },
      },
      { id: 'cached', path: '/*', pools },
    ],
    hotTier,
  }
}

/** Starts all that are named, one after the other, in the order in which they are listed; all where none is. */
export async function startContestants(originUrl: string, only: readonly string[]): Promise<Contestant[]> {
  const contestants: Contestant[] = []
  const chosen = entries.filter(({ name }) => only.length === 0 || only.includes(name))
  for (const entry of chosen) contestants.push(await start(entry, originUrl))
  return contestants
}

async function start({ worker, hotTier, path, ...rest }: Entry, originUrl: string): Promise<Contestant> {
  const others = workerdProcesses()
  const gateway = await startLocalGateway({
    port: 0,
    variables: { ORIGIN: originUrl },
    ...(worker === undefined
      ? { document: JSON.stringify(benchConfiguration(originUrl, hotTier)) }
      : { entry: `test/bench/workers/${worker}` }),
  })
  const process = workerdProcesses().find((id) => !others.includes(id))
  return { ...rest, url: gateway.url + path, process, close: gateway.close }
}
