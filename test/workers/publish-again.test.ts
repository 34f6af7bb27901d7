import { beforeEach, describe, expect, it, test, vi } from 'vitest'
import { type ConfigurationRecord, publishAgain } from '../../workers/configuration.ts'
import { type MemorySources, memorySources, purgesUpTo, record } from './support/configurations.ts'

let sources: MemorySources

beforeEach(() => {
  vi.spyOn(console, 'warn').mockReturnValue()
  sources = memorySources()
})

describe('what D1 has and KV has not is published again', () => {
  test.each<[string, unknown, number]>([
    ['KV is empty', undefined, 1],
    ['KV has an older version', record(4), 1],
    ['KV has this version', record(5), 0],
    ['KV has a version that was published since D1 was asked', record(6), 0],
    ['KV holds garbage', 'text', 1],
    ['KV holds a record without a version', {}, 1],
  ])('%s', async (_, content, writes) => {
    sources.database.records.push(record(5))
    sources.published.content = content as ConfigurationRecord
    await publishAgain(sources)
    expect(sources.published.writes).toBe(writes)
    if (writes > 0) expect(sources.published.content).toEqual(record(5))
  })
})

describe('either part is a reason, and both are published', () => {
  const both = (version: number, epoch: number) => ({ ...record(version), purges: purgesUpTo(epoch) })

  test.each<[string, ConfigurationRecord, number]>([
    ['KV has older purges', both(5, 2), 1],
    ['KV has no purges', record(5), 1],
    ['KV has an older version and these purges', both(4, 3), 1],
    ['KV has an older version and newer purges', both(4, 4), 1],
    ['KV has both', both(5, 3), 0],
    ['KV has newer ones of both', both(6, 4), 0],
    ['KV has damaged purges', { ...record(5), purges: { epoch: 3 } as never }, 1],
  ])('%s', async (_, content, writes) => {
    sources.database.records.push(record(5))
    sources.purges.list = purgesUpTo(3).list
    sources.published.content = content
    await publishAgain(sources)
    expect(sources.published.writes).toBe(writes)
    if (writes > 0) expect(sources.published.content).toEqual(both(5, 3))
  })

  it('reads no more of D1 than two numbers where nothing is to be published', async () => {
    sources.database.records.push(record(5))
    sources.published.content = record(5)
    await publishAgain(sources)
    expect(sources.database.reads).toBe(0)
  })
})

describe('nothing is published', () => {
  it('where there are purges, and no configuration', async () => {
    sources.purges.list = purgesUpTo(3).list
    await publishAgain(sources)
    expect(sources.published.writes).toBe(0)
  })

  it('where there is no configuration', async () => {
    await publishAgain(sources)
    expect(sources.published.writes).toBe(0)
  })

  it('where D1 is away', async () => {
    sources.published.content = record(5)
    sources.database.fault = 'throws'
    await publishAgain(sources)
    expect(sources.published.content).toEqual(record(5))
  })
})

it('ends although the stores hang', async () => {
  vi.useFakeTimers()
  sources.database.records.push(record(5))
  sources.published.fault = 'hangs'
  const done = publishAgain(sources)
  await vi.advanceTimersByTimeAsync(60_000)
  vi.useRealTimers()
  await expect(done).resolves.toBeUndefined()
})
