// Accounts, on the wire of the service and in its table.
import { env } from 'cloudflare:workers'
import { beforeAll, describe, expect, it, test } from 'vitest'
import { isPassword, keepPassword } from '../../../workers/shop/account/password.ts'
import { migrateShop, shopUnderTest } from '../support/shop.ts'

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

test('a password is kept as what was derived from it, each with a salt of its own', async () => {
  const [one, other] = await Promise.all([keepPassword('correct horse'), keepPassword('correct horse')])
  expect(one).toMatch(/^pbkdf2-sha256\$100000\$[\w+/=]{24}\$[\w+/=]{44}$/)
  expect(one).not.toBe(other)
  const tried = [isPassword('correct horse', one), isPassword('correct horse ', one), isPassword('', undefined)]
  expect(await Promise.all(tried)).toEqual([true, false, false])
  const { results } = await env.SHOP.prepare('SELECT password FROM accounts').all<{ password: string }>()
  for (const { password } of results) expect(password).not.toContain('horse')
})
