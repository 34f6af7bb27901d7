// The shared state cache on the wire, as origins use it: with the credential of their pool.
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest'
import { startLocalGateway } from '../../workers/cli/local-gateway.ts'
import { adminToken, startGateway, type TestGateway } from './support/gateway.ts'

const digestOf = (text: string) => `sha256:${createHash('sha256').update(text).digest('hex')}`
const poolOf = (credential: string) => ({
  origins: [{ url: 'http://127.0.0.1:9' }],
  credentials: [digestOf(credential)],
})

const configuration = {
  pools: { web: poolOf('of-web'), shop: poolOf('of-shop') },
  routes: [{ path: '/*', pools: ['web', 'shop'] }],
  state: {
    namespaces: {
      cart: { pools: ['shop'], maxBytes: 1000 },
      brief: { ttlSeconds: 60 },
    },
  },
}

let gateway: TestGateway

beforeAll(async () => {
  gateway = await startGateway(configuration)
})

afterAll(() => gateway?.close())

interface Asking extends RequestInit {
  readonly headers?: Record<string, string>
}

const ask = (path: string, { headers, ...init }: Asking = {}) =>
  fetch(`${gateway.url}/_weir/state/${path}`, { ...init, headers: { authorization: 'Bearer of-web', ...headers } })

const put = (path: string, body: RequestInit['body'], headers: Record<string, string> = {}) =>
  ask(path, { method: 'PUT', body: body!, headers })

const post = (path: string, body: unknown, headers: Record<string, string> = {}) =>
  ask(path, { method: 'POST', body: typeof body === 'string' ? body : JSON.stringify(body), headers })

const etagOf = (response: Response) => response.headers.get('etag')!
const versionOf = (response: Response) => Number(etagOf(response).slice(1, -1))

let keys = 0
/** A key that nothing has happened to. */
const fresh = () => `things/${++keys}`

async function problemOf(response: Response) {
  expect(response.headers.get('content-type')).toBe('application/problem+json')
  return (await response.json()) as { status: number; reason: string; detail: string; [more: string]: unknown }
}

describe('a value', () => {
  it('comes back as it was put, with its type', async () => {
    const key = fresh()
    const bytes = Uint8Array.from({ length: 1000 }, (_, index) => index % 256)
    const written = await put(key, bytes, { 'content-type': 'image/x-own; a="b"' })
    expect(written.status).toBe(201)
    const read = await ask(key)
    expect(read.status).toBe(200)
    expect(read.headers.get('content-type')).toBe('image/x-own; a="b"')
    expect(etagOf(read)).toBe(etagOf(written))
    expect(read.headers.get('cache-control')).toBe('no-store')
    expect(read.headers.has('weir-ttl')).toBe(false)
    expect(new Uint8Array(await read.arrayBuffer())).toEqual(bytes)
  })

  it('may be empty', async () => {
    const key = fresh()
    expect((await put(key, '')).status).toBe(201)
    const read = await ask(key)
    expect([read.status, await read.text()]).toEqual([200, ''])
  })

  it('is told of by HEAD', async () => {
    const key = fresh()
    const written = await put(key, 'four')
    const head = await ask(key, { method: 'HEAD' })
    expect([head.status, head.headers.get('content-length'), etagOf(head)]).toEqual([200, '4', etagOf(written)])
    expect(await head.text()).toBe('')
    expect((await ask(fresh(), { method: 'HEAD' })).status).toBe(404)
  })

  it('is not there before it is put, nor after it is removed', async () => {
    const key = fresh()
    expect((await problemOf(await ask(key))).reason).toBe('no-such-key')
    await put(key, 'a')
    expect((await ask(key, { method: 'DELETE' })).status).toBe(204)
    expect((await ask(key)).status).toBe(404)
    expect((await problemOf(await ask(key, { method: 'DELETE' }))).reason).toBe('no-such-key')
  })

  it('is seen by who knows no credential only if it is the administrator', async () => {
    const key = fresh()
    await put(key, 'a')
    expect((await ask(key, { headers: { authorization: `Bearer ${adminToken}` } })).status).toBe(200)
    expect((await problemOf(await ask(key, { headers: { authorization: 'Bearer of-nobody' } }))).status).toBe(401)
  })

  it('is of its namespace alone', async () => {
    await put('one/same', '1')
    await put('two/same', '2')
    expect(await (await ask('one/same')).text()).toBe('1')
    expect(await (await ask('two/same')).text()).toBe('2')
  })
})

