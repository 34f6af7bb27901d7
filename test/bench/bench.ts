// `npm run bench [-- --rounds N --seconds S --only NAME… | --short]`: what a hit, a miss and a pass cost, beside Workers that do
// the least that can be done. In bare Miniflare, in one run: every contestant has a short burst in every round, in
// random order. Prints medians and ratios, and the platform calls of each kind of request.
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { commandLine } from '../../workers/cli/terminal.ts'
import { startCallsCounter } from './calls.ts'
import { benchConfiguration, type Contestant, entries, startContestants } from './contestants.ts'
import { cpuMicroseconds } from './cpu.ts'
import { measureCrowds } from './crowds.ts'
import type { Burst, Outcome } from './load.ts'
import { objectCalls } from './object-calls.ts'
import { type Plan, readPlan, usageOf } from './plan.ts'
import { resultTable, type Sample, table } from './table.ts'

const connections = 16

const names = [...entries.map(({ name }) => name), 'crowds']
const plan = commandLine(usageOf(names), () => readPlan(process.argv.slice(2), names))
// workerd ends by Miniflare's own exit hook; the origin and the load end when this process does.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => process.exit(1))
const origin = forkModule('origin.ts')
const [originUrl] = (await once(origin, 'message')) as [string]
const load = forkModule('load.ts')
const contestants = await startContestants(originUrl, plan.only)
const counts = await countCalls(originUrl)
const samples = await measure(contestants, plan)
await Promise.all(contestants.map(({ close }) => close()))
if (contestants.length > 0) {
  console.log(
    `${plan.rounds} rounds of ${plan.seconds} s each, ${connections} connections, 1 KiB unless a row says more\n`,
  )
  console.log(resultTable(contestants.map((contestant) => ({ ...contestant, samples: samples.get(contestant)! }))))
}
console.log(`\nCalls of the platform a request\n\n${counts}`)
console.log(`\nCalls of objects a million requests\n\n${await objectCalls(benchConfiguration(originUrl))}`)
if (plan.crowds !== undefined) {
  const { rounds } = plan.crowds
  console.log(`\nCrowds of one key, medians of ${rounds} rounds\n\n${await measureCrowds(plan.crowds)}`)
}
process.exit(0)

function forkModule(name: string): ChildProcess {
  return fork(new URL(name, import.meta.url))
}

async function measure(contestants: readonly Contestant[], plan: Plan): Promise<Map<Contestant, Sample[]>> {
  const samples = new Map<Contestant, Sample[]>(contestants.map((contestant) => [contestant, []]))
  for (const contestant of contestants) await burst(contestant, plan.warmUpSeconds)
  for (let round = 0; round < plan.rounds; round++) {
    for (const contestant of shuffled(contestants)) samples.get(contestant)!.push(await burst(contestant, plan.seconds))
  }
  return samples
}

async function burst({ name, url, process }: Contestant, seconds: number): Promise<Sample> {
  const cpuBefore = process === undefined ? undefined : cpuMicroseconds(process)
  load.send({ url, connections, seconds } satisfies Burst)
  const [outcome] = (await once(load, 'message')) as [Outcome]
  if (outcome.failed > 0 || outcome.requests === 0) throw new Error(`${name}: ${outcome.failed} requests failed.`)
  const cpuAfter = process === undefined ? undefined : cpuMicroseconds(process)
  return {
    requestsPerSecond: outcome.requests / outcome.seconds,
    cpuMicroseconds:
      cpuBefore === undefined || cpuAfter === undefined ? undefined : (cpuAfter - cpuBefore) / outcome.requests,
  }
}

function shuffled<T>(items: readonly T[]): T[] {
  const order = new Map(items.map((item) => [item, Math.random()]))
  return items.toSorted((left, right) => order.get(left)! - order.get(right)!)
}

/** The calls of one request of each kind, in a Weir that is warm. */
async function countCalls(originUrl: string): Promise<string> {
  const counter = await startCallsCounter(benchConfiguration(originUrl))
  try {
    const kinds: [string, string][] = [
      ['Weir, miss', '/counted'],
      ['Weir, cold hit', '/counted'],
      ['Weir, hot hit', '/counted'],
      ['Weir, pass', '/pass/'],
    ]
    await counter.callsOf('/first')
    const body: string[][] = []
    for (const [name, path] of kinds) {
      const { match, put, delete: deleted, kv, d1, objects, fetch } = await counter.callsOf(path)
      body.push([name, ...[match, put, deleted, kv, d1, objects, fetch].map(String)])
    }
    return table(['', 'match', 'put', 'delete', 'KV', 'D1', 'objects', 'origin'], body)
  } finally {
    await counter.close()
  }
}
