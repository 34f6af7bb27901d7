// The shared state as the Workers of the deployment use it: real objects, no HTTP.
import { env } from 'cloudflare:workers'
import { beforeAll, describe, expect, it, test } from 'vitest'
import { hotState } from '../../../workers/adapters/hot-state.ts'
import { objectState } from '../../../workers/adapters/object-state.ts'
import { type StatePorts, StateRefused, stateOf } from '../../../workers/client/state.ts'
import { createConfiguration } from '../../../workers/configuration.ts'
import { memorySources } from '../support/configurations.ts'
import { wakeShards } from '../support/shards.ts'

const now = () => Date.now()
const configuration = createConfiguration(memorySources(), () => 0)
configuration.adopt({
  version: 1,
  document: JSON.stringify({
    pools: { web: { origins: [{ url: 'http://127.0.0.1:9' }] } },
    routes: [{ path: '/*', pools: ['web'] }],
    state: { namespaces: { near: { consistency: 'bounded' }, brief: { ttlSeconds: 60, maxBytes: 10 } } },
  }),
})
const ports: StatePorts = { configuration, state: hotState(objectState(env.STATE, now), now), now }

beforeAll(wakeShards)

const carts = stateOf<string[]>('cart', ports)
const numbers = stateOf<number>('numbers', ports)

const problemOf = async (work: Promise<unknown>) => {
  const error = await work.then(() => undefined).catch((thrown: unknown) => thrown)
  return error instanceof StateRefused ? error.problem : undefined
}

describe('a value', () => {
  it('is put, read, replaced and removed', async () => {
    expect(await carts.get('ada')).toBeUndefined()
    const version = await carts.put('ada', ['pen'])
    expect(await carts.get('ada')).toEqual({ value: ['pen'], version })
    expect(await carts.put('ada', [])).toBeGreaterThan(version)
    expect([await carts.delete('ada'), await carts.delete('ada')]).toEqual([true, false])
    expect(await carts.get('ada')).toBeUndefined()
  })

  it('is compared and set', async () => {
    expect(await carts.compareAndSet('bob', 7, ['pen'])).toBeUndefined()
    const version = (await carts.compareAndSet('bob', undefined, ['pen']))!
    expect(await carts.compareAndSet('bob', undefined, ['ink'])).toBeUndefined()
    expect(await carts.compareAndSet('bob', version, ['ink'])).toBe(version + 1)
    expect(await carts.get('bob')).toMatchObject({ value: ['ink'] })
  })

  it('loses nothing to who updates it at the same time', async () => {
    const names = Array.from({ length: 30 }, (_, index) => `item ${index}`)
    await Promise.all(names.map((name) => carts.update('eve', (cart = []) => [...cart, name])))
    expect((await carts.get('eve'))!.value.toSorted()).toEqual(names.toSorted())
  })

  it('is read from memory where the namespace allows it, and one’s own write at once', async () => {
    const near = stateOf<number>('near', ports)
    await near.put('k', 1)
    await near.get('k')
    await near.put('k', 2)
    expect(await near.get('k')).toMatchObject({ value: 2 })
  })

  it('may have any text for a key', async () => {
    for (const key of ['a/b', 'a%2Fb', 'ä ?#', '..']) {
      await numbers.put(key, key.length)
      expect(await numbers.get(key)).toMatchObject({ value: key.length })
    }
  })
})

test('counters lose nothing, and stay in their bounds', async () => {
  await Promise.all(Array.from({ length: 100 }, () => numbers.add('count', 1)))
  expect(await numbers.add('count', 0)).toBe(100)
  expect(await numbers.add('count', -101, { min: 0 })).toBeUndefined()
  expect(await numbers.get('count')).toMatchObject({ value: 100 })
})

test('a lease is one’s own, and a late holder’s write is refused', async () => {
  const late = (await carts.lease('nightly', 'a', 60))!
  expect(await carts.lease('nightly', 'b', 60)).toBeUndefined()
  await carts.release('nightly', 'a')
  const next = (await carts.lease('nightly', 'b', 60))!
  expect(next.token).toBeGreaterThan(late.token)
  expect(await problemOf(carts.put('nightly', [], { fencingToken: late.token }))).toMatchObject({ status: 412 })
  expect(await carts.put('nightly', [], { fencingToken: next.token })).toBeGreaterThan(0)
})

describe('what makes no sense is refused with what an origin would be told', () => {
  const brief = stateOf<unknown>('brief', ports)
  test.each<[string, () => Promise<unknown>, object]>([
    ['an empty key', () => carts.put('', []), { status: 400 }],
    ['a long key', () => carts.put('k'.repeat(513), []), { status: 400 }],
    ['no namespace', () => stateOf('a/b', ports).put('k', 1), { status: 400 }],
    ['half a character', () => carts.put('\ud800', []), { status: 400 }],
    ['too large', () => brief.put('k', 'x'.repeat(9)), { status: 413, reason: 'too-large' }],
    ['no time', () => brief.put('k', 1, { ttlSeconds: 0 }), { status: 400 }],
    ['half a step', () => numbers.add('k', 0.5), { status: 400 }],
    ['a lease for good', () => carts.lease('k', 'me', 1e9), { status: 400 }],
    [
      'no number',
      () => carts.put('text', ['a']).then(() => stateOf<number>('cart', ports).add('text', 1)),
      { status: 409 },
    ],
  ])('%s', async (_, work, problem) => expect(await problemOf(work())).toMatchObject(problem))

  it('where it is a mistake of the program, it throws', async () => {
    await expect(brief.put('k', undefined)).rejects.toThrow(TypeError)
  })
})

test('where the objects do not answer nobody is told that something was done', async () => {
  const away = stateOf<number>('cart', {
    ...ports,
    state: { apply: async () => undefined, fill: async () => undefined, report: async () => new Map() },
  })
  expect(await problemOf(away.put('k', 1))).toMatchObject({ status: 503, reason: 'state-unavailable' })
  expect(await problemOf(away.get('k'))).toMatchObject({ status: 503 })
})
