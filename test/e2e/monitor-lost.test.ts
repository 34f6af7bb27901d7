// The object of a pool is gone: precision is lost, and no request.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Origins, startOrigins } from '../../workers/cli/demo/origins.ts'
import { runLoad } from '../../workers/cli/load.ts'
import { startGateway, type TestGateway } from './support/gateway.ts'

const pools = ['throwing', 'hanging']
const pages: Record<string, string> = { throwing: '/now', hanging: '/healthz' }
const origins: Record<string, Origins> = {}
let gateway: TestGateway

beforeAll(async () => {
  for (const name of pools) origins[name] = await startOrigins(['a', 'b', 'c'])
  const monitor = { intervalSeconds: 1 }
  gateway = await startGateway(
    {
      pools: Object.fromEntries(pools.map((name) => [name, { origins: serversOf(name), monitor }])),
      routes: pools.map((name) => ({ path: pages[name], pools: [name], cache: { mode: 'off' } })),
    },
    'test/e2e/workers/without-monitors.ts',
  )
})

const serversOf = (name: string) => origins[name]!.origins.map(({ id, url }) => ({ id, url }))

afterAll(async () => {
  await gateway?.close()
  await Promise.all(Object.values(origins).map((each) => each.close()))
})

describe.concurrent('the object of a pool', () => {
  test.each(pools)('%s, while one of three origins is killed: no GET is lost', async (name) => {
    const report = await runLoad({
      url: gateway.url + pages[name],
      ratePerSecond: 100,
      seconds: 3,
      atHalf: () => origins[name]!.kill('b'),
    })
    expect(report).toEqual(expect.objectContaining({ sent: 300, failed: 0, statuses: { 200: 300 } }))
  })
})
