// Sessions by the gateway's own endpoints: what the origins of a pool can do with one, and an administrator with those of
// a user; and what nobody can.
import { createHash } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import { afterAll, beforeAll, beforeEach, describe, expect, it, test } from 'vitest'
import { adminToken, startGateway, type TestGateway } from './support/gateway.ts'
import { startOrigin, type TestOrigin } from './support/origin.ts'

const digest = (text: string) => `sha256:${createHash('sha256').update(text).digest('hex')}`

let gateway: TestGateway
let origin: TestOrigin
/** What the origin was last asked with. */
let asked: IncomingHttpHeaders

beforeAll(async () => {
  origin = await startOrigin(async (request, response) => {
    asked = request.headers
    if (request.url === '/log-in') {
      const { json } = await send('POST', '/_weir/session', web, { values: { user: 'lea' } })
      response.setHeader('set-cookie', String(json.setCookie))
    }
    response.end('ok')
  })
  const origins = [{ url: origin.url }]
  gateway = await startGateway({
    pools: {
      web: { origins, credentials: [digest('web-secret')] },
      api: { origins, credentials: [digest('api-secret')] },
    },
    routes: [
      { path: '/api/*', pools: ['api'], session: true },
      { path: '/*', pools: ['web'], session: true },
    ],
    sessions: { maxBytes: 2048 },
  })
})

afterAll(async () => {
  await gateway.close()
  await origin.close()
})

interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly text: string
  readonly json: Record<string, unknown>
}

async function send(method: string, path: string, headers: Record<string, string>, body?: unknown): Promise<Answer> {
  const isRaw = typeof body === 'string' || body === undefined || body instanceof Uint8Array
  const text = isRaw ? (body as string | Uint8Array<ArrayBuffer> | undefined) : JSON.stringify(body)
  const init = { method, headers, ...(text !== undefined && { body: text }) }
  const response = await fetch(`${gateway.url}${path}`, init)
  const received = await response.text()
  const isJson = response.headers.get('content-type')?.includes('json')
  return {
    status: response.status,
    headers: response.headers,
    text: received,
    json: isJson && received !== '' ? JSON.parse(received) : {},
  }
}

const web = { authorization: 'Bearer web-secret' }
const api = { authorization: 'Bearer api-secret' }
const admin = { authorization: `Bearer ${adminToken}` }
const merge = { 'content-type': 'application/merge-patch+json' }
const jsonPatch = { 'content-type': 'application/json-patch+json' }

interface Begun {
  /** As the client sends it. */
  readonly cookie: string
  readonly named: { readonly authorization: string; readonly 'weir-session-token': string }
}

async function begin(values: unknown = {}): Promise<Begun> {
  const { status, json } = await send('POST', '/_weir/session', web, { values })
  expect(status).toBe(201)
  const [cookie = ''] = String(json.setCookie).split(';')
  return { cookie, named: { ...web, 'weir-session-token': String(json.token) } }
}

const read = ({ named }: Begun) => send('GET', '/_weir/session', named)
const valuesOf = async (begun: Begun) => (await read(begun)).json

/** The session as an origin is told of it. */
async function toldOf(cookie: string, path = '/page'): Promise<IncomingHttpHeaders> {
  await send('GET', path, { cookie })
  return asked
}

let session: Begun
const beginAnew = async () => {
  session = await begin({ cart: [], user: 'ada' })
}

