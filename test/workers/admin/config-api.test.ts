import { afterEach, beforeEach, describe, expect, it, type Mock, test, vi } from 'vitest'
import { publishAgain } from '../../../workers/configuration.ts'
import { documentOf, faults, type MemorySources, memorySources, patiently, record } from '../support/configurations.ts'
import { configUrl, type GatewayUnderTest, gatewayOn } from '../support/gateway.ts'

let sources: MemorySources
let gateway: GatewayUnderTest
let error: Mock

beforeEach(() => {
  vi.spyOn(console, 'warn').mockReturnValue()
  error = vi.spyOn(console, 'error').mockReturnValue()
  sources = memorySources()
  gateway = gatewayOn(sources)
})

afterEach(() => {
  vi.useRealTimers()
  vi.restoreAllMocks()
})

const inForce = () => gateway.configuration.held(Date.now(), gateway.held.background)?.version

/** The status, and the reason of a problem. */
async function verdictOf(response: Response): Promise<[number, unknown]> {
  const text = await response.text()
  if (response.status >= 400) expect(response.headers.get('content-type')).toBe('application/problem+json')
  return [response.status, text === '' ? undefined : (JSON.parse(text) as { reason?: string }).reason]
}

describe('reading', () => {
  it('finds none before the first', async () => {
    expect(await verdictOf(await gateway.ask(configUrl))).toEqual([404, 'no-configuration'])
  })

  it('gives the newest as JSON, as it was written, with its entity tag', async () => {
    sources.database.records.push(record(1), record(2))
    const response = await gateway.ask(configUrl)
    expect(response.headers.get('etag')).toBe('"2"')
    expect(response.headers.get('content-type')).toContain('application/json')
    expect(response.headers.get('cache-control')).toContain('no-store')
    expect(await response.json()).toEqual(JSON.parse(documentOf('v2')))
  })

  it('HEAD gives the same without the body', async () => {
    sources.database.records.push(record(2))
    const response = await gateway.ask(configUrl, { method: 'HEAD' })
    expect([response.status, response.headers.get('etag'), await response.text()]).toEqual([200, '"2"', ''])
  })

  test.each<[string, string, number]>([
    ['this one', '"2"', 304],
    ['this one among others', '"1", "2"', 304],
    ['any', '*', 304],
    ['compared weakly', 'W/"2"', 304],
    ['another', '"1"', 200],
    ['without quotes', '2', 200],
  ])('RFC 9110 §13.1.2: If-None-Match: %s', async (_, tags, status) => {
    sources.database.records.push(record(2))
    const response = await gateway.ask(configUrl, { headers: { 'if-none-match': tags } })
    expect([response.status, response.headers.get('etag')]).toEqual([status, '"2"'])
  })
})

describe('replacing', () => {
  it('is in D1, in KV and in force here when it is answered', async () => {
    const response = await gateway.put(documentOf('v1'))
    expect(response.status).toBe(200)
    expect(response.headers.get('etag')).toBe('"1"')
    expect(await response.json()).toEqual({ version: 1, published: true, warnings: [] })
    expect(sources.database.records).toEqual([record(1)])
    expect(sources.published.content).toEqual(record(1))
    expect(inForce()).toBe(1)
  })

  it('takes comments and trailing commas, and says what is probably not meant', async () => {
    const text = documentOf('v1')
      .replace('{', '{ // mine\n')
      .replace(/\}$/, ', /* end */ }')
      .replace('"pools":{', '"pools":{"spare": {"origins": [{"url": "https://b.example.com"}]},')
    const response = await gateway.put(text)
    expect(response.status).toBe(200)
    const { warnings } = await response.json<{ warnings: { path: string; message: string }[] }>()
    expect(warnings.map(({ path }) => path)).toContain('pools.spare')
    expect(await (await gateway.ask(configUrl)).json()).toMatchObject({
      routes: [{ id: 'v1' }],
      pools: { spare: {} },
    })
  })

  it('reports every error at once, and changes nothing', async () => {
    await gateway.put(documentOf('v1'))
    const response = await gateway.put(
      '{"pools": {"web": {"origins": [{"url": "ftp://a", "weight": 0}]}}, "routes": [{"path": "x"}], "extra": 1}',
    )
    expect(response.status).toBe(422)
    expect(response.headers.get('content-type')).toBe('application/problem+json')
    const problem = await response.json<{ reason: string; errors: { path: string; message: string }[] }>()
    expect(problem.reason).toBe('invalid-configuration')
    expect(problem.errors.map(({ path }) => path).toSorted()).toEqual(
      [
        'extra',
        'pools.web.origins[0].url',
        'pools.web.origins[0].weight',
        'routes[0].path',
        'routes[0].pools',
      ].toSorted(),
    )
    for (const { message } of problem.errors) expect(message).not.toBe('')
    expect(sources.database.records).toEqual([record(1)])
    expect(inForce()).toBe(1)
  })

  test.each<[string, string]>([
    ['nothing', ''],
    ['no JSON', '{"pools": '],
    ['another value', '"text"'],
    ['what stands twice', `{"pools": {}, ${documentOf('v1').slice(1)}`],
  ])('refuses %s', async (_, text) => {
    expect(await verdictOf(await gateway.put(text))).toEqual([422, 'invalid-configuration'])
    expect(sources.database.records).toEqual([])
  })

  it('takes a mebibyte and no more, whether its length is stated or not', async () => {
    const most = documentOf('v1').padEnd(1024 * 1024)
    expect((await gateway.put(most)).status).toBe(200)
    expect(await verdictOf(await gateway.put(`${most} `))).toEqual([413, 'too-large'])
    const { readable, writable } = new IdentityTransformStream()
    const writer = writable.getWriter()
    // The reader leaves when it has seen enough.
    void writer.write(new TextEncoder().encode(`${most} `)).then(
      () => writer.close(),
      () => undefined,
    )
    expect(await verdictOf(await gateway.put(readable))).toEqual([413, 'too-large'])
    expect(sources.database.records).toHaveLength(1)
  })

  it('takes no other method', async () => {
    for (const method of ['POST', 'DELETE', 'PATCH']) {
      const response = await gateway.ask(configUrl, { method })
      expect(response.headers.get('allow')).toBe('GET, PUT')
      expect(await verdictOf(response)).toEqual([405, 'method-not-allowed'])
    }
  })
})

