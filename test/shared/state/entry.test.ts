import fc from 'fast-check'
import { describe, expect, it, test } from 'vitest'
import { applied, changesAt, current, type Entry, highest } from '../../../shared/state/entry.ts'
import type { Operation, Reply } from '../../../shared/state/operation.ts'

const bytes = (text: string) => new TextEncoder().encode(text)
const content = (text: string) => ({ type: 'text/plain', bytes: bytes(text) })
const text = (entry: Entry | undefined) => entry?.content && new TextDecoder().decode(entry.content.bytes)

type Without<T> = T extends unknown ? Omit<T, 'namespace' | 'key' | 'write'> : never
type Short = Without<Operation>

const full = (operation: Short) => ({ namespace: 'n', key: 'k', write: 'none', ...operation }) as Operation

/** A key with a row and the floor of its bucket, as an object keeps them. */
function keyWith(start: Entry | undefined = undefined, startFloor = 0) {
  let entry = start
  let floor = startFloor
  return {
    get entry() {
      return entry
    },
    get floor() {
      return floor
    },
    ask(operation: Short, now = 0): Reply {
      const { reply, next, floor: left = 0 } = applied(entry, floor, full(operation), now)
      if (next === undefined) floor = Math.max(floor, left)
      entry = next
      return reply
    },
    tidy(now: number): void {
      const next = current(entry, now)
      if (entry !== undefined && next === undefined) floor = Math.max(floor, highest(entry))
      entry = next
    },
  }
}

const put = (value: string, more: object = {}): Short => ({ kind: 'put', content: content(value), ...more })
const read: Short = { kind: 'read' }
const remove: Short = { kind: 'remove' }
const add = (by: number, more: object = {}): Short => ({ kind: 'add', by, ...more })
const lease = (holder: string, seconds = 10): Short => ({ kind: 'lease', holder, seconds })

describe('preconditions, RFC 9110 §13.1', () => {
  const refused = (version: number | undefined) => ({ kind: 'refused', because: 'changed', version })
  test.each<[string, Entry | undefined, object, object]>([
    ['If-Match of what is there', { version: 3, content: content('a') }, { ifMatch: [1, 3] }, { kind: 'written' }],
    ['If-Match of what was there', { version: 3, content: content('a') }, { ifMatch: [2] }, refused(3)],
    ['If-Match of tags that are none', { version: 3, content: content('a') }, { ifMatch: [] }, refused(3)],
    [
      'If-Match: * where there is something',
      { version: 3, content: content('a') },
      { ifMatch: 'any' },
      { kind: 'written' },
    ],
    ['If-Match: * where there is nothing', undefined, { ifMatch: 'any' }, refused(undefined)],
    ['If-Match where there is nothing', undefined, { ifMatch: [3] }, refused(undefined)],
    ['If-Match of a removal', { version: 3 }, { ifMatch: [3] }, refused(undefined)],
    ['If-Match: * where there is only a lease', { version: 3 }, { ifMatch: 'any' }, refused(undefined)],
    ['If-None-Match: * where there is nothing', undefined, { ifNoneMatch: 'any' }, { kind: 'written', created: true }],
    [
      'If-None-Match: * where there is something',
      { version: 3, content: content('a') },
      { ifNoneMatch: 'any' },
      refused(3),
    ],
    ['If-None-Match of another', { version: 3, content: content('a') }, { ifNoneMatch: [2] }, { kind: 'written' }],
    ['both', { version: 3, content: content('a') }, { ifMatch: [3], ifNoneMatch: [3] }, refused(3)],
    [
      'If-Match of what has expired',
      { version: 3, content: content('a'), expiresAt: 0 },
      { ifMatch: [3] },
      refused(undefined),
    ],
  ])('%s', (_, entry, conditions, reply) => {
    for (const operation of [put('b', conditions), { ...remove, ...conditions }]) {
      const key = keyWith(entry)
      const expected =
        operation.kind === 'remove' && 'kind' in reply && reply.kind === 'written'
          ? { kind: expect.stringMatching(/removed|absent/) }
          : reply
      expect(key.ask(operation)).toMatchObject(expected)
      if ('because' in reply) expect(key.entry).toBe(entry)
    }
  })
})

