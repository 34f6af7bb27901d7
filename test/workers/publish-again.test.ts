import { beforeEach, describe, expect, it, test, vi } from 'vitest'
import { type ConfigurationRecord, publishAgain } from '../../workers/configuration.ts'
import { type MemorySources, memorySources, record } from './support/configurations.ts'

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

describe('nothing is published', () => {
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
