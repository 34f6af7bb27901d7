// The slow-host trace: what share of requests is answered within a second while one origin of eleven takes 2 s.
import { parseDocument } from '../../shared/config/parse.ts'
import type { Policy } from '../../shared/config/schema.ts'
import { type Setting, simulate, type Trace } from './simulation.ts'

const slowFromMs = 15_000
const slowUntilMs = 45_000

/**
 * Sixty seconds of 1,000 requests a second over eleven origins that take 70 ms in the median (log-normal, σ 0.4: one of
 * a hundred takes 178 ms); from the 15th second to the 45th the first of them takes 2 s.
 */
function slowHostTrace(policy: Policy, hedged: boolean): Trace {
  const origins = Array.from({ length: 11 }, (_, index) => ({ id: `o${index}`, url: 'http://127.0.0.1:9001' }))
  const web = { origins, policy, ejection: { maxPercent: 0 }, ...(hedged && { hedge: {} }) }
  const parsed = parseDocument({ pools: { web }, routes: [{ path: '/*', pools: ['web'] }] })
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.error))
  return {
    pool: parsed.value.config.pools.web!,
    seconds: 60,
    requestsPerSecond: 1000,
    serviceMs: (origin, ms, random) =>
      origin === 0 && ms >= slowFromMs && ms < slowUntilMs ? 2000 : 70 * Math.exp(0.4 * normal(random)),
  }
}

/** Of the standard normal distribution (Box and Muller). */
const normal = (random: () => number): number =>
  Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())

export interface Outcome {
  /** Of 1. */
  readonly withinASecond: number
  readonly p50Ms: number
  readonly p99Ms: number
  /** Attempts beyond one a request, of 1. */
  readonly extra: number
}

export function slowHost(policy: Policy, hedged: boolean, setting: Setting): Outcome {
  const { latenciesMs, requests, attempts } = simulate(slowHostTrace(policy, hedged), setting)
  const at = (share: number) => latenciesMs[Math.floor(share * requests)]!
  const within = latenciesMs.filter((ms) => ms < 1000).length
  return { withinASecond: within / requests, p50Ms: at(0.5), p99Ms: at(0.99), extra: attempts / requests - 1 }
}
