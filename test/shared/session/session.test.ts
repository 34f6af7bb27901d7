import fc from 'fast-check'
import { describe, expect, it, test } from 'vitest'
import type { Json } from '../../../shared/json/json.ts'
import {
  adopt,
  asOf,
  begin,
  end,
  endOf,
  type LiveSession,
  made,
  noSession,
  type SessionChange,
  type SessionOutcome,
  type SessionState,
  touch,
  userOf,
  type Values,
  view,
  write,
} from '../../../shared/session/session.ts'

const policy = { idleMs: 1000, absoluteMs: 10_000, maxBytes: 1024 }

const begun = (values: Values = {}, at = 0): LiveSession => begin(noSession, values, policy, at).state as LiveSession

describe('a new session', () => {
  it('is of version 1, and has its bounds from then on', () => {
    expect(begun({ a: 1 }, 5)).toEqual({
      kind: 'live',
      version: 1,
      values: { a: 1 },
      createdAt: 5,
      seenAt: 5,
      until: 10_005,
      idleMs: 1000,
      maxBytes: 1024,
      leases: [],
      fence: 0,
    })
  })

  test.each<[string, SessionState, SessionOutcome]>([
    ['where there is one', begun(), { kind: 'conflict', version: 1 }],
    ['where one was replaced', end(begun(), 'replaced', 0), { kind: 'over', because: 'replaced' }],
    ['where one was destroyed', end(begun(), 'destroyed', 0), { kind: 'over', because: 'destroyed' }],
    ['where one was destroyed before it began', end(noSession, 'destroyed', 0), { kind: 'over', because: 'destroyed' }],
  ])('does not begin %s', (_, state, outcome) => {
    expect(begin(state, { b: 1 }, policy, 1)).toEqual({ state, outcome })
    expect(adopt(state, begun(), 1)).toEqual({ state, outcome })
  })

  it('begins where an earlier one has expired', () => {
    expect(begin(begun(), { b: 1 }, policy, 5000).outcome).toMatchObject({ kind: 'ok', version: 1 })
  })
})

describe('time', () => {
  test.each<[string, number, boolean]>([
    ['as it begins', 0, true],
    ['just before its idle time and a tenth are over', 1099, true],
    ['when they are over', 1100, false],
  ])('it lives %s', (_, at, lives) => expect(view(begun(), at) !== undefined).toBe(lives))

  it('of a use counts when a tenth of the idle time has gone by', () => {
    const state = begun()
    expect(touch(state, 99)).toBe(state)
    expect(touch(state, 100)).toEqual({ ...state, seenAt: 100 })
  })

  it('at which it ends is at least the idle time after its last use, and at most a tenth more', () => {
    const uses = fc.array(fc.integer({ min: 0, max: 900 }), { maxLength: 9 })
    fc.assert(
      fc.property(uses, (pauses) => {
        let [state, at]: [SessionState, number] = [begun(), 0]
        for (const pause of pauses) {
          at += pause
          state = touch(state, at)
        }
        const ends = endOf(state)!
        expect(ends).toBeLessThanOrEqual(Math.min(at + 1100, 10_000))
        expect(ends).toBeGreaterThanOrEqual(Math.min(at + 1000, 10_000))
      }),
    )
  })

  it('ends it at last, however it is used', () => {
    let state: SessionState = begun()
    for (let at = 0; at < 10_000; at += 500) state = touch(state, at)
    expect(view(state, 9999)).toBeDefined()
    expect(view(state, 10_000)).toBeUndefined()
  })

  it('ends what was destroyed when the session would have ended', () => {
    const over = end(begun(), 'destroyed', 500)
    expect(asOf(over, 9999)).toBe(over)
    expect(asOf(over, 10_000)).toEqual(noSession)
    expect(end(over, 'replaced', 600)).toBe(over)
  })
})

