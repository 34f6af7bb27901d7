// The object of a pool, with its alarms: what it survives, and when it stops. Nothing listens where it probes.
import {
  applyD1Migrations,
  createScheduledController,
  evictDurableObject,
  runDurableObjectAlarm,
  runInDurableObject,
} from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { afterEach, beforeAll, beforeEach, expect, it, vi } from 'vitest'
import { originKey } from '../../../shared/balance/monitor.ts'
import { kvConfiguration } from '../../../workers/adapters/kv-configuration.ts'
import { objectJobBooks } from '../../../workers/adapters/object-job-books.ts'
import type { MonitorObject } from '../../../workers/env.ts'
import worker from '../../../workers/index.ts'
import type { JobDraft } from '../../../workers/ports/job-port.ts'

const origin = { id: 'a', url: 'http://127.0.0.1:9' }
const key = originKey(origin)
const hour = { intervalMs: 3_600_000 }
const hourly = { intervalSeconds: 3600, fails: 1, passes: 1, type: 'tcp' }

let version = 0
/** A pool for each test, with an object that nothing has happened to. */
let name: string
let stub: DurableObjectStub<MonitorObject>

/** Puts a configuration with this pool into force. */
async function configure(pool: object, more: object = {}): Promise<void> {
  const document = JSON.stringify({
    pools: { [name]: { origins: [origin], ...pool } },
    routes: [{ path: '/*', pools: [name] }],
    ...more,
  })
  await kvConfiguration(env.CONFIG).write({ version: ++version, document })
}

const alarmOf = () => runInDurableObject(stub, (_, { storage }) => storage.getAlarm())
const loseAlarm = () => runInDurableObject(stub, (_, { storage }) => storage.deleteAlarm())

/** Until the alarm of this time has rung, and is set for the next. */
const probed = () => vi.waitFor(async () => expect(await alarmOf()).toBeGreaterThan(Date.now() + 1_000_000), 5000)

const word = async () => (await stub.share(name, {}, hour))[key]?.word

beforeAll(async () => {
  await applyD1Migrations(env.DB, env.MIGRATIONS)
  // The configuration is what KV says alone.
  await env.DB.exec('DELETE FROM configurations')
})

beforeEach(async () => {
  vi.spyOn(console, 'log').mockReturnValue()
  name = `pool-${version}`
  stub = env.MONITORS.getByName(name)
  await configure({ monitor: hourly })
  await stub.arm(name, hour)
  await probed()
})

afterEach(() => {
  vi.restoreAllMocks()
})

it('probes by alarm, and says what it has found', async () => {
  await vi.waitFor(async () => expect(await word()).toMatchObject({ verdict: 'down', because: 'no connection' }))
})

it('knows its words and its pool when it was evicted', async () => {
  await vi.waitFor(async () => expect(await word()).toBeDefined())
  const before = await word()
  await evictDurableObject(stub)
  expect(await word()).toEqual(before)
  expect(await runDurableObjectAlarm(stub)).toBe(true)
  expect(await word()).toMatchObject({ verdict: 'down', since: before?.since })
})

it('is armed again by the next that share, when its alarm is lost', async () => {
  await loseAlarm()
  await evictDurableObject(stub)
  await stub.share(name, {}, hour)
  await probed()
})

it('is armed again by the cron', async () => {
  await loseAlarm()
  await evictDurableObject(stub)
  await worker.scheduled(createScheduledController(), env)
  await probed()
})

it('is left alone by both where its alarm is set', async () => {
  const before = await alarmOf()
  await stub.share(name, {}, hour)
  await worker.scheduled(createScheduledController(), env)
  expect(await alarmOf()).toBe(before)
})

it('does not wait for an alarm of an hour when it is to probe each second', async () => {
  await configure({ monitor: { ...hourly, intervalSeconds: 1 } })
  await stub.share(name, {}, { intervalMs: 1000 })
  await vi.waitFor(async () => expect(await alarmOf()).toBeLessThan(Date.now() + 1_200))
})

