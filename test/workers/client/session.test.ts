// Sessions in the Workers of the deployment, over the real objects.
import { env } from 'cloudflare:workers'
import { Hono } from 'hono'
import { beforeAll, describe, expect, it, test, vi } from 'vitest'
import { parseDocument } from '../../../shared/config/parse.ts'
import { noPurges } from '../../../shared/purge.ts'
import { makeSnapshot } from '../../../shared/snapshot.ts'
import { objectSessions } from '../../../workers/adapters/object-sessions.ts'
import { webCryptoSeal } from '../../../workers/adapters/web-crypto-seal.ts'
import { type SessionVariables, session as sessionMiddleware } from '../../../workers/client/hono.ts'
import { type SessionPorts, SessionRefused, sessionOf } from '../../../workers/client/session.ts'
import { openSession, sessionToken } from '../../../workers/session/session-cookie.ts'

interface Shop {
  cart: string[]
  count: number
  user: string
}

const parsed = parseDocument({
  pools: { web: { origins: [{ url: 'http://127.0.0.1:9' }] } },
  routes: [{ path: '/*', pools: ['web'] }],
  sessions: { maxBytes: 1024 },
})
if (!parsed.ok) throw new Error(JSON.stringify(parsed.error))
const snapshot = makeSnapshot(1, parsed.value.config, noPurges, () => 0)

const now = () => Date.now()
const objects = objectSessions(env.SESSIONS, now)
const ports: SessionPorts = {
  configuration: { held: () => snapshot, load: async () => snapshot },
  sessions: objects,
  seal: webCryptoSeal('a secret'),
  now,
}

// The first call waits for the Worker to be loaded.
beforeAll(async () => {
  await env.SESSIONS.getByName('first').describe(now())
})

/** The session of a client that shows this cookie. */
const shownBy = (cookie = '', over: SessionPorts = ports) =>
  sessionOf<Shop>(new Request('http://shop.test/', { headers: { cookie } }), over)

/** What a client has in its jar after an answer. */
const cookieOf = (response: Response) => response.headers.get('set-cookie')?.split(';')[0] ?? ''

async function begun(values: Partial<Shop> = { cart: [] }): Promise<string> {
  const session = shownBy()
  await session.set(values)
  return cookieOf(session.passOn(new Response()))
}

/** The objects, and how often they were called. */
function counted() {
  const calls: string[] = []
  const counting = Object.fromEntries(
    Object.entries(objects).map(([name, call]) => [
      name,
      (...given: unknown[]) => {
        calls.push(name)
        return (call as (...given: unknown[]) => unknown)(...given)
      },
    ]),
  ) as unknown as SessionPorts['sessions']
  return { calls, ports: { ...ports, sessions: counting } }
}

