// Accounts, on the wire of the service and in its table.
import { env } from 'cloudflare:workers'
import { beforeAll, describe, expect, it, test, vi } from 'vitest'
import type { StatePort } from '../../../workers/ports/state-port.ts'
import { attemptsBy, loginLimits, placeOf, registrationLimits } from '../../../workers/shop/account/attempts.ts'
import { isPassword, keepPassword } from '../../../workers/shop/account/password.ts'
import type { ShopContext } from '../../../workers/shop/service.ts'
import { migrateShop, type ShopClient, sharedState, shopUnderTest } from '../support/shop.ts'

beforeAll(migrateShop)

const shop = shopUnderTest()
const ada = { email: 'ada@example.com', password: 'correct horse', name: 'Ada' }

test('who registers is logged in, and is told so on the next request', async () => {
  const client = shop.client()
  const response = await client.ask('account', 'POST', '/api/account', ada)
  expect([response.status, response.headers.get('location')]).toEqual([201, '/api/account'])
  const { id } = await response.json<{ id: string }>()
  const known = await client.ask('account', 'GET', '/api/account')
  expect([known.status, known.headers.get('cache-control'), await known.json()]).toEqual([
    ...[200, 'no-store', { id, email: ada.email, name: 'Ada' }],
  ])
})

test('an address has one account, however it is written', async () => {
  const again = await shop.client().ask('account', 'POST', '/api/account', { ...ada, email: ' ADA@Example.com ' })
  expect([again.status, await again.json()]).toMatchObject([409, { reason: 'email-taken' }])
})

test('who logs in has a new session id, and keeps the cart', async () => {
  const client = shop.client()
  await env.SHOP.prepare(
    "INSERT INTO items VALUES ('tea', 'Tea', 'other', 'Here', 'Green', 500, 'GBP', 5, NULL, NULL, 1, 1, 1)",
  ).run()
  const before = await client.ask('checkout', 'PUT', '/api/cart/items/tea', { quantity: 2 })
  const response = await client.ask('account', 'POST', '/api/account/login', {
    email: ada.email,
    password: ada.password,
  })
  expect(response.status).toBe(200)
  expect(response.headers.get('set-cookie')).not.toBe(before.headers.get('set-cookie'))
  const cart = await client.ask('checkout', 'GET', '/api/cart')
  expect(await cart.json()).toMatchObject({ lines: [{ id: 'tea', quantity: 2, total: 1000 }], total: 1000 })
  const replayed = before.headers.get('set-cookie')!.split(';')[0]!
  const old = await client.ask('account', 'GET', '/api/account', undefined, { cookie: replayed })
  expect(old.status).toBe(401)
})

test('a wrong password and an unknown address are answered alike', async () => {
  const wrong = { email: ada.email, password: 'incorrect horse' }
  const unknown = { email: 'nobody@example.com', password: 'correct horse' }
  const answers = await Promise.all(
    [wrong, unknown].map((given) => shop.client().ask('account', 'POST', '/api/account/login', given)),
  )
  expect(answers.map(({ status }) => status)).toEqual([401, 401])
  expect(await answers[0]!.text()).toBe(await answers[1]!.text())
})

test('who logs out is nobody', async () => {
  const client = shop.client()
  await client.register()
  expect((await client.ask('account', 'POST', '/api/account/logout')).status).toBe(204)
  expect((await client.ask('account', 'GET', '/api/account')).status).toBe(401)
})

