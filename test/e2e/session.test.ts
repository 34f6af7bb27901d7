// Sessions on the wire: three origins that keep nothing, in front of which the gateway keeps the carts.
import { mkdtemp, rm } from 'node:fs/promises'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished, test } from 'vitest'
import { startLocalGateway } from '../../workers/cli/local-gateway.ts'
import { type Asked, ask, reply } from './support/cache.ts'
import { adminToken, startGateway, type TestGateway } from './support/gateway.ts'
import { deadUrl, startOrigin, type TestOrigin } from './support/origin.ts'

type Told = Record<string, string>

let origins: TestOrigin[]
let shadow: TestOrigin
let gateway: TestGateway

/** What origins have been sent, the latest last. */
const seen: IncomingMessage[] = []

/** Answers as the query says: each `Weir-…` parameter is a header of the answer, as `cache` is its Cache-Control. */
function act(name: string, request: IncomingMessage, response: ServerResponse): void {
  seen.push(request)
  const { searchParams } = new URL(request.url!, 'http://origin.test')
  const headers: Told = {}
  for (const [key, value] of searchParams) {
    if (/^weir-/i.test(key)) headers[key] = value
    if (key === 'cache') headers['cache-control'] = value
  }
  const status = Number(searchParams.get('status') ?? 200)
  reply(response, `${name}: ${request.headers['weir-session'] ?? 'nothing'}`, headers, status)
}

const names = ['a', 'b', 'c']

const configuration = (sessions: object = {}): object => ({
  pools: {
    web: { origins: names.map((id, index) => ({ id, url: origins[index]!.url })), policy: 'round-robin' },
    dead: { origins: [{ url: deadUrl }] },
    shadow: { origins: [{ url: shadow.url }] },
    hashed: {
      origins: names.map((id, index) => ({ id, url: origins[index]!.url })),
      policy: 'hash',
      hashOn: 'session',
    },
  },
  routes: [
    { id: 'plain', path: '/plain/*', pools: ['web'] },
    { id: 'two', path: '/two/*', pools: ['dead', 'web'], session: true, mirror: { pool: 'shadow', percent: 100 } },
    { id: 'forced', path: '/forced/*', pools: ['web'], session: true, cache: { mode: 'force', ttlSeconds: 60 } },
    { id: 'hashed', path: '/hashed/*', pools: ['hashed'], session: true },
    { id: 'shop', path: '/*', pools: ['web'], session: true },
  ],
  sessions,
})

beforeAll(async () => {
  origins = await Promise.all(names.map((name) => startOrigin((request, response) => act(name, request, response))))
  shadow = await startOrigin((request, response) => act('shadow', request, response))
  gateway = await startGateway(configuration(), new URL('workers/sessions.ts', import.meta.url).pathname)
})

afterAll(async () => {
  await gateway?.close()
  await Promise.all([...origins, shadow].map((origin) => origin.close()))
})

beforeEach(() => {
  seen.length = 0
  names.forEach((name, index) => {
    origins[index]!.handle = (request, response) => act(name, request, response)
  })
})

/** Until the test is over. */
const configure = async (document: object) => {
  await gateway.configure(document)
  onTestFinished(() => gateway.configure(configuration()))
}

const query = (said: Told): string => new URLSearchParams(said).toString()

/** A client that keeps its cookies. */
function client(cookie?: string) {
  const browser = {
    cookie,
    async send(path: string, init: RequestInit & { headers?: Told } = {}): Promise<Asked> {
      const own: Told = browser.cookie === undefined ? {} : { cookie: browser.cookie }
      const asked = await ask(gateway.url + path, { ...init, headers: { ...own, ...init.headers } })
      const set = asked.headers.get('set-cookie')?.split(';')[0]
      if (set !== undefined) browser.cookie = set.endsWith('=') ? undefined : set
      return asked
    },
    /** Has the origin say this of the session. */
    say: (said: Told, init: RequestInit & { headers?: Told } = { method: 'POST' }) =>
      browser.send(`/say?${query(said)}`, init),
    /** What an origin gets of the session. */
    holds: async () => (await browser.send('/show')).text.slice(3),
  }
  return browser
}

/** One that has a session with these values. */
async function visitor(values = 'cart="3"') {
  const browser = client()
  await browser.say({ 'weir-session-set': values })
  return browser
}