describe('one session', () => {
  beforeEach(beginAnew)
  it('is begun for a client, who has it from then on', async () => {
    const { status, json, headers } = await send('POST', '/_weir/session', web, { values: { cart: 3 } })
    expect(status).toBe(201)
    expect(headers.has('set-cookie')).toBe(false)
    expect(json.setCookie).toMatch(/^weir-session=[\w.-]+; Path=\/; Max-Age=\d+; HttpOnly; SameSite=Lax$/)
    const told = await toldOf(String(json.setCookie).split(';')[0] ?? '')
    expect(told['weir-session']).toBe('cart=3')
    expect(told['weir-session-version']).toBe('1')
    expect(told['weir-session-token']).toBe(json.token)
    expect(told.cookie).toBeUndefined()
    const secure = await send('POST', '/_weir/session', web, { secure: true })
    expect(secure.json.setCookie).toMatch(/^__Host-weir-session=.*; Secure$/)
  })

  it('is the client’s when its origin passes the cookie on', async () => {
    const { headers } = await send('POST', '/log-in', {})
    const [cookie = ''] = (headers.get('set-cookie') ?? '').split(';')
    expect(cookie).toMatch(/^weir-session=/)
    expect((await toldOf(cookie))['weir-session']).toBe('user="lea"')
  })

  it('is read with its version and its end', async () => {
    const { status, json, headers } = await read(session)
    expect(status).toBe(200)
    expect(json).toEqual({ cart: [], user: 'ada' })
    expect(headers.get('etag')).toBe('"1"')
    expect(headers.get('cache-control')).toBe('no-store')
    expect(Date.parse(headers.get('weir-session-until') ?? '')).toBeGreaterThan(Date.now() + 43_000_000)
    const again = await send('GET', '/_weir/session', { ...session.named, 'if-none-match': '"1"' })
    expect([again.status, again.text]).toEqual([304, ''])
    expect((await send('HEAD', '/_weir/session', session.named)).status).toBe(200)
  })

  it('is found by the client’s cookie where an origin has that', async () => {
    expect((await send('GET', '/_weir/session', { ...web, cookie: `a=b; ${session.cookie}` })).json).toMatchObject({
      user: 'ada',
    })
  })

  it('is replaced by who has seen it', async () => {
    const first = await send('PUT', '/_weir/session', { ...session.named, 'if-match': '"1"' }, { cart: 1 })
    expect([first.status, first.headers.get('etag'), first.json]).toEqual([200, '"2"', { cart: 1 }])
    const late = await send('PUT', '/_weir/session', { ...session.named, 'if-match': '"1"' }, { cart: 2 })
    expect([late.status, late.json.reason, late.headers.get('etag')]).toEqual([412, 'changed-meanwhile', '"2"'])
    const blind = await send('PUT', '/_weir/session', session.named, { cart: 3 })
    expect([blind.status, blind.json.reason]).toEqual([428, 'precondition-required'])
    const forced = await send('PUT', '/_weir/session', { ...session.named, 'if-match': '*' }, { cart: 4 })
    expect([forced.status, forced.json]).toEqual([200, { cart: 4 }])
    expect(await valuesOf(session)).toEqual({ cart: 4 })
  })

  it('is changed by a merge patch', async () => {
    const { status, json } = await send(
      'PATCH',
      '/_weir/session',
      { ...session.named, ...merge },
      { cart: null, a: { b: 1 } },
    )
    expect([status, json]).toEqual([200, { user: 'ada', a: { b: 1 } }])
    const late = await send('PATCH', '/_weir/session', { ...session.named, ...merge, 'if-match': '"1"' }, { a: null })
    expect(late.status).toBe(412)
  })

  it('keeps whatever JSON has, and no name has a meaning of its own', async () => {
    const text =
      '{"__proto__":{"isAdmin":true},"constructor":{"prototype":{"x":1}},"ä😀\\ud800":[null,-0.5,1e+300,"\\u0000"]}'
    await send('PUT', '/_weir/session', { ...session.named, 'if-match': '*' }, text)
    expect((await read(session)).text).toBe(text)
    await send('PATCH', '/_weir/session', { ...session.named, ...merge }, '{"__proto__":{"isAdmin":null,"b":2}}')
    expect((await read(session)).text).toContain('"__proto__":{"b":2}')
    const told = await toldOf(session.cookie)
    expect(told['weir-session']).toContain('constructor=')
    expect(told['weir-session-omitted']).toContain('"__proto__"')
  })

  test('two tabs that add to a cart at once both succeed', async () => {
    const add = (item: string) =>
      send('PATCH', '/_weir/session', { ...session.named, ...jsonPatch }, [{ op: 'add', path: '/cart/-', value: item }])
    const answers = await Promise.all(Array.from({ length: 20 }, (_, at) => add(`item-${at}`)))
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200))
    const { cart } = (await valuesOf(session)) as { cart: string[] }
    expect(new Set(cart).size).toBe(20)
  })

  test('two who take the last one: one does, the other hears of it', async () => {
    await send('PATCH', '/_weir/session', { ...session.named, ...merge }, { left: 1 })
    const take = [
      { op: 'test', path: '/left', value: 1 },
      { op: 'replace', path: '/left', value: 0 },
    ]
    const both = [1, 2].map(() => send('PATCH', '/_weir/session', { ...session.named, ...jsonPatch }, take))
    const answers = await Promise.all(both)
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 409])
    expect(answers.find(({ status }) => status === 409)?.json).toMatchObject({
      reason: 'patch-conflict',
      detail: expect.stringContaining('operation 1 (test /left) finds another value'),
    })
  })

  it('goes on under a new id when somebody logs in, and the old one is refused', async () => {
    const { status, json } = await send(
      'POST',
      '/_weir/session/regenerate',
      { ...session.named, ...merge },
      { user: 'bob' },
    )
    expect(status).toBe(200)
    const [cookie = ''] = String(json.setCookie).split(';')
    expect((await toldOf(cookie))['weir-session']).toContain('user="bob"')
    expect((await toldOf(session.cookie))['weir-session']).toBeUndefined()
    expect((await read(session)).status).toBe(404)
    const late = await send('PATCH', '/_weir/session', { ...session.named, ...merge }, { cart: 9 })
    expect([late.status, late.json.reason]).toEqual([409, 'session-replaced'])
    expect((await send('GET', '/_weir/session', { ...web, 'weir-session-token': String(json.token) })).json).toEqual({
      cart: [],
      user: 'bob',
    })
  })

  it('ends', async () => {
    const { status, json } = await send('DELETE', '/_weir/session', session.named)
    expect(status).toBe(200)
    expect(json.setCookie).toMatch(/^weir-session=; Path=\/; Max-Age=0; /)
    expect((await read(session)).status).toBe(404)
    const again = await send('DELETE', '/_weir/session', session.named)
    expect([again.status, again.json.reason]).toEqual([404, 'no-session'])
    expect((await toldOf(session.cookie))['weir-session-token']).toBeUndefined()
  })
})

