// What a crowd costs that asks for the same thing at once, with collapsed forwarding and without, beside the same crowd
// at a Worker that only says hello: what this machine can do at all.
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { startLocalGateway } from '../../workers/cli/local-gateway.ts'
import { cpuMicroseconds, workerdProcesses } from './cpu.ts'
import type { Arrivals, Crowd } from './crowd-load.ts'
import type { Asked } from './crowd-origin.ts'
import { format, median, table } from './table.ts'

export interface CrowdsPlan {
  readonly sizes: readonly number[]
  readonly rounds: number
}

/** One crowd, and how it fared. Times in milliseconds since the first request was written. */
interface Sample {
  readonly originRequests: number | undefined
  readonly firstByteMedianMs: number
  readonly firstByte99Ms: number
  /** From the first one's first byte to the last one's. */
  readonly spreadMs: number
  readonly lastByteMedianMs: number
  /** Of the workerd, a request; undefined where that cannot be told. */
  readonly cpuMicroseconds: number | undefined
}

interface Scene {
  readonly name: string
  readonly gateway: 'weir' | 'hello'
  /** Of the path. Who asks again asks for the same path: what became of it is known by then. */
  readonly prefix: string
}

const scenes: readonly Scene[] = [
  { name: 'hello', gateway: 'hello', prefix: '/' },
  { name: 'cacheable, collapsed', gateway: 'weir', prefix: '/collapsed/cacheable/' },
  { name: 'cacheable, each alone', gateway: 'weir', prefix: '/alone/cacheable/' },
  // All have joined before the head comes: the spread is what it takes to tell them.
  { name: 'late head, collapsed', gateway: 'weir', prefix: '/collapsed/late/' },
  { name: 'private, collapsed', gateway: 'weir', prefix: '/collapsed/private/' },
  { name: 'private, collapsed, again', gateway: 'weir', prefix: '/collapsed/private/' },
  { name: 'private, each alone', gateway: 'weir', prefix: '/alone/private/' },
]

/** Markdown of all crowds. */
export async function measureCrowds({ sizes, rounds }: CrowdsPlan): Promise<string> {
  const origin = fork(new URL('crowd-origin.ts', import.meta.url))
  const load = fork(new URL('crowd-load.ts', import.meta.url))
  try {
    const [originUrl] = (await once(origin, 'message')) as [string]
    const weir = await startMeasured({ document: JSON.stringify(crowdsConfiguration(originUrl)) })
    const hello = await startMeasured({ entry: 'test/bench/workers/hello.ts' })
    const gateways = { weir, hello }
    const run = (scene: Scene, size: number, round: number) =>
      sample(gateways[scene.gateway], scene, `${scene.prefix}${size}-${round}`, { size, origin, load })
    for (const scene of scenes) await run(scene, 100, -1)
    const body: string[][] = []
    for (const size of sizes) {
      const samples = new Map<Scene, Sample[]>(scenes.map((scene) => [scene, []]))
      for (let round = 0; round < rounds; round++) {
        for (const scene of scenes) samples.get(scene)!.push(await run(scene, size, round))
      }
      for (const scene of scenes) body.push(rowOf(scene, size, samples.get(scene)!))
    }
    await Promise.all([weir.close(), hello.close()])
    return table(['', 'at once', 'origin', 'first byte ms', 'p99', 'spread ms', 'last byte ms', 'CPU µs'], body)
  } finally {
    origin.kill()
    load.kill()
  }
}

function crowdsConfiguration(originUrl: string) {
  const pools = ['web']
  return {
    // A crowd of two thousand may keep two cores busy for longer than anybody waits.
    pools: { web: { origins: [{ id: 'a', url: originUrl }], timeouts: { headersMs: 60_000, totalMs: 60_000 } } },
    routes: [
      { id: 'alone', path: '/alone/*', pools, cache: { collapse: 'off' } },
      { id: 'collapsed', path: '/*', pools, cache: { flight: { maxWaitMs: 60_000 } } },
    ],
  }
}

async function startMeasured(options: Pick<Parameters<typeof startLocalGateway>[0], 'document' | 'entry'>) {
  const others = workerdProcesses()
  const { url, close } = await startLocalGateway({ ...options, port: 0 })
  return { url, close, process: workerdProcesses().find((id) => !others.includes(id)) }
}

type Measured = Awaited<ReturnType<typeof startMeasured>>

async function sample(
  { url, process }: Measured,
  { name, gateway }: Scene,
  path: string,
  { size, origin, load }: { readonly size: number; readonly origin: ChildProcess; readonly load: ChildProcess },
): Promise<Sample> {
  const askedBefore = await timesAsked(origin, path)
  const cpuBefore = process === undefined ? undefined : cpuMicroseconds(process)
  load.send({ url: url + path, size } satisfies Crowd)
  const [{ firstByteMs, lastByteMs, failed }] = (await once(load, 'message')) as [Arrivals]
  if (failed > 0) throw new Error(`${name}: ${failed} of ${size} requests failed.`)
  const cpuAfter = process === undefined ? undefined : cpuMicroseconds(process)
  return {
    originRequests: gateway === 'hello' ? undefined : (await timesAsked(origin, path)) - askedBefore,
    firstByteMedianMs: median(firstByteMs)!,
    firstByte99Ms: firstByteMs[Math.ceil(size * 0.99) - 1]!,
    spreadMs: firstByteMs.at(-1)! - firstByteMs[0]!,
    lastByteMedianMs: median(lastByteMs)!,
    cpuMicroseconds: cpuBefore === undefined || cpuAfter === undefined ? undefined : (cpuAfter - cpuBefore) / size,
  }
}

async function timesAsked(origin: ChildProcess, path: string): Promise<number> {
  origin.send(path)
  const [{ times }] = (await once(origin, 'message')) as [Asked]
  return times
}

/** Medians over the rounds. */
function rowOf({ name }: Scene, size: number, samples: readonly Sample[]): string[] {
  const of = (measure: keyof Sample) => median(samples.map((sample) => sample[measure]))
  return [
    name,
    String(size),
    format(of('originRequests'), 0),
    format(of('firstByteMedianMs'), 0),
    format(of('firstByte99Ms'), 0),
    format(of('spreadMs'), 0),
    format(of('lastByteMedianMs'), 0),
    // A clock tick is 10 ms: a few requests do not fill one.
    size < 100 ? '–' : format(of('cpuMicroseconds'), 0),
  ]
}