describe('a change', () => {
  test.each<[string, SessionChange, Values]>([
    [
      'sets, in the place of what was there',
      { kind: 'set', values: { b: 3, d: 4 } },
      { a: 1, c: { x: 1 }, b: 3, d: 4 },
    ],
    ['deletes before it sets', { kind: 'set', values: { a: 9 }, delete: ['a', 'c'] }, { b: 2, a: 9 }],
    ['deletes, and does not mind what is not there', { kind: 'delete', keys: ['a', 'z'] }, { b: 2, c: { x: 1 } }],
    ['replaces', { kind: 'replace', values: { z: 1 } }, { z: 1 }],
    ['merges', { kind: 'mergePatch', patch: { a: null, c: { y: 2 } } }, { b: 2, c: { x: 1, y: 2 } }],
    ['patches', { kind: 'jsonPatch', patch: [{ op: 'remove', path: '/c/x' }] }, { a: 1, b: 2, c: {} }],
  ])('%s', (_, change, values) => {
    const { state, outcome } = write(begun({ a: 1, b: 2, c: { x: 1 } }), change, undefined, 1)
    expect(outcome).toMatchObject({ kind: 'ok', version: 2 })
    expect(JSON.stringify((state as LiveSession).values)).toBe(JSON.stringify(values))
  })

  test.each<[string, SessionState, SessionChange, SessionOutcome]>([
    ['there is none', noSession, { kind: 'delete', keys: [] }, { kind: 'gone' }],
    [
      'it was replaced',
      end(begun(), 'replaced', 0),
      { kind: 'delete', keys: [] },
      { kind: 'over', because: 'replaced' },
    ],
    [
      'it would be too large, in bytes',
      begun(),
      { kind: 'set', values: { a: 'é'.repeat(509) } },
      { kind: 'tooLarge', bytes: 1026, maxBytes: 1024 },
    ],
    [
      'the patch cannot be made',
      begun(),
      { kind: 'jsonPatch', patch: [{ op: 'test', path: '/a', value: 1 }] },
      { kind: 'invalid', because: expect.any(String) },
    ],
    [
      'no object is left',
      begun(),
      { kind: 'mergePatch', patch: 7 },
      { kind: 'invalid', because: 'leaves no object: the values of a session have keys' },
    ],
  ])('is not made where %s', (_, state, change, outcome) => {
    expect(write(state, change, undefined, 1)).toEqual({ state, outcome })
  })

  it('may fill the session to its last byte, and not beyond', () => {
    const set = (length: number) => write(begun(), { kind: 'set', values: { a: 'x'.repeat(length) } }, undefined, 1)
    expect(set(1016).outcome.kind).toBe('ok')
    expect(set(1017).outcome).toEqual({ kind: 'tooLarge', bytes: 1025, maxBytes: 1024 })
  })

  test.each<[Json]>([['x'.repeat(257)], ['\ud800'], [true], [1.5], [['ada']], [{ id: 1 }]])(
    'is not made where the user would be %j',
    (user) => {
      const state = begun()
      const because = expect.stringContaining('has a "user" that is neither')
      const refused = { state, outcome: { kind: 'invalid', because } }
      expect(write(state, { kind: 'set', values: { user } }, undefined, 1)).toEqual(refused)
    },
  )

  it('of another version is not made', () => {
    const state = begun()
    expect(write(state, { kind: 'delete', keys: [] }, 2, 1).outcome).toEqual({ kind: 'conflict', version: 1 })
    expect(write(state, { kind: 'delete', keys: [] }, 1, 1).outcome).toMatchObject({ kind: 'ok', version: 2 })
  })

  it('that was made is known by its name, as are the last few', () => {
    const set = (state: SessionState, name: string) =>
      write(state, { kind: 'set', values: { name } }, undefined, 1, name).state
    const after = ['1', '2', '3', '4', '5', '6', '7', '8', '9'].reduce(set, begun())
    expect(made(after, '9', 1)).toMatchObject({ kind: 'ok', version: 10, values: { name: '9' } })
    expect(made(after, '2', 1)).toMatchObject({ kind: 'ok', version: 10 })
    for (const name of ['1', '10']) expect(made(after, name, 1)).toBeUndefined()
    for (const state of [noSession, begun(), end(after, 'destroyed', 1), asOf(after, 20_000)])
      expect(made(state, '9', 1)).toBeUndefined()
    const refused = write(after, { kind: 'delete', keys: [] }, 3, 1, '10').state
    expect(made(refused, '10', 1)).toBeUndefined()
  })

  it('touches no prototype', () => {
    const values = JSON.parse('{"__proto__": {"evil": true}, "constructor": 1}') as Values
    const { state } = write(begun({ a: 1 }), { kind: 'set', values }, undefined, 1)
    const held = (state as LiveSession).values
    expect(Object.keys(held)).toEqual(['a', '__proto__', 'constructor'])
    expect(Object.getPrototypeOf(held)).toBe(Object.prototype)
    expect((held as { evil?: unknown }).evil).toBeUndefined()
  })
})

test.each<[Values, string | undefined]>([
  [{ user: 'ada' }, 'ada'],
  [{ user: '' }, undefined],
  [{ user: 7 }, '7'],
  [{ user: null }, undefined],
  [{}, undefined],
])('the user of %j', (values, user) => expect(userOf(values)).toBe(user))
