// Balancing on the wire: shares by weight, and a pool of which one origin dies under load.
import { Agent, get } from 'node:http'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Origins, startOrigins } from '../../workers/cli/demo/origins.ts'
import { runLoad } from '../../workers/cli/load.ts'
import { startGateway, type TestGateway } from './support/gateway.ts'

let origins: Origins
let gateway: TestGateway
let configuration: { pools: Record<string, object>; routes: object[] }

beforeAll(async () => {
  origins = await startOrigins(['a', 'b', 'c'])
  const weighted = origins.origins.map(({ id, url }, index) => ({ id, url, weight: [1, 2, 7][index] }))
  const even = origins.origins.map(({ id, url }) => ({ id, url }))
  const cache = { mode: 'off' }
  // Shares are of origins that are all asked, also where a busy machine lets one of them pause.
  const ejection = { maxPercent: 0 }
  configuration = {
    pools: {
      turns: { origins: weighted, policy: 'round-robin', ejection },
      chance: { origins: weighted, policy: 'random', ejection },
      even: { origins: even, policy: 'round-robin' },
      keyed: { origins: even, policy: 'hash', hashOn: 'cookie:cart' },
    },
    routes: [
      { host: 'turns.localhost', path: '/*', pools: ['turns'], cache },
      { host: 'chance.localhost', path: '/*', pools: ['chance'], cache },
      { host: 'keyed.localhost', path: '/*', pools: ['keyed'], cache },
      { path: '/*', pools: ['even'], cache },
    ],
  }
  gateway = await startGateway(configuration)
})

afterAll(async () => {
  await gateway?.close()
  await origins?.close()
})

const agent = new Agent({ keepAlive: true, maxSockets: 32 })

function whoAnswers(host: string, fields: Record<string, string> = {}): Promise<string> {
  return new Promise((resolve, reject) => {
    get(`${gateway.url}/healthz`, { agent, headers: { host, ...fields } }, (response) => {
      response.resume().on('end', () => resolve(String(response.headers['x-origin'])))
    }).on('error', reject)
  })
}

test.each(['turns', 'chance'])(
  '2,000 requests over weights 1:2:7 fall within four points of them, by %s',
  async (host) => {
    const counts: Record<string, number> = { a: 0, b: 0, c: 0 }
    await Promise.all(
      Array.from({ length: 32 }, async () => {
        while (Object.values(counts).reduce((sum, count) => sum + count) < 2000) {
          const origin = await whoAnswers(`${host}.localhost`)
          counts[origin] = (counts[origin] ?? 0) + 1
        }
      }),
    )
    const total = Object.values(counts).reduce((sum, count) => sum + count)
    for (const [id, share] of Object.entries({ a: 10, b: 20, c: 70 })) {
      expect(Math.abs((100 * counts[id]!) / total - share), `${id}: ${counts[id]} of ${total}`).toBeLessThan(4)
    }
  },
)

test('hash on a cookie: each cart has one origin, and the carts have all of them', async () => {
  const answers = new Map<string, Set<string>>()
  for (let index = 0; index < 60; index++) {
    const cookie = `cart=${index % 20}`
    answers.set(cookie, (answers.get(cookie) ?? new Set()).add(await whoAnswers('keyed.localhost', { cookie })))
  }
  expect([...answers.values()].map((origins) => origins.size)).toEqual(Array.from(answers, () => 1))
  expect(new Set([...answers.values()].flatMap((origins) => [...origins]))).toEqual(new Set(['a', 'b', 'c']))
})

test('an origin is removed under hash: its carts move, and no other', async () => {
  const carts = Array.from({ length: 60 }, (_, index) => `cart=${index}`)
  // One after the other: an origin with too much under way at once passes its carts on.
  const answers = async () => {
    const ids: string[] = []
    for (const cookie of carts) ids.push(await whoAnswers('keyed.localhost', { cookie }))
    return ids
  }
  const before = await answers()
  const others = origins.origins.filter(({ id }) => id !== 'b').map(({ id, url }) => ({ id, url }))
  const keyed = { ...configuration.pools.keyed, origins: others }
  await gateway.configure({ ...configuration, pools: { ...configuration.pools, keyed } })
  const after = await answers()
  await gateway.configure(configuration)
  expect(after.map((id, index) => before[index] === 'b' || id === before[index])).not.toContain(false)
  expect(new Set(after.filter((_, index) => before[index] === 'b'))).toEqual(new Set(['a', 'c']))
})

test('an origin of three is killed under load: no GET is lost', async () => {
  const report = await runLoad({
    url: `${gateway.url}/now`,
    ratePerSecond: 200,
    seconds: 4,
    atHalf: () => origins.kill('b'),
  })
  expect(report).toEqual(expect.objectContaining({ sent: 800, failed: 0, statuses: { 200: 800 }, errors: {} }))
  await origins.revive('b')
})
