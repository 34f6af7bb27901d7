// The object of one pool. By alarm it probes the pool's origins, itself or through one object in each region, and it
// passes on what the isolates have learnt. What probes have shown persists; what isolates have learnt they tell again.
// To lose all of it costs precision: they go by their own requests. A round writes two rows: the alarm, and the memory.
// What changes for good is handed to the jobs, who tell whoever wants to hear of it; until they have taken it, it stays.
//
// The regions have no state, alarm or configuration of their own: they probe what this object asks them to, so that one
// place decides, and a region that is away has no say.
import { DurableObject } from 'cloudflare:workers'
import { afterVerdicts, type Damping, startDamping } from '../../shared/balance/damping.ts'
import {
  afterRound,
  jittered,
  type MonitorChange,
  type MonitorState,
  originKey,
  type Probe,
  type ProbedOrigin,
  type RegionRound,
  startMonitor,
} from '../../shared/balance/monitor.ts'
import { type LearntByOrigin, publish, type SharedView, united } from '../../shared/balance/shared-view.ts'
import type { Config, ProbeRule } from '../../shared/config/schema.ts'
import { healthEvent } from '../../shared/jobs/health-event.ts'
import { hearersOf } from '../../shared/jobs/hearers.ts'
import { monitorName } from '../../shared/key.ts'
import type { Env, MonitorObject } from '../env.ts'
import type { JobDraft } from '../ports/job-port.ts'
import type { Background, ProbePort, Rhythm } from '../ports.ts'
import { late, orLate } from '../within.ts'

/** What the objects work by. */
export interface MonitorTools {
  /** Undefined where no store gives it; may take some seconds. */
  readonly readConfiguration: (env: Env) => Promise<Config | undefined>
  readonly probe: ProbePort
  /** Hands a job over. Whether that is settled: it was taken, or never will be. At most some seconds; never rejects. */
  readonly post: (env: Env, draft: JobDraft, background: Background) => Promise<boolean>
  /** Milliseconds since the epoch. */
  readonly now: () => number
  /** In [0, 1). */
  readonly random: () => number
}

/** Persists from round to round. */
interface Memory extends Rhythm {
  readonly pool: string
  readonly state: MonitorState
  /** From then on its words are too old, in milliseconds since the epoch. */
  readonly wordsUntil: number
  /** Absent in what an earlier version has written. */
  readonly damping?: Damping
  /** What the jobs have not taken yet, the oldest first. */
  readonly untold?: readonly JobDraft[]
}

/** Beyond so many the oldest are forgotten: the jobs have been away for long. */
const mostUntold = 100
/** The next round must not wait for the jobs. */
const toldAtOnce = 10

const noMemory = { state: startMonitor, wordsUntil: 0 }

/** An object has six connections. */
const probesAtOnce = 6
/** What a region may take beyond its probes. */
const regionPatienceMs = 1_000
/** An alarm that is so late will not come. */
const overdueMs = 5_000
/** Words hold for so many intervals, and until isolates have shared again. */
const heldIntervals = 3
const heldBeyondMs = 5_000

