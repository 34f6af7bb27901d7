import { afterEach, beforeEach, describe, expect, it, test, vi } from 'vitest'
import { type MemorySources, memorySources, record } from '../support/configurations.ts'
import { type GatewayUnderTest, gatewayOn } from '../support/gateway.ts'

let sources: MemorySources
let gateway: GatewayUnderTest

beforeEach(() => {
  vi.spyOn(console, 'warn').mockReturnValue()
  sources = memorySources()
  gateway = gatewayOn(sources)
})

afterEach(() => {
  vi.restoreAllMocks()
})

describe('health', () => {
  const health = async (url = 'http://gateway.test/_weir/health') => {
    const response = await gateway.ask(url, { headers: { authorization: '' } })
    expect(response.headers.get('cache-control')).toBe('no-store')
    return { code: response.status, ...(await response.json<{ status: string; because?: string[] }>()) }
  }

  it('is ok where KV gives a configuration', async () => {
    sources.published.content = record(1)
    expect(await health()).toEqual({ code: 200, status: 'ok' })
  })

  it('is degraded where D1 has to give it', async () => {
    sources.database.records.push(record(1))
    expect(await health()).toEqual({ code: 200, status: 'degraded', because: [expect.stringContaining('KV')] })
  })

  it('is degraded where nothing but the last good copy is left', async () => {
    sources.published.fault = 'throws'
    sources.database.fault = 'throws'
    sources.lastGood.content = record(1)
    const because = [expect.stringContaining('KV'), expect.stringContaining('D1')]
    expect(await health()).toEqual({ code: 200, status: 'degraded', because })
  })

  it('is 503 where there is no configuration to serve by', async () => {
    const { code, status, because } = await health()
    expect([code, status]).toEqual([503, 'degraded'])
    expect(because?.at(-1)).toContain('no configuration')
  })

  it('is ok again as soon as there is one', async () => {
    await health()
    gateway.configuration.adopt(record(1))
    sources.published.content = record(1)
    expect((await health()).code).toBe(200)
  })

  it('is degraded on workers.dev, where nothing is cached', async () => {
    sources.published.content = record(1)
    const found = await health('http://weir.somebody.workers.dev/_weir/health')
    expect(found).toEqual({ code: 200, status: 'degraded', because: [expect.stringContaining('workers.dev')] })
    expect((await health('http://workers.dev.example/_weir/health')).status).toBe('ok')
  })
})

describe('what the gateway does not have', () => {
  test.each([
    '/_weir',
    '/_weir/',
    '/_weir/none',
    '/_weir/health/more',
    '/_weir/api',
    '/_weir/api/none',
    '/_weir/cache/1,x',
  ])('%s is a problem', async (path) => {
    const response = await gateway.ask(`http://gateway.test${path}`)
    expect(response.status).toBe(404)
    expect(response.headers.get('content-type')).toBe('application/problem+json')
    expect(await response.json()).toMatchObject({ status: 404, reason: 'no-such-endpoint', title: 'Not Found' })
  })
})