const forward = (ms: number) => fetch(`${gateway.url}/_clock?ms=${ms}`)
const failing = (what: string) => fetch(`${gateway.url}/_objects?fail=${what}`)
const callsSoFar = async () => ((await (await fetch(`${gateway.url}/_objects`)).json()) as { calls: number }).calls
const reasonOf = ({ text }: Asked): string => JSON.parse(text).reason

describe('a session', () => {
  it('begins with the first value, and not before', async () => {
    const browser = client()
    expect((await browser.send('/show')).headers.get('set-cookie')).toBeNull()
    await browser.say({ 'weir-session-delete': 'cart', 'weir-session-regenerate': '?1', 'weir-session-destroy': '?0' })
    await browser.say({ 'weir-session-destroy': '?1' })
    expect(browser.cookie).toBeUndefined()
    const first = await browser.say({ 'weir-session-set': 'cart="3", user="ada", admin=?0' })
    expect(first.headers.get('set-cookie')).toMatch(
      /^weir-session=[\w-]{24}\.[\w-]{43}; Path=\/; Max-Age=43200; HttpOnly; SameSite=Lax$/,
    )
    expect(first.headers.get('cache-control')).toBe('private')
    expect(await browser.holds()).toBe('cart="3", user="ada", admin=?0')
  })

  it('over TLS has a cookie for one host alone', async () => {
    const tls = { 'test-tls': '1' }
    const browser = client()
    const first = await browser.say({ 'weir-session-set': 'a=1' }, { headers: tls })
    expect(first.headers.get('set-cookie')).toMatch(
      /^__Host-weir-session=\S+; Path=\/; .*HttpOnly; SameSite=Lax; Secure$/,
    )
    expect((await browser.send('/show', { headers: tls })).text).toContain('a=1')
    const bare = { ...tls, cookie: browser.cookie!.replace('__Host-', '') }
    expect((await client().send('/show', { headers: bare })).text).toContain('nothing')
    const asAdmin = { ...tls, authorization: `Bearer ${adminToken}` }
    expect((await browser.send('/_weir/session', { headers: asAdmin })).text).toBe('{"a":1}')
    expect((await client().send('/_weir/session', { headers: { ...asAdmin, ...bare } })).status).toBe(400)
  })

  it('is one cookie for all of its life: it is set once, and reaches no origin', async () => {
    const browser = await visitor()
    const before = browser.cookie!
    const again = await browser.send(`/say?${query({ 'weir-session-set': 'b=2' })}`, {
      method: 'POST',
      headers: { cookie: `x=1; ${before}; y="2,3"` },
    })
    expect(again.headers.get('set-cookie')).toBeNull()
    expect(seen.at(-1)!.headers.cookie).toBe('x=1; y="2,3"')
    await browser.send('/plain/x')
    expect(seen.at(-1)!.headers).not.toHaveProperty('cookie')
    expect(await browser.holds()).toBe('cart="3", b=2')
    // As two fields of one name come.
    await browser.send('/show', { headers: { cookie: `x=1, ${before}` } })
    expect(seen.at(-1)!.headers).toMatchObject({ cookie: 'x=1', 'weir-session': 'cart="3", b=2' })
  })

  it('is told of with its version and a token, and with nothing where there is none', async () => {
    const browser = await visitor()
    await browser.say({ 'weir-session-set': 'b=2' })
    await browser.holds()
    expect(seen.at(-1)!.headers).toMatchObject({
      'weir-session': 'cart="3", b=2',
      'weir-session-version': '2',
      'weir-session-token': expect.stringMatching(/^[\w-]{24}\.web\.[\w-]{43}$/),
    })
    await client().send('/show')
    expect(Object.keys(seen.at(-1)!.headers).filter((name) => name.startsWith('weir-'))).toEqual([])
  })

  it('is told of to each pool by a token of its own, and to one that only watches by none', async () => {
    const browser = await visitor()
    const mirrored = Promise.withResolvers<IncomingMessage>()
    shadow.handle = (request, response) => {
      mirrored.resolve(request)
      reply(response, 'shadow', { 'weir-session-set': 'cart="9"' })
    }
    await browser.send('/two/x')
    expect(seen.at(-1)!.headers['weir-session-token']).toContain('.web.')
    const { headers } = await mirrored.promise
    expect(headers).toMatchObject({ 'weir-session': 'cart="3"' })
    expect(headers).not.toHaveProperty('weir-session-token')
    expect(await browser.holds()).toBe('cart="3"')
  })

  it('takes no client at its word', async () => {
    const forged = { 'weir-session': 'user="evil"', 'weir-session-token': 'x', 'Weir-Session-Version': '1' }
    for (const browser of [client(), await visitor()]) {
      await browser.send('/show', { headers: forged })
      const told = seen.at(-1)!.rawHeaders.join(' ')
      expect(told).not.toMatch(/evil|weir-session-token x/i)
    }
  })

  it('keeps values of all kinds, and gives them back as they were', async () => {
    const said =
      'a="x", b=?0, c, d=7, e=1.5, f=token, g=(1 2 "c"), h=%"caf%c3%a9", i="[{\\"id\\":1}]";json, j="null";json, k=()'
    const browser = await visitor(said)
    expect(await browser.holds()).toBe(said.replace('f=token', 'f="token"'))
  })

  it('has values deleted, and set anew where both is said', async () => {
    const browser = await visitor('a=1, b=2, c=3')
    await browser.say({ 'weir-session-delete': 'a, "b"', 'weir-session-set': 'b=4' })
    expect(await browser.holds()).toBe('c=3, b=4')
  })

  it('is destroyed with its cookie, and refused from then on', async () => {
    const browser = await visitor()
    const before = browser.cookie
    const last = await browser.say({ 'weir-session-destroy': '?1', 'weir-session-set': 'a=1' })
    expect(last.headers.get('set-cookie')).toBe('weir-session=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax')
    expect(await client(before).holds()).toBe('nothing')
  })

  it('leaves out of its header what does not fit, and says what', async () => {
    await configure(configuration({ headerBytes: 256 }))
    const browser = await visitor(`big="${'x'.repeat(300)}", user="ada"`)
    await browser.holds()
    expect(seen.at(-1)!.headers).toMatchObject({ 'weir-session': 'user="ada"', 'weir-session-omitted': '"big"' })
  })

  it('decides by whom it is answered, where that is hashed', async () => {
    const answerers = new Set<string>()
    for (let time = 0; time < 8; time++) {
      const browser = await visitor()
      const texts = []
      for (let again = 0; again < 3; again++) texts.push((await browser.send('/hashed/x')).text[0])
      expect(new Set(texts).size).toBe(1)
      answerers.add(texts[0]!)
    }
    expect(answerers.size).toBeGreaterThan(1)
  })
})