export function monitorObject(
  tools: MonitorTools,
): new (
  context: DurableObjectState,
  env: Env,
) => DurableObject<Env> & MonitorObject {
  const { readConfiguration, probe, post, now, random } = tools

  return class Monitor extends DurableObject<Env> implements MonitorObject {
    #learnt: LearntByOrigin = {}
    /** The last that could be read. */
    #config: Config | undefined
    /** When the last round began, and whether it is still going on. */
    #roundAt = 0
    #isProbing = false

    async share(pool: string, learnt: LearntByOrigin, rhythm: Rhythm | undefined): Promise<SharedView> {
      this.#learnt = united(this.#learnt, learnt, now())
      if (rhythm === undefined) return publish(this.#learnt, startMonitor, 0)
      await this.arm(pool, rhythm)
      const { state, wordsUntil } = this.#memory ?? noMemory
      return publish(this.#learnt, state, wordsUntil)
    }

    /**
     * Sees to it that there is an alarm, and that it is no later than this rhythm wants it. Many call this who know of
     * different configurations: their alarms never come more often than they say.
     */
    async arm(pool: string, { intervalMs }: Rhythm): Promise<void> {
      const alarm = await this.ctx.storage.getAlarm()
      const at = now()
      const isSet = alarm !== null && alarm > at - overdueMs && alarm <= at + jittered(intervalMs, 1)
      if (isSet || this.#isProbing) return
      this.#memory = { ...noMemory, ...this.#memory, pool, intervalMs }
      await this.ctx.storage.setAlarm(Math.max(at, this.#roundAt + intervalMs))
    }

    async probe(origins: readonly ProbedOrigin[], monitor: ProbeRule): Promise<Record<string, Probe>> {
      const waiting = [...origins]
      const seen: Record<string, Probe> = {}
      const work = async () => {
        for (let origin = waiting.shift(); origin !== undefined; origin = waiting.shift()) {
          seen[originKey(origin)] = await probe(origin.url, monitor)
        }
      }
      await Promise.all(Array.from({ length: probesAtOnce }, work))
      return seen
    }

    override async alarm(): Promise<void> {
      const memory = this.#memory
      if (memory === undefined) return
      this.#roundAt = now()
      this.#isProbing = true
      try {
        // First of all: whatever becomes of this round, there is another.
        await this.#setAlarm(memory.intervalMs)
        await this.#round(memory)
      } catch (error) {
        console.error(error)
      } finally {
        this.#isProbing = false
      }
    }

    async #round(memory: Memory): Promise<void> {
      this.#config = (await readConfiguration(this.env)) ?? this.#config
      if (this.#config === undefined) throw new Error(`No store gives the configuration of the pool ${memory.pool}.`)
      const pool = new Map(Object.entries(this.#config.pools)).get(memory.pool)
      if (pool?.monitor === undefined) return this.#stop()
      const origins = pool.origins.filter(({ state }) => state !== 'off')
      const round = await this.#ask(memory.pool, origins, pool.monitor)
      const { state, changes } = afterRound(memory.state, origins, round, pool.monitor, now())
      for (const change of changes) logChange(memory.pool, change)
      const { damping, untold } = this.#hear(memory, this.#config, origins, state)
      const intervalMs = pool.monitor.intervalSeconds * 1000
      if (intervalMs !== memory.intervalMs) await this.#setAlarm(intervalMs)
      const wordsUntil = now() + heldIntervals * intervalMs + longestRound(pool, pool.monitor) + heldBeyondMs
      this.#memory = { pool: memory.pool, state, intervalMs, wordsUntil, damping, untold }
      await this.#tell()
    }

    /** What is to be told by now, what could not be told before included. */
    #hear(
      memory: Memory,
      { jobs, notifications }: Config,
      origins: readonly ProbedOrigin[],
      state: MonitorState,
    ): Required<Pick<Memory, 'damping' | 'untold'>> {
      const rule = { holdMs: notifications.holdSeconds * 1000, everyMs: notifications.everySeconds * 1000 }
      const at = now()
      const { damping, news } = afterVerdicts(memory.damping ?? startDamping, origins, state, rule, at)
      const drafts = news.flatMap((each): JobDraft[] => {
        const payload = healthEvent(memory.pool, each, at)
        if (hearersOf(jobs.subscribers, payload.event).length === 0) return []
        return [{ type: 'event', payload, key: `health ${memory.pool} ${each.origin ?? ''} ${at}` }]
      })
      return { damping, untold: [...(memory.untold ?? []), ...drafts].slice(-mostUntold) }
    }

    /** Each by itself, in their order; what the jobs do not take is tried again in the next round. By its key it is one job. */
    async #tell(): Promise<void> {
      for (let count = 0; count < toldAtOnce; count++) {
        const first = this.#memory?.untold?.[0]
        if (first === undefined) return
        if (!(await post(this.env, first, (work) => this.ctx.waitUntil(work)))) return
        const memory = this.#memory
        if (memory !== undefined) this.#memory = { ...memory, untold: memory.untold?.slice(1) ?? [] }
      }
    }

    /** What each region sees; where none is named, what is seen from here. */
    async #ask(
      pool: string,
      origins: readonly ProbedOrigin[],
      monitor: ProbeRule,
    ): Promise<Record<string, RegionRound>> {
      if (monitor.regions === undefined) return { here: await this.probe(origins, monitor) }
      const probed = origins.map(({ id, url }) => ({ id, url }))
      const patienceMs = longestRound({ origins }, monitor) + regionPatienceMs
      const asked = monitor.regions.map(async (region): Promise<[string, RegionRound]> => {
        const object = this.env.MONITORS.getByName(monitorName(pool, region), { locationHint: region })
        const seen = await orLate(patienceMs, object.probe(probed, monitor)).catch((error) => {
          console.warn(`The region ${region} does not probe:`, error)
          return undefined
        })
        return [region, seen === late ? undefined : seen]
      })
      return Object.fromEntries(await Promise.all(asked))
    }

    async #setAlarm(intervalMs: number): Promise<void> {
      await this.ctx.storage.setAlarm(now() + jittered(intervalMs, random()))
    }

    async #stop(): Promise<void> {
      await this.ctx.storage.deleteAlarm()
      await this.ctx.storage.deleteAll()
    }

    get #memory(): Memory | undefined {
      return this.ctx.storage.kv.get<Memory>('memory')
    }

    set #memory(memory: Memory) {
      this.ctx.storage.kv.put('memory', memory)
    }
  }
}

function longestRound({ origins }: { readonly origins: readonly unknown[] }, { timeoutMs }: ProbeRule): number {
  return Math.ceil(origins.length / probesAtOnce) * timeoutMs
}

function logChange(pool: string, { origin, from, to, because }: MonitorChange): void {
  console.log(`Pool ${pool}: origin ${origin} is ${to ?? 'unknown'}, was ${from ?? 'unknown'}: ${because}.`)
}