describe('guessing', () => {
  const from = (place: string) => ({ 'x-forwarded-for': place })
  const logIn = (client: ShopClient, password: string, place: string, email = ada.email) =>
    client.ask('account', 'POST', '/api/account/login', { email, password }, from(place))
  const guess = async (email: string, place: string) => {
    const answers = await Promise.all(
      Array.from({ length: 12 }, () => logIn(shop.client(), 'incorrect horse', place, email)),
    )
    const refused = answers.find(({ status }) => status === 429)!
    expect(refused.headers.get('retry-after')).toBe('900')
    return { statuses: answers.map(({ status }) => status).sort(), text: await refused.text() }
  }

  it('is bounded, however many guess at once, and takes nobody’s session', async () => {
    const [here, there] = ['203.0.113.7', '203.0.113.8']
    const client = shop.client()
    // Who is right has not guessed.
    for (let times = 0; times < 3; times++) expect((await logIn(client, ada.password, here)).status).toBe(200)
    const { statuses, text } = await guess(ada.email, here)
    expect(statuses).toEqual([...Array<number>(10).fill(401), 429, 429])
    expect((await logIn(shop.client(), ada.password, here)).status).toBe(429)
    // The stranger keeps nobody out who is elsewhere, or logged in.
    expect((await logIn(shop.client(), ada.password, there)).status).toBe(200)
    expect((await client.ask('account', 'GET', '/api/account', undefined, from(here))).status).toBe(200)
    // Nor is it heard who has an account.
    expect(await guess('nobody@example.com', here)).toEqual({ statuses, text })
  })

  const limits = [
    { of: 'a place', most: 3 },
    { of: 'an account', most: 2 },
  ]

  it('is bounded for a while, by each limit in turn', async () => {
    const windows = new Set<number | undefined>()
    const { state } = sharedState
    const heard: StatePort['apply'] = (operation, ...given) => {
      if (operation.kind === 'add') windows.add(operation.ttlSeconds)
      return state.apply(operation, ...given)
    }
    const attempts = attemptsBy({ ...sharedState, state: { ...state, apply: heard } })
    const begun: string[] = []
    for (const each of [limits, limits, limits, limits.slice(0, 1), limits.slice(1)]) {
      begun.push((await attempts.begin(each)).kind)
    }
    expect([begun.join(' '), [...windows]]).toEqual(['allowed allowed refused refused refused', [900]])
    const [first] = loginLimits('ada@example.com', '203.0.113.9')
    expect(first).toEqual({ of: 'login from 203.0.113.9', most: 100 })
    expect(loginLimits('ada@example.com', undefined).map(({ most }) => most)).toEqual([10, 100])
  })

  it('is not bounded where the shared state does not answer', async () => {
    const away = { ...sharedState, state: { ...sharedState.state, apply: async () => undefined } }
    const warnings = vi.spyOn(console, 'warn').mockReturnValue()
    expect((await attemptsBy(away).begin([{ of: 'all', most: 0 }])).kind).toBe('allowed')
    warnings.mockRestore()
  })

  it('registers so many from one place', async () => {
    const place = from('203.0.113.10')
    const attempts = attemptsBy(sharedState)
    for (let times = 0; times < 50; times++) await attempts.begin(registrationLimits('203.0.113.10'))
    const refused = await shop.client().ask('account', 'POST', '/api/account', ada, place)
    expect([refused.status, await refused.json()]).toMatchObject([429, { reason: 'too-many-attempts' }])
  })

  it.each([
    ['198.51.100.1', '198.51.100.1'],
    ['198.51.100.1, 10.0.0.1', '198.51.100.1'],
    ['2001:db8:0:1::7', '2001:db8:0:1'],
    ['2001:0DB8::1:2:3:4:5', '2001:db8:0:1'],
    ['2001:db8::7', '2001:db8:0:0'],
    ['::1', '0:0:0:0'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2'],
  ])('%s is from %s', (field, place) => {
    const context = { req: { header: () => field } } as unknown as ShopContext
    expect(placeOf(context)).toBe(place)
  })
})

describe('what cannot be used is refused, and says why', () => {
  it.each([
    ['no address', { ...ada, email: 'ada' }, 'email', 'must be an address such as "ada@example.com"'],
    [
      ...(['an address that is too long', { ...ada, email: `a@${'.'.repeat(60_000)}@` }] as const),
      ...(['email', 'must have 254 characters at most'] as const),
    ],
    ['a short password', { ...ada, password: 'horse' }, 'password', 'must have 10 characters at least'],
    ['no name', { ...ada, name: ' ' }, 'name', 'must not be empty'],
  ])('%s', async (_, given, path, message) => {
    const response = await shop.client().ask('account', 'POST', '/api/account', given)
    expect([response.status, response.headers.get('content-type')]).toEqual([422, 'application/problem+json'])
    expect(await response.json()).toMatchObject({ reason: 'invalid', errors: [{ path, message }] })
  })

  it('what is no JSON', async () => {
    const form = await shop.client().ask('account', 'POST', '/api/account', new URLSearchParams(ada))
    const broken = { 'content-type': 'application/json' }
    const text = await shop.client().ask('account', 'POST', '/api/account', new URLSearchParams('{'), broken)
    const long = await shop.client().ask('account', 'POST', '/api/account', { ...ada, name: 'a'.repeat(70_000) })
    expect([form.status, text.status, long.status]).toEqual([415, 400, 413])
  })
})

test('what is there for another method says for which, and what is not there says so', async () => {
  const wrong = await shop.client().ask('account', 'PUT', '/api/account', ada)
  const absent = await shop.client().ask('account', 'GET', '/api/accounts')
  expect([wrong.status, wrong.headers.get('allow'), absent.status]).toEqual([405, 'GET, POST', 404])
  expect([await wrong.json(), await absent.json()]).toMatchObject([
    ...[{ reason: 'method-not-allowed' }, { reason: 'not-found' }],
  ])
})

test('a password is kept as what was derived from it, each with a salt of its own', async () => {
  const [one, other] = await Promise.all([keepPassword('correct horse'), keepPassword('correct horse')])
  expect(one).toMatch(/^pbkdf2-sha256\$100000\$[\w+/=]{24}\$[\w+/=]{44}$/)
  expect(one).not.toBe(other)
  const tried = [isPassword('correct horse', one), isPassword('correct horse ', one), isPassword('', undefined)]
  expect(await Promise.all(tried)).toEqual([true, false, false])
  const { results } = await env.SHOP.prepare('SELECT password FROM accounts').all<{ password: string }>()
  for (const { password } of results) expect(password).not.toContain('horse')
})