describe('a session', () => {
  it('is begun by the first value, and passed on once', async () => {
    const session = shownBy()
    expect(await session.values()).toEqual({})
    expect(session.passOn(new Response()).headers.has('set-cookie')).toBe(false)
    await session.set({ cart: ['a'] })
    const response = session.passOn(new Response('ok', { headers: { 'cache-control': 'public, max-age=60' } }))
    expect(response.headers.get('set-cookie')).toMatch(
      /^weir-session=[\w.-]+; Path=\/; Max-Age=\d+; HttpOnly; SameSite=Lax$/,
    )
    expect(response.headers.get('cache-control')).toBe('max-age=60, private')
    const next = shownBy(cookieOf(response))
    expect(await next.get('cart')).toEqual(['a'])
    expect(next.passOn(new Response()).headers.has('set-cookie')).toBe(false)
  })

  it('is not begun for nothing', async () => {
    const { calls, ports } = counted()
    const session = shownBy('', ports)
    await session.delete('cart')
    await session.set({})
    await session.regenerate()
    await session.destroy()
    expect(await session.get('user')).toBeUndefined()
    expect(calls).toEqual([])
  })

  it('is changed in each of the ways', async () => {
    const session = shownBy(await begun({ cart: ['a'], count: 1 }))
    await session.patch([{ op: 'add', path: '/cart/-', value: 'b' }])
    await session.patch({ count: null, user: 'ada' })
    expect(await session.values()).toEqual({ cart: ['a', 'b'], user: 'ada' })
    await session.delete('cart')
    await session.set({ count: 2 })
    expect(await session.values()).toEqual({ user: 'ada', count: 2 })
  })

  it('costs one call for all that is read of it', async () => {
    const cookie = await begun({ cart: ['a'], count: 1 })
    const { calls, ports } = counted()
    const session = shownBy(cookie, ports)
    await Promise.all([session.get('cart'), session.get('count'), session.values()])
    expect(calls).toEqual(['read'])
    await session.set({ count: 2 })
    expect(await session.get('count')).toBe(2)
    expect(calls).toEqual(['read', 'write'])
  })

  it('is that of the request that the gateway passes on', async () => {
    const id = (await openSession(ports.seal, (await begun({ user: 'ada' })).split('=')[1] ?? '')) ?? ''
    const headers = { 'weir-session-token': await sessionToken(ports.seal, id, 'web'), 'x-forwarded-proto': 'https' }
    const session = sessionOf<Shop>(new Request('http://shop.test/', { headers }), ports)
    expect(await session.get('user')).toBe('ada')
    await session.regenerate({ user: 'bob' })
    expect(session.passOn(new Response()).headers.get('set-cookie')).toMatch(/^__Host-weir-session=.*; Secure$/)
  })

  it('goes on under a new id, and the old one is nobody’s', async () => {
    const old = await begun({ cart: ['a'] })
    const session = shownBy(old)
    await session.regenerate({ user: 'ada' })
    const cookie = cookieOf(session.passOn(new Response()))
    expect(await shownBy(cookie).values()).toEqual({ cart: ['a'], user: 'ada' })
    expect(await shownBy(old).values()).toEqual({})
    const replayed = shownBy(old)
    await replayed.set({ count: 1 })
    expect([old, cookie]).not.toContain(cookieOf(replayed.passOn(new Response())))
  })

  it('ends', async () => {
    const cookie = await begun()
    const session = shownBy(cookie)
    await session.destroy()
    expect(session.passOn(new Response()).headers.get('set-cookie')).toMatch(/^weir-session=; .*Max-Age=0/)
    expect(await shownBy(cookie).values()).toEqual({})
  })

  test('who count at once lose no count', async () => {
    const cookie = await begun({ count: 0 })
    const add = () => shownBy(cookie).update(({ count = 0 }) => ({ count: count + 1 }))
    for (let round = 0; round < 3; round++) await Promise.all(Array.from({ length: 10 }, add))
    expect(await shownBy(cookie).get('count')).toBe(30)
  })
})

describe('what is refused throws, and changes nothing', () => {
  const problemOf = async (work: Promise<unknown>) => {
    const error = await work.then(
      () => undefined,
      (error) => error,
    )
    expect(error).toBeInstanceOf(SessionRefused)
    return (error as SessionRefused).problem
  }

  test.each<[string, (session: ReturnType<typeof shownBy>) => Promise<unknown>, number, string]>([
    ['values that are too large', (session) => session.set({ cart: ['x'.repeat(2000)] }), 413, 'session-too-large'],
    [
      'a test that fails',
      (session) => session.patch([{ op: 'test', path: '/cart/0', value: 'b' }]),
      409,
      'patch-conflict',
    ],
    [
      'an update without an end',
      (session) => session.update(() => ({ cart: ['x'.repeat(2000)] })),
      413,
      'session-too-large',
    ],
    [
      'a new id for values that are too large',
      (session) => session.regenerate({ cart: ['x'.repeat(2000)] }),
      413,
      'session-too-large',
    ],
  ])('%s', async (_, change, status, reason) => {
    const cookie = await begun({ cart: ['a'] })
    expect(await problemOf(change(shownBy(cookie)))).toMatchObject({ status, reason })
    expect(await shownBy(cookie).values()).toEqual({ cart: ['a'] })
  })

  test('a patch that is none is a mistake', async () => {
    const cookie = await begun({ cart: ['a'] })
    const patch = [{ op: 'add', path: 'cart', value: 1 }] as const
    await expect(shownBy(cookie).patch(patch)).rejects.toThrow(TypeError)
    expect(await shownBy(cookie).values()).toEqual({ cart: ['a'] })
  })

  test('a session that was replaced meanwhile', async () => {
    const cookie = await begun({ cart: ['a'] })
    const slow = shownBy(cookie)
    await slow.values()
    await shownBy(cookie).regenerate()
    expect(await problemOf(slow.set({ count: 1 }))).toMatchObject({ status: 409, reason: 'session-replaced' })
    expect(await problemOf(slow.destroy())).toMatchObject({ status: 404, reason: 'no-session' })
    expect(slow.passOn(new Response()).headers.has('set-cookie')).toBe(false)
  })

  test('a session that was replaced after the gateway has read it, before anything was read here', async () => {
    const cookie = await begun({ cart: ['a'] })
    const id = (await openSession(ports.seal, cookie.split('=')[1] ?? '')) ?? ''
    const headers = { 'weir-session-token': await sessionToken(ports.seal, id, 'web') }
    await shownBy(cookie).regenerate()
    const slow = sessionOf<Shop>(new Request('http://shop.test/', { headers }), ports)
    expect(await slow.values()).toEqual({})
    expect(await problemOf(slow.set({ count: 1 }))).toMatchObject({ status: 409, reason: 'session-replaced' })
    expect(await problemOf(slow.update(() => ({ count: 1 })))).toMatchObject({ status: 409 })
    expect(slow.passOn(new Response()).headers.has('set-cookie')).toBe(false)
  })

  test('objects that do not answer', async () => {
    const cookie = await begun()
    const away = async () => undefined
    const silent = { ...ports, sessions: { ...objects, read: away, write: away, create: away, destroy: away } }
    for (const work of [
      shownBy(cookie, silent).values(),
      shownBy('', silent).set({ count: 1 }),
      shownBy(cookie, { ...silent, sessions: { ...silent.sessions, read: objects.read } }).destroy(),
    ]) {
      expect(await problemOf(work)).toMatchObject({ status: 503, reason: 'session-unavailable' })
    }
  })
})