describe('versions', () => {
  it('count up with every change, also over a removal', async () => {
    const key = fresh()
    const seen = [versionOf(await put(key, 'a')), versionOf(await put(key, 'b'))]
    await ask(key, { method: 'DELETE' })
    seen.push(versionOf(await put(key, 'a')))
    expect(seen).toEqual(seen.toSorted((a, b) => a - b))
    expect(new Set(seen).size).toBe(3)
    expect(seen[2]! - seen[1]!).toBeGreaterThan(1)
  })

  it('let one of several writers win who have read the same', async () => {
    const key = fresh()
    const etag = etagOf(await put(key, 'before'))
    const writers = Array.from({ length: 20 }, (_, index) => put(key, `writer ${index}`, { 'if-match': etag }))
    const answers = await Promise.all(writers)
    const won = answers.flatMap(({ status }, index) => (status === 204 ? [index] : []))
    expect(won).toHaveLength(1)
    expect(await (await ask(key)).text()).toBe(`writer ${won[0]}`)
    const lost = answers.find(({ status }) => status !== 204)!
    expect(etagOf(lost)).toBe(etagOf(answers[won[0]!]!))
    expect(await problemOf(lost)).toMatchObject({ status: 412, reason: 'changed-meanwhile' })
  })

  it('let one of several create a key: If-None-Match: *', async () => {
    const key = fresh()
    const answers = await Promise.all(Array.from({ length: 20 }, () => put(key, 'a', { 'if-none-match': '*' })))
    expect(answers.map(({ status }) => status).toSorted()).toEqual([201, ...Array(19).fill(412)])
  })

  it('are asked for by readers too', async () => {
    const key = fresh()
    const etag = etagOf(await put(key, 'a'))
    expect((await ask(key, { headers: { 'if-none-match': `"0", W/${etag}` } })).status).toBe(304)
    expect((await ask(key, { headers: { 'if-none-match': '"999"' } })).status).toBe(200)
    expect((await ask(key, { headers: { 'if-match': '"999"' } })).status).toBe(412)
    expect((await ask(fresh(), { headers: { 'if-match': '*' } })).status).toBe(412)
  })

  test.each([
    ['unknown', '"999999"'],
    ['of somebody else', '"abc"'],
    ['weak', 'W/"1"'],
  ])('that are %s match nothing', async (_, ifMatch) => {
    const key = fresh()
    await put(key, 'a')
    expect((await problemOf(await put(key, 'b', { 'if-match': ifMatch }))).status).toBe(412)
    expect((await problemOf(await ask(key, { method: 'DELETE', headers: { 'if-match': ifMatch } }))).status).toBe(412)
    expect(await (await ask(key)).text()).toBe('a')
  })
})

describe('time to live', () => {
  it('is told, and ends what was put with it', async () => {
    const key = fresh()
    const written = await put(`${key}?ttl=1`, 'short')
    expect(written.headers.get('weir-ttl')).toBe('1')
    expect((await put(key, 'long')).headers.has('weir-ttl')).toBe(false)
    await put(`${key}?ttl=1`, 'short')
    await expect.poll(async () => (await ask(key)).status, { timeout: 3000 }).toBe(404)
    expect((await put(key, 'again', { 'if-none-match': '*' })).status).toBe(201)
  })

  it('is that of the namespace where a writer says none', async () => {
    expect((await put('brief/a', 'a')).headers.get('weir-ttl')).toBe('60')
    expect((await put('brief/a?ttl=5', 'a')).headers.get('weir-ttl')).toBe('5')
    expect((await post('brief/count', { add: 1 })).headers.get('weir-ttl')).toBe('60')
  })
})

