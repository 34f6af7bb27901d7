// Who somebody is: accounts, and logging in and out. Whoever logs in goes on with a new session id and what was in the cart.
// How often somebody may guess a password is bounded (attempts.ts).
import { eq } from 'drizzle-orm'
import * as z from 'zod'
import type { Problem } from '../../problem.ts'
import { newId } from '../new-id.ts'
import type { ShopPorts } from '../ports.ts'
import { Refused, readJson, serviceApp, userOf, withSession } from '../service.ts'
import { attemptsBy, loginLimits, placeOf, registrationLimits } from './attempts.ts'
import { isPassword, keepPassword } from './password.ts'
import { accounts } from './tables.ts'

const email = z
  .string('must be an address such as "ada@example.com"')
  .trim()
  .toLowerCase()
  // What is longer is not matched: that takes the square of its length.
  .max(254, { error: 'must have 254 characters at most', abort: true })
  .regex(/^[^\s@]+@[^\s@]+\.[^\s@]+$/, 'must be an address such as "ada@example.com"')

const password = z
  .string('must be a text')
  .min(10, 'must have 10 characters at least')
  .max(200, 'must have 200 characters at most')

const registration = z.strictObject({
  email,
  password,
  name: z.string('must be a text').trim().min(1, 'must not be empty').max(80, 'must have 80 characters at most'),
})

const login = z.strictObject({
  email,
  password: z.string('must be a text').max(200, 'must have 200 characters at most'),
})

export function accountService(ports: ShopPorts) {
  const { database, now } = ports
  const attempts = attemptsBy(ports.state)
  const app = serviceApp('account')
  app.use(withSession(ports))

  app.get('/api/account', async (context) => {
    const id = await userOf(context)
    const { value } = await context.var.view.read(database, (db) =>
      db.select().from(accounts).where(eq(accounts.id, id)).limit(1),
    )
    const [account] = value
    if (account === undefined) throw new Refused(noAccount)
    return context.json({ id, email: account.email, name: account.name })
  })

  app.post('/api/account', async (context) => {
    const { password: typed, ...known } = await readJson(context, registration)
    const attempt = await attempts.begin(registrationLimits(placeOf(context)))
    if (attempt.kind === 'refused') throw new Refused(tooMany(attempt.retryAfterSeconds))
    const account = { id: newId(), ...known, password: await keepPassword(typed), createdAt: now() }
    const added = await context.var.view.write(database, (db) =>
      db.insert(accounts).values(account).onConflictDoNothing().returning({ id: accounts.id }),
    )
    if (added.length === 0) throw new Refused(taken)
    const { id, name } = account
    await context.var.session.regenerate({ user: id, name })
    return context.json({ id, ...known }, 201, { location: '/api/account' })
  })

  app.post('/api/account/login', async (context) => {
    const given = await readJson(context, login)
    const attempt = await attempts.begin(loginLimits(given.email, placeOf(context)))
    if (attempt.kind === 'refused') throw new Refused(tooMany(attempt.retryAfterSeconds))
    // Somebody may have registered a moment ago, in another session.
    const { value } = await context.var.view.latest(database, (db) =>
      db.select().from(accounts).where(eq(accounts.email, given.email)).limit(1),
    )
    const [account] = value
    const isRight = await isPassword(given.password, account?.password)
    if (account === undefined || !isRight) throw new Refused(wrong)
    const { id, name } = account
    await Promise.all([context.var.session.regenerate({ user: id, name }), attempts.takeBack(attempt.counters)])
    return context.json({ id, email: account.email, name })
  })

  app.post('/api/account/logout', async (context) => {
    await context.var.session.destroy()
    return context.body(null, 204)
  })

  return app
}

const taken: Problem = {
  status: 409,
  reason: 'email-taken',
  detail: 'There is an account with this address already: log in, or take another address.',
}

const wrong: Problem = {
  status: 401,
  reason: 'wrong-login',
  detail: 'No account has this address and password.',
  headers: { 'www-authenticate': 'Session realm="shop"' },
}

/** The same whether there is such an account or not. */
const tooMany = (seconds: number): Problem => ({
  status: 429,
  reason: 'too-many-attempts',
  detail: `This was tried too often: try again in ${seconds / 60} minutes. Whoever is logged in stays so.`,
  headers: { 'retry-after': String(seconds) },
})

const noAccount: Problem = {
  status: 401,
  reason: 'no-account',
  detail: 'The account of this session does not exist any more: log out.',
}