describe('a flow of one user', () => {
  it('goes on with the third origin when the other two are dead', async () => {
    const own = await Promise.all(names.map((name) => startOrigin((request, response) => act(name, request, response))))
    const pools = {
      web: {
        origins: own.map(({ url }, index) => ({ id: names[index], url })),
        policy: 'round-robin',
        retry: { tries: 3 },
      },
    }
    await configure({ pools, routes: [{ path: '/*', pools: ['web'], session: true }] })
    const browser = client()
    const login = await browser.say({ 'weir-session-set': 'user="ada"' })
    const added = await browser.say({ 'weir-session-set': 'cart=("apple")' })
    expect(login.text[0]).not.toBe(added.text[0])
    const dead = own.filter((_, index) => [login.text[0], added.text[0]].includes(names[index]))
    await Promise.all(dead.map((origin) => origin.close()))
    for (let time = 0; time < 4; time++) expect(await browser.holds()).toBe('user="ada", cart=("apple")')
    const add = { method: 'POST', headers: { 'idempotency-key': 'pear' } }
    await browser.say({ 'weir-session-set': 'cart=("apple" "pear")' }, add)
    expect(await browser.holds()).toBe('user="ada", cart=("apple" "pear")')
    await Promise.all(own.filter((origin) => !dead.includes(origin)).map((origin) => origin.close()))
  })

  it('has another id after the login, and the old one is refused', async () => {
    const browser = await visitor()
    const before = browser.cookie
    const login = await browser.say({ 'weir-session-set': 'user="ada"', 'weir-session-regenerate': '?1' })
    expect(login.headers.get('set-cookie')).toMatch(/^weir-session=/)
    expect(browser.cookie).not.toBe(before)
    expect(await browser.holds()).toBe('cart="3", user="ada"')
    expect(await client(before).holds()).toBe('nothing')
  })

  it('is not fixed by whoever knew its cookie before: neither values nor changes of it meet', async () => {
    const victim = await visitor()
    const thief = client(victim.cookie)
    await victim.say({ 'weir-session-set': 'user="ada"', 'weir-session-regenerate': '?1' })
    await thief.say({ 'weir-session-set': 'cart="99"' })
    expect(thief.cookie).not.toBe(victim.cookie)
    expect(await thief.holds()).toBe('cart="99"')
    expect(await victim.holds()).toBe('cart="3", user="ada"')
  })

  it('ends while it is idle, and does not while it is used', async () => {
    const browser = await visitor()
    for (let time = 0; time < 4; time++) {
      await forward(1_500_000)
      expect(await browser.holds()).toBe('cart="3"')
    }
    await forward(1_981_000)
    expect(await browser.holds()).toBe('nothing')
    const before = browser.cookie
    await browser.say({ 'weir-session-set': 'cart="1"' })
    expect(browser.cookie).not.toBe(before)
  })

  it('ends at its absolute end, however it is used', async () => {
    await configure(configuration({ idleSeconds: 60, absoluteSeconds: 120 }))
    const browser = await visitor()
    await forward(50_000)
    await browser.say({ 'weir-session-set': 'user="ada"', 'weir-session-regenerate': '?1' })
    await forward(50_000)
    expect(await browser.holds()).toBe('cart="3", user="ada"')
    await forward(21_000)
    expect(await browser.holds()).toBe('nothing')
  })
})