describe('leases', () => {
  beforeEach(beginAnew)
  const lease = (holder: string, seconds = 30) =>
    send('POST', '/_weir/session/leases/checkout', session.named, { holder, seconds })
  const giveBack = (holder: string) => send('DELETE', `/_weir/session/leases/checkout?holder=${holder}`, session.named)

  it('have one holder, and a token that only grows', async () => {
    const first = await lease('a')
    expect(first.json).toEqual({ token: expect.any(Number), until: expect.any(String) })
    const refused = await lease('b')
    expect([refused.status, refused.json.reason, refused.json.holder]).toEqual([409, 'lease-held', 'a'])
    expect((await lease('a')).json.token).toBe(first.json.token)
    expect([(await giveBack('b')).status, (await giveBack('a')).status, (await giveBack('a')).status]).toEqual([
      409, 204, 409,
    ])
    expect((await lease('b')).json.token).toBeGreaterThan(Number(first.json.token))
  })

  it('are given to one of many who ask at once', async () => {
    const answers = await Promise.all(Array.from({ length: 10 }, (_, at) => lease(`holder-${at}`)))
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1)
  })
})

describe('the sessions of a user', () => {
  beforeEach(beginAnew)
  const endAll = (user: string) => send('DELETE', `/_weir/api/sessions?user=${user}`, admin)

  it('are listed for an administrator, without what opens one', async () => {
    const other = await begin({ user: 'eve & co' })
    const { status, json, text } = await send(
      'GET',
      `/_weir/api/sessions?user=${encodeURIComponent('eve & co')}`,
      admin,
    )
    expect(status).toBe(200)
    expect(json).toEqual({
      user: 'eve & co',
      sessions: [
        {
          handle: expect.stringMatching(/^[0-9a-f]{16}$/),
          created: expect.any(String),
          seen: expect.any(String),
          until: expect.any(String),
        },
      ],
    })
    expect(text).not.toContain(other.cookie.slice('weir-session='.length).split('.')[0])
  })

  it('are those of a number, too', async () => {
    const begun = await begin({ user: 42 })
    expect((await endAll('42')).json).toEqual({ user: '42', ended: 1 })
    expect((await read(begun)).status).toBe(404)
  })

  it('are all ended at once, and nobody else’s', async () => {
    const others = await Promise.all([
      begin({ user: 'mallory' }),
      begin({ user: 'mallory' }),
      begin({ user: 'mallory' }),
    ])
    expect((await endAll('mallory')).json).toEqual({ user: 'mallory', ended: 3 })
    for (const each of others) {
      expect((await read(each)).status).toBe(404)
      expect((await toldOf(each.cookie))['weir-session-token']).toBeUndefined()
    }
    expect((await read(session)).status).toBe(200)
  })

  it('are ended by an origin for the user of a session', async () => {
    const [one, two] = [await begin({ user: 'kim' }), await begin({ user: 'kim' })]
    const { json } = await send('GET', '/_weir/session/all', one.named)
    expect(json.sessions).toHaveLength(2)
    expect((await send('DELETE', '/_weir/session/all', one.named)).json).toEqual({ user: 'kim', ended: 2 })
    expect([(await read(one)).status, (await read(two)).status]).toEqual([404, 404])
    const nobody = await begin()
    const answer = await send('DELETE', '/_weir/session/all', nobody.named)
    expect([answer.status, answer.json.reason]).toEqual([409, 'no-user'])
  })

  it('who logs in while all are ended is out, or logged in after it', async () => {
    await begin({ user: 'rush' })
    const comers = Array.from({ length: 12 }, async () => {
      const begun = await begin()
      const { status } = await send('PATCH', '/_weir/session', { ...begun.named, ...merge }, { user: 'rush' })
      return { begun, status }
    })
    const outs = await Promise.all([endAll('rush'), endAll('rush'), endAll('rush')])
    expect(outs.map(({ status }) => status)).toEqual([200, 200, 200])
    const came = await Promise.all(comers)
    for (const { status } of came) expect([200, 404, 409, 503]).toContain(status)
    await endAll('rush')
    for (const { begun } of came) expect((await valuesOf(begun)).user).not.toBe('rush')
  })
})

