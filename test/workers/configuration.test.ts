import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { type Configuration, type ConfigurationRecord, createConfiguration } from '../../workers/configuration.ts'
import { type HeldBackground, holdBackground } from './support/background.ts'
import { documentOf, faults, type MemorySources, memorySources, purgesUpTo, record } from './support/configurations.ts'

const start = Date.UTC(2026, 10, 21)
/** A refresh is due after this. */
const dueMs = 30_000

let sources: MemorySources
let held: HeldBackground
let configuration: Configuration

beforeEach(() => {
  // Stores that fail are logged, and these tests have many of them.
  vi.spyOn(console, 'warn').mockReturnValue()
  vi.spyOn(console, 'error').mockReturnValue()
  sources = memorySources()
  held = holdBackground()
  configuration = createConfiguration(sources, () => 0)
})

afterEach(() => {
  vi.useRealTimers()
  vi.restoreAllMocks()
})

/** The route that the snapshot in memory has, which tells its version. */
const inForce = (now = start) => configuration.held(now, held.background)?.config.routes[0]?.id

const load = async (now = start) => (await configuration.load(now, held.background))?.config.routes[0]?.id

/** Asks for the snapshot when a refresh is due, and waits for what goes on behind. */
async function refresh(now: number): Promise<string | undefined> {
  inForce(now)
  await held.settled()
  return inForce(now)
}

const awayKv = 'KV did not give the configuration'
const awayD1 = 'D1 did not give the configuration'

/** What a store may hold that is no record of this version of the gateway. */
const garbage: [string, unknown][] = [
  ['null', null],
  ['a number', 7],
  ['a text', 'text'],
  ['a list', [record(9)]],
  ['an empty object', {}],
  ['no version', { document: documentOf('v9') }],
  ['a version that is a text', { version: 'nine', document: documentOf('v9') }],
  ['a version that is NaN', { version: Number.NaN, document: documentOf('v9') }],
  ['no document', { version: 9 }],
  ['a document that is an object', { version: 9, document: JSON.parse(documentOf('v9')) }],
  ['a document that is cut', { version: 9, document: documentOf('v9').slice(0, -5) }],
  ['purges that are null', { version: 9, document: documentOf('v9'), purges: null }],
  ['purges without an epoch', { version: 9, document: documentOf('v9'), purges: { floor: 0, list: [] } }],
  ['purges without a floor', { version: 9, document: documentOf('v9'), purges: { epoch: 1, list: [] } }],
  ['purges without a list', { version: 9, document: documentOf('v9'), purges: { epoch: 1, floor: 0 } }],
  [
    'purges that name nothing',
    { version: 9, document: documentOf('v9'), purges: { epoch: 1, floor: 0, list: [null] } },
  ],
  ['a document that is no configuration', { version: 9, document: '{"pools": 1}' }],
]

describe('an isolate that holds nothing yet', () => {
  it('has nothing at hand, and starts nothing by being asked', () => {
    expect(inForce()).toBeUndefined()
    expect(held.begun).toBe(0)
  })

  it('takes what KV has, and does not ask D1', async () => {
    sources.published.content = record(3)
    sources.database.records.push(record(4))
    expect(await load()).toBe('v3')
    expect(inForce()).toBe('v3')
    expect(sources.database.reads).toBe(0)
    expect(configuration.troubles()).toEqual([])
  })

  it('takes what D1 has where KV has nothing, and says so', async () => {
    sources.database.records.push(record(4))
    expect(await load()).toBe('v4')
    expect(configuration.troubles()).toEqual([awayKv])
  })

  it.each(faults)('takes what D1 has where KV %s', async (fault) => {
    sources.published.fault = fault
    sources.database.records.push(record(4))
    expect(await load()).toBe('v4')
    expect(configuration.troubles()).toEqual([awayKv])
  })

  it.each(garbage)('takes what D1 has where KV holds %s', async (_, content) => {
    sources.published.content = content as ConfigurationRecord
    sources.database.records.push(record(4))
    expect(await load()).toBe('v4')
    expect(configuration.troubles()).toEqual([awayKv])
  })

  it.each(faults)('takes the last good copy where the others are away: each %s', async (fault) => {
    sources.published.fault = fault
    sources.database.fault = fault
    sources.lastGood.content = record(2)
    expect(await load()).toBe('v2')
    expect(configuration.troubles()).toEqual([awayKv, awayD1])
  })

  it.each(garbage)('takes the last good copy where the others hold %s', async (_, content) => {
    sources.published.content = content as ConfigurationRecord
    sources.database.records.push(content as ConfigurationRecord)
    sources.lastGood.content = record(2)
    expect(await load()).toBe('v2')
    expect(configuration.troubles()).toEqual([awayKv, awayD1])
  })

  it.each(garbage)('has none where all hold %s', async (_, content) => {
    sources.published.content = content as ConfigurationRecord
    sources.database.records.push(content as ConfigurationRecord)
    sources.lastGood.content = content as ConfigurationRecord
    expect(await load()).toBeUndefined()
    await held.settled()
    expect(sources.lastGood.writes).toBe(0)
  })

  it('answers although every store hangs', async () => {
    sources.published.fault = 'hangs'
    sources.database.fault = 'hangs'
    sources.lastGood.fault = 'hangs'
    const patience = scheduler.wait(4000).then(() => 'still waiting')
    expect(await Promise.race([load(), patience])).toBeUndefined()
  })

  it('asks again a second later, and not for every request until then', async () => {
    expect(await load(start)).toBeUndefined()
    sources.published.content = record(1)
    expect(await load(start + 999)).toBeUndefined()
    expect(sources.published.reads).toBe(1)
    expect(await load(start + 1000)).toBe('v1')
  })

  it('keeps a copy for the next isolate, behind the response', async () => {
    sources.published.content = record(3)
    await load()
    await held.settled()
    expect(sources.lastGood.content).toEqual(record(3))
  })

  it('does not mind where that copy cannot be kept', async () => {
    sources.published.content = record(3)
    sources.lastGood.fault = 'throws'
    expect(await load()).toBe('v3')
    await expect(held.settled()).resolves.toBeUndefined()
  })
})

