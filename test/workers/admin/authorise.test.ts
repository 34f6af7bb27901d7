import { describe, expect, it, test } from 'vitest'
import { parseDocument } from '../../../shared/config/parse.ts'
import { noPurges } from '../../../shared/purge.ts'
import { makeSnapshot } from '../../../shared/snapshot.ts'
import { callerOf } from '../../../workers/admin/authorise.ts'
import { memorySources } from '../support/configurations.ts'
import { configUrl, gatewayOn, token } from '../support/gateway.ts'

const statusOf = async (authorization: string | undefined, url = configUrl) => {
  const headers = authorization === undefined ? {} : { authorization }
  const gateway = gatewayOn(memorySources())
  return (await gateway.ask(url, { headers: { authorization: '', ...headers } })).status
}

// An empty configuration answers 404 to whoever may ask.
const open = 404

describe('RFC 6750 §2.1: whoever shows the token may ask', () => {
  test.each<[string, string | undefined, number]>([
    ['the token', `Bearer ${token}`, open],
    ['the scheme in any case', `bearer ${token}`, open],
    ['more space', `Bearer   ${token}  `, open],
    ['nothing', undefined, 401],
    ['an empty field', '', 401],
    ['the scheme alone', 'Bearer', 401],
    ['the scheme and space', 'Bearer ', 401],
    ['the token alone', token, 401],
    ['another token', 'Bearer another', 401],
    ['the beginning of the token', `Bearer ${token.slice(0, -1)}`, 401],
    ['the token and more', `Bearer ${token}x`, 401],
    ['the token in another case', `Bearer ${token.toUpperCase()}`, 401],
    ['another scheme', `Basic ${token}`, 401],
    ['two tokens', `Bearer ${token} ${token}`, 401],
    ['two fields', `Bearer ${token}, Bearer ${token}`, 401],
    ['something before', `x Bearer ${token}`, 401],
    ['no space', `Bearer${token}`, 401],
    ['a tab', `Bearer\t${token}`, 401],
    ['an equals sign', `Bearer=${token}`, 401],
    ['in quotes', `Bearer "${token}"`, 401],
  ])('%s', async (_, authorization, verdict) => expect(await statusOf(authorization)).toBe(verdict))
})

describe('without a token configured nobody may', () => {
  test.each<[string, string | undefined, string]>([
    ['whatever is shown', undefined, `Bearer ${token}`],
    ['the word undefined', undefined, 'Bearer undefined'],
    ['an empty one shown', undefined, 'Bearer '],
    ['an empty one configured', '', 'Bearer '],
    ['an empty one configured, and nothing shown', '', ''],
  ])('%s', async (_, adminToken, authorization) => {
    const gateway = gatewayOn(memorySources(), { adminToken })
    const response = await gateway.ask(configUrl, { headers: { authorization } })
    expect(response.status).toBe(403)
    expect(await response.json()).toMatchObject({ reason: 'admin-closed' })
  })
})

test('RFC 9110 §11.6.1: a refusal names the scheme, and nothing of the token', async () => {
  const response = await gatewayOn(memorySources()).ask(configUrl, { headers: { authorization: 'Bearer guess' } })
  expect(response.headers.get('www-authenticate')).toBe('Bearer realm="weir"')
  expect(response.headers.get('content-type')).toBe('application/problem+json')
  expect(await response.text()).not.toContain(token)
})

describe('every path of the admin API asks for it', () => {
  test.each(['', '/', '/config', '/config/', '/config/x', '/purge', '/none', '//config', '/%63onfig'])(
    '/_weir/api%s',
    async (path) => {
      const url = `http://gateway.test/_weir/api${path}`
      expect(await statusOf(undefined, url)).toBe(401)
      expect(await statusOf('Bearer no', url)).toBe(401)
    },
  )

  it('whatever the method', async () => {
    for (const method of ['GET', 'HEAD', 'PUT', 'POST', 'DELETE', 'OPTIONS']) {
      const sources = memorySources()
      const response = await gatewayOn(sources).ask(configUrl, { method, headers: { authorization: 'Bearer no' } })
      expect(response.status).toBe(401)
      expect(sources.database.reads).toBe(0)
    }
  })
})

describe('whose credential it is', async () => {
  const hex = (bytes: ArrayBuffer) => Array.from(new Uint8Array(bytes), (byte) => byte.toString(16).padStart(2, '0'))
  const digestOf = async (text: string) =>
    `sha256:${hex(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text))).join('')}`
  const snapshotOf = (document: unknown) => {
    const parsed = parseDocument(document)
    if (!parsed.ok) throw new Error(JSON.stringify(parsed.error))
    return makeSnapshot(1, parsed.value.config, noPurges, () => 0)
  }
  const pool = async (...texts: string[]) => ({
    origins: [{ url: 'http://127.0.0.1:9001' }],
    credentials: await Promise.all(texts.map(digestOf)),
  })
  const snapshot = snapshotOf({
    pools: { web: await pool('first', 'second'), api: await pool('third'), none: await pool() },
    routes: [{ path: '/*', pools: ['web', 'api', 'none'] }],
  })
  const web = { kind: 'pool', pool: 'web' }

  test.each<[string, string | undefined, unknown]>([
    ['the admin token', `Bearer ${token}`, { kind: 'admin' }],
    ['a credential', 'Bearer first', web],
    ['another of the same pool', 'bearer second', web],
    ['one of another pool', 'Bearer third', { kind: 'pool', pool: 'api' }],
    ['nobody’s', 'Bearer fourth', undefined],
    ['the digest itself', `Bearer ${await digestOf('first')}`, undefined],
    ['the name of the pool', 'Bearer web', undefined],
    ['nothing', undefined, undefined],
  ])('%s', async (_, authorization, caller) => expect(await callerOf(token, authorization, snapshot)).toEqual(caller))

  test('without an admin token the credentials are good all the same', async () => {
    expect(await callerOf(undefined, 'Bearer first', snapshot)).toEqual(web)
    expect(await callerOf('', 'Bearer ', snapshot)).toBeUndefined()
  })
  test('without a configuration there is the token alone', async () => {
    expect(await callerOf(token, `Bearer ${token}`, undefined)).toEqual({ kind: 'admin' })
    expect(await callerOf(token, 'Bearer first', undefined)).toBeUndefined()
  })
})
