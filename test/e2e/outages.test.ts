// What becomes of requests while origins die, freeze, flap or say that they are unwell. Each scenario has a pool and
// origins of its own; they run beside each other, because most of their time is waiting.
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { runLoad } from '../../workers/cli/load.ts'
import { startGateway, type TestGateway } from './support/gateway.ts'
import { bodyOf, deadUrl, startOrigin, type TestOrigin } from './support/origin.ts'

const scenarios = ['freeze', 'burst', 'flap', 'crowd', 'posts', 'dead', 'closed', 'trial'] as const
type Scenario = (typeof scenarios)[number]

/** What a pool has beside its three origins. */
const settings: Partial<Record<Scenario, object>> = {
  flap: { ejection: { baseSeconds: 1 } },
  crowd: { ejection: { maxPercent: 0 } },
  // Nothing but the budget is to bound its retries.
  dead: { ejection: { maxPercent: 0 }, retry: { tries: 10 } },
  closed: { ejection: { failures: 1, maxPercent: 100 }, panicPercent: 0 },
  trial: { ejection: { failures: 1, baseSeconds: 1 } },
}

let gateway: TestGateway
let origins: Record<Scenario, TestOrigin[]>

beforeAll(async () => {
  const three = () => Promise.all([1, 2, 3].map(() => startOrigin((_, response) => response.end('alive'))))
  origins = {} as typeof origins
  for (const scenario of scenarios) origins[scenario] = await three()
  const poolOf = (scenario: Scenario) => ({
    origins: origins[scenario].map(({ url }) => ({ url })),
    policy: 'round-robin',
    ...settings[scenario],
  })
  gateway = await startGateway({
    pools: {
      ...Object.fromEntries(scenarios.map((scenario) => [scenario, poolOf(scenario)])),
      refused: {
        origins: [
          { id: 'a', url: deadUrl },
          { id: 'b', url: deadUrl },
        ],
      },
    },
    routes: [...scenarios, 'refused'].map((name) => ({ path: `/${name}/*`, pools: [name], cache: { mode: 'off' } })),
  })
})

afterAll(async () => {
  await gateway?.close()
  await Promise.all(Object.values(origins ?? {}).flatMap((all) => all.map((origin) => origin.close())))
})

const patience = { timeout: 8000, interval: 20 }
const urlOf = (scenario: string) => `${gateway.url}/${scenario}/x`
const load = (scenario: Scenario, seconds: number, atHalf?: () => Promise<void>) =>
  runLoad({ url: urlOf(scenario), ratePerSecond: 100, seconds, ...(atHalf && { atHalf }) })

describe.concurrent('no GET is lost while one of three origins', () => {
  test('freezes: it takes requests and says nothing', async () => {
    const [origin] = origins.freeze
    const { handle } = origin!
    const report = await load('freeze', 3, async () => {
      const held: (() => void)[] = []
      origin!.handle = (request, response) => held.push(() => handle(request, response))
      await pause(1200)
      origin!.handle = handle
      for (const release of held) release()
    })
    expect(report).toEqual(expect.objectContaining({ failed: 0, statuses: { 200: 300 } }))
  })

  test('answers 503 to everything', async () => {
    const [origin] = origins.burst
    const { handle } = origin!
    const report = await load('burst', 2, async () => {
      origin!.handle = (_, response) => response.writeHead(503).end('busy')
      await pause(500)
      origin!.handle = handle
    })
    expect(report).toEqual(expect.objectContaining({ failed: 0, statuses: { 200: 200 } }))
  })

  test('goes down and comes up, again and again', async () => {
    const [origin] = origins.flap
    const { port } = origin!.server.address() as AddressInfo
    let isOver = false
    const flapping = async () => {
      while (!isOver) {
        origin!.server.close()
        origin!.server.closeAllConnections()
        await pause(200)
        origin!.server.listen(port, '127.0.0.1')
        await once(origin!.server, 'listening')
        await pause(200)
      }
    }
    const flaps = flapping()
    const report = await load('flap', 3)
    isOver = true
    await flaps
    expect(report).toEqual(expect.objectContaining({ failed: 0, statuses: { 200: 300 } }))
  })

  test('is dead, and the others take their time for a crowd that comes at once', async () => {
    const [dead, ...slow] = origins.crowd
    dead!.handle = (request) => request.socket.destroy()
    for (const origin of slow) origin.handle = (_, response) => setTimeout(() => response.end('alive'), 700)
    const crowd = Array.from({ length: 180 }, async () => (await fetch(urlOf('crowd'))).status)
    expect(new Set(await Promise.all(crowd))).toEqual(new Set([200]))
    expect(dead!.requests).toBe(60)
  })
})