describe('counters', () => {
  it('lose nothing: 1,000 concurrent additions make 1,000', async () => {
    const key = fresh()
    const add = async (): Promise<number> => {
      const { value, reason } = (await (await post(key, { add: 1 })).json()) as { value: number; reason?: string }
      // Nothing was done, in the time that a busy machine left.
      return reason === 'state-moving' ? add() : value
    }
    const values = await Promise.all(Array.from({ length: 1000 }, add))
    expect(values.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 1000 }, (_, index) => index + 1))
    expect(await (await ask(key)).text()).toBe('1000')
  })

  it('are numbers that can be put and read', async () => {
    const key = fresh()
    await put(key, '-40', { 'content-type': 'text/plain' })
    expect(await (await post(key, { add: 42 })).json()).toEqual({ value: 2, version: 2 })
    const read = await ask(key)
    expect([await read.text(), read.headers.get('content-type')]).toEqual(['2', 'text/plain'])
  })

  it('stay within their bounds', async () => {
    const key = fresh()
    await post(key, { add: 3 })
    expect(await problemOf(await post(key, { add: -4, min: 0 }))).toMatchObject({ status: 409, value: 3 })
    expect(await problemOf(await post(key, { add: 1, max: 3 }))).toMatchObject({ reason: 'out-of-bounds' })
    await put(key, String(Number.MAX_SAFE_INTEGER))
    expect((await post(key, { add: 1 })).status).toBe(409)
    expect(await (await ask(key)).text()).toBe(String(Number.MAX_SAFE_INTEGER))
  })

  it('never sell more than there is: 50 buyers of 10', async () => {
    const key = fresh()
    await put(key, '10')
    const answers = await Promise.all(Array.from({ length: 50 }, () => post(key, { add: -1, min: 0 })))
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(10)
    expect(await (await ask(key)).text()).toBe('0')
  })

  test.each([['text'], ['1.5'], ['{"a": 1}'], [''], ['9'.repeat(20)]])('%j is no number', async (value) => {
    const key = fresh()
    await put(key, value)
    expect((await problemOf(await post(key, { add: 1 }))).reason).toBe('not-a-number')
    expect(await (await ask(key)).text()).toBe(value)
  })

  it('keep the end that they began with', async () => {
    const key = fresh()
    expect((await post(key, { add: 1, ttl: 100 })).headers.get('weir-ttl')).toBe('100')
    expect(Number((await post(key, { add: 1, ttl: 500 })).headers.get('weir-ttl'))).toBeLessThanOrEqual(100)
  })
})