describe('an isolate that holds one', () => {
  beforeEach(async () => {
    sources.published.content = record(3)
    await load()
    await held.settled()
    sources.published.reads = 0
  })

  it('does not ask before a refresh is due', async () => {
    sources.published.content = record(4)
    expect(await refresh(start + dueMs - 1)).toBe('v3')
    expect(sources.published.reads).toBe(0)
  })

  it('answers at once with what it has when one is due, and has the new one behind the response', async () => {
    sources.published.content = record(4)
    expect(inForce(start + dueMs)).toBe('v3')
    await held.settled()
    expect(inForce(start + dueMs)).toBe('v4')
    expect(sources.lastGood.content).toEqual(record(4))
  })

  it('asks once, however many requests find it due', async () => {
    sources.published.fault = 'hangs'
    vi.useFakeTimers()
    for (let request = 0; request < 100; request++) inForce(start + dueMs + request)
    await vi.advanceTimersByTimeAsync(dueMs)
    await held.settled()
    expect(sources.published.reads).toBe(1)
    inForce(start + 2 * dueMs)
    expect(sources.published.reads).toBe(2)
  })

  it('does not keep the copy again that is kept already', async () => {
    const { writes } = sources.lastGood
    await refresh(start + dueMs)
    expect(sources.lastGood.writes).toBe(writes)
  })

  it.each(faults)('goes on with what it has where KV and D1 are away: each %s', async (fault) => {
    sources.published.fault = fault
    sources.database.fault = fault
    vi.useFakeTimers()
    inForce(start + dueMs)
    await vi.advanceTimersByTimeAsync(dueMs)
    await held.settled()
    expect(inForce(start + dueMs)).toBe('v3')
    expect(configuration.troubles()).toEqual([awayKv, awayD1])
    sources.published.fault = undefined
    await refresh(start + 2 * dueMs)
    expect(configuration.troubles()).toEqual([])
  })

  it.each([...garbage, ['an older version', record(2)], ['a much older version', record(-1)]])(
    'goes on with what it has where all hold %s',
    async (_, content) => {
      sources.published.content = content as ConfigurationRecord
      sources.database.records.push(content as ConfigurationRecord)
      sources.lastGood.content = content as ConfigurationRecord
      expect(await refresh(start + dueMs)).toBe('v3')
    },
  )

  it('takes a newer one from D1 where KV is away', async () => {
    sources.published.fault = 'throws'
    sources.database.records.push(record(5))
    expect(await refresh(start + dueMs)).toBe('v5')
    expect(configuration.troubles()).toEqual([awayKv])
  })
})

describe('a version that is put in force by hand', () => {
  it('is in force at once, and stays so where the stores are behind', async () => {
    sources.published.content = record(3)
    await load()
    configuration.adopt(record(4))
    expect(inForce()).toBe('v4')
    expect(await refresh(start + dueMs)).toBe('v4')
  })

  it('does not replace a newer one', () => {
    configuration.adopt(record(4))
    configuration.adopt(record(3))
    expect(inForce()).toBe('v4')
  })

  it.each(garbage)('changes nothing where it is %s', (_, content) => {
    configuration.adopt(record(4))
    expect(() => configuration.adopt(content as ConfigurationRecord)).not.toThrow()
    expect(inForce()).toBe('v4')
  })

  it('replaces all of a snapshot and nothing in one that a request has taken', () => {
    configuration.adopt(record(1))
    const taken = configuration.held(start, held.background)!
    const { config, pools, router } = taken
    configuration.adopt(record(2))
    expect(taken).toMatchObject({ version: 1, config: { routes: [{ id: 'v1' }] } })
    expect([taken.config, taken.pools, taken.router]).toEqual([config, pools, router])
    const next = configuration.held(start, held.background)!
    expect(next).toMatchObject({ version: 2, config: { routes: [{ id: 'v2' }] } })
    expect(next.pools.get('web')?.pool).toBe(next.config.pools.web)
    expect(taken.pools.get('web')?.pool).toBe(taken.config.pools.web)
  })
})

