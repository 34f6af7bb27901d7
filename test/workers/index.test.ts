import {
  applyD1Migrations,
  createExecutionContext,
  createScheduledController,
  waitOnExecutionContext,
} from 'cloudflare:test'
import { env, exports } from 'cloudflare:workers'
import { beforeAll, expect, it, vi } from 'vitest'
import { cacheApiConfiguration } from '../../workers/adapters/cache-api-configuration.ts'
import { d1Configuration } from '../../workers/adapters/d1-configuration.ts'
import { d1Purges } from '../../workers/adapters/d1-purges.ts'
import { kvConfiguration } from '../../workers/adapters/kv-configuration.ts'
import type { ConfigurationSources } from '../../workers/configuration.ts'
import worker from '../../workers/index.ts'
import { documentOf } from './support/configurations.ts'
import { configUrl, gatewayOn } from './support/gateway.ts'

// Stores that fail are logged, with all that the database says.
beforeAll(() => {
  vi.spyOn(console, 'warn').mockReturnValue()
})

// These go through the life of one isolate, in their order: nothing is there at first.

const sources: ConfigurationSources = {
  published: kvConfiguration(env.CONFIG),
  database: d1Configuration(env.DB),
  purges: d1Purges(env.DB),
  lastGood: cacheApiConfiguration(() => caches.open('last-good-of-tests'), 'https://gateway.test/_weir/configuration'),
}

const ask = (path: string, init?: RequestInit) => exports.default.fetch(`http://gateway.test${path}`, init)

const runCron = async () => {
  const context = createExecutionContext()
  await worker.scheduled(createScheduledController(), env)
  await waitOnExecutionContext(context)
}

it('answers before its database has tables: 503, and says what is missing', async () => {
  const health = await ask('/_weir/health')
  expect(health.status).toBe(503)
  expect(await health.json()).toMatchObject({ status: 'degraded' })
  const proxied = await ask('/')
  expect(proxied.status).toBe(503)
  expect(await proxied.json()).toMatchObject({ reason: 'no-configuration' })
  expect((await gatewayOn(sources).put(documentOf('v1'))).status).toBe(503)
  await runCron()
  expect(await sources.published.read()).toBeUndefined()
})

it('is closed to administrators without a token', async () => {
  const response = await ask('/_weir/api/config', { headers: { authorization: 'Bearer ' } })
  expect(response.status).toBe(403)
})

it('takes the first configuration', async () => {
  await applyD1Migrations(env.DB, env.MIGRATIONS)
  const gateway = gatewayOn(sources)
  expect((await gateway.ask(configUrl)).status).toBe(404)
  const response = await gateway.put(documentOf('v1'), { 'if-none-match': '*' })
  expect(await response.json()).toEqual({ version: 1, published: true, warnings: [] })
  expect(await (await gateway.ask(configUrl)).json()).toEqual(JSON.parse(documentOf('v1')))
})

it('RFC 9110 §13.1.1: lets one of two writers win who saw the same version', async () => {
  const writers = ['a', 'b'].map((id) => gatewayOn(sources).put(documentOf(id), { 'if-match': '"1"' }))
  const statuses = (await Promise.all(writers)).map(({ status }) => status)
  expect(statuses.toSorted()).toEqual([200, 412])
  expect(await sources.database.read()).toMatchObject({ version: 2 })
})

it('the isolate that had none serves by it soon', async () => {
  await expect.poll(async () => (await ask('/_weir/health')).status, { timeout: 5000 }).toBe(200)
  expect(await (await ask('/_weir/health')).json()).toEqual({ status: 'ok' })
})

it('publishes again at its next turn what KV has lost', async () => {
  await env.CONFIG.delete('configuration')
  await runCron()
  expect(await sources.published.read()).toEqual(await sources.database.read())
})

it('refuses what has no canonical target, and what names the gateway', async () => {
  expect((await ask('/a/..%2fb')).status).toBe(400)
  expect((await ask('/_weir/none')).status).toBe(404)
  expect((await ask('/%5fweir/none')).status).toBe(404)
  expect((await ask('/', { method: 'TRACE' })).status).toBe(405)
})
