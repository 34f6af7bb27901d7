// Asks one URL on this machine again and again at a fixed rate, whether or not earlier requests have come back (an
// open loop), and says how many failed and how long they took. Latency counts from the instant at which a request was
// due, so that a stall is not hidden. It retries nothing, follows no redirect and asks nothing but loopback.
//   node workers/cli/load.ts --url http://127.0.0.1:8787/now --rate 200 --seconds 10 --kill CONTROL_URL --origin b
import { Agent, type IncomingMessage, request } from 'node:http'
import { setTimeout as pause } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { err, ok, type Result } from '../../shared/result.ts'
import { commandLine } from './terminal.ts'

/**
 * `ratePerSecond` above 0 and at most 2000, `seconds` above 0 and at most 600. `atHalf` is called once when half of
 * the time has passed; requests go on meanwhile.
 */
export type LoadOptions = { url: string; ratePerSecond: number; seconds: number; atHalf?: () => Promise<void> }

/**
 * Every request is counted once, in `statuses` when its answer came complete, in `errors` when it did not: `sent` is
 * the sum of both. `failed` counts the errors and the statuses from 500. Times are in milliseconds from the instant
 * at which a request was due to the last byte of its answer, or to its failure; failed requests are included.
 */
export type LoadReport = {
  sent: number
  failed: number
  statuses: Record<string, number>
  errors: Record<string, number>
  p50Ms: number
  p99Ms: number
  slowestMs: number
}

type Ending = { kind: 'answered'; status: number } | { kind: 'failed'; because: string }

/** What has ended so far. `tookMs` has room for every request of the run. */
type Tally = { ended: number; statuses: Record<string, number>; errors: Record<string, number>; tookMs: Float64Array }

type Plan = { url: URL; total: number; ratePerSecond: number; seconds: number }

const limitMs = 10_000
const sockets = 256
// Shorter than any server's: a server that closes an idle connection just as it is used again would count as a failure.
const idleMs = 2_000

/**
 * Runs the load and resolves when the last request has ended, at most ten seconds after the last was due.
 * @throws RangeError when an option is out of bounds or the URL is not on loopback; and, after the run, what `atHalf` threw
 */
export async function runLoad(options: LoadOptions): Promise<LoadReport> {
  const plan = planOf(options)
  if (!plan.ok) throw new RangeError(plan.error)
  const half = options.atHalf === undefined ? undefined : pause(options.seconds * 500).then(options.atHalf)
  half?.catch(() => undefined) // it is awaited, and thrown, when the run is over
  const tally = await run(plan.value)
  await half
  return reportOf(tally)
}

function planOf({ url, ratePerSecond, seconds }: LoadOptions): Result<Plan, string> {
  const target = loopback(url)
  if (!target.ok) return target
  if (!(ratePerSecond > 0 && ratePerSecond <= 2000))
    return err('the rate is above 0 and at most 2000 requests a second')
  if (!(seconds > 0 && seconds <= 600)) return err('the time is above 0 and at most 600 seconds')
  const total = Math.round(ratePerSecond * seconds)
  return total > 0
    ? ok({ url: target.value, total, ratePerSecond, seconds })
    : err('this rate and time make no request')
}

/** The URL, if it is plain http on this machine. */
function loopback(text: string): Result<URL, string> {
  const url = URL.parse(text)
  if (url === null) return err(`${text} is no URL`)
  if (url.protocol !== 'http:') return err(`${text} is not an http URL`)
  if (['127.0.0.1', 'localhost', '[::1]'].includes(url.hostname)) return ok(url)
  return err(
    `${url.hostname} is refused: only 127.0.0.1, localhost and [::1] are asked, ` +
      'because load on a machine that others use is an attack, not a test',
  )
}