it('is not made to probe more often than its rhythm by those who know of a monitor that it knows nothing of', async () => {
  await configure({})
  await runDurableObjectAlarm(stub)
  for (let count = 0; count < 3; count++) await stub.share(name, {}, hour)
  expect(await alarmOf()).toBeGreaterThan(Date.now() + 1_000_000)
})

it('goes on by the last configuration where no store gives one', async () => {
  vi.spyOn(console, 'error').mockReturnValue()
  await env.CONFIG.put('configuration', 'damaged')
  vi.spyOn(console, 'warn').mockReturnValue()
  const before = await word()
  await runDurableObjectAlarm(stub)
  await probed()
  expect((await word())!.until).toBeGreaterThan(before!.until)
})

it('has its next alarm even where it knows no configuration at all', async () => {
  const error = vi.spyOn(console, 'error').mockReturnValue()
  vi.spyOn(console, 'warn').mockReturnValue()
  await env.CONFIG.put('configuration', 'damaged')
  await evictDurableObject(stub)
  await runDurableObjectAlarm(stub)
  expect(error).toHaveBeenCalled()
  await probed()
})

it('tells who wants to hear of it when a verdict has lasted, once, and not before the jobs have taken it', async () => {
  const memoryOf = () =>
    runInDurableObject(stub, (_, { storage }) => storage.kv.get<{ untold: JobDraft[]; damping: object }>('memory')!)
  const subscribers = { ops: { url: 'https://ops.example.com/', events: ['origin.*'] } }
  await configure({ monitor: hourly }, { jobs: { subscribers }, notifications: { holdSeconds: 0, everySeconds: 0 } })
  const old: JobDraft = { type: 'no-such-type', payload: 1, key: `old ${name}` }
  await runInDurableObject(stub, (_, { storage }) =>
    storage.kv.put('memory', { ...storage.kv.get<object>('memory'), damping: undefined, untold: [old] }),
  )
  vi.spyOn(console, 'error').mockReturnValue()
  vi.spyOn(console, 'warn').mockReturnValue()
  const told = async () => {
    const { jobs } = await objectJobBooks(env.JOB_BOOKS, env.JOB_WATCHES).list({ type: 'event', limit: 100 })
    return jobs.map(({ payload }) => payload as { data: { pool: string } }).filter(({ data }) => data.pool === name)
  }
  // An object that was not there yet may take longer than it is waited for: then it is told at the next alarm.
  await vi.waitFor(async () => {
    await runDurableObjectAlarm(stub)
    expect((await memoryOf()).untold).toEqual([])
  }, 10_000)
  await evictDurableObject(stub)
  await runDurableObjectAlarm(stub)
  const data = { pool: name, origin: 'a', status: 'down', was: 'up', because: 'no connection', suppressed: 0 }
  expect(await told()).toEqual([
    { event: 'origin.health', at: expect.any(Number), data: expect.objectContaining(data) },
  ])
})

it('stops, and forgets, where the pool has no monitor any more', async () => {
  await configure({})
  await runDurableObjectAlarm(stub)
  expect(await alarmOf()).toBeNull()
  const left = await runInDurableObject(stub, (_, { storage }) => [...storage.kv.list()])
  expect(left).toEqual([])
})

it('says nothing of its probes to who knows of no monitor', async () => {
  expect(await stub.share(name, {}, undefined)).toEqual({})
})

it('passes on what isolates have learnt, without a monitor too', async () => {
  const other = env.MONITORS.getByName('unwatched')
  const at = Date.now()
  const latency = { ms: 80, at }
  const ejection = { because: 'failures', at, until: at + 30_000, ejections: 1 } as const
  await other.share('unwatched', { [key]: { latency } }, undefined)
  const view = await other.share('unwatched', { [key]: { ejection } }, undefined)
  expect(view).toEqual({ [key]: { latency, ejection } })
  expect(await runInDurableObject(other, (_, { storage }) => storage.getAlarm())).toBeNull()
})