describe('what is refused changes nothing', () => {
  beforeAll(beginAnew)
  const before = { cart: [], user: 'ada' }
  const long = 'x'.repeat(3000)
  type Refusal = [
    title: string,
    method: string,
    headers: Record<string, string>,
    body: unknown,
    status: number,
    reason: string,
  ]

  test.each<Refusal>([
    ['no JSON', 'PATCH', merge, '{"cart":', 400, 'bad-body'],
    ['a number that no double holds', 'PATCH', merge, '{"cart": 1e999}', 400, 'bad-body'],
    ['what is nested too deep', 'PATCH', merge, `{"a":${'['.repeat(99)}${']'.repeat(99)}}`, 400, 'bad-body'],
    ['a patch of another type', 'PATCH', { 'content-type': 'text/plain' }, '{}', 415, 'patch-type'],
    ['a merge that is no object', 'PATCH', merge, '[1]', 400, 'bad-body'],
    ['an unknown operation', 'PATCH', jsonPatch, [{ op: 'drop', path: '/cart' }], 400, 'bad-body'],
    [
      'a path that is not there',
      'PATCH',
      jsonPatch,
      [{ op: 'add', path: '/no/where', value: 1 }],
      409,
      'patch-conflict',
    ],
    [
      'the second of two operations',
      'PATCH',
      jsonPatch,
      [
        { op: 'add', path: '/b', value: 1 },
        { op: 'remove', path: '/c' },
      ],
      409,
      'patch-conflict',
    ],
    [
      'a patch that leaves no object',
      'PATCH',
      jsonPatch,
      [{ op: 'replace', path: '', value: 1 }],
      409,
      'patch-conflict',
    ],
    ['values that are too large', 'PATCH', merge, { long }, 413, 'session-too-large'],
    ['a body that is far too large', 'PATCH', merge, 'x'.repeat(1_100_000), 413, 'too-large'],
    ['a version that is not there', 'PATCH', { ...merge, 'if-match': '"7"' }, {}, 412, 'changed-meanwhile'],
    ['a version that is none', 'PATCH', { ...merge, 'if-match': '"abc"' }, {}, 412, 'changed-meanwhile'],
    ['a weak version', 'PATCH', { ...merge, 'if-match': 'W/"1"' }, {}, 412, 'changed-meanwhile'],
    ['a version without quotes', 'PATCH', { ...merge, 'if-match': '1' }, {}, 400, 'bad-if-match'],
    ['a user that is none', 'PATCH', merge, { user: ['ada'] }, 422, 'bad-values'],
    ['what is no UTF-8', 'PATCH', merge, new Uint8Array([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]), 400, 'bad-body'],
    ['a user with a long name', 'PATCH', merge, { user: 'x'.repeat(257) }, 422, 'bad-values'],
    ['values that are no object', 'PUT', { 'if-match': '"1"' }, '[]', 400, 'bad-body'],
    ['an end with a condition', 'DELETE', { 'if-match': '"1"' }, undefined, 400, 'bad-if-match'],
    ['another method', 'OPTIONS', {}, undefined, 405, 'method-not-allowed'],
    ['no credential', 'PATCH', { ...merge, authorization: '' }, {}, 401, 'unauthorised'],
    ['somebody’s credential', 'PATCH', { ...merge, authorization: 'Bearer guess' }, {}, 401, 'unauthorised'],
    ['the credential of another pool', 'PATCH', { ...merge, ...api }, {}, 403, 'foreign-session'],
  ])('%s', async (_, method, headers, body, status, reason) => {
    const answer = await send(method, '/_weir/session', { ...session.named, ...headers }, body)
    expect([answer.status, answer.json.reason]).toEqual([status, reason])
    expect(answer.headers.get('content-type')).toBe('application/problem+json')
    expect(String(answer.json.detail).length).toBeGreaterThan(20)
    const after = await read(session)
    expect([after.json, after.headers.get('etag')]).toEqual([before, '"1"'])
  })

  test.each<[string, string, unknown, number, string]>([
    ['a lease without a holder', '/leases/a', { seconds: 1 }, 400, 'bad-body'],
    ['a lease for ever', '/leases/a', { holder: 'a', seconds: 1e9 }, 400, 'bad-body'],
    ['a lease with an odd name', '/leases/a%20b', { holder: 'a', seconds: 1 }, 400, 'bad-lease-name'],
    ['a new id for a patch that does not fit', '/regenerate', { user: 'x'.repeat(300) }, 422, 'bad-values'],
    ['what there is not', '/none', {}, 404, 'no-such-endpoint'],
  ])('%s', async (_, path, body, status, reason) => {
    const answer = await send('POST', `/_weir/session${path}`, { ...session.named, ...merge }, body)
    expect([answer.status, answer.json.reason]).toEqual([status, reason])
    expect((await read(session)).status).toBe(200)
  })

  test('a session that was never begun so', async () => {
    const answer = await send('POST', '/_weir/session', web, { values: { long } })
    expect([answer.status, answer.json.reason]).toEqual([413, 'session-too-large'])
    expect((await send('POST', '/_weir/session', web, { values: 1 })).json.reason).toBe('bad-body')
  })
})

