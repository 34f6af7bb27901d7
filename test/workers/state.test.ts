// The shared state cache as the gateway asks for it, in real objects: what an isolate keeps in its memory, and what it
// does where an object fails.
import { env } from 'cloudflare:workers'
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { type NamespaceRule, namespaceSchema } from '../../shared/config/state.ts'
import type { Operation, Reply } from '../../shared/state/operation.ts'
import { hotState } from '../../workers/adapters/hot-state.ts'
import { objectState } from '../../workers/adapters/object-state.ts'
import type { StatePort } from '../../workers/ports/state-port.ts'
import { wakeShards } from './support/shards.ts'

// Hundreds of calls take what the disk takes.
vi.setConfig({ testTimeout: 30_000, hookTimeout: 30_000 })

beforeAll(wakeShards)

const layout = { shards: 4, version: 1 }
const strong = namespaceSchema.parse({})
const bounded = namespaceSchema.parse({ consistency: 'bounded', staleSeconds: 5 })

const content = (text: string) => ({ type: 'text/plain', bytes: new TextEncoder().encode(text) })
const named = (key: string) => ({ namespace: 'n', key, write: 'none' }) as const
const put = (key: string, text: string): Operation => ({ ...named(key), kind: 'put', content: content(text) })
const read = (key: string): Operation => ({ ...named(key), kind: 'read' })

const textOf = (reply: Reply | undefined) =>
  reply?.kind === 'found' ? new TextDecoder().decode(reply.content.bytes) : reply?.kind

/** An isolate with a memory of its own, and how often it asks objects. */
function isolateAt(clock: { now: number }) {
  let calls = 0
  const behind = objectState(env.STATE, Date.now)
  const counted: StatePort = {
    ...behind,
    apply: (...asked) => {
      calls++
      return behind.apply(...asked)
    },
  }
  const state = hotState(counted, () => clock.now)
  return {
    ask: (operation: Operation, rule: NamespaceRule = bounded) => state.apply(operation, rule, layout),
    text: async (key: string, rule: NamespaceRule = bounded) => textOf(await state.apply(read(key), rule, layout)),
    calls: () => calls,
  }
}