describe('in a Hono app', () => {
  const app = new Hono<{ Variables: SessionVariables<Shop> }>()
  app.use(sessionMiddleware<Shop>(ports))
  app.onError((_, context) => context.text('broken', 500))
  app.get('/', async (context) => context.json(await context.var.session.values()))
  app.post('/cart/:item', async (context) => {
    const { session } = context.var
    await session.update(({ cart = [] }) => ({ cart: [...cart, context.req.param('item')] }))
    return context.text('added', 201)
  })
  app.post('/floating', (context) => {
    void context.var.session.set({ count: 7 })
    return context.text('ok')
  })
  app.post('/floating-large', (context) => {
    void context.var.session.set({ cart: ['x'.repeat(2000)] }).catch(() => undefined)
    return context.text('ok')
  })
  app.post('/large', async (context) => {
    await context.var.session.set({ cart: ['x'.repeat(2000)] })
    return context.text('ok')
  })
  app.post('/heeded', async (context) => {
    const { session } = context.var
    await session.set({ cart: ['x'.repeat(2000)] }).catch(() => session.set({ user: 'short' }))
    return context.text('ok')
  })
  app.post('/broken', () => {
    throw new Error('a bug')
  })

  const ask = async (method: string, path: string, cookie = '') => app.request(path, { method, headers: { cookie } })

  it('is there for each handler, and the client goes on with it', async () => {
    const first = await ask('POST', '/cart/a')
    expect(first.status).toBe(201)
    const cookie = cookieOf(first)
    const second = await ask('POST', '/cart/b', cookie)
    expect(second.headers.has('set-cookie')).toBe(false)
    expect(await (await ask('GET', '/', cookie)).json()).toEqual({ cart: ['a', 'b'] })
  })

  it('has all that was begun done before the answer goes out', async () => {
    const answer = await ask('POST', '/floating')
    expect(await shownBy(cookieOf(answer)).get('count')).toBe(7)
  })

  test.each([
    ['/large', 413, '"reason": "session-too-large"'],
    ['/floating-large', 413, '"reason": "session-too-large"'],
    ['/heeded', 200, 'ok'],
    ['/broken', 500, 'broken'],
  ])('what was refused is told: %s', async (path, status, text) => {
    const answer = await ask('POST', path)
    expect(answer.status).toBe(status)
    expect(await answer.text()).toContain(text)
    expect(answer.headers.get('content-type')).toContain(status === 413 ? 'application/problem+json' : 'text/plain')
  })
})

test('nobody is called for a cookie that is not the gateway’s', async () => {
  const { calls, ports: counting } = counted()
  vi.spyOn(console, 'warn').mockReturnValue()
  for (const cookie of ['weir-session=abc', `${await begun()}x`, '__Host-weir-session=abc.def']) {
    expect(await shownBy(cookie, counting).values()).toEqual({})
  }
  expect(calls).toEqual([])
})
