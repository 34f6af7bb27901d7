import { applyD1Migrations } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { beforeEach, describe, expect, it } from 'vitest'
import { d1Configuration } from '../../../workers/adapters/d1-configuration.ts'
import type { ConfigurationDatabase } from '../../../workers/configuration.ts'
import { documentOf, memoryDatabase } from '../support/configurations.ts'

async function emptied(): Promise<void> {
  await applyD1Migrations(env.DB, env.MIGRATIONS)
  for (const table of ['configurations', 'purges']) await env.DB.exec(`DELETE FROM ${table}`)
}

it('throws on a database without its tables, and works as soon as it has them', async () => {
  const database = d1Configuration(env.EMPTY)
  await expect(database.read()).rejects.toThrow()
  await expect(database.append(documentOf('a'), undefined, 1)).rejects.toThrow()
  await applyD1Migrations(env.EMPTY, env.MIGRATIONS)
  expect(await database.read()).toBeUndefined()
})

const suites: [string, () => Promise<ConfigurationDatabase>][] = [
  ['in memory', () => Promise.resolve(memoryDatabase())],
  [
    'D1',
    async () => {
      await emptied()
      return d1Configuration(env.DB)
    },
  ],
]

describe.each(suites)('a database of configurations: %s', (_, open) => {
  let database: ConfigurationDatabase
  beforeEach(async () => {
    database = await open()
  })

  it('is empty at first', async () => {
    expect(await database.read()).toBeUndefined()
  })

  it('gives back what was added, and the newest of several', async () => {
    expect(await database.append(documentOf('a'), undefined, 1)).toEqual({ version: 1, document: documentOf('a') })
    expect(await database.read()).toEqual({ version: 1, document: documentOf('a') })
    expect(await database.append(documentOf('b'), 1, 2)).toEqual({ version: 2, document: documentOf('b') })
    expect(await database.read()).toEqual({ version: 2, document: documentOf('b') })
  })

  it('keeps a document as it is, whatever its characters', async () => {
    const document = '{"a": "ä \u{1f600} \' \\" ? %s ; -- \\u0000"}'
    await database.append(document, undefined, 1)
    expect((await database.read())?.document).toBe(document)
  })

  it('adds nothing where the expected version is not the newest', async () => {
    await database.append(documentOf('a'), undefined, 1)
    for (const stale of [0, 2, 99]) expect(await database.append(documentOf('b'), stale, 2)).toBeUndefined()
    expect(await database.read()).toEqual({ version: 1, document: documentOf('a') })
  })

  it('takes 0 for none yet', async () => {
    expect(await database.append(documentOf('b'), 1, 1)).toBeUndefined()
    expect(await database.append(documentOf('a'), 0, 1)).toMatchObject({ version: 1 })
  })

  it('lets one of many writers win who saw the same version', async () => {
    await database.append(documentOf('first'), undefined, 1)
    const writers = Array.from({ length: 10 }, (_, index) => database.append(documentOf(`w${index}`), 1, 2))
    const added = (await Promise.all(writers)).filter((one) => one !== undefined)
    expect(added).toHaveLength(1)
    expect(await database.read()).toEqual({ version: 2, document: added[0]!.document })
  })

  it('gives every writer without an expectation a version of its own', async () => {
    const writers = Array.from({ length: 10 }, (_, index) => database.append(documentOf(`w${index}`), undefined, 1))
    const versions = (await Promise.all(writers)).map((one) => one?.version)
    expect(versions.toSorted((left, right) => left! - right!)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
  })
})

it('notes when each configuration was added', async () => {
  await emptied()
  await d1Configuration(env.DB).append(documentOf('a'), undefined, 1_800_000_000_000)
  const { results } = await env.DB.prepare('SELECT version, created_at FROM configurations').all()
  expect(results).toEqual([{ version: 1, created_at: 1_800_000_000_000 }])
})
