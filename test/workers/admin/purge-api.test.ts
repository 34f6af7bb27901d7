import { afterEach, beforeEach, describe, expect, it, test, vi } from 'vitest'
import { publishAgain } from '../../../workers/configuration.ts'
import {
  documentOf,
  fail,
  faults,
  type MemorySources,
  memorySources,
  patiently,
  record,
} from '../support/configurations.ts'
import { type GatewayUnderTest, gatewayOn, purgeUrl } from '../support/gateway.ts'

let sources: MemorySources
let gateway: GatewayUnderTest

beforeEach(() => {
  vi.spyOn(console, 'warn').mockReturnValue()
  vi.spyOn(console, 'error').mockReturnValue()
  sources = memorySources()
  gateway = gatewayOn(sources)
})

afterEach(() => {
  vi.useRealTimers()
  vi.restoreAllMocks()
})

const snapshot = (of = gateway) => of.configuration.held(Date.now(), of.held.background)

const purged = (url: string, tags: readonly string[] = [], of = gateway) =>
  snapshot(of)?.purges.verdict({ epoch: 0, url, tags })

/** The kinds and values that are in D1. */
const recorded = () => sources.purges.list.map(({ kind, value }) => `${kind} ${value}`)

/** The status, and the reason of a problem. */
async function verdictOf(response: Response): Promise<[number, unknown]> {
  const { reason } = await response.json<{ reason?: string }>()
  if (response.status >= 400) expect(response.headers.get('content-type')).toBe('application/problem+json')
  return [response.status, reason]
}

describe('a purge', () => {
  it('is in D1, in KV and in force here when it is answered', async () => {
    await gateway.put(documentOf('v1'))
    const response = await gateway.purge({ tags: ['a'], hosts: ['H'] })
    expect(response.status).toBe(200)
    expect(response.headers.get('cache-control')).toBe('no-store')
    expect(await response.json()).toEqual({ epoch: 1, published: true })
    expect(recorded()).toEqual(['tag a', 'host h'])
    expect(sources.published.content).toMatchObject({ version: 1, purges: { epoch: 1 } })
    expect(purged('http://h/x')).toEqual({ kind: 'hard' })
    expect(purged('http://g/x', ['a'])).toEqual({ kind: 'hard' })
    expect(purged('http://g/x', ['b'])).toBeUndefined()
    expect(await (await gateway.purge({ tags: ['b'] })).json()).toMatchObject({ epoch: 2 })
    expect(purged('http://g/x', ['b'])).toEqual({ kind: 'hard' })
  })

  it('may be soft, which counts from its time', async () => {
    await gateway.put(documentOf('v1'))
    const before = Date.now()
    await gateway.purge({ everything: true, soft: true })
    const verdict = purged('http://h/x')
    expect(verdict).toEqual({ kind: 'soft', at: sources.purges.list[0]!.at })
    expect(verdict?.kind === 'soft' && verdict.at - before).toBeLessThan(10_000)
  })

  it('does not reach what is fetched after it', async () => {
    await gateway.put(documentOf('v1'))
    await gateway.purge({ everything: true })
    const { purges } = snapshot()!
    expect(purges.verdict({ epoch: purges.epoch, url: 'http://h/', tags: [] })).toBeUndefined()
    expect(purges.verdict({ epoch: purges.epoch - 1, url: 'http://h/', tags: [] })).toEqual({ kind: 'hard' })
  })

  it('is answered by an isolate that holds no configuration yet, with those before it', async () => {
    await gateway.put(documentOf('v1'))
    await gateway.purge({ tags: ['a'] })
    const other = gatewayOn(sources)
    expect(await (await other.purge({ tags: ['b'] })).json()).toEqual({ epoch: 2, published: true })
    expect(purged('http://h/', ['a'], other)).toEqual({ kind: 'hard' })
    expect(purged('http://h/', ['b'], other)).toEqual({ kind: 'hard' })
  })

  it('works without a configuration, and is published with the first', async () => {
    expect(await (await gateway.purge({ tags: ['a'] })).json()).toEqual({ epoch: 1, published: false })
    expect(sources.published.writes).toBe(0)
    await gateway.put(documentOf('v1'))
    expect(sources.published.content).toMatchObject({ version: 1, purges: { epoch: 1 } })
    expect(snapshot()?.purges.epoch).toBe(1)
  })

  it('is not taken back by an isolate that does not know of it', async () => {
    const other = gatewayOn(sources)
    await gateway.put(documentOf('v1'))
    await other.configuration.load(Date.now(), other.held.background)
    await gateway.purge({ tags: ['a'] })
    await other.put(documentOf('v2'))
    expect(sources.published.content).toMatchObject({ version: 2, purges: { epoch: 1 } })
    await gateway.purge({ tags: ['b'] })
    expect(sources.published.content).toMatchObject({ version: 2, purges: { epoch: 2 } })
    expect(snapshot()?.version).toBe(1)
  })

  it('does not start the turns of the pools anew', async () => {
    await gateway.put(documentOf('v1'))
    const { pools } = snapshot()!
    await gateway.purge({ everything: true })
    expect(snapshot()?.pools).toBe(pools)
  })
})

