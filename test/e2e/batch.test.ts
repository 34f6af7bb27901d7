// Single reads that go to the origin as one: each asker gets its own part and nothing else, under its own key; and where
// the origin's answer is not plainly theirs, each is asked for alone and nobody notices.
import type { IncomingMessage, ServerResponse } from 'node:http'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Asked, type CacheBench, reply, startCacheBench } from './support/cache.ts'
import { adminToken } from './support/gateway.ts'

let bench: CacheBench

const minute = { 'cache-control': 'max-age=60' }
const typed = (type: string) => ({ ...minute, 'content-type': type })
const json = typed('application/json')

/** What may be wrong with the answer to a batch, and what the log says of it. */
const unfit: readonly [title: string, because: string, answer: (response: ServerResponse, parts: string) => void][] = [
  ['an error', 'status is 500', (response, parts) => reply(response, parts, json, 500)],
  ['another status', 'status is 203', (response, parts) => reply(response, parts, json, 203)],
  ['no JSON', 'no JSON list', (response, parts) => reply(response, `${parts.slice(0, -1)},]`, json)],
  ['another type', 'JSON in UTF-8', (response, parts) => reply(response, parts, typed('text/html'))],
  [
    'another charset',
    'JSON in UTF-8',
    (response, parts) => reply(response, parts, typed('application/json; charset=x')),
  ],
  ['no UTF-8', 'decode', (response) => response.writeHead(200, json).end(Buffer.from('[{"id":"\xe4"}]', 'latin1'))],
  ['another shape', 'no JSON list', (response, parts) => reply(response, `[${parts}]`, json)],
  [
    'an id that stands twice',
    'same id',
    (response, parts) => reply(response, `${parts.slice(0, -1)},${parts.slice(1)}`, json),
  ],
  ['a part without an id', 'no "id"', (response, parts) => reply(response, parts.replaceAll('"id"', '"name"'), json)],
  ['private', 'private', (response, parts) => reply(response, parts, { ...json, 'cache-control': 'private' })],
  ['a cookie', 'set-cookie', (response, parts) => reply(response, parts, { ...json, 'set-cookie': 'user=ada' })],
  ['no lifetime', 'no-lifetime', (response, parts) => reply(response, parts, { 'content-type': 'application/json' })],
  [
    'to be validated',
    'no-cache',
    (response, parts) => reply(response, parts, { ...json, 'cache-control': 'no-cache', etag: '"1"' }),
  ],
  ['made for who asks', 'varies', (response, parts) => reply(response, parts, { ...json, vary: 'user-agent' })],
  ['a coding', 'coded', (response, parts) => reply(response, parts, { ...json, 'content-encoding': 'gzip' })],
  [
    'a cut',
    'connection lost',
    (response, parts) => {
      response.writeHead(200, { ...json, 'content-length': parts.length + 1 }).write(parts)
      setTimeout(() => response.socket?.destroy(), 20)
    },
  ],
  ['no end', 'longer than 300 ms', (response, parts) => void response.writeHead(200, json).write(parts)],
  ['4 MiB', 'too long', (response, parts) => reply(response, parts + ' '.repeat(4_200_000), json)],
  [
    '4 MiB in chunks',
    'too long',
    (response, parts) => response.writeHead(200, json).end(parts + ' '.repeat(4_200_000)),
  ],
  ['silence', 'longer than 300 ms', () => undefined],
  ['no answer', 'origin-connection', (response) => void response.socket?.destroy()],
]

/** Nobody waits as long as the window: a batch goes when it is full. */
const ruleOf = (prefix: string, max: number) => ({
  batch: { path: `${prefix}/:id`, to: `${prefix}?ids={ids}`, windowMs: 1000, max },
})

const unfitPrefix = (title: string) => `/unfit-${unfit.findIndex(([each]) => each === title)}`

beforeAll(async () => {
  const short = { flight: { maxWaitMs: 300 } }
  const rules: Record<string, object> = {
    '/hundred': {},
    '/everywhere': { collapse: 'global' },
    '/off': { collapse: 'off' },
    '/pairs': {},
    '/threes': {},
    '/grace': { errorGraceSeconds: 60 },
    '/lonely': {},
    '/unsure': {},
    '/few': { flight: { maxReaders: 2 } },
    '/long': {},
    '/refreshed': { graceSeconds: 60 },
    '/tenants': { key: { headers: ['x-tenant'] } },
    '/closed': { unkeyed: [] },
    ...Object.fromEntries(unfit.map(([title]) => [unfitPrefix(title), short])),
  }
  const routes: Record<string, object> = Object.fromEntries(
    Object.keys(rules).map((prefix) => [prefix, ruleOf(prefix, prefix.startsWith('/unfit') ? 3 : 2)]),
  )
  for (const prefix of ['/hundred', '/everywhere']) routes[prefix] = ruleOf(prefix, 100)
  routes['/threes'] = ruleOf('/threes', 3)
  routes['/lonely'] = { batch: { ...ruleOf('/lonely', 100).batch, windowMs: 0 } }
  routes['/long'] = { batch: { ...ruleOf('/long', 100).batch, windowMs: 200 } }
  bench = await startCacheBench(rules, { routes })
})
afterAll(() => bench?.close())