describe('a cookie', () => {
  test.each<[string, (cookie: string) => string]>([
    ['with another signature', (cookie) => cookie.replace(/.$/, (last) => (last === 'A' ? 'E' : 'A'))],
    ['with another id', (cookie) => cookie.replace(/=(.)/, (_, first) => (first === 'A' ? '=B' : '=A'))],
    ['that is made up', () => `weir-session=${'A'.repeat(24)}.${'A'.repeat(43)}`],
    ['that is cut', (cookie) => cookie.slice(0, -3)],
    ['without a signature', (cookie) => cookie.split('.')[0]!],
    ['that comes twice', (cookie) => `${cookie}; ${cookie}`],
    ['that is empty', () => 'weir-session='],
    ['that is very long', (cookie) => `${cookie}${'A'.repeat(5000)}`],
    ['of a token', () => `weir-session=${String(seen.at(-1)!.headers['weir-session-token'])}`],
  ])('%s is as none, and no object is called for it', async (_, change) => {
    const browser = await visitor()
    await browser.holds()
    const stolen = client(change(browser.cookie!))
    const before = await callsSoFar()
    expect(await stolen.holds()).toBe('nothing')
    expect(await callsSoFar()).toBe(before)
    await stolen.say({ 'weir-session-set': 'cart="0"' })
    expect(await stolen.holds()).toBe('cart="0"')
    expect(await browser.holds()).toBe('cart="3"')
  })
})

