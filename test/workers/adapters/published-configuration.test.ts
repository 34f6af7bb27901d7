import { env } from 'cloudflare:workers'
import { beforeEach, describe, expect, it } from 'vitest'
import { cacheApiConfiguration } from '../../../workers/adapters/cache-api-configuration.ts'
import { kvConfiguration } from '../../../workers/adapters/kv-configuration.ts'
import type { PublishedConfiguration } from '../../../workers/configuration.ts'
import { memoryCopy, record } from '../support/configurations.ts'

const url = 'https://gateway.test/_weir/configuration'
const openCache = () => caches.open('configurations-of-tests')

const suites: [string, () => Promise<PublishedConfiguration>][] = [
  ['in memory', () => Promise.resolve(memoryCopy())],
  [
    'KV',
    async () => {
      const { keys } = await env.CONFIG.list()
      await Promise.all(keys.map(({ name }) => env.CONFIG.delete(name)))
      return kvConfiguration(env.CONFIG)
    },
  ],
  [
    'Cache API',
    async () => {
      await (await openCache()).delete(url)
      return cacheApiConfiguration(openCache, url)
    },
  ],
]

describe.each(suites)('a published configuration: %s', (_, open) => {
  let copy: PublishedConfiguration
  beforeEach(async () => {
    copy = await open()
  })

  it('is absent at first', async () => {
    expect(await copy.read()).toBeUndefined()
  })

  it('gives back what was written, every time', async () => {
    await copy.write(record(1))
    expect(await copy.read()).toEqual(record(1))
    expect(await copy.read()).toEqual(record(1))
  })

  it('is replaced as a whole', async () => {
    await copy.write(record(1))
    await copy.write(record(2))
    expect(await copy.read()).toEqual(record(2))
  })

  it('keeps a document as it is, whatever its characters and its length', async () => {
    const document = JSON.stringify({ text: 'ä \u{1f600} \u0000 "'.repeat(50_000) })
    await copy.write({ version: 3, document })
    expect((await copy.read())?.document).toBe(document)
  })
})

describe('what is no configuration', () => {
  it('KV: a value that is not JSON throws', async () => {
    await env.CONFIG.put('configuration', '{"version": 1, "docu')
    await expect(kvConfiguration(env.CONFIG).read()).rejects.toThrow()
  })

  it('Cache API: an entry that is not JSON throws', async () => {
    const stored = new Response('<html>', { headers: { 'cache-control': 'max-age=60' } })
    await (await openCache()).put(url, stored)
    await expect(cacheApiConfiguration(openCache, url).read()).rejects.toThrow()
  })

  it('Cache API: a cache that cannot be opened throws', async () => {
    const copy = cacheApiConfiguration(() => Promise.reject(new Error('No cache.')), url)
    await expect(copy.read()).rejects.toThrow('No cache.')
    await expect(copy.write(record(1))).rejects.toThrow('No cache.')
  })
})