const isBatch = ({ url }: IncomingMessage) => url?.includes('?ids=') === true
const idsOf = ({ url }: IncomingMessage) => (url?.split('?ids=')[1] ?? '').split(',').map(decodeURIComponent)
const partOf = (id: string) => `{"id": "${id}", "text":  "one of many"}`
const aloneAt = (path: string) => `alone: ${path}`

function answer(request: IncomingMessage, response: ServerResponse, missing: readonly string[] = []): void {
  const parts = idsOf(request).flatMap((id) => (missing.includes(id) ? [] : [partOf(id)]))
  reply(response, isBatch(request) ? `[ ${parts.join(', ')} ]` : aloneAt(request.url ?? ''), json)
}

/** An origin that answers single reads and batches; the latter without those that are missing. */
function serve(missing: readonly string[] = []): void {
  bench.origin.handle = (request, response) => answer(request, response, missing)
}

interface Waiting {
  readonly request: IncomingMessage
  readonly response: ServerResponse
}

/** An origin that answers when it is told to. */
function stall(): Waiting[] {
  const waiting: Waiting[] = []
  bench.origin.handle = (request, response) => void waiting.push({ request, response })
  return waiting
}

/** Whoever is on the way has arrived by then, or has not been sent yet. */
const aWhile = () => new Promise((resolve) => setTimeout(resolve, 50))

const ask = (path: string, headers: Record<string, string> = {}) => bench.ask(path, { headers })
const askAll = (prefix: string, ids: readonly string[], headers: Record<string, string> = {}): Promise<Asked[]> =>
  Promise.all(ids.map((id) => ask(`${prefix}/${id}`, headers)))

/** What the origin was asked for below a prefix, meanwhile. */
async function during<T>(prefix: string, work: Promise<T> | (() => Promise<T>)) {
  const before = bench.seen.length
  const answers = await (typeof work === 'function' ? work() : work)
  const seen = bench.seen.slice(before).filter(({ url }) => url?.startsWith(prefix))
  return { answers, batches: seen.filter(isBatch), singles: seen.filter((request) => !isBatch(request)) }
}

let used = 0
/** Ids that no other test has asked for. */
const fresh = (count: number) => Array.from({ length: count }, () => `n${++used}`)

async function purge(body: object): Promise<void> {
  const headers = { authorization: `Bearer ${adminToken}` }
  expect((await bench.ask('/_weir/api/purge', { method: 'POST', headers, body: JSON.stringify(body) })).status).toBe(
    200,
  )
}