describe('what is cached', () => {
  it('is not what was made for somebody who has a session', async () => {
    const browser = await visitor('name="ada"')
    const path = `/page?${query({ cache: 'public, max-age=60' })}`
    const own = await browser.send(path)
    expect(own.cache).toBe('weir; fwd=bypass; fwd-status=200; detail=session')
    expect(own.headers.get('cache-control')).toBe('max-age=60, private')
    const other = await client().send(path)
    expect(other).toMatchObject({
      cache: expect.stringContaining('fwd=uri-miss'),
      text: expect.stringContaining('nothing'),
    })
    expect((await client().send(path)).cache).toContain('hit')
    expect(await browser.send(path)).toMatchObject({ cache: own.cache, text: expect.stringContaining('ada') })
  })

  it('is no answer to what somebody who has a session has posted, whatever it is the content of', async () => {
    const browser = await visitor('name="ada"')
    const fields = { 'cache-control': 'public, max-age=9000000', 'content-location': '/posted' }
    for (const origin of origins) {
      origin.handle = ({ headers }, response) => reply(response, `${headers['weir-session'] ?? 'nothing'}`, fields)
    }
    expect((await browser.send('/posted', { method: 'POST' })).text).toContain('ada')
    expect(await client().send('/posted')).toMatchObject({
      cache: expect.stringContaining('uri-miss'),
      text: 'nothing',
    })
    expect((await client().send('/posted', { method: 'POST' })).text).toBe('nothing')
    expect((await client().send('/posted')).cache).toContain('hit')
  })

  it('is not so by force either', async () => {
    const browser = await visitor('name="ada"')
    expect((await browser.send('/forced/a')).text).toContain('ada')
    expect((await client().send('/forced/a')).text).toContain('nothing')
    expect((await client().send('/forced/a')).cache).toContain('hit')
    expect((await browser.send('/forced/a')).text).toContain('ada')
  })

  test.each(['/page', '/forced/page', '/plain/page'])(
    'is no answer that says something of a session: %s',
    async (path) => {
      const said = query({ 'weir-session-set': 'a=1', cache: 'public, max-age=60', at: path })
      const answers = await Promise.all(Array.from({ length: 5 }, () => client().send(`${path}?${said}`)))
      const cookies = answers.map(({ headers }) => headers.get('set-cookie')).filter((cookie) => cookie !== null)
      const isSession = path !== '/plain/page'
      expect(new Set(cookies).size).toBe(isSession ? 5 : 0)
      for (const { headers, cache } of answers) {
        expect(cache).not.toContain('hit')
        expect([...headers.keys()].filter((name) => name.startsWith('weir-session'))).toEqual([])
        expect(headers.get('cache-control')).toBe('max-age=60, private')
      }
      expect(seen).toHaveLength(5)
      expect((await client().send(`${path}?${said}`)).cache).toContain('detail=hit-for-miss')
    },
  )

  it('begins no session for nobody, where an origin is asked behind what is stale', async () => {
    const fields = { 'cache-control': 'max-age=60, stale-while-revalidate=9000000' }
    const saying = (more: Told) => (request: IncomingMessage, response: ServerResponse) => {
      seen.push(request)
      reply(response, 'page', { ...fields, ...more })
    }
    for (const origin of origins) origin.handle = saying({})
    await client().send('/behind')
    for (const origin of origins) origin.handle = saying({ 'weir-session-set': 'a=1' })
    await forward(61_000)
    const before = await callsSoFar()
    expect((await client().send('/behind')).cache).toContain('; hit; ')
    await expect.poll(() => seen.length).toBe(2)
    for (const origin of origins) origin.handle = saying({})
    await client().send('/behind/next')
    expect(await callsSoFar()).toBe(before)
  })

  it('is not changed by a 304 that says something of a session', async () => {
    const path = `/etag?${query({ cache: 'public, max-age=1' })}`
    const withEtag = (status: number, more: Told) => (request: IncomingMessage, response: ServerResponse) => {
      seen.push(request)
      response.writeHead(status, { etag: '"1"', 'cache-control': 'public, max-age=0, stale-if-error=0', ...more })
      response.end(status === 304 ? undefined : 'stored')
    }
    for (const origin of origins) origin.handle = withEtag(200, { 'content-length': '6' })
    await client().send(path)
    for (const origin of origins) origin.handle = withEtag(304, { 'weir-session-set': 'a=1' })
    const browser = client()
    const answer = await browser.send(path)
    expect(answer).toMatchObject({ status: 200, text: 'stored' })
    expect(answer.headers.get('cache-control')).toContain('private')
    expect(answer.headers.get('weir-session-set')).toBeNull()
    await browser.send('/show')
    expect(seen.at(-1)!.headers['weir-session']).toBe('a=1')
  })
})