describe('RFC 9110 §13.1: replacing under a condition', () => {
  const changed = [412, 'changed-meanwhile']

  test.each<[string, Record<string, string>, boolean]>([
    ['§13.1.1: the tag of this one', { 'if-match': '"2"' }, true],
    ['§13.1.1: in a list', { 'if-match': '"1" ,"2"' }, true],
    ['§13.1.1: any', { 'if-match': '*' }, true],
    ['§13.1.1: the tag of an older one', { 'if-match': '"1"' }, false],
    ['§13.1.1: the tag of one to come', { 'if-match': '"3"' }, false],
    ['§13.1.1: compared strongly', { 'if-match': 'W/"2"' }, false],
    ['§13.1.1: without quotes', { 'if-match': '2' }, false],
    ['§13.1.1: empty', { 'if-match': '' }, false],
    ['§13.1.2: only the first', { 'if-none-match': '*' }, false],
    ['§13.1.2: not where it is this one', { 'if-none-match': 'W/"2"' }, false],
    ['§13.1.2: where it is another', { 'if-none-match': '"1"' }, true],
  ])('%s', async (_, condition, replaces) => {
    sources.database.records.push(record(1), record(2))
    const response = await gateway.put(documentOf('v3'), condition)
    expect(response.headers.get('etag')).toBe(replaces ? '"3"' : '"2"')
    if (!replaces) expect(await verdictOf(response)).toEqual(changed)
    expect(sources.database.records).toHaveLength(replaces ? 3 : 2)
    expect(inForce()).toBe(replaces ? 3 : undefined)
  })

  it('§13.1.1: no tag names what does not exist', async () => {
    for (const tags of ['*', '"0"', '"1"']) {
      expect(await verdictOf(await gateway.put(documentOf('v1'), { 'if-match': tags }))).toEqual(changed)
    }
    expect(sources.database.records).toEqual([])
  })

  it('§13.1.2: If-None-Match: * makes the first, and only the first', async () => {
    expect((await gateway.put(documentOf('v1'), { 'if-none-match': '*' })).status).toBe(200)
    expect(await verdictOf(await gateway.put(documentOf('v2'), { 'if-none-match': '*' }))).toEqual(changed)
  })

  it('loses against a writer who comes between question and answer', async () => {
    sources.database.records.push(record(1))
    const { read } = sources.database
    sources.database.read = async () => {
      const found = await read()
      sources.database.records.push(record(2))
      return found
    }
    expect(await verdictOf(await gateway.put(documentOf('v3'), { 'if-match': '"1"' }))).toEqual(changed)
    expect(sources.database.records).toHaveLength(2)
    expect(sources.published.writes).toBe(0)
  })
})

describe('stores that are away', () => {
  test.each(faults)('D1 %s: 503, and nothing is changed', async (fault) => {
    await gateway.put(documentOf('v1'))
    sources.database.fault = fault
    vi.useFakeTimers()
    for (const ask of [
      () => gateway.ask(configUrl),
      () => gateway.put(documentOf('v2')),
      () => gateway.put(documentOf('v2'), { 'if-match': '"1"' }),
    ]) {
      const response = await patiently(ask())
      expect(response.headers.get('retry-after')).toMatch(/^\d+$/)
      expect(await verdictOf(response)).toEqual([503, 'database-unavailable'])
    }
    expect(sources.database.records).toEqual([record(1)])
    expect(sources.published.content).toEqual(record(1))
    expect(inForce()).toBe(1)
  })

  test.each(faults)('KV %s: the answer says that it is not published, and it is repaired later', async (fault) => {
    await gateway.put(documentOf('v1'))
    sources.published.fault = fault
    vi.useFakeTimers()
    const response = await patiently(gateway.put(documentOf('v2')))
    expect(response.status).toBe(200)
    expect(await response.json()).toMatchObject({ version: 2, published: false })
    expect(inForce()).toBe(2)
    expect(sources.published.content).toEqual(record(1))
    sources.published.fault = undefined
    await publishAgain(sources)
    expect(sources.published.content).toEqual(record(2))
  })

  it('D1 holds what is no JSON: a problem, and its log says why', async () => {
    sources.database.records.push({ version: 1, document: '{"pools' })
    expect(await verdictOf(await gateway.ask(configUrl))).toEqual([500, 'internal'])
    expect(error).toHaveBeenCalled()
    expect((await gateway.put(documentOf('v2'))).status).toBe(200)
  })
})