describe('time to live', () => {
  it('ends at its instant, and not before', () => {
    const key = keyWith()
    expect(key.ask(put('a', { ttlSeconds: 5 }), 1000)).toMatchObject({ expiresAt: 6000 })
    expect(changesAt(key.entry!)).toBe(6000)
    expect(key.ask(read, 5999)).toMatchObject({ kind: 'found', expiresAt: 6000 })
    expect(key.ask(read, 6000)).toEqual({ kind: 'absent' })
  })

  it('is taken back by a PUT without one', () => {
    const key = keyWith()
    key.ask(put('a', { ttlSeconds: 5 }))
    key.ask(put('b'))
    expect(key.ask(read, 1e12)).toMatchObject({ kind: 'found' })
    expect(changesAt(key.entry!)).toBeUndefined()
  })

  it('of a counter begins with it, and begins again after it', () => {
    const key = keyWith()
    expect(key.ask(add(1, { ttlSeconds: 5 }), 0)).toMatchObject({ value: 1, expiresAt: 5000 })
    expect(key.ask(add(1, { ttlSeconds: 5 }), 4000)).toMatchObject({ value: 2, expiresAt: 5000 })
    expect(key.ask(add(1, { ttlSeconds: 5 }), 5000)).toMatchObject({ value: 1, expiresAt: 10_000 })
  })
})

describe('counters', () => {
  test.each<[string, string, number, object]>([
    ['a number', '41', 1, { value: 42 }],
    ['a negative one', '-2', 1, { value: -1 }],
    ['one with space around', ' 7\n', 1, { value: 8 }],
    ['minus nothing', '-0', 0, { value: 0 }],
    ['leading zeros', '007', 1, { value: 8 }],
    ['the largest', '9007199254740990', 1, { value: 9007199254740991 }],
    ['beyond the largest', '9007199254740991', 1, { because: 'out-of-bounds', value: 9007199254740991 }],
    ['what is larger already', '9007199254740992', -1, { because: 'no-number' }],
    ['a plus', '+1', 1, { because: 'no-number' }],
    ['an exponent', '1e3', 1, { because: 'no-number' }],
    ['a hexadecimal one', '0x10', 1, { because: 'no-number' }],
    ['a fraction', '1.0', 1, { because: 'no-number' }],
    ['nothing', '', 1, { because: 'no-number' }],
    ['another script', '١', 1, { because: 'no-number' }],
    ['a very long one', `${'0'.repeat(40)}1`, 1, { because: 'no-number' }],
  ])('%s', (_, value, by, reply) => {
    expect(keyWith({ version: 1, content: content(value) }).ask(add(by))).toMatchObject(reply)
  })

  it('write what they count as digits, and never minus nothing', () => {
    const key = keyWith({ version: 1, content: content('-1') })
    key.ask(add(1))
    expect(text(key.entry)).toBe('0')
  })

  it('begin within their bounds too', () => {
    const key = keyWith()
    expect(key.ask(add(1, { min: 5 }))).toMatchObject({ because: 'out-of-bounds', value: 0 })
    expect(key.entry).toBeUndefined()
  })
})

