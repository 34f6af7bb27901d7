// What probes say of the origins of a pool. Each region that probes makes up its own mind, by so many results in a row;
// the word on an origin is that of the majority. What has not been decided, and what is too old, is no word at all.

export type Verdict = 'up' | 'down'

/** What one probe of one origin has shown; `because` is for people, and names no host. */
export interface Probe {
  readonly passed: boolean
  readonly because: string
}

/** An origin by what is probed: under another address it is another, whatever its id. */
export interface ProbedOrigin {
  readonly id: string
  readonly url: string
}

/** The name of an origin in what isolates and monitors tell each other. */
export function originKey({ id, url }: ProbedOrigin): string {
  return `${id} ${url}`
}

/** All that one region has seen in one round, by `originKey`; undefined where it did not answer. */
export type RegionRound = Readonly<Record<string, Probe>> | undefined

/** How many results in a row it takes. */
export interface MonitorRule {
  readonly fails: number
  readonly passes: number
}

/** What is remembered of the probes. */
export interface MonitorState {
  /** By `originKey`. */
  readonly origins: Readonly<Record<string, Watch>>
}

/** One origin, as all regions see it. */
export interface Watch {
  /** Absent until enough results have come. */
  readonly verdict?: Verdict
  /** Of the verdict, in milliseconds since the epoch. */
  readonly since: number
  readonly regions: Readonly<Record<string, RegionWatch>>
}

/** One origin, as one region sees it. */
export interface RegionWatch {
  readonly verdict?: Verdict
  /** The last result, and how often it came in a row, as far as that matters. */
  readonly last: Verdict
  readonly run: number
  readonly because: string
  /** Rounds in a row in which this region did not answer; after three it has no say. */
  readonly missed: number
}

export interface MonitorChange {
  readonly origin: string
  readonly from: Verdict | undefined
  readonly to: Verdict | undefined
  readonly because: string
}

export const startMonitor: MonitorState = { origins: {} }

const mostMissed = 3

/**
 * The state after one round, and the words that have changed by it. `origins` are those of the pool; any other is
 * forgotten, and so is a region that is not in `round`. `at` in milliseconds since the epoch.
 */
export function afterRound(
  state: MonitorState,
  origins: readonly ProbedOrigin[],
  round: Readonly<Record<string, RegionRound>>,
  rule: MonitorRule,
  at: number,
): { readonly state: MonitorState; readonly changes: readonly MonitorChange[] } {
  const changes: MonitorChange[] = []
  const watches = origins.map((origin): [string, Watch] => {
    const key = originKey(origin)
    const before = state.origins[key] ?? { since: at, regions: {} }
    const regions = afterResults(before.regions, key, round, rule)
    const verdict = majority(Object.values(regions))
    const since = verdict === before.verdict ? before.since : at
    const after: Watch = { ...(verdict && { verdict }), since, regions }
    if (verdict !== before.verdict) {
      changes.push({ origin: origin.id, from: before.verdict, to: verdict, because: reasonOf(after) })
    }
    return [key, after]
  })
  return { state: { origins: Object.fromEntries(watches) }, changes }
}

function afterResults(
  before: Watch['regions'],
  key: string,
  round: Readonly<Record<string, RegionRound>>,
  rule: MonitorRule,
): Watch['regions'] {
  const after = Object.entries(round).flatMap(([region, seen]): [string, RegionWatch][] => {
    const known = before[region]
    const probe = seen?.[key]
    if (probe !== undefined) return [[region, afterProbe(known, probe, rule)]]
    return known === undefined ? [] : [[region, { ...known, missed: Math.min(mostMissed, known.missed + 1) }]]
  })
  return Object.fromEntries(after)
}

function afterProbe(before: RegionWatch | undefined, { passed, because }: Probe, rule: MonitorRule): RegionWatch {
  const last = passed ? 'up' : 'down'
  const needed = passed ? rule.passes : rule.fails
  const run = Math.min(needed, before?.last === last ? before.run + 1 : 1)
  const verdict = run >= needed ? last : before?.verdict
  return { ...(verdict && { verdict }), last, run, because, missed: 0 }
}

/** Half of them is not enough to take an origin out: what requests show will tell. */
function majority(regions: readonly RegionWatch[]): Verdict | undefined {
  const voters = regions.filter(({ verdict, missed }) => verdict !== undefined && missed < mostMissed)
  const down = voters.filter(({ verdict }) => verdict === 'down').length
  if (voters.length === 0) return undefined
  return down > voters.length / 2 ? 'down' : 'up'
}

/** What the last probe has shown; of each region, where there are several. */
export function reasonOf({ regions }: Watch): string {
  const reasons = Object.entries(regions)
  if (reasons.length === 1) return reasons[0]![1].because
  return reasons.map(([region, { because, missed }]) => `${region}: ${missed === 0 ? because : 'no answer'}`).join('; ')
}

/** Whether a status is one of a `statusList` such as `200,301-302`. */
export function isExpected(status: number, list: string): boolean {
  return list.split(',').some((part) => {
    const [from, to = from] = part.split('-').map(Number)
    return from! <= status && status <= to!
  })
}

/** The time to the next round, a tenth more or less, so that the monitors of a gateway do not march in step. */
export function jittered(intervalMs: number, random: number): number {
  return Math.round(intervalMs * (0.9 + 0.2 * random))
}
