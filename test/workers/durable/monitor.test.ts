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
import type { MonitorObject } from '../../../workers/env.ts'
import worker from '../../../workers/index.ts'

const origin = { id: 'a', url: 'http://127.0.0.1:9' }
const key = originKey(origin)
const hour = { intervalMs: 3_600_000 }
const hourly = { intervalSeconds: 3600, fails: 1, passes: 1, type: 'tcp' }

let version = 0
/** A pool for each test, with an object that nothing has happened to. */
let name: string
let stub: DurableObjectStub<MonitorObject>

/** Puts a configuration with this pool into force. */
async function configure(pool: object): Promise<void> {
  const document = JSON.stringify({
    pools: { [name]: { origins: [origin], ...pool } },
    routes: [{ path: '/*', pools: [name] }],
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