describe('neighbours', () => {
  test.each(['/hundred', '/everywhere'])('are one request, and each gets its own: %s', async (prefix) => {
    serve()
    const ids = fresh(100)
    const { answers, batches, singles } = await during(prefix, () => askAll(prefix, ids))
    expect(answers.map(({ status, text }) => [status, text])).toEqual(ids.map((id) => [200, partOf(id)]))
    expect(batches.map((batch) => idsOf(batch).sort())).toEqual([[...ids].sort()])
    expect(singles).toEqual([])
    expect(answers.filter(({ cache }) => cache === 'weir; fwd=uri-miss; fwd-status=200; stored')).toHaveLength(1)
    const others = answers.filter(({ cache }) => cache === 'weir; fwd=uri-miss; fwd-status=200; stored; collapsed')
    expect(others).toHaveLength(99)
    await expect
      .poll(async () => (await askAll(prefix, ids)).every(({ cache }) => cache.includes('hit')), { interval: 100 })
      .toBe(true)
    expect((await askAll(prefix, ids)).map(({ text }) => text)).toEqual(ids.map(partOf))
  })

  test('are asked for in nobody’s name', async () => {
    serve()
    const headers = { 'user-agent': 'a browser', referer: 'https://a.test/', 'accept-language': 'de' }
    const { batches } = await during('/pairs', () => askAll('/pairs', fresh(2), headers))
    expect(batches[0]?.headers).toMatchObject({
      'accept-language': 'de',
      'accept-encoding': 'identity',
      via: '1.1 weir',
    })
    for (const name of ['user-agent', 'referer', 'cookie', 'x-forwarded-for', 'weir-boarding']) {
      expect(batches[0]?.headers).not.toHaveProperty(name)
    }
  })

  test('and those whose cookies no origin gets to see are among them', async () => {
    serve()
    const { batches, singles } = await during('/closed', () => askAll('/closed', fresh(2), { cookie: 'user=ada' }))
    expect([batches.length, batches[0]?.headers.cookie, singles.length]).toEqual([1, undefined, 0])
  })

  test('get the fields that hold for each, and none that speak of the whole', async () => {
    const fields = { 'cache-tag': 'things', 'access-control-allow-origin': '*', vary: 'accept-language' }
    const ofWhole = { etag: '"1"', 'last-modified': new Date(0).toUTCString(), link: '</2>; rel=next', 'x-total': '2' }
    bench.origin.handle = (request, response) =>
      reply(response, `{"total": 2, "things": [${idsOf(request).map(partOf)}]}`, { ...json, ...fields, ...ofWhole })
    const ids = fresh(2)
    const [first] = await askAll('/pairs', ids)
    expect(Object.fromEntries(first!.headers)).toMatchObject({
      'content-type': 'application/json',
      'content-length': String(first!.text.length),
      'cache-control': 'max-age=60',
      'access-control-allow-origin': '*',
      vary: 'accept-language',
    })
    for (const name of [...Object.keys(ofWhole), 'cache-tag']) expect(first!.headers.has(name)).toBe(false)
    await expect.poll(async () => (await ask(`/pairs/${ids[0]}`)).cache).toContain('hit')
    await purge({ tags: ['things'] })
    serve()
    expect((await askAll('/pairs', ids)).map(({ cache }) => cache)).toEqual(
      Array(2).fill(expect.stringContaining('miss')),
    )
  })

  test('as many as the route says', async () => {
    serve()
    const { answers, batches } = await during('/pairs', () => askAll('/pairs', fresh(6)))
    expect(answers.every(({ text }) => text.includes('one of many'))).toBe(true)
    expect(batches.map((batch) => idsOf(batch).length)).toEqual([2, 2, 2])
  })

  test('as many as make a target that servers take', async () => {
    serve()
    const names = [...'abcdefgh'].map((letter) => letter + '本'.repeat(127))
    const { answers, batches } = await during('/long', () => askAll('/long', names))
    expect(answers.map(({ text }) => text)).toEqual(names.map(partOf))
    expect(batches.length).toBeGreaterThan(1)
    for (const { url } of batches) expect(url?.length).toBeLessThanOrEqual(8000)
  })

  test('who is one too many asks alone', async () => {
    const waiting = stall()
    const ids = fresh(2)
    const answers = askAll('/few', ids)
    await expect.poll(() => waiting.length).toBe(1)
    serve()
    expect((await ask(`/few/${ids[0]}`)).text).toBe(aloneAt(`/few/${ids[0]}`))
    answer(waiting[0]!.request, waiting[0]!.response)
    expect((await answers).map(({ text }) => text)).toEqual(ids.map(partOf))
  })

  test('that come while as many batches as may be are under way wait for one of them', async () => {
    const waiting = stall()
    const ids = fresh(10)
    const answers = askAll('/pairs', ids)
    await expect.poll(() => waiting.length).toBe(4)
    await aWhile()
    expect(waiting).toHaveLength(4)
    serve()
    for (const { request, response } of waiting) answer(request, response)
    expect((await answers).map(({ text }) => text)).toEqual(ids.map(partOf))
  })

  test('one that has none waits for nobody', async () => {
    serve()
    const [id = ''] = fresh(1)
    const { answers, batches } = await during('/lonely', ask(`/lonely/${id}`))
    expect([answers.text, batches.length]).toEqual([partOf(id), 1])
  })

  test('of one who leaves get their own', async () => {
    const waiting = stall()
    const [first = '', second = ''] = fresh(2)
    const controller = new AbortController()
    const left = fetch(`${bench.gateway.url}/pairs/${first}`, { signal: controller.signal }).catch(() => 'left')
    const other = ask(`/pairs/${second}`)
    await expect.poll(() => waiting.length).toBe(1)
    controller.abort()
    expect(await left).toBe('left')
    answer(waiting[0]!.request, waiting[0]!.response)
    expect((await other).text).toBe(partOf(second))
  })
})

