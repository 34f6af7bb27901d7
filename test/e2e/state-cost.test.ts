// What the shared state costs in calls of the platform, counted in workerd: one call of an object for each operation,
// and none for what a bounded namespace has in the isolate's memory.
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Calls, type CallsCounter, startCallsCounter } from '../bench/calls.ts'

const token = 'a-token-for-tests'
const none: Calls = { match: 0, put: 0, delete: 0, kv: 0, d1: 0, objects: 0, fetch: 0 }
const one = { ...none, objects: 1, cacheStatus: '' }

let counter: CallsCounter

beforeAll(async () => {
  counter = await startCallsCounter(
    {
      pools: { web: { origins: [{ url: 'http://127.0.0.1:9' }] } },
      routes: [{ path: '/*', pools: ['web'] }],
      state: { namespaces: { near: { consistency: 'bounded', staleSeconds: 3600 } } },
    },
    token,
  )
  await callsOf('cart/first')
})

afterAll(() => counter?.close())

const callsOf = (path: string, init: RequestInit = {}) =>
  counter.callsOf(`/_weir/state/${path}`, { ...init, headers: { authorization: `Bearer ${token}` } })

test.each<[string, RequestInit]>([
  ['GET', {}],
  ['HEAD', { method: 'HEAD' }],
  ['PUT', { method: 'PUT', body: '1' }],
  ['counting', { method: 'POST', body: '{"add": 1}' }],
  ['a lease', { method: 'POST', body: '{"lease": {"holder": "me", "seconds": 5}}' }],
  ['DELETE', { method: 'DELETE' }],
])('%s is one call of one object, whatever the consistency', async (_, init) => {
  await callsOf('near/k', { method: 'PUT', body: '1' })
  expect(await callsOf('near/k', init)).toEqual(one)
  expect(await callsOf('cart/k', init)).toEqual(one)
  expect(await callsOf('cart/k', init)).toEqual(one)
})

test('what is in memory is none; what is not there is remembered too', async () => {
  for (const path of ['near/known', 'near/unknown']) {
    if (path === 'near/known') await callsOf(path, { method: 'PUT', body: '1' })
    expect(await callsOf(path)).toEqual(one)
    expect(await callsOf(path)).toEqual({ ...one, objects: 0 })
    await callsOf(path, { method: 'PUT', body: '2' })
    expect(await callsOf(path)).toEqual(one)
  }
})

test.each<[string, RequestInit]>([
  ['cart/', {}],
  ['cart/k?ttl=0', { method: 'PUT', body: '1' }],
  ['cart/k', { method: 'PUT', body: 'x'.repeat(131_073) }],
  ['cart/k', { method: 'POST', body: '{' }],
  ['cart/k', { method: 'PATCH', body: '1' }],
])('what makes no sense touches no object: %s %j', async (path, init) => {
  expect(await callsOf(path, init)).toEqual({ ...one, objects: 0 })
})