/** Sends every request when it is due, and resolves when all have ended. */
async function run({ url, total, ratePerSecond }: Plan): Promise<Tally> {
  const tally: Tally = { ended: 0, statuses: {}, errors: {}, tookMs: new Float64Array(total) }
  const agent = new Agent({ keepAlive: true, maxSockets: sockets, timeout: idleMs })
  const startMs = performance.now()
  await new Promise<void>((resolve) => {
    const ask = createAsker(url, agent, (ending, tookMs) => {
      count(tally, ending, tookMs)
      if (tally.ended === total) resolve()
    })
    let next = 0
    const tick = (): void => {
      const dueMs = (): number => startMs + (next * 1000) / ratePerSecond
      for (; next < total && dueMs() <= performance.now(); next++) ask(dueMs())
      if (next < total) setTimeout(tick, Math.max(0, dueMs() - performance.now()))
    }
    tick()
  })
  agent.destroy()
  return tally
}

/**
 * Asks at once while a socket is free; later requests wait their turn. First come, first served, so that a waiting
 * request reaches the front before its own ten seconds are over: whatever flies before it was due before it.
 */
function createAsker(url: URL, agent: Agent, ended: (ending: Ending, tookMs: number) => void): (dueMs: number) => void {
  const waiting: number[] = []
  let flying = 0
  const fly = (dueMs: number): void => {
    flying++
    exchange(url, agent, Math.max(0, dueMs + limitMs - performance.now()), (ending) => {
      flying--
      ended(ending, performance.now() - dueMs)
      const next = waiting.shift()
      if (next !== undefined) fly(next)
    })
  }
  return (dueMs) => (flying < sockets ? fly(dueMs) : void waiting.push(dueMs))
}

/** One request and the whole of its answer; calls `ended` exactly once, within `leftMs`. */
function exchange(url: URL, agent: Agent, leftMs: number, ended: (ending: Ending) => void): void {
  const outgoing = request(url, { agent })
  let over = false
  const finish = (ending: Ending): void => {
    if (over) return
    over = true
    clearTimeout(timer)
    if (ending.kind === 'failed') outgoing.destroy()
    ended(ending)
  }
  const timer = setTimeout(() => finish({ kind: 'failed', because: `over ${limitMs / 1000} s` }), leftMs)
  outgoing.on('error', (error: NodeJS.ErrnoException) => {
    finish({ kind: 'failed', because: error.code ?? error.message })
  })
  outgoing.on('response', (incoming) => readToEnd(incoming, finish))
  outgoing.end()
}

function readToEnd(incoming: IncomingMessage, finish: (ending: Ending) => void): void {
  const cut = (): void => finish({ kind: 'failed', because: 'cut body' })
  incoming.on('end', () => (incoming.complete ? finish({ kind: 'answered', status: incoming.statusCode ?? 0 }) : cut()))
  incoming.on('error', cut)
  incoming.on('close', cut)
  incoming.resume()
}

function count(tally: Tally, ending: Ending, tookMs: number): void {
  tally.tookMs[tally.ended++] = tookMs
  const [counts, name] =
    ending.kind === 'answered' ? [tally.statuses, String(ending.status)] : [tally.errors, ending.because]
  counts[name] = (counts[name] ?? 0) + 1
}

function reportOf({ statuses, errors, tookMs }: Tally): LoadReport {
  const sorted = tookMs.toSorted()
  // Nearest rank: a time that some request really took.
  const rank = (share: number): number => sorted[Math.ceil(share * sorted.length) - 1] ?? 0
  const bad = Object.entries(statuses).filter(([status]) => Number(status) >= 500)
  const failed = [...bad, ...Object.entries(errors)].reduce((sum, [, times]) => sum + times, 0)
  return { sent: sorted.length, failed, statuses, errors, p50Ms: rank(0.5), p99Ms: rank(0.99), slowestMs: rank(1) }
}

/** The outage to make during the load: which origin, and where its supervisor listens. */
type Outage = { origin: string; kill(): Promise<void>; revive(): Promise<void> }

type Command = { options: LoadOptions; outage: Outage | undefined }

