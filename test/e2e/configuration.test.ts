// The configuration on the wire: a replacement is in force at once, as a whole, and loses nothing.
import { afterAll, beforeAll, expect, test } from 'vitest'
import { runLoad } from '../../workers/cli/load.ts'
import { adminToken, startGateway, type TestGateway } from './support/gateway.ts'
import { startOrigin, type TestOrigin } from './support/origin.ts'

let left: TestOrigin
let right: TestOrigin
let gateway: TestGateway

beforeAll(async () => {
  left = await startOrigin((request, response) => response.end(`left ${request.url}`))
  right = await startOrigin((request, response) => response.end(`right ${request.url}`))
  gateway = await startGateway(configuration('left'))
})

afterAll(async () => {
  await gateway?.close()
  await Promise.all([left?.close(), right?.close()])
})

/** The two have no pool in common: half of one and half of the other would find no origin. */
function configuration(side: 'left' | 'right') {
  const url = side === 'left' ? left.url : right.url
  const key = { query: side === 'left' ? 'none' : 'all' }
  return {
    pools: { [`pool-${side}`]: { origins: [{ url }], policy: 'round-robin' } },
    routes: [{ id: side, path: '/*', pools: [`pool-${side}`], cache: { key } }],
  }
}

const api = (init?: RequestInit) =>
  fetch(`${gateway.url}/_weir/api/config`, {
    ...init,
    headers: { authorization: `Bearer ${adminToken}`, ...init?.headers },
  })

test('a replacement is in force for the next request', async () => {
  for (const side of ['right', 'left', 'right', 'left'] as const) {
    await gateway.configure(configuration(side))
    expect(await (await fetch(`${gateway.url}/x?side`)).text()).toBe(side === 'left' ? 'left /x' : 'right /x?side')
  }
})

test('replaced ten times under load: no request is lost, and none sees half of two', async () => {
  const seen: string[] = []
  const report = await runLoad({
    url: `${gateway.url}/x`,
    ratePerSecond: 200,
    seconds: 3,
    atHalf: async () => {
      for (let turn = 0; turn < 10; turn++) {
        await gateway.configure(configuration(turn % 2 === 0 ? 'right' : 'left'))
        seen.push(await (await fetch(`${gateway.url}/x?watched`)).text())
      }
    },
  })
  expect(report).toEqual(expect.objectContaining({ sent: 600, failed: 0, statuses: { 200: 600 } }))
  expect(seen).toEqual(Array.from({ length: 5 }, () => ['right /x?watched', 'left /x']).flat())
})

test('of two who change the same version one is told so, and nothing is lost', async () => {
  const current = await api()
  const etag = current.headers.get('etag')!
  const change = (side: 'left' | 'right') =>
    api({ method: 'PUT', headers: { 'if-match': etag }, body: JSON.stringify(configuration(side)) })
  const answers = await Promise.all([change('left'), change('right')])
  expect(answers.map((answer) => answer.status).sort()).toEqual([200, 412])
  const won = answers[0]!.status === 200 ? 'left' : 'right'
  expect(await (await api()).json()).toEqual(configuration(won))
  expect(await (await fetch(`${gateway.url}/y`)).text()).toContain(won)
})

test('a wrong configuration is answered with every error, and the old one goes on', async () => {
  const before = await (await api()).text()
  const response = await api({
    method: 'PUT',
    body: '{ "pools": { "web": { "origins": [{ "url": "ftp://a" }] } }, "routes": [{ "path": "x", "pools": ["wbe"] }] }',
  })
  expect(response.status).toBe(422)
  expect(response.headers.get('content-type')).toBe('application/problem+json')
  const problem = (await response.json()) as { errors: { path: string; message: string }[] }
  expect(problem.errors.map(({ path }) => path)).toEqual(
    expect.arrayContaining(['pools.web.origins[0].url', 'routes[0].path', 'routes[0].pools[0]']),
  )
  expect(await (await api()).text()).toBe(before)
  expect((await fetch(`${gateway.url}/z`)).status).toBe(200)
})

test('the health endpoint is open', async () => {
  const response = await fetch(`${gateway.url}/_weir/health`)
  expect([response.status, await response.json()]).toEqual([200, { status: 'ok' }])
})