describe('leases', () => {
  const lease = (key: string, holder: string, seconds = 60) => post(key, { lease: { holder, seconds } })
  const tokenOf = async (response: Response) => ((await response.json()) as { token: number }).token

  it('are granted to one, who may renew them', async () => {
    const key = fresh()
    const answers = await Promise.all(Array.from({ length: 10 }, (_, index) => lease(key, `holder ${index}`)))
    const granted = answers.findIndex(({ status }) => status === 200)
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1)
    const refused = await problemOf(answers.find(({ status }) => status !== 200)!)
    expect(refused).toMatchObject({ status: 409, reason: 'lease-held', holder: `holder ${granted}` })
    const token = await tokenOf(answers[granted]!)
    expect(await tokenOf(await lease(key, `holder ${granted}`))).toBe(token)
  })

  it('refuse a late holder’s write, and nothing is changed', async () => {
    const key = fresh()
    await put(key, 'before')
    const late = await tokenOf(await lease(key, 'a'))
    expect((await lease(key, 'a', 0)).status).toBe(204)
    const next = await tokenOf(await lease(key, 'b'))
    expect(next).toBeGreaterThan(late)
    const fenced = (token: number) => ({ 'weir-fencing-token': String(token) })
    expect((await put(key, 'of b', fenced(next))).status).toBe(204)
    for (const answer of [
      await put(key, 'of a', fenced(late)),
      await post(key, { add: 1 }, fenced(late)),
      await ask(key, { method: 'DELETE', headers: fenced(late) }),
      await put(key, 'of nobody', fenced(next + 1)),
    ])
      expect(await problemOf(answer)).toMatchObject({ status: 412, reason: 'lease-superseded', newest: next })
    expect(await (await ask(key)).text()).toBe('of b')
  })

  it('end by themselves, and the token of the next is larger', async () => {
    const key = fresh()
    const late = await tokenOf(await lease(key, 'a', 1))
    await expect.poll(async () => (await lease(key, 'b')).status, { timeout: 3000 }).toBe(200)
    expect(await tokenOf(await lease(key, 'b'))).toBeGreaterThan(late)
    expect((await put(key, 'of a', { 'weir-fencing-token': String(late) })).status).toBe(412)
    expect((await ask(key)).status).toBe(404)
  })
})

describe('keys', () => {
  test.each([
    ['with slashes', 'a/b//c/'],
    ['with a space', 'a%20b'],
    ['of another script', '%E2%82%AC%F0%9F%98%80'],
    ['that look like a query', 'a%3Fttl=1'],
    ['that look like an escape', 'a%2520b'],
    ['with a percent sign', '100%25'],
    ['with a hash', 'a%23b'],
    ['with quotes', '%27%22%3B--'],
    ['of objects', '__proto__'],
    ['of 512 bytes', 'k'.repeat(512)],
  ])('%s', async (title, key) => {
    expect((await put(`odd/${key}`, title)).status).toBe(201)
    expect(await (await ask(`odd/${key}`)).text()).toBe(title)
  })

  it('are one whether a slash in them is encoded or not', async () => {
    await put('odd/x%2Fy', 'one')
    expect(await (await ask('odd/x/y')).text()).toBe('one')
  })

  it('are two where one is an escape of the other', async () => {
    await put('odd/z%20', 'space')
    expect((await ask('odd/z%2520')).status).toBe(404)
  })

  test.each([
    ['nothing at all', ''],
    ['no key', 'odd'],
    ['an empty key', 'odd/'],
    ['an empty namespace', '/key'],
    ['a namespace with a dot', 'o.d/key'],
    ['a namespace of 65', `${'n'.repeat(65)}/key`],
    ['a namespace with an escape', 'o%20d/key'],
    ['513 bytes', `odd/${'k'.repeat(513)}`],
    ['513 bytes of two each', `odd/${'%C3%A4'.repeat(257)}`],
    ['no UTF-8', 'odd/%FF'],
    ['half a character', 'odd/%E2%82'],
    ['a line feed', 'odd/a%0Ab'],
    ['a NUL', 'odd/a%00'],
    ['DEL', 'odd/%7F'],
    ['a hidden way up', 'odd/..%2Fcart%2Fkey'],
  ])('that are refused: %s', async (_, path) => {
    for (const init of [{ method: 'PUT', body: 'x' }, { method: 'GET' }]) {
      const problem = await problemOf(await ask(path, init))
      expect(problem.status).toBe(400)
      expect(problem.detail.length).toBeGreaterThan(20)
    }
  })
})

