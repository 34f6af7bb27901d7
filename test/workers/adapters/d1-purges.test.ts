import { applyD1Migrations } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import type { PurgeTarget } from '../../../shared/purge.ts'
import { d1Configuration } from '../../../workers/adapters/d1-configuration.ts'
import { d1Purges } from '../../../workers/adapters/d1-purges.ts'
import type { PurgeDatabase } from '../../../workers/configuration.ts'
import { documentOf, memoryPurges } from '../support/configurations.ts'

const tag = (value: string, soft = false): PurgeTarget => ({ kind: 'tag', value, soft })
const everything: PurgeTarget = { kind: 'everything', value: '', soft: false }

const countRows = async () => (await env.DB.prepare('SELECT count(*) AS count FROM purges').first<number>('count'))!

async function emptied(): Promise<PurgeDatabase> {
  await applyD1Migrations(env.DB, env.MIGRATIONS)
  await env.DB.exec('DELETE FROM purges')
  await env.DB.exec('DELETE FROM configurations')
  return d1Purges(env.DB)
}

it('throws on a database without its tables', async () => {
  await expect(d1Purges(env.EMPTY).read()).rejects.toThrow()
  await expect(d1Purges(env.EMPTY).append([tag('a')], 1)).rejects.toThrow()
})

const suites: [string, () => Promise<PurgeDatabase>][] = [
  ['in memory', () => Promise.resolve(memoryPurges())],
  ['D1', emptied],
]

describe.each(suites)('a database of purges: %s', (_, open) => {
  let database: PurgeDatabase
  beforeEach(async () => {
    database = await open()
  })

  it('is empty at first', async () => {
    expect(await database.read()).toEqual({ epoch: 0, floor: 0, list: [] })
  })

  it('gives back what was added, each under the next epoch', async () => {
    const first = { epoch: 1, floor: 0, list: [{ ...tag('a'), epoch: 1, at: 10 }] }
    expect(await database.append([tag('a')], 10)).toEqual(first)
    expect(await database.read()).toEqual(first)
    const second = { epoch: 2, floor: 0, list: [...first.list, { ...tag('b', true), epoch: 2, at: 20 }] }
    expect(await database.append([tag('b', true)], 20)).toEqual(second)
    expect(await database.read()).toEqual(second)
  })

  it('keeps a value as it is, whatever its characters', async () => {
    const value = 'ä\u{1f600}\'"\\?%s;--[]{}'
    expect((await database.append([tag(value)], 1)).list).toMatchObject([{ value }])
  })

  it('gives the targets of one purge one epoch, however many they are', async () => {
    await database.append([tag('before')], 1)
    const targets = Array.from({ length: 1000 }, (_, index) => tag(`${index} ${'x'.repeat(1000)}`))
    const { epoch, list } = await database.append(targets, 2)
    expect(epoch).toBe(2)
    expect(list).toHaveLength(1001)
    expect(new Set(list.slice(1).map((purge) => purge.epoch))).toEqual(new Set([2]))
    expect(list.slice(1).map(({ value }) => value)).toEqual(targets.map(({ value }) => value))
  })

  it('gives purges that come at once epochs of their own, and each sees those before it', async () => {
    const purges = await Promise.all(Array.from({ length: 10 }, (_, index) => database.append([tag(`${index}`)], 1)))
    const epochs = purges.map(({ epoch }) => epoch)
    expect(epochs.toSorted((left, right) => left - right)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
    for (const { epoch, list } of purges) expect(list.map((purge) => purge.epoch)).toHaveLength(epoch)
  })

  it('never goes back in time', async () => {
    await database.append([tag('a')], 100)
    expect((await database.append([tag('b')], 50)).list.map(({ at }) => at)).toEqual([100, 100])
  })

  it('folds what says nothing any more', async () => {
    await database.append([tag('a'), tag('b')], 1)
    await database.append([tag('a')], 2)
    expect((await database.read()).list.map(({ value, epoch }) => [value, epoch])).toEqual([
      ['b', 1],
      ['a', 2],
    ])
    expect(await database.append([everything], 3)).toEqual({ epoch: 3, floor: 3, list: [] })
    expect(await database.read()).toEqual({ epoch: 3, floor: 3, list: [] })
    expect(await database.append([tag('c')], 4)).toMatchObject({ epoch: 4, floor: 3, list: [{ value: 'c' }] })
  })
})

describe('rows of D1', () => {
  let database: PurgeDatabase
  beforeEach(async () => {
    vi.restoreAllMocks()
    database = await emptied()
  })

  it('are deleted where a newer one says the same', async () => {
    for (let time = 1; time <= 5; time++) await database.append([tag('a'), tag('b', true)], time)
    expect(await countRows()).toBe(2)
    expect((await database.read()).epoch).toBe(5)
  })

  it('are deleted where everything was purged since, but for that row', async () => {
    await database.append([tag('a'), tag('b')], 1)
    await database.append([everything], 2)
    expect(await countRows()).toBe(1)
    await database.append([everything], 3)
    expect(await countRows()).toBe(1)
    expect(await database.read()).toEqual({ epoch: 3, floor: 3, list: [] })
  })

  it('never lose the newest epoch: the next one is one more', async () => {
    await database.append([tag('a')], 1)
    await database.append([everything, tag('a')], 2)
    await database.append([everything, tag('a')], 3)
    expect((await database.append([tag('b')], 4)).epoch).toBe(4)
  })

  it('that are too many become the floor, which stays', async () => {
    const many = (from: number) => Array.from({ length: 1000 }, (_, index) => tag(`${from + index}`))
    for (let request = 0; request < 10; request++) await database.append(many(request * 1000), 1)
    expect(await database.read()).toMatchObject({ epoch: 10, floor: 0 })
    const folded = await database.append([tag('one more')], 2)
    expect([folded.epoch, folded.floor, folded.list.length]).toEqual([11, 1, 9001])
    expect(await countRows()).toBe(9002)
    expect(await database.read()).toEqual(folded)
    const again = await database.append(many(10_000), 3)
    expect([again.epoch, again.floor, again.list.length]).toEqual([12, 2, 9001])
    expect(await countRows()).toBe(9002)
    expect(await database.read()).toEqual(again)
  })

  it('are read with the configuration, as of one instant', async () => {
    const configurations = d1Configuration(env.DB)
    expect(await configurations.newest()).toEqual({ version: 0, epoch: 0 })
    await database.append([tag('a')], 1)
    expect(await configurations.read()).toBeUndefined()
    await configurations.append(documentOf('a'), undefined, 2)
    const purges = { epoch: 1, floor: 0, list: [{ ...tag('a'), epoch: 1, at: 1 }] }
    expect(await configurations.read()).toEqual({ version: 1, document: documentOf('a'), purges })
    await database.append([tag('b')], 1)
    expect(await configurations.newest()).toEqual({ version: 1, epoch: 2 })
  })
})
