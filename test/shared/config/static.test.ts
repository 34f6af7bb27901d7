import { expect, test } from 'vitest'
import { parseDocument } from '../../../shared/config/parse.ts'

const documentOf = (pool: object) => ({ pools: { site: pool }, routes: [{ path: '/*', pools: ['site'] }] })
const origins = [{ url: 'r2:assets' }]

test('a bucket is an origin, with settings of its pool', () => {
  const parsed = parseDocument(documentOf({ origins, static: { fallback: '/index.html' } }))
  expect(parsed.ok && parsed.value.config.pools.site).toMatchObject({
    origins: [{ url: 'r2:assets' }],
    static: { fallback: '/index.html', immutable: [] },
  })
})

test.each<[object, string, string]>([
  [
    { origins: [{ url: 'r2:asset' }] },
    'pools.site.origins[0].url',
    'names no bucket that is bound here: the buckets are assets; got "asset"',
  ],
  [{ origins: [{ url: 'r2:' }] }, 'pools.site.origins[0].url', 'the buckets are assets; got ""'],
  [{ origins, static: { fallback: 'index.html' } }, 'pools.site.static.fallback', 'must start with "/"'],
  [
    { origins, static: { fallback: '/docs/' } },
    'pools.site.static.fallback',
    'must be the path of a file, such as "/index.html"',
  ],
  [{ origins, static: { immutable: ['fonts'] } }, 'pools.site.static.immutable[0]', 'must start with "/"'],
  [{ origins, static: { index: '/index.html' } }, 'pools.site.static.index', 'unknown field "index"'],
  [{ origins, monitor: {} }, 'pools.site.monitor', 'cannot probe "r2:assets", which is inside the gateway: remove it'],
  [
    { origins: [{ url: 'https://a.example.com' }], static: {} },
    'pools.site.static',
    'is for pools with an origin such as "r2:assets"',
  ],
])('%j: %s', (pool, path, message) => {
  const parsed = parseDocument(documentOf(pool))
  expect(parsed.ok ? [] : parsed.error).toContainEqual({ path, message: expect.stringContaining(message) })
})
