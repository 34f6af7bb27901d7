// Which changes of health are worth telling. A verdict is told when it has lasted for a while, and of one origin, or of
// the pool as a whole, at most so often: what changed in between is counted, and the next news says how often. Whatever
// changes again and again is told once, as flapping, and then not until it has come to rest.
import { type MonitorState, originKey, type ProbedOrigin, reasonOf, type Verdict } from './monitor.ts'

/** In milliseconds. */
export interface DampingRule {
  /** How long a verdict has to last before it is told. */
  readonly holdMs: number
  /** Between two news of the same origin. */
  readonly everyMs: number
}

export type Status = Verdict | 'flapping'

/** What somebody should hear. */
export interface HealthNews {
  /** Of the whole pool where it is absent. */
  readonly origin?: string
  readonly status: Status
  /** What was told last. */
  readonly was: Status
  /** Of the status, in milliseconds since the epoch. */
  readonly since: number
  readonly because: string
  /** Changes since the last news that were not told by themselves. */
  readonly suppressed: number
}

/** What is remembered of one origin, or of the pool. Instants in milliseconds since the epoch. */
interface Told {
  readonly told: Status
  /** When; undefined: what was told is only what everybody takes for granted. */
  readonly at?: number
  readonly verdict: Verdict
  /** Of the verdict. */
  readonly since: number
  /** Changes of the verdict since the last news. */
  readonly changes: number
  readonly firstChange: number
}

/** By `originKey`, and that of the pool under the empty name. */
export type Damping = Readonly<Record<string, Told>>

export const startDamping: Damping = {}

interface Said {
  readonly verdict: Verdict
  readonly because: string
}

/** So many changes that nobody was told are more than an accident: down, up, down, up. */
const restless = 4

const poolKey = ''

/** What is to be told after a round of probes of these origins; those that are no longer there are forgotten. */
export function afterVerdicts(
  before: Damping,
  origins: readonly ProbedOrigin[],
  state: MonitorState,
  rule: DampingRule,
  at: number,
): { readonly damping: Damping; readonly news: readonly HealthNews[] } {
  const saidOf = (origin: ProbedOrigin): Said | undefined => {
    const watch = state.origins[originKey(origin)]
    return watch?.verdict && { verdict: watch.verdict, because: reasonOf(watch) }
  }
  const all = origins.map((origin) => ({ key: originKey(origin), id: origin.id, said: saidOf(origin) }))
  const subjects = [{ key: poolKey, id: undefined, said: ofPool(all.map(({ said }) => said)) }, ...all]
  const news: HealthNews[] = []
  const damping: Record<string, Told> = {}
  for (const { key, id, said } of subjects) {
    const known = before[key]
    if (known !== undefined) damping[key] = known
    if (said === undefined) continue
    const heard = hear(known, said, rule, at)
    damping[key] = heard.told
    if (heard.news !== undefined) news.push({ ...(id !== undefined && { origin: id }), ...heard.news })
  }
  return { damping, news }
}

/** A pool is down when all of its origins are; it has no verdict while that is not known. */
function ofPool(origins: readonly (Said | undefined)[]): Said | undefined {
  const up = origins.filter((said) => said?.verdict === 'up').length
  if (up > 0) return { verdict: 'up', because: `${up} of ${origins.length} origins are up` }
  const isDown = origins.length > 0 && origins.every((said) => said !== undefined)
  return isDown ? { verdict: 'down', because: 'no origin is up' } : undefined
}

/** One subject, of which the probes now say this. That something is up to begin with is no news. */
function hear(
  before: Told | undefined,
  { verdict, because }: Said,
  { holdMs, everyMs }: DampingRule,
  at: number,
): { readonly told: Told; readonly news?: HealthNews } {
  const told = counted(before ?? { told: 'up', verdict: 'up', since: at, changes: 0, firstChange: at }, verdict, at)
  const hasLasted = at - told.since >= holdMs
  const mayTell = told.at === undefined || at - told.at >= everyMs
  const tell = (status: Status, since: number, suppressed: number) => ({
    told: { ...told, told: status, at, changes: 0 },
    news: { status, was: told.told, since, because, suppressed },
  })
  if (mayTell && hasLasted && verdict !== told.told) return tell(verdict, told.since, Math.max(0, told.changes - 1))
  if (mayTell && !hasLasted && told.changes >= restless && told.told !== 'flapping') {
    return tell('flapping', told.firstChange, told.changes)
  }
  // Calm for so long: what was before is forgotten.
  const isCalm = verdict === told.told && at - told.since >= everyMs
  return { told: isCalm ? { ...told, changes: 0 } : told }
}

function counted(before: Told, verdict: Verdict, at: number): Told {
  if (verdict === before.verdict) return before
  const firstChange = before.changes === 0 ? at : before.firstChange
  return { ...before, verdict, since: at, changes: before.changes + 1, firstChange }
}
