import { beforeEach, describe, expect, it } from 'vitest'
import { originKey } from '../../../shared/balance/monitor.ts'
import type { SharedView } from '../../../shared/balance/shared-view.ts'
import type { MonitorPort } from '../../../workers/ports.ts'
import { memorySources } from '../support/configurations.ts'
import { type GatewayUnderTest, gatewayOn, token } from '../support/gateway.ts'

const url = 'http://gateway.test/_weir/api/pools'
const a = { id: 'a', url: 'http://a.test' }
const b = { id: 'b', url: 'http://b.test' }
const since = Date.UTC(2026, 0, 31, 12)
const far = Date.UTC(2100, 0, 1)

const down = (until: number) => ({ word: { verdict: 'down', since, because: 'status 500', until } }) as const

let view: SharedView | undefined
let gateway: GatewayUnderTest

beforeEach(async () => {
  view = undefined
  const monitors: MonitorPort = { share: async () => view, arm: async () => undefined }
  gateway = gatewayOn(memorySources(), { adminToken: token }, monitors)
  const off = { id: 'c', url: 'http://c.test', state: 'off' }
  const pools = { web: { origins: [a, b, off], policy: 'random', monitor: {} } }
  await gateway.put(JSON.stringify({ pools, routes: [{ path: '/*', pools: ['web'] }] }))
})

const pools = async () => (await gateway.ask(url)).json<{ pools: { web: { origins: object[] } } }>()

describe('GET /_weir/api/pools', () => {
  it('says what is known of each origin that is not off', async () => {
    const ejection = { because: 'failures', at: since, until: far, ejections: 1 } as const
    view = { [originKey(a)]: down(far), [originKey(b)]: { latency: { ms: 80.4, at: since }, ejection } }
    expect(await pools()).toEqual({
      pools: {
        web: {
          policy: 'random',
          monitored: true,
          origins: [
            {
              id: 'a',
              state: 'ready',
              healthy: false,
              monitor: { verdict: 'down', since: '2026-01-31T12:00:00.000Z', because: 'status 500' },
              failuresInARow: 0,
              inFlight: 0,
            },
            {
              id: 'b',
              state: 'ready',
              healthy: false,
              ejected: { because: 'failures', since: '2026-01-31T12:00:00.000Z', until: '2100-01-01T00:00:02.000Z' },
              latency: { ms: 80, at: '2026-01-31T12:00:00.000Z' },
              failuresInARow: 0,
              inFlight: 0,
            },
          ],
        },
      },
    })
  })

  it('says what this isolate knows where the object does not answer', async () => {
    expect((await pools()).pools.web.origins).toEqual([
      { id: 'a', state: 'ready', healthy: true, failuresInARow: 0, inFlight: 0 },
      { id: 'b', state: 'ready', healthy: true, failuresInARow: 0, inFlight: 0 },
    ])
  })

  it('says nothing of words that are too old', async () => {
    view = { [originKey(a)]: down(since + 1) }
    expect((await pools()).pools.web.origins[0]).not.toHaveProperty('monitor')
  })

  it('is for administrators', async () => {
    expect((await gateway.ask(url, { headers: { authorization: '' } })).status).toBe(401)
  })

  it('is only read', async () => {
    const response = await gateway.ask(url, { method: 'PUT' })
    expect([response.status, response.headers.get('allow')]).toEqual([405, 'GET'])
  })
})

describe('health', () => {
  const health = async () => (await gateway.ask('http://gateway.test/_weir/health')).json<{ because?: string[] }>()

  it('is degraded where the monitor of a pool finds no origin healthy, and names no origin', async () => {
    view = { [originKey(a)]: down(far), [originKey(b)]: down(far) }
    const { because } = await health()
    expect(because).toContain('the monitor of the pool "web" finds no origin healthy')
    expect(String(because)).not.toContain('.test')
  })

  it('says nothing of it where one is left', async () => {
    view = { [originKey(a)]: down(far) }
    expect(String((await health()).because)).not.toContain('monitor')
  })
})