describe('the same thing', () => {
  test('is asked for once, also by who comes while it is under way', async () => {
    const waiting = stall()
    const [first = '', second = ''] = fresh(2)
    const early = askAll('/pairs', [first, first, second])
    await expect.poll(() => waiting.length).toBe(1)
    const late = ask(`/pairs/${first}`)
    await aWhile()
    answer(waiting[0]!.request, waiting[0]!.response)
    expect((await early).map(({ text }) => text)).toEqual([first, first, second].map(partOf))
    expect((await late).text).toBe(partOf(first))
    expect(waiting).toHaveLength(1)
    const stores = [...(await early), await late].filter(({ cache }) => cache.includes('stored'))
    expect(stores).toHaveLength(2)
  })

  test.each<[string, (path: string) => Promise<unknown>]>([
    ['a POST', (path) => bench.ask(path, { method: 'POST' })],
    ['a purge', (path) => purge({ urls: [bench.gateway.url + path] })],
  ])('is not that any more after %s', async (_, change) => {
    const waiting = stall()
    const [id = '', other = '', another = ''] = fresh(3)
    const early = askAll('/pairs', [id, other])
    await expect.poll(() => waiting.length).toBe(1)
    bench.origin.handle = (request, response) => {
      if (request.method === 'POST') response.writeHead(204).end()
      else reply(response, `[{"id": "${id}", "is": "new"}, ${partOf(another)}]`, json)
    }
    await change(`/pairs/${id}`)
    const anew = `{"id": "${id}", "is": "new"}`
    const late = askAll('/pairs', [id, another])
    expect((await late).map(({ text }) => text)).toEqual([anew, partOf(another)])
    answer(waiting[0]!.request, waiting[0]!.response)
    expect((await early).map(({ text }) => text)).toEqual([id, other].map(partOf))
    await expect.poll(async () => (await ask(`/pairs/${id}`)).cache).toContain('hit')
    expect((await ask(`/pairs/${id}`)).text).toBe(anew)
  })
})

test('things that have become stale are refreshed together', async () => {
  serve()
  const ids = fresh(2)
  const cached = async () => (await askAll('/refreshed', ids)).map(({ cache }) => cache.split(';')[1])
  await askAll('/refreshed', ids)
  await expect.poll(cached).toEqual([' hit', ' hit'])
  await purge({ prefixes: [`${bench.gateway.url}/refreshed/`], soft: true })
  const { batches, singles } = await during('/refreshed', async () => {
    expect((await askAll('/refreshed', ids)).map(({ cache }) => cache)).toEqual(
      Array(2).fill(expect.stringContaining('detail=grace')),
    )
    await expect.poll(async () => (await ask(`/refreshed/${ids[0]}`)).cache).not.toContain('grace')
  })
  expect([batches.map((batch) => idsOf(batch).length), singles.length]).toEqual([[2], 0])
})

describe('what the answer lacks', () => {
  test('is not there, for who asked for it and for nobody else', async () => {
    const ids = fresh(3)
    serve(ids.slice(0, 1))
    const [gone, ...others] = await askAll('/threes', ids)
    expect(others.map(({ text }) => text)).toEqual(ids.slice(1).map(partOf))
    expect([gone?.status, JSON.parse(gone?.text ?? '').reason]).toEqual([404, 'not-in-batch'])
    expect([gone?.headers.get('cache-control'), gone?.cache]).toEqual([
      'no-store',
      expect.stringMatching(/^weir; fwd=uri-miss(?:; collapsed)?$/),
    ])
    serve()
    expect((await askAll('/threes', [ids[0]!, ...fresh(2)]))[0]?.text).toBe(partOf(ids[0]!))
  })

  test('is asked for alone where the origin did not go by the ids', async () => {
    const [first = '', second = ''] = fresh(2)
    bench.origin.handle = (request, response) =>
      isBatch(request) ? reply(response, `[${partOf(first)}, ${partOf('other')}]`, json) : answer(request, response)
    const { answers, singles } = await during('/unsure', () => askAll('/unsure', [first, second]))
    expect(answers.map(({ text }) => text)).toEqual([partOf(first), aloneAt(`/unsure/${second}`)])
    expect(singles).toHaveLength(1)
  })

  test('is asked for alone where something old is there', async () => {
    serve()
    const [first = '', second = '', third = ''] = fresh(3)
    await askAll('/grace', [first, second])
    await expect.poll(async () => (await ask(`/grace/${first}`)).cache).toContain('hit')
    await purge({ urls: [`${bench.gateway.url}/grace/${first}`], soft: true })
    serve([first])
    const [old] = await askAll('/grace', [first, third])
    expect([old?.text, old?.cache]).toEqual([aloneAt(`/grace/${first}`), expect.stringContaining('fwd=stale')])
  })
})