describe.concurrent('what a request costs the origins', () => {
  test('50 POSTs a second while an origin dies: none runs twice', async () => {
    const ran: string[] = []
    for (const origin of origins.posts) {
      origin.handle = async (request, response) => {
        ran.push((await bodyOf(request)).toString())
        response.end()
      }
    }
    const [dying] = origins.posts
    const statuses = await Promise.all(
      Array.from({ length: 100 }, async (_, index) => {
        await pause(index * 20)
        if (index === 30) dying!.handle = (request) => void bodyOf(request).then((body) => ran.push(body.toString()))
        if (index === 40) dying!.server.closeAllConnections()
        if (index === 40) dying!.server.close()
        const response = await fetch(urlOf('posts'), { method: 'POST', body: `id-${index}` })
        return response.status
      }),
    )
    expect(new Set(ran).size).toBe(ran.length)
    // What was lost is what had reached the dead one, and its first refusals.
    expect(statuses.filter((status) => status === 200).length).toBeGreaterThan(80)
  })

  test('a pool that is dead gets at most 1.3 times its requests', async () => {
    for (const origin of origins.dead) origin.handle = (request) => request.socket.destroy()
    const report = await load('dead', 2)
    expect(report.statuses).toEqual({ 503: 200 })
    const attempts = origins.dead.reduce((sum, { requests }) => sum + requests, 0)
    expect(attempts).toBeGreaterThan(200)
    expect(attempts).toBeLessThanOrEqual(260)
  })
})

describe.concurrent('all dead', () => {
  test('refused by all: a reasoned 503 that says when to come again', async () => {
    const response = await fetch(urlOf('refused'))
    expect([response.status, response.headers.get('retry-after')]).toEqual([503, '5'])
    expect(response.headers.get('proxy-status')).toBe('weir; error=connection_terminated')
    expect(await response.json()).toMatchObject({ reason: 'origin-connection' })
  })

  test('known to be dead, and no panic: 503 at once, and nobody is asked', async ({ expect }) => {
    for (const origin of origins.closed) origin.handle = (request) => request.socket.destroy()
    const reason = async () => (JSON.parse(await (await fetch(urlOf('closed'))).text()) as { reason: string }).reason
    await expect.poll(reason, patience).toBe('all-ejected')
    const asked = () => origins.closed.reduce((sum, { requests }) => sum + requests, 0)
    const before = asked()
    const response = await fetch(urlOf('closed'))
    expect(await response.json()).toMatchObject({ reason: 'all-ejected' })
    expect(Number(response.headers.get('retry-after'))).toBeGreaterThan(20)
    expect(response.headers.get('proxy-status')).toBe('weir; error=destination_unavailable')
    expect(asked()).toBe(before)
  })
})

test('an ejected origin is tried once when its time is over, and comes back', async () => {
  const [origin] = origins.trial
  const { handle } = origin!
  origin!.handle = (request) => request.socket.destroy()
  await expect.poll(async () => (await fetch(urlOf('trial'))).ok && origin!.requests, patience).toBe(1)
  const trials: (() => void)[] = []
  origin!.handle = (request, response) => trials.push(() => handle(request, response))
  // For these nobody else is asked while it keeps them waiting.
  const remove = () => fetch(urlOf('trial'), { method: 'DELETE', headers: { 'idempotency-key': 'k1' } })
  const asking: Promise<Response>[] = []
  await expect
    .poll(() => {
      asking.push(remove())
      return trials.length
    }, patience)
    .toBe(1)
  for (let time = 0; time < 9; time++) await remove()
  expect(trials).toHaveLength(1)
  origin!.handle = handle
  trials[0]!()
  await Promise.all(asking)
  const before = origin!.requests
  await expect.poll(async () => (await fetch(urlOf('trial'))).ok && origin!.requests, patience).toBeGreaterThan(before)
})