describe('the memory of an isolate', () => {
  it('answers for a bounded namespace until what it has is too old, and asks once then', async () => {
    const clock = { now: 1000 }
    const [here, there] = [isolateAt(clock), isolateAt(clock)]
    await there.ask(put('a', 'old'))
    expect([await here.text('a'), await here.text('a'), here.calls()]).toEqual(['old', 'old', 1])
    await there.ask(put('a', 'new'))
    clock.now += 4_999
    expect([await here.text('a'), here.calls()]).toEqual(['old', 1])
    clock.now += 1
    expect([await here.text('a'), await here.text('a'), here.calls()]).toEqual(['new', 'new', 2])
  })

  it('is not asked for a strong namespace', async () => {
    const clock = { now: 1000 }
    const [here, there] = [isolateAt(clock), isolateAt(clock)]
    await there.ask(put('b', 'old'))
    expect([await here.text('b', strong), here.calls()]).toEqual(['old', 1])
    await there.ask(put('b', 'new'))
    expect([await here.text('b', strong), here.calls()]).toEqual(['new', 2])
  })

  it('forgets what the isolate itself changes: it sees its own writes at once', async () => {
    const here = isolateAt({ now: 1000 })
    expect(await here.text('c')).toBe('absent')
    await here.ask(put('c', '1'))
    expect(await here.text('c')).toBe('1')
    await here.ask({ ...named('c'), kind: 'add', by: 1 })
    expect(await here.text('c')).toBe('2')
    await here.ask({ ...named('c'), kind: 'remove' })
    expect(await here.text('c')).toBe('absent')
  })

  it('does not take in what was read before the isolate’s own write, and came after it', async () => {
    const behind = objectState(env.STATE, Date.now)
    const slow = Promise.withResolvers<void>()
    const state = hotState(
      {
        ...behind,
        apply: async (...asked) => {
          const reply = await behind.apply(...asked)
          if (asked[0].kind === 'read') await slow.promise
          return reply
        },
      },
      () => 1000,
    )
    await state.apply(put('d', 'old'), bounded, layout)
    const reading = state.apply(read('d'), bounded, layout)
    await behind.apply(read('d'), bounded, layout)
    await state.apply(put('d', 'new'), bounded, layout)
    slow.resolve()
    expect(textOf(await reading)).toBe('old')
    expect(textOf(await state.apply(read('d'), bounded, layout))).toBe('new')
  })

  it('does not keep what is read while the isolate’s own write is under way', async () => {
    const behind = objectState(env.STATE, Date.now)
    const slow = Promise.withResolvers<void>()
    const apply: StatePort['apply'] = async (...asked) => {
      if (asked[0].kind === 'put') await slow.promise
      return behind.apply(...asked)
    }
    const state = hotState({ ...behind, apply }, () => 1000)
    await behind.apply(put('under way', 'old'), bounded, layout)
    const writing = state.apply(put('under way', 'new'), bounded, layout)
    expect(textOf(await state.apply(read('under way'), bounded, layout))).toBe('old')
    slow.resolve()
    await writing
    expect(textOf(await state.apply(read('under way'), bounded, layout))).toBe('new')
  })

  it('counts the age of a value from when it was asked for, however long the answer took', async () => {
    const clock = { now: 1000 }
    let calls = 0
    const apply: StatePort['apply'] = async () => {
      calls++
      clock.now += 3_000
      return { kind: 'found', version: calls, content: content('x') }
    }
    const state = hotState({ ...objectState(env.STATE, Date.now), apply }, () => clock.now)
    await state.apply(read('slow'), bounded, layout)
    clock.now += 1_999
    await state.apply(read('slow'), bounded, layout)
    expect(calls).toBe(1)
    clock.now += 1
    await state.apply(read('slow'), bounded, layout)
    expect(calls).toBe(2)
  })

  it('does not take in what was filled before the isolate’s own write, and came after it', async () => {
    const filled = Promise.withResolvers<Reply>()
    const behind = { ...objectState(env.STATE, Date.now), fill: () => filled.promise }
    const state = hotState(behind, () => 1000)
    const filling = state.fill({ namespace: 'n', key: 'filled' }, bounded, layout, async () => ({ kind: 'missing' }))
    await state.apply(put('filled', 'new'), bounded, layout)
    filled.resolve({ kind: 'found', version: 1, content: content('old') })
    await filling
    expect(textOf(await state.apply(read('filled'), bounded, layout))).toBe('new')
  })

  it('heeds the end of a value', async () => {
    const clock = { now: Date.now() }
    const here = isolateAt(clock)
    await here.ask({ ...put('e', 'short'), ttlSeconds: 2 } as Operation)
    expect(await here.text('e')).toBe('short')
    clock.now += 3_000
    await here.text('e')
    expect(here.calls()).toBe(3)
  })

  it('keeps to its bound: what was used last stays, what is large is not kept', async () => {
    const here = isolateAt({ now: 1000 })
    await here.ask(put('large', 'x'.repeat(65_537)))
    await here.text('large')
    await here.text('large')
    expect(here.calls()).toBe(3)
    const keys = Array.from({ length: 140 }, (_, index) => `f${index}`)
    for (const key of keys) await here.ask(put(key, 'x'.repeat(65_000)))
    for (const key of keys) await here.text(key)
    const before = here.calls()
    await here.text('f139')
    expect(here.calls()).toBe(before)
    await here.text('f0')
    expect(here.calls()).toBe(before + 1)
  })

  it('knows of each namespace how old its values may be, also where it has changed', async () => {
    const clock = { now: 1000 }
    const [here, there] = [isolateAt(clock), isolateAt(clock)]
    await there.ask(put('g', 'old'))
    await here.text('g')
    await there.ask(put('g', 'new'))
    clock.now += 2_000
    expect(await here.text('g', { ...bounded, staleSeconds: 1 })).toBe('new')
  })
})

describe('an object that fails', () => {
  beforeEach(() => void vi.spyOn(console, 'warn').mockReturnValue())
  afterEach(() => void vi.restoreAllMocks())

  it('does not answer: it costs three seconds, and nobody is told that something was done', async () => {
    const hanging = { getByName: () => ({ apply: () => new Promise(() => undefined) }) }
    const state = objectState(hanging as unknown as typeof env.STATE, Date.now)
    const began = Date.now()
    expect(await state.apply(put('k', 'x'), strong, layout)).toBeUndefined()
    expect(Date.now() - began).toBeLessThan(4_000)
  })

  it('is lost: a read is asked once more, a change is not', async () => {
    let calls = 0
    const losing = {
      getByName: () => ({
        apply: async () => {
          calls++
          throw new Error('lost')
        },
      }),
    }
    const state = objectState(losing as unknown as typeof env.STATE, Date.now)
    expect(await state.apply(read('k'), strong, layout)).toBeUndefined()
    expect(calls).toBe(2)
    expect(await state.apply(put('k', 'x'), strong, layout)).toBeUndefined()
    expect(calls).toBe(3)
  })
})