describe('a URL', () => {
  /** Routes in their order, with what they key of the query. */
  const documentWith = (...routes: [path: string, query: unknown][]) =>
    JSON.stringify({
      ...JSON.parse(documentOf('x')),
      routes: routes.map(([path, query]) => ({ path, pools: ['web'], cache: { key: { query } } })),
    })

  test.each<[string, [string, unknown][], string, string[]]>([
    ['keyed as it is', [['/*', 'all']], 'http://h/p?utm=1', ['http://h/p?utm=1']],
    ['in any spelling', [['/*', 'all']], 'HTTP://H:80/%70?a#b', ['http://h/p?a']],
    ['keyed without its query', [['/*', 'none']], 'http://h/p?utm=1', ['http://h/p?utm=1', 'http://h/p']],
    ['without a query', [['/*', 'none']], 'http://h/p', ['http://h/p']],
    ['keyed in part', [['/*', { except: ['u'] }]], 'http://h/p?u=1&a=2', ['http://h/p?u=1&a=2', 'http://h/p?a=2']],
    [
      'of the first route that matches',
      [
        ['/p', 'none'],
        ['/*', 'all'],
      ],
      'http://h/p?a',
      ['http://h/p?a', 'http://h/p'],
    ],
    ['of no route', [['/q', 'none']], 'http://h/p?a', ['http://h/p?a']],
  ])('%s', async (_, routes, url, values) => {
    expect((await gateway.put(documentWith(...routes))).status).toBe(200)
    expect((await gateway.purge({ urls: [url] })).status).toBe(200)
    expect(recorded()).toEqual(values.map((value) => `url ${value}`))
    for (const value of values) expect(purged(value)).toEqual({ kind: 'hard' })
    expect(purged('http://h/other')).toBeUndefined()
  })

  it('is keyed by the GET route, whatever other methods do', async () => {
    const { pools } = JSON.parse(documentOf('x'))
    const routes = [
      { path: '/*', methods: ['POST'], pools: ['web'] },
      { path: '/*', pools: ['web'], cache: { key: { query: 'none' } } },
    ]
    await gateway.put(JSON.stringify({ pools, routes }))
    await gateway.purge({ urls: ['http://h/p?a'] })
    expect(recorded()).toEqual(['url http://h/p?a', 'url http://h/p'])
  })
})

describe('what is refused changes nothing', () => {
  afterEach(() => {
    expect(recorded()).toEqual([])
    expect(sources.published.writes).toBe(0)
  })

  test.each([
    ['nothing', ''],
    ['no JSON', '{"tags": '],
    ['JSONC', '{"tags": ["a"],}'],
  ])('%s: 400', async (_, body) => {
    expect(await verdictOf(await gateway.purge(body))).toEqual([400, 'not-json'])
  })

  it('reports every error at once', async () => {
    const response = await gateway.purge({ urls: ['/p', 'http://h/'], tags: [], soft: 1, hots: ['h'] })
    expect(response.status).toBe(422)
    expect(response.headers.get('content-type')).toBe('application/problem+json')
    const problem = await response.json<{ reason: string; errors: { path: string; message: string }[] }>()
    expect(problem.reason).toBe('invalid-purge')
    expect(problem.errors.map(({ path }) => path).toSorted()).toEqual(['hots', 'soft', 'tags', 'urls[0]'])
    expect(problem.errors.find(({ path }) => path === 'hots')?.message).toContain('did you mean "hosts"?')
  })

  it('more than a mebibyte: 413', async () => {
    const body = JSON.stringify({ everything: true }).padEnd(1024 * 1024 + 1)
    expect(await verdictOf(await gateway.purge(body))).toEqual([413, 'too-large'])
  })

  it('another method: 405', async () => {
    for (const method of ['GET', 'PUT', 'DELETE']) {
      const response = await gateway.ask(purgeUrl, { method })
      expect(response.headers.get('allow')).toBe('POST')
      expect(await verdictOf(response)).toEqual([405, 'method-not-allowed'])
    }
  })

  it('without the token: 401', async () => {
    const init = { method: 'POST', body: '{"everything": true}', headers: { authorization: 'Bearer no' } }
    expect(await verdictOf(await gateway.ask(purgeUrl, init))).toEqual([401, 'unauthorised'])
  })
})

it('takes a mebibyte', async () => {
  expect((await gateway.purge(JSON.stringify({ everything: true }).padEnd(1024 * 1024))).status).toBe(200)
})

describe('stores that are away', () => {
  test.each(faults)('D1 %s: 503, and nothing is changed', async (fault) => {
    await gateway.put(documentOf('v1'))
    sources.purges.fault = fault
    sources.database.fault = fault
    vi.useFakeTimers()
    const response = await patiently(gateway.purge({ everything: true }))
    expect(response.headers.get('retry-after')).toMatch(/^\d+$/)
    expect(await verdictOf(response)).toEqual([503, 'database-unavailable'])
    expect(recorded()).toEqual([])
    expect(sources.published.content).toEqual(record(1))
    expect(snapshot()?.purges.epoch).toBe(0)
  })

  test.each(faults)('KV %s: in force here, and published later', async (fault) => {
    await gateway.put(documentOf('v1'))
    sources.published.fault = fault
    vi.useFakeTimers()
    const response = await patiently(gateway.purge({ tags: ['a'] }))
    expect([response.status, await response.json()]).toEqual([200, { epoch: 1, published: false }])
    expect(purged('http://h/', ['a'])).toEqual({ kind: 'hard' })
    expect(sources.published.content).toEqual(record(1))
    sources.published.fault = undefined
    await publishAgain(sources)
    expect(sources.published.content).toMatchObject({ version: 1, purges: { epoch: 1 } })
  })

  test.each(faults)('D1 %s once it has the purge: in force here, and published later', async (fault) => {
    await gateway.put(documentOf('v1'))
    const { read } = sources.database
    sources.database.read = () => fail(fault)
    vi.useFakeTimers()
    const response = await patiently(gateway.purge({ tags: ['a'] }))
    expect([response.status, await response.json()]).toEqual([200, { epoch: 1, published: false }])
    expect(purged('http://h/', ['a'])).toEqual({ kind: 'hard' })
    sources.database.read = read
    await publishAgain(sources)
    expect(sources.published.content).toMatchObject({ version: 1, purges: { epoch: 1 } })
  })
})