describe('whoever asks for what makes no sense is told so, and nothing is changed', () => {
  const as = (credential: string) => ({ authorization: `Bearer ${credential}` })
  const json = { 'content-type': 'application/json' }

  test.each<[title: string, status: number, reason: string, path: string, init: Asking]>([
    ['no credential', 401, 'unauthorised', 'k', { method: 'PUT', body: 'x', headers: { authorization: '' } }],
    ['another’s credential', 401, 'unauthorised', 'k', { method: 'PUT', body: 'x', headers: as('of-nobody') }],
    ['another pool', 403, 'foreign-namespace', 'k', { method: 'PUT', body: 'x', headers: as('of-web') }],
    ['another pool reads', 403, 'foreign-namespace', 'k', { headers: as('of-web') }],
    [
      'another pool counts',
      403,
      'foreign-namespace',
      'k',
      { method: 'POST', body: '{"add":1}', headers: as('of-web') },
    ],
    ['too large', 413, 'too-large', 'k', { method: 'PUT', body: 'x'.repeat(1001) }],
    ['too large to post', 413, 'too-large', 'k', { method: 'POST', body: 'x'.repeat(1001) }],
    ['coded', 415, 'content-encoding', 'k', { method: 'PUT', body: 'x', headers: { 'content-encoding': 'gzip' } }],
    ['a part', 400, 'content-range', 'k', { method: 'PUT', body: 'x', headers: { 'content-range': 'bytes 0-0/2' } }],
    ['a long type', 400, 'bad-type', 'k', { method: 'PUT', body: 'x', headers: { 'content-type': 'a'.repeat(257) } }],
    ['bad JSON', 400, 'not-json', 'k', { method: 'PUT', body: '{"a":', headers: json }],
    [
      'bad JSON of a kind',
      400,
      'not-json',
      'k',
      { method: 'PUT', body: 'x', headers: { 'content-type': 'application/ld+json' } },
    ],
    ['bad JSON posted', 400, 'not-json', 'k', { method: 'POST', body: '{"add": 1' }],
    ['nothing posted', 400, 'not-json', 'k', { method: 'POST' }],
    ['no operation', 400, 'bad-operation', 'k', { method: 'POST', body: '{}' }],
    ['a list', 400, 'bad-operation', 'k', { method: 'POST', body: '[1]' }],
    [
      'two operations',
      400,
      'bad-operation',
      'k',
      { method: 'POST', body: '{"add":1,"lease":{"holder":"a","seconds":1}}' },
    ],
    ['half a step', 400, 'bad-operation', 'k', { method: 'POST', body: '{"add":0.5}' }],
    ['a step as text', 400, 'bad-operation', 'k', { method: 'POST', body: '{"add":"1"}' }],
    ['a step beyond', 400, 'bad-operation', 'k', { method: 'POST', body: '{"add":1e300}' }],
    ['another field', 400, 'bad-operation', 'k', { method: 'POST', body: '{"add":1,"tll":5}' }],
    ['bounds turned round', 400, 'bad-operation', 'k', { method: 'POST', body: '{"add":1,"min":2,"max":1}' }],
    ['no time', 400, 'bad-operation', 'k', { method: 'POST', body: '{"add":1,"ttl":0}' }],
    ['no holder', 400, 'bad-operation', 'k', { method: 'POST', body: '{"lease":{"seconds":5}}' }],
    ['a lease for good', 400, 'bad-operation', 'k', { method: 'POST', body: '{"lease":{"holder":"a","seconds":1e9}}' }],
    [
      'a lease and more',
      400,
      'bad-operation',
      'k',
      { method: 'POST', body: '{"lease":{"holder":"a","seconds":1,"x":1}}' },
    ],
    ['a bad tag', 400, 'bad-precondition', 'k', { method: 'PUT', body: 'x', headers: { 'if-match': '7' } }],
    ['a bad star', 400, 'bad-precondition', 'k', { method: 'PUT', body: 'x', headers: { 'if-none-match': '"1", *' } }],
    [
      'no token',
      400,
      'bad-fencing-token',
      'k',
      { method: 'PUT', body: 'x', headers: { 'weir-fencing-token': 'mine' } },
    ],
    ['ttl 0', 400, 'bad-query', 'k?ttl=0', { method: 'PUT', body: 'x' }],
    ['ttl twice', 400, 'bad-query', 'k?ttl=1&ttl=2', { method: 'PUT', body: 'x' }],
    ['ttl in words', 400, 'bad-query', 'k?ttl=1h', { method: 'PUT', body: 'x' }],
    ['ttl for ever', 400, 'bad-query', 'k?ttl=999999999', { method: 'PUT', body: 'x' }],
    ['another parameter', 400, 'bad-query', 'k?tll=5', { method: 'PUT', body: 'x' }],
    ['ttl of a removal', 400, 'bad-query', 'k?ttl=5', { method: 'DELETE' }],
    ['another method', 405, 'method-not-allowed', 'k', { method: 'PATCH', body: 'x' }],
  ])('%s', async (_, status, reason, path, { headers, ...init }) => {
    const owner = as('of-shop')
    await put('cart/k', 'before', owner)
    const before = await ask('cart/k', { headers: owner })
    const answer = await ask(`cart/${path}`, { ...init, headers: { ...owner, ...headers } })
    expect(await problemOf(answer)).toMatchObject({ status, reason, detail: expect.stringMatching(/\.$/) })
    expect(answer.status).toBe(status)
    const after = await ask('cart/k', { headers: owner })
    expect([await after.text(), etagOf(after)]).toEqual(['before', etagOf(before)])
  })

  it('names what is allowed', async () => {
    const answer = await ask(fresh(), { method: 'OPTIONS' })
    expect([answer.status, answer.headers.get('allow')]).toEqual([405, 'GET, HEAD, PUT, DELETE, POST'])
  })

  test.each([
    ['of a known length', 'Content-Length: 10\r\n\r\nhalf'],
    ['in chunks', 'Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n'],
  ])('takes no half of a body: %s', async (_, rest) => {
    const key = fresh()
    await put(key, 'before')
    const { hostname, port } = new URL(gateway.url)
    const socket = connect(Number(port), hostname)
    const head = `PUT /_weir/state/${key} HTTP/1.1\r\nHost: gateway.test\r\nAuthorization: Bearer of-web\r\n`
    socket.end(head + rest)
    await once(socket.resume(), 'close')
    expect(await (await ask(key)).text()).toBe('before')
    expect(gateway.log).toEqual([])
  })

  it('takes a value of exactly the bound', async () => {
    expect((await put('cart/full', 'x'.repeat(1000), as('of-shop'))).status).toBe(201)
  })
})