describe('who asks alone', () => {
  test.each<[string, Record<string, string>]>([
    ['who has cookies', { cookie: 'user=ada' }],
    ['who shows credentials', { authorization: 'Basic eA==' }],
    ['who says something that may say who asks', { 'x-api-key': 'k' }],
    ['who wants a part', { range: 'bytes=0-1' }],
    ['who wants it now', { 'cache-control': 'no-cache' }],
  ])('%s', async (_, headers) => {
    serve()
    const { batches, singles } = await during('/pairs', () => askAll('/pairs', fresh(3), headers))
    expect([batches.length, singles.length]).toEqual([0, 3])
  })

  test('who asks with a query, or with another method', async () => {
    serve()
    const [id = ''] = fresh(1)
    const path = `/pairs/${id}`
    const { batches, singles } = await during('/pairs', () =>
      Promise.all([ask(`${path}?full=1`), bench.ask(path, { method: 'HEAD' }), ask(`${path}/more`)]),
    )
    expect([batches.length, singles.length]).toEqual([0, 3])
  })

  test.each([['a%2Cb'], ['a%2Fb'], ['%22'], ['a%20b'], ['%3Cb%3E'], ['%FF'], ["a'b"], ['x'.repeat(129)]])(
    'who asks for what does not go into a list: %s',
    async (id) => {
      serve()
      const { answers, batches } = await during('/pairs', () => ask(`/pairs/${id}`))
      expect([answers.text, batches.length]).toEqual([aloneAt(`/pairs/${id}`), 0])
    },
  )

  test('everybody, where nothing is collapsed', async () => {
    serve()
    const { batches, singles } = await during('/off', () => askAll('/off', fresh(3)))
    expect([batches.length, singles.length]).toEqual([0, 3])
  })
})

test('names of all languages go together', async () => {
  serve()
  const names = ['größe', '日本', 'urn:isbn:3']
  const { answers, batches } = await during('/threes', () => askAll('/threes', names))
  expect(answers.map(({ text }) => text)).toEqual(names.map(partOf))
  expect(batches.map((batch) => idsOf(batch).sort())).toEqual([[...names].sort()])
})

test.each<[string, string, string]>([
  ['who speak different languages', '/pairs', 'accept-language'],
  ['who want different types', '/pairs', 'accept'],
  ['who differ in what is in the key', '/tenants', 'x-tenant'],
])('those %s have different batches', async (_, prefix, name) => {
  bench.origin.handle = (request, response) =>
    reply(response, JSON.stringify(idsOf(request).map((id) => ({ id, said: request.headers[name] }))), json)
  const said = ['de', 'fr', 'de', 'fr'].map((value) => (name === 'accept' ? `text/${value}` : value))
  const ids = fresh(4)
  const { answers, batches } = await during(prefix, () =>
    Promise.all(ids.map((id, index) => ask(`${prefix}/${id}`, { [name]: said[index]! }))),
  )
  expect(answers.map(({ text }) => JSON.parse(text))).toEqual(ids.map((id, index) => ({ id, said: said[index] })))
  expect(batches).toHaveLength(2)
})

describe('an answer that is not plainly theirs is nobody’s, and each is asked for alone', () => {
  test.each(unfit)('%s', async (title, because, answerBatch) => {
    const prefix = unfitPrefix(title)
    bench.origin.handle = (request, response) =>
      isBatch(request) ? answerBatch(response, `[${idsOf(request).map(partOf)}]`) : answer(request, response)
    const ids = fresh(3)
    const { answers, batches, singles } = await during(prefix, () => askAll(prefix, ids))
    const alone = ids.map((id) => [200, aloneAt(`${prefix}/${id}`)])
    expect(answers.map(({ status, text }) => [status, text])).toEqual(alone)
    // A connection that breaks is tried again, as for any request.
    expect([batches.length, singles.length]).toEqual([title === 'no answer' ? 2 : 1, 3])
    expect(bench.gateway.log.find((line) => line.includes(`${prefix}?`))).toContain(because)
    // And nobody waits for the next one.
    const next = await during(prefix, () => askAll(prefix, fresh(2)))
    expect([next.batches.length, next.singles.length]).toEqual([0, 2])
  })
})