describe('purges', () => {
  const both = (version: number, epoch: number) => ({ ...record(version), purges: purgesUpTo(epoch) })
  const purged = (tag: string, epoch = 0) => {
    const { purges } = configuration.held(start, held.background)!
    return purges.verdict({ epoch, url: 'http://h/', tags: [tag] })?.kind
  }
  /** Version and epoch. */
  const parts = () => {
    const snapshot = configuration.held(start, held.background)
    return [snapshot?.version, snapshot?.purges.epoch]
  }

  it('are none in a record without them', () => {
    configuration.adopt(record(1))
    expect(parts()).toEqual([1, 0])
    expect(purged('t1')).toBeUndefined()
  })

  it('come with the configuration from KV', async () => {
    sources.published.content = both(1, 2)
    await load()
    expect(parts()).toEqual([1, 2])
    expect([purged('t1'), purged('t2'), purged('t3')]).toEqual(['hard', 'hard', undefined])
  })

  it.each(faults)('come from D1 where KV %s', async (fault) => {
    sources.published.fault = fault
    sources.database.records.push(record(1))
    sources.purges.list = purgesUpTo(2).list
    await load()
    expect(parts()).toEqual([1, 2])
  })

  it('come from the last good copy where all else is away', async () => {
    sources.published.fault = 'throws'
    sources.database.fault = 'throws'
    sources.lastGood.content = both(1, 2)
    await load()
    expect(parts()).toEqual([1, 2])
  })

  it('come with a refresh', async () => {
    sources.published.content = both(1, 1)
    await load()
    sources.published.content = both(1, 2)
    await refresh(start + dueMs)
    expect(parts()).toEqual([1, 2])
    expect(sources.lastGood.content).toEqual(both(1, 2))
  })

  it.each([
    ['a newer version never takes purges back', both(3, 1), [3, 2]],
    ['nor does one without purges', record(3), [3, 2]],
    ['an older version never takes the configuration back', both(1, 3), [2, 3]],
    ['both may be newer', both(3, 3), [3, 3]],
    ['both may be older', both(1, 1), [2, 2]],
    ['purges count although the configuration cannot be read', { ...both(3, 3), document: '{' }, [2, 3]],
  ])('%s', (_, next, verdict) => {
    configuration.adopt(both(2, 2))
    configuration.adopt(next)
    expect(parts()).toEqual(verdict)
    expect(purged('t2')).toBe('hard')
    expect(purged('t3')).toBe(verdict[1] === 3 ? 'hard' : undefined)
  })

  it('put in force by hand are so at once, and stay so where the stores are behind', async () => {
    sources.published.content = both(1, 1)
    await load()
    configuration.adoptPurges(purgesUpTo(2))
    expect(parts()).toEqual([1, 2])
    await refresh(start + dueMs)
    expect(parts()).toEqual([1, 2])
    configuration.adoptPurges(purgesUpTo(1))
    expect(purged('t2')).toBe('hard')
  })

  it('that came before any configuration count with the first', () => {
    configuration.adoptPurges(purgesUpTo(2))
    expect(configuration.held(start, held.background)).toBeUndefined()
    configuration.adopt(record(1))
    expect(parts()).toEqual([1, 2])
  })

  it('leave the state of the pools alone, and a snapshot that a request has taken', () => {
    configuration.adopt(both(1, 1))
    const taken = configuration.held(start, held.background)!
    const { purges } = taken
    configuration.adopt(both(1, 2))
    const next = configuration.held(start, held.background)!
    expect(next.purges.epoch).toBe(2)
    expect(next.pools).toBe(taken.pools)
    expect(next.router).toBe(taken.router)
    expect(taken.purges).toBe(purges)
    expect(taken.purges.epoch).toBe(1)
  })

  it('put in force by hand are in the last good copy after the next refresh, with the configuration', async () => {
    sources.published.content = both(1, 1)
    await load()
    await held.settled()
    expect(sources.lastGood.content).toEqual(both(1, 1))
    configuration.adoptPurges(purgesUpTo(2))
    await refresh(start + dueMs)
    expect(sources.lastGood.content).toEqual(both(1, 2))
    configuration.adopt(record(2))
    await refresh(start + 2 * dueMs)
    expect(sources.lastGood.content).toEqual(both(2, 2))
  })
})
