// What callers of /_weir/session hear where the objects behind it hang or fail: within a bound, and that nothing is known
// to have been done.
import { afterEach, beforeEach, describe, expect, it, test, vi } from 'vitest'
import { objectSessionIndex } from '../../../workers/adapters/object-session-index.ts'
import { objectSessions } from '../../../workers/adapters/object-sessions.ts'
import { gatewayApp } from '../../../workers/admin/gateway-app.ts'
import type { Named } from '../../../workers/env.ts'
import { newSessionId, sealSession } from '../../../workers/session/session-cookie.ts'
import { holdBackground } from '../support/background.ts'
import { memorySources, never, patiently, record } from '../support/configurations.ts'
import { servicesOn, token } from '../support/gateway.ts'

/** Objects whose every method does this. */
const objectsThat = <T extends object>(act: () => Promise<never>): Named<T> => ({
  getByName: () => new Proxy({} as T, { get: () => act }),
})

async function ask(
  act: () => Promise<never>,
  method: string,
  path: string,
  body?: string,
  scheme = 'http',
): Promise<Response> {
  const services = servicesOn(memorySources())
  const { configuration, now, seal } = services
  configuration.adopt(record(1))
  const [sessions, sessionIndex] = [objectSessions(objectsThat(act), now), objectSessionIndex(objectsThat(act))]
  const app = gatewayApp({ ...services, sessions, sessionIndex })
  const headers = {
    authorization: `Bearer ${token}`,
    cookie: `weir-session=${await sealSession(seal, newSessionId())}`,
    'if-match': '*',
    'content-type': 'application/json',
  }
  const init = { method, headers, ...(body !== undefined && { body }) }
  return app(new Request(`${scheme}://gateway.test${path}`, init), holdBackground().background)
}

beforeEach(() => {
  vi.useFakeTimers()
  vi.spyOn(console, 'warn').mockReturnValue()
})
afterEach(() => {
  vi.useRealTimers()
  vi.restoreAllMocks()
})

describe.each<[string, () => Promise<never>]>([
  ['hang', never],
  ['fail', () => Promise.reject(new Error('This object is lost.'))],
])('objects that %s', (_, act) => {
  test.each<[method: string, path: string, body: string | undefined, reason: string]>([
    ['GET', '/_weir/session', undefined, 'session-unavailable'],
    ['PUT', '/_weir/session', '{}', 'session-unavailable'],
    ['PATCH', '/_weir/session', '{}', 'session-unavailable'],
    ['DELETE', '/_weir/session', undefined, 'session-unavailable'],
    ['POST', '/_weir/session', '{}', 'session-unavailable'],
    ['POST', '/_weir/session/regenerate', undefined, 'session-unavailable'],
    ['POST', '/_weir/session/leases/a', '{"holder": "me", "seconds": 1}', 'session-unavailable'],
    ['DELETE', '/_weir/session/leases/a?holder=me', undefined, 'session-unavailable'],
    ['GET', '/_weir/session/all', undefined, 'session-unavailable'],
    ['GET', '/_weir/api/sessions?user=ada', undefined, 'sessions-unavailable'],
    ['DELETE', '/_weir/api/sessions?user=ada', undefined, 'sessions-not-ended'],
  ])('%s %s is told so', async (method, path, body, reason) => {
    const response = await patiently(ask(act, method, path, body))
    expect(response.status).toBe(503)
    expect(Number(response.headers.get('retry-after'))).toBeGreaterThan(0)
    expect(await response.json()).toMatchObject({ reason })
  })
})

it('over TLS goes by no cookie that another host may have set', async () => {
  const response = await ask(never, 'GET', '/_weir/session', undefined, 'https')
  expect(response.status).toBe(400)
  expect(await response.json()).toMatchObject({ reason: 'no-session-named' })
})