describe('which session is meant', () => {
  beforeAll(beginAnew)
  const altered = (text: string) => `${text.slice(0, -2)}${text.endsWith('AA') ? 'BB' : 'AA'}`
  const odd: [string, (begun: Begun) => Record<string, string>][] = [
    ['nothing at all', () => ({})],
    ['an altered token', ({ named }) => ({ 'weir-session-token': altered(named['weir-session-token']) })],
    ['an altered cookie', ({ cookie }) => ({ cookie: altered(cookie) })],
    ['a cookie in the place of a token', ({ cookie }) => ({ 'weir-session-token': cookie.split('=')[1] ?? '' })],
    ['a token in the place of a cookie', ({ named }) => ({ cookie: `weir-session=${named['weir-session-token']}` })],
    [
      'the token of one session for another pool',
      ({ named }) => ({ 'weir-session-token': named['weir-session-token'].replace('.web.', '.api.') }),
    ],
    [
      'a token without its seal',
      ({ named }) => ({ 'weir-session-token': named['weir-session-token'].split('.').slice(0, 2).join('.') }),
    ],
    ['nonsense', () => ({ 'weir-session-token': '../../x' })],
  ]
  test.each(odd)('not said by %s', async (_, headersOf) => {
    const answer = await send('GET', '/_weir/session', { ...web, ...headersOf(session) })
    expect([answer.status, answer.json.reason]).toEqual([400, 'no-session-named'])
  })

  it('is each pool’s by a token of its own', async () => {
    const token = String((await toldOf(session.cookie, '/api/x'))['weir-session-token'])
    expect((await send('GET', '/_weir/session', { ...api, 'weir-session-token': token })).json).toMatchObject({
      user: 'ada',
    })
    expect((await send('GET', '/_weir/session', { ...web, 'weir-session-token': token })).status).toBe(403)
    expect((await send('GET', '/_weir/session', { ...admin, 'weir-session-token': token })).status).toBe(200)
  })
})

describe('the API of administrators', () => {
  beforeAll(beginAnew)
  test.each<[string, string, string, Record<string, string>, number, string]>([
    ['the credential of a pool', 'GET', '?user=ada', web, 401, 'unauthorised'],
    ['no user', 'DELETE', '', admin, 400, 'no-user-named'],
    ['an empty user', 'DELETE', '?user=', admin, 400, 'no-user-named'],
    ['two users', 'DELETE', '?user=ada&user=bob', admin, 400, 'no-user-named'],
    ['a page that is none', 'GET', '?user=ada&before=x', admin, 400, 'bad-page'],
    ['another method', 'POST', '?user=ada', admin, 405, 'method-not-allowed'],
  ])('refuses %s', async (_, method, query, headers, status, reason) => {
    const answer = await send(method, `/_weir/api/sessions${query}`, headers)
    expect([answer.status, answer.json.reason]).toEqual([status, reason])
    expect((await read(session)).status).toBe(200)
  })
})