describe('a change', () => {
  test.each([
    ['a set that is none', { 'weir-session-set': 'cart=' }, 'weir-session-set'],
    ['a set of bytes', { 'weir-session-set': 'cart=:AAAA:' }, 'weir-session-set'],
    ['a set with odd keys', { 'weir-session-set': 'Cart=1' }, 'weir-session-set'],
    ['bad JSON', { 'weir-session-set': 'cart="{";json' }, 'weir-session-set'],
    ['a deletion that is none', { 'weir-session-delete': '1, 2' }, 'weir-session-delete'],
    ['a word for a yes', { 'weir-session-regenerate': 'yes' }, 'weir-session-regenerate'],
    ['a number for a yes', { 'weir-session-destroy': '1' }, 'weir-session-destroy'],
    ['a version that is none', { 'weir-session-set': 'a=1', 'weir-session-if-match': 'last' }, 'weir-session-if-match'],
    [
      'one that is wrong beside one that is right',
      { 'weir-session-set': 'a=1', 'weir-session-delete': '"' },
      'weir-session-delete',
    ],
  ])('that cannot be read changes nothing: %s', async (_, said, field) => {
    const browser = await visitor()
    const answer = await browser.say(said)
    expect(answer.status).toBe(502)
    expect(JSON.parse(answer.text)).toMatchObject({
      reason: 'bad-session-header',
      detail: expect.stringContaining(field),
    })
    expect(answer.headers.get('set-cookie')).toBeNull()
    expect(await browser.holds()).toBe('cart="3"')
  })

  it('that is too large changes nothing', async () => {
    await configure(configuration({ maxBytes: 1024 }))
    const browser = await visitor()
    const answer = await browser.say({ 'weir-session-set': `cart="${'x'.repeat(1100)}"` })
    expect([answer.status, reasonOf(answer)]).toEqual([502, 'session-too-large'])
    expect(await browser.holds()).toBe('cart="3"')
    const other = client()
    expect((await other.say({ 'weir-session-set': `cart="${'x'.repeat(1100)}"` })).status).toBe(502)
    expect(other.cookie).toBeUndefined()
  })

  it('that ends a session of another version than the origin has seen is refused', async () => {
    const browser = await visitor()
    const said = (version: string) => ({ 'weir-session-destroy': '?1', 'weir-session-if-match': version })
    expect((await browser.say(said('7'))).status).toBe(409)
    expect(await browser.holds()).toBe('cart="3"')
    expect((await browser.say(said('1'))).status).toBe(200)
    expect(browser.cookie).toBeUndefined()
  })

  it('of another version than the origin has seen is refused', async () => {
    const browser = await visitor()
    const said = { 'weir-session-set': 'cart="4"', 'weir-session-if-match': '1' }
    expect((await browser.say(said)).status).toBe(200)
    const second = await browser.say(said)
    expect(second.status).toBe(409)
    expect(JSON.parse(second.text)).toMatchObject({ reason: 'session-changed', version: 2 })
    expect((await client().say(said)).status).toBe(409)
    expect(await browser.holds()).toBe('cart="4"')
  })

  test.each<[string, Told]>([
    ['set', { 'weir-session-set': 'cart="99"' }],
    ['regenerate', { 'weir-session-regenerate': '?1' }],
    ['destroy', { 'weir-session-destroy': '?1' }],
  ])('is refused where the session was replaced while it was made: %s', async (_, said) => {
    const browser = await visitor()
    const old = client(browser.cookie)
    const waiting = Promise.withResolvers<void>()
    const arrived = Promise.withResolvers<void>()
    for (const origin of origins) {
      origin.handle = async (request, response) => {
        if (request.url?.startsWith('/slow')) {
          arrived.resolve()
          await waiting.promise
        }
        act('x', request, response)
      }
    }
    const slow = old.send(`/slow?${query(said)}`, { method: 'POST' })
    await arrived.promise
    await browser.say({ 'weir-session-regenerate': '?1' })
    waiting.resolve()
    const answer = await slow
    expect([answer.status, reasonOf(answer)]).toEqual([409, 'session-replaced'])
    expect(answer.headers.get('set-cookie')).toBeNull()
    expect(await browser.holds()).toBe('cart="3"')
  })

  it('of which many come at once is never lost: each goes by the version that it has read', async () => {
    const browser = await visitor('count=0')
    for (const origin of origins) {
      origin.handle = (request, response) => {
        const { 'weir-session': held = '', 'weir-session-version': version } = request.headers
        last = String(held)
        const count = Number(/count=(\d+)/.exec(last)?.[1])
        reply(response, 'added', {
          'weir-session-set': `count=${count + 1}`,
          'weir-session-if-match': String(version),
        })
      }
    }
    let last: string | undefined
    let left = 200
    const work = async () => {
      while (left > 0) {
        left--
        for (;;) {
          const { status } = await browser.send('/add', { method: 'POST' })
          if (status === 200) break
          expect(status).toBe(409)
        }
      }
    }
    await Promise.all(Array.from({ length: 2 }, work))
    await browser.send('/add')
    expect(last).toBe('count=200')
  })
})