const usage = 'Usage: npm run load -- --url URL [--rate 200] [--seconds 10] [--kill CONTROL_URL --origin ID]'

function readCommand(): Command {
  const text = { type: 'string' } as const
  const { values } = parseArgs({ options: { url: text, rate: text, seconds: text, kill: text, origin: text } })
  const { url, rate = '200', seconds = '10', kill, origin } = values
  if (url === undefined) throw new Error('--url is missing')
  const options: LoadOptions = { url, ratePerSecond: Number(rate), seconds: Number(seconds) }
  const plan = planOf(options)
  if (!plan.ok) throw new Error(plan.error)
  if (kill === undefined && origin === undefined) return { options, outage: undefined }
  if (kill === undefined || origin === undefined) throw new Error('--kill and --origin go together')
  const control = loopback(kill)
  if (!control.ok) throw new Error(control.error)
  return { options, outage: createOutage(control.value, origin) }
}

function createOutage(control: URL, origin: string): Outage {
  let killing = Promise.resolve()
  const kill = (): Promise<void> => {
    killing = post(control, 'kill', origin)
    return killing
  }
  const revive = async (): Promise<void> => {
    await killing.catch(() => undefined) // told elsewhere; what matters here is that no kill comes after
    await post(control, 'revive', origin)
  }
  return { origin, kill, revive }
}

async function post(control: URL, verb: 'kill' | 'revive', origin: string): Promise<void> {
  const url = `${control.href.replace(/\/*$/, '')}/${verb}/${encodeURIComponent(origin)}`
  const response = await fetch(url, { method: 'POST', signal: AbortSignal.timeout(15_000) }).catch((error: Error) => {
    throw new Error(
      `could not ${verb} origin ${origin}: ${(error.cause as Error | undefined)?.message ?? error.message}`,
    )
  })
  const said = (await response.text()).trim()
  if (!response.ok) throw new Error(`could not ${verb} origin ${origin}: ${response.status} ${said}`)
}

/** Exit code 0: none failed; 1: some did, or the outage could not be made or ended, or the arguments are wrong. */
async function main(): Promise<void> {
  const { options, outage } = commandLine(usage, readCommand)
  if (outage !== undefined) reviveOnSignal(outage)
  // What the load has shown is told in any case.
  const atHalf = outage && (() => outage.kill().catch(complain))
  const report = await runLoad({ ...options, ...(atHalf && { atHalf }) })
  process.stdout.write(describe(options, outage, report))
  if (report.failed > 0) process.exitCode = 1
  await outage?.revive().catch(complain)
}

function complain(error: Error): void {
  process.stderr.write(`${error.message}\n`)
  process.exitCode = 1
}

/** Nobody should have to repair the demo by hand after Ctrl-C. A second Ctrl-C does not wait. */
function reviveOnSignal(outage: Outage): void {
  const leave = (code: number) => async (): Promise<void> => {
    await outage.revive().catch((error: Error) => process.stderr.write(`${error.message}\n`))
    process.exit(code)
  }
  process.once('SIGINT', leave(130))
  process.once('SIGTERM', leave(143))
}

function describe(options: LoadOptions, outage: Outage | undefined, report: LoadReport): string {
  const { url, ratePerSecond, seconds } = options
  const killed = outage === undefined ? '' : `, origin ${outage.origin} killed at half time`
  const statuses = Object.entries(report.statuses).map(([status, times]) => `status ${status}: ${times}`)
  const errors = Object.entries(report.errors).map(([error, times]) => `${error}: ${times}`)
  const times = `p50 ${report.p50Ms.toFixed(1)} ms, p99 ${report.p99Ms.toFixed(1)} ms, slowest ${report.slowestMs.toFixed(0)} ms`
  return `${url}, ${ratePerSecond} a second for ${seconds} s${killed}
${[...statuses, ...errors].join(', ')}
${report.sent} sent, ${report.failed} failed, ${times}
`
}

if (import.meta.main) await main()