describe('leases', () => {
  it('are held until their instant', () => {
    const key = keyWith()
    expect(key.ask(lease('a'), 0)).toEqual({ kind: 'leased', token: 1, until: 10_000 })
    expect(key.ask(lease('b'), 9_999)).toEqual({ kind: 'refused', because: 'held', holder: 'a', until: 10_000 })
    expect(key.ask(lease('b'), 10_000)).toEqual({ kind: 'leased', token: 2, until: 20_000 })
  })

  it('are renewed under the same token while they are held, and not after', () => {
    const key = keyWith()
    key.ask(lease('a'), 0)
    expect(key.ask(lease('a'), 5_000)).toEqual({ kind: 'leased', token: 1, until: 15_000 })
    expect(key.ask(lease('a'), 15_000)).toEqual({ kind: 'leased', token: 2, until: 25_000 })
  })

  it('are given back by their holder alone', () => {
    const key = keyWith()
    key.ask(lease('a'), 0)
    expect(key.ask(lease('b', 0), 1)).toMatchObject({ because: 'held' })
    expect(key.ask(lease('a', 0), 1)).toEqual({ kind: 'released' })
    expect(key.ask(lease('a', 0), 1)).toEqual({ kind: 'released' })
    expect(key.ask(lease('b'), 1)).toMatchObject({ token: 2 })
  })

  it('that nobody holds need not be given back: no row is made', () => {
    const key = keyWith()
    expect(key.ask(lease('a', 0))).toEqual({ kind: 'released' })
    expect(key.entry).toBeUndefined()
  })

  it('let the last holder write after its end, until there is a next', () => {
    const key = keyWith()
    key.ask(lease('a'), 0)
    expect(key.ask(put('x', { fencingToken: 1 }), 20_000)).toMatchObject({ kind: 'written' })
    key.ask(lease('b'), 20_000)
    expect(key.ask(put('y', { fencingToken: 1 }), 20_001)).toEqual({ kind: 'refused', because: 'fenced', newest: 2 })
    expect(key.ask(put('y', { fencingToken: 2 }), 20_001)).toMatchObject({ kind: 'written' })
  })

  it('do not touch the version', () => {
    const key = keyWith()
    key.ask(put('x'))
    key.ask(lease('a'))
    expect(key.ask(read)).toMatchObject({ version: 1 })
    expect(key.ask(put('y', { ifMatch: [1] }))).toMatchObject({ version: 2 })
  })

  it('outlive a removal', () => {
    const key = keyWith()
    key.ask(put('x'))
    key.ask(lease('a'))
    key.ask(remove)
    expect(key.ask(lease('b'), 1)).toMatchObject({ because: 'held' })
    expect(key.ask(put('y'), 1)).toMatchObject({ created: true })
  })

  it('are forgotten a day after their end where there is nothing else, and then no token is good', () => {
    const key = keyWith()
    key.ask(lease('a'), 0)
    key.tidy(10_000 + 86_399_999)
    expect(key.entry).toBeDefined()
    key.tidy(10_000 + 86_400_000)
    expect(key.entry).toBeUndefined()
    expect(key.ask(put('x', { fencingToken: 1 }), 1e12)).toMatchObject({ because: 'fenced', newest: undefined })
    expect(key.ask(lease('a'), 1e12)).toMatchObject({ token: 2 })
  })
})

describe('whatever is asked, in any order and at any pace', () => {
  const conditions = fc.record(
    {
      ifMatch: fc.constantFrom<unknown>('any', [1], [2], []),
      ifNoneMatch: fc.constantFrom<unknown>('any', [1]),
      fencingToken: fc.nat(4),
    },
    { requiredKeys: [] },
  )
  const ttl = fc.record({ ttlSeconds: fc.integer({ min: 1, max: 20 }) }, { requiredKeys: [] })
  const operation = fc.oneof(
    fc.constant(read),
    fc
      .tuple(fc.constantFrom('1', '7', 'x'), conditions, ttl)
      .map(([value, more, end]) => put(value, { ...more, ...end })),
    conditions.map((more) => ({ ...remove, ...more }) as Short),
    fc
      .tuple(fc.integer({ min: -3, max: 3 }), conditions, ttl)
      .map(([by, more, end]) => add(by, { min: -5, max: 5, ...more, ...end })),
    fc.tuple(fc.constantFrom('a', 'b'), fc.nat(20)).map(([holder, seconds]) => lease(holder, seconds)),
  )
  const steps = fc.array(fc.tuple(operation, fc.constantFrom(0, 1, 5_000, 100_000_000), fc.boolean()), {
    maxLength: 60,
  })

  it('versions and tokens only grow, a refusal changes nothing, and tidying nothing that can be seen', () => {
    fc.assert(
      fc.property(steps, fc.nat(10), (all, floor) => {
        const key = keyWith(undefined, floor)
        const untidied = keyWith(undefined, floor)
        let [now, version, token] = [0, floor, floor]
        for (const [asked, pause, tidies] of all) {
          now += pause
          if (tidies) key.tidy(now)
          const before = key.entry
          const reply = key.ask(asked, now)
          expect(untidied.ask(asked, now)).toEqual(reply)
          if (reply.kind === 'refused' || reply.kind === 'found' || reply.kind === 'absent')
            expect(key.entry).toBe(before)
          if (reply.kind === 'written' || reply.kind === 'counted' || reply.kind === 'removed') {
            expect(reply.version).toBeGreaterThan(version)
            version = reply.version
          }
          if (reply.kind === 'leased') {
            expect(reply.token).toBeGreaterThanOrEqual(token)
            token = reply.token
          }
        }
      }),
      { numRuns: 300 },
    )
  })
})