describe('an object', () => {
  beforeEach(() => failing(''))

  it('is not called for who has no session, and once for who has one', async () => {
    const browser = await visitor()
    const before = await callsSoFar()
    await client().send('/show')
    await browser.send('/plain/x')
    expect(await callsSoFar()).toBe(before)
    await browser.send('/show')
    expect(await callsSoFar()).toBe(before + 1)
  })

  it('that hangs keeps no page from its client for long', async () => {
    const browser = await visitor()
    await failing('read-hangs')
    expect((await browser.send('/show')).status).toBe(200)
    await failing('')
    expect(await browser.holds()).toBe('cart="3"')
  })

  it('that cannot be read keeps no page from its client, and loses no cart', async () => {
    const browser = await visitor()
    const cookie = browser.cookie
    await failing('read-throws')
    const page = await browser.send('/show')
    expect([page.status, page.text.slice(3)]).toEqual([200, 'nothing'])
    expect(page.cache).toContain('detail=session')
    expect(page.headers.get('cache-control')).toBe('no-store')
    expect(seen.at(-1)!.headers).toMatchObject({ 'weir-session-unavailable': '?1' })
    const written = await browser.send(`/say?${query({ 'weir-session-set': 'cart="1"' })}`)
    expect([written.status, reasonOf(written)]).toEqual([503, 'session-unavailable'])
    const count = seen.length
    const posted = await browser.say({ 'weir-session-set': 'cart="1"' })
    expect([posted.status, reasonOf(posted)]).toEqual([503, 'session-unavailable'])
    expect(seen).toHaveLength(count)
    await failing('')
    expect(browser.cookie).toBe(cookie)
    expect(await browser.holds()).toBe('cart="3"')
  })

  test.each(['create-throws', 'create-hangs'])('that cannot begin one sets no cookie: %s', async (how) => {
    await failing(how)
    const browser = client()
    const answer = await browser.say({ 'weir-session-set': 'a=1' })
    expect([answer.status, reasonOf(answer), browser.cookie]).toEqual([503, 'session-unavailable', undefined])
  })

  it('whose answer to a login is lost loses no cart: it is asked whether it was done', async () => {
    const browser = await visitor()
    const before = browser.cookie
    await failing('regenerate-lost')
    const login = await browser.say({ 'weir-session-set': 'user="ada"', 'weir-session-regenerate': '?1' })
    expect(login.status).toBe(200)
    expect(await browser.holds()).toBe('cart="3", user="ada"')
    expect(await client(before).holds()).toBe('nothing')
  })

  it('whose answer to a change is lost has made it once, and nobody is told otherwise', async () => {
    const browser = await visitor()
    await failing('write-lost')
    const changed = await browser.say({ 'weir-session-set': 'cart="4"' })
    expect(changed.status).toBe(200)
    await browser.send('/show')
    expect(seen.at(-1)!.headers).toMatchObject({ 'weir-session': 'cart="4"', 'weir-session-version': '2' })
  })

  test.each([
    ['write-throws', { 'weir-session-set': 'cart="9"' }],
    ['regenerate-throws', { 'weir-session-set': 'cart="9"', 'weir-session-regenerate': '?1' }],
    ['adopt-lost', { 'weir-session-set': 'cart="9"', 'weir-session-regenerate': '?1' }],
  ])('that fails at a change leaves the session as it was: %s', async (how, said) => {
    const browser = await visitor()
    const cookie = browser.cookie
    await failing(how)
    const answer = await browser.say(said)
    expect([answer.status, reasonOf(answer)]).toEqual([503, 'session-unavailable'])
    await failing('')
    expect(browser.cookie).toBe(cookie)
    expect(await browser.holds()).toBe('cart="3"')
  })
})

it('says in an explanation what became of the session', async () => {
  const asked = { authorization: `Bearer ${adminToken}`, 'weir-explain': '?1' }
  const browser = await visitor()
  const explained = async (of: ReturnType<typeof client>, path: string) =>
    (await of.send(path, { headers: asked })).headers.get('weir-explain')
  expect(await explained(browser, '/show')).toMatch(/verdict=pass, .*session=held, .*why="the request has a session/)
  expect(await explained(client(), '/show')).toContain('session=none')
  expect(await explained(browser, '/plain/x')).not.toContain('session=')
})

it('outlives the gateway', async () => {
  const stateFolder = await mkdtemp(join(tmpdir(), 'weir-session-'))
  onTestFinished(() => rm(stateFolder, { recursive: true, force: true }))
  const options = { document: JSON.stringify(configuration()), port: 0, adminToken, stateFolder }
  const first = await startLocalGateway(options)
  const said = query({ 'weir-session-set': 'cart="3"' })
  const begun = await ask(`${first.url}/say?${said}`, { method: 'POST' })
  await first.close()
  const second = await startLocalGateway(options)
  onTestFinished(() => second.close())
  const cookie = begun.headers.get('set-cookie')!.split(';')[0]!
  expect((await ask(`${second.url}/show`, { headers: { cookie } })).text).toContain('cart="3"')
})