test('a restart loses nothing: values, versions, counters and leases go on', async () => {
  const stateFolder = mkdtempSync(join(tmpdir(), 'weir-state-'))
  const options = { document: JSON.stringify(configuration), port: 0, stateFolder }
  const asking = (url: string) => async (path: string, method: string, body?: string) => {
    const headers = { authorization: 'Bearer of-web' }
    return fetch(`${url}/_weir/state/things/${path}`, { method, headers, ...(body !== undefined && { body }) })
  }
  const count = async (send: ReturnType<typeof asking>) =>
    Promise.all(Array.from({ length: 100 }, () => send('count', 'POST', '{"add": 1}')))
  const lease = '{"lease": {"holder": "me", "seconds": 3600}}'
  try {
    const before = await startLocalGateway(options)
    const early = asking(before.url)
    const etag = etagOf(await early('a', 'PUT', 'kept'))
    const { token } = (await (await early('a', 'POST', lease)).json()) as { token: number }
    await count(early)
    await before.close()

    const after = await startLocalGateway(options)
    const late = asking(after.url)
    const read = await late('a', 'GET')
    expect([await read.text(), etagOf(read)]).toEqual(['kept', etag])
    expect(await (await late('a', 'POST', lease)).json()).toMatchObject({ token })
    await count(late)
    expect(await (await late('count', 'GET')).text()).toBe('200')
    await after.close()
  } finally {
    rmSync(stateFolder, { recursive: true, force: true })
  }
})
