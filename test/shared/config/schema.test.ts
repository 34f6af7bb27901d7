import { describe, expect, it, test } from 'vitest'
import { parseDocument } from '../../../shared/config/parse.ts'
import { smallest, withOrigin, withPool, withRoute } from './example.ts'

const configOf = (document: unknown) => {
  const parsed = parseDocument(document)
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.error))
  return parsed.value.config
}
const poolOf = (fields: object) => configOf(withPool(fields)).pools.web
const originOf = (fields: object) => configOf(withOrigin(fields)).pools.web?.origins[0]
const routeOf = (fields: object) => configOf(withRoute(fields)).routes[0]

describe('defaults', () => {
  it('fills in everything that the smallest document leaves out', () => {
    expect(configOf(smallest())).toStrictEqual({
      pools: {
        web: {
          origins: [{ id: '127.0.0.1:9001', url: 'http://127.0.0.1:9001', weight: 1, priority: 0, state: 'ready' }],
          policy: 'peak-ewma',
          hashOn: 'ip',
          timeouts: { headersMs: 10_000, totalMs: 30_000, idleMs: 30_000 },
          retry: { tries: 2, budgetPercent: 20, maxBodyBytes: 262_144 },
          ejection: { failures: 3, baseSeconds: 30, maxPercent: 50 },
          panicPercent: 50,
          credentials: [],
        },
      },
      routes: [
        {
          id: 'route-1',
          host: '*',
          path: '/*',
          methods: ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'],
          retryMethods: ['GET', 'HEAD', 'OPTIONS'],
          pools: ['web'],
          cache: {
            mode: 'respect',
            graceSeconds: 0,
            errorGraceSeconds: 0,
            sickGraceSeconds: 0,
            keepSeconds: 86_400,
            maxVariants: 64,
            sliceBytes: 1_048_576,
            key: { query: 'all', sortQuery: false, headers: [], cookies: [] },
            collapse: 'colo',
            flight: { windowBytes: 8_388_608, maxReaders: 5000, maxWaitMs: 10_000, beyond: 'direct', gatherMs: 5 },
          },
          steering: { by: 'order', keyed: false },
          enqueue: [],
          session: false,
        },
      ],
      hotTier: { entryBytes: 65_536, totalBytes: 16_777_216, trustSeconds: 5 },
      services: { policy: [], egress: { allow: [], from: [], timeoutMs: 10_000, maxBytes: 10_485_760 } },
      sessions: { idleSeconds: 1800, absoluteSeconds: 43_200, maxBytes: 65_536, headerBytes: 4096 },
      jobs: {
        types: {},
        subscribers: {},
        webhooks: { tries: 15, baseDelaySeconds: 5 },
        tries: 5,
        baseDelaySeconds: 5,
        timeoutSeconds: 60,
        deadlineSeconds: 86_400,
        keepSeconds: 604_800,
        resendSeconds: 300,
        leaseSeconds: 15,
      },
      notifications: { holdSeconds: 10, everySeconds: 60 },
      media: {
        maxBytes: 26_214_400,
        maxPixels: 50_000_000,
        types: ['image/jpeg', 'image/png', 'image/gif', 'image/webp', 'image/avif'],
        read: 'open',
        thumbnails: {},
        cacheSeconds: 86_400,
        clientSeconds: 0,
      },
      images: {
        sources: [],
        presets: {},
        maxPixels: 50_000_000,
        maxBytes: 26_214_400,
        maxWidth: 4096,
        maxHeight: 4096,
        ttlSeconds: 86_400,
      },
      state: { shards: 4, namespaces: {} },
    })
  })

  test.each([
    ['hedge', { afterMs: 300, budgetPercent: 5 }],
    [
      'monitor',
      {
        type: 'http',
        method: 'GET',
        path: '/healthz',
        headers: {},
        expectStatus: '200-299',
        intervalSeconds: 10,
        timeoutMs: 2000,
        fails: 3,
        passes: 2,
      },
    ],
    ['affinity', { by: 'cookie', ttlSeconds: 1800, onFailure: 'temporary' }],
    ['timeouts', { headersMs: 10_000, totalMs: 30_000, idleMs: 30_000 }],
    ['retry', { tries: 2, budgetPercent: 20, maxBodyBytes: 262_144 }],
    ['ejection', { failures: 3, baseSeconds: 30, maxPercent: 50 }],
  ])('fills in an empty %s', (field, expected) => {
    expect(poolOf({ [field]: {} })).toHaveProperty(field, expected)
  })

  it('fills in a part of hotTier', () => {
    const written = { ...smallest(), hotTier: { totalBytes: 0 } }
    expect(configOf(written).hotTier).toEqual({ entryBytes: 65_536, totalBytes: 0, trustSeconds: 5 })
  })

  it('fills in a part of sessions', () => {
    const written = { ...smallest(), sessions: { idleSeconds: 60 } }
    expect(configOf(written).sessions).toMatchObject({ idleSeconds: 60, absoluteSeconds: 43_200 })
  })

  it('fills in a namespace', () => {
    const written = { ...smallest(), state: { namespaces: { cart: {}, near: { consistency: 'bounded' } } } }
    const namespace = { consistency: 'strong', staleSeconds: 5, maxBytes: 131_072, write: 'none' }
    expect(configOf(written).state).toEqual({
      shards: 4,
      namespaces: { cart: namespace, near: { ...namespace, consistency: 'bounded' } },
    })
  })

  it('keeps what is written beside a default', () => {
    expect(poolOf({ retry: { tries: 5 } })?.retry).toEqual({ tries: 5, budgetPercent: 20, maxBodyBytes: 262_144 })
  })

  it('numbers the routes without an id by their position', () => {
    const routes = [
      { id: 'first', path: '/a', pools: ['web'] },
      { path: '/b', pools: ['web'] },
    ]
    expect(configOf({ ...smallest(), routes }).routes.map(({ id }) => id)).toEqual(['first', 'route-2'])
  })

  it('gives each configuration defaults of its own', () => {
    configOf(smallest()).routes[0]?.methods.push('BREW')
    expect(configOf(smallest()).routes[0]?.methods).not.toContain('BREW')
  })
})

describe('normal forms', () => {
  test.each([
    ['a final slash', 'https://a.example.com/', 'https://a.example.com', 'a.example.com'],
    ['upper case', 'HTTPS://A.Example.com', 'https://a.example.com', 'a.example.com'],
    ['the port of the scheme', 'https://a.example.com:443', 'https://a.example.com', 'a.example.com'],
    ['another port', 'http://a.example.com:8080/', 'http://a.example.com:8080', 'a.example.com:8080'],
    ['IPv6', 'http://[0:0::1]:9001', 'http://[::1]:9001', '[::1]:9001'],
    ['punycode', 'http://bücher.example', 'http://xn--bcher-kva.example', 'xn--bcher-kva.example'],
  ])('origin url: %s', (_title, written, url, id) => {
    expect(originOf({ url: written })).toMatchObject({ url, id })
  })

  test.each([
    [
      'header names in key',
      { cache: { key: { headers: ['Accept-Language'] } } },
      { cache: { key: { headers: ['accept-language'] } } },
    ],
    [
      'cookie names in key',
      { cache: { key: { cookies: ['Currency'] } } },
      { cache: { key: { cookies: ['Currency'] } } },
    ],
    ['query, some', { cache: { key: { query: { only: ['q'] } } } }, { cache: { key: { query: { only: ['q'] } } } }],
    [
      'query, all but',
      { cache: { key: { query: { except: ['utm'] } } } },
      { cache: { key: { query: { except: ['utm'] } } } },
    ],
    ['a method of somebody else', { methods: ['PURGE'] }, { methods: ['PURGE'] }],
    ['no retries', { retryMethods: [] }, { retryMethods: [] }],
    ['force', { cache: { mode: 'force', ttlSeconds: 0 } }, { cache: { mode: 'force', ttlSeconds: 0 } }],
  ])('route: %s', (_title, fields, expected) => {
    expect(routeOf(fields)).toMatchObject(expected)
  })

  test.each([
    ['a header in hashOn', { hashOn: 'header:X-User' }, { hashOn: 'header:x-user' }],
    ['a cookie in hashOn', { hashOn: 'cookie:Cart' }, { hashOn: 'cookie:Cart' }],
    ['a header in affinity', { affinity: { by: 'header:X-User' } }, { affinity: { by: 'header:x-user' } }],
    ['statuses', { monitor: { expectStatus: '200, 301-302' } }, { monitor: { expectStatus: '200,301-302' } }],
    ['headers of a probe', { monitor: { headers: { 'X-Key': 'a' } } }, { monitor: { headers: { 'x-key': 'a' } } }],
    ['a probe with a query', { monitor: { path: '/up?deep=1' } }, { monitor: { path: '/up?deep=1' } }],
  ])('pool: %s', (_title, fields, expected) => {
    expect(poolOf(fields)).toMatchObject(expected)
  })

  it('takes pools with names that objects have', () => {
    const document = { pools: { constructor: smallest().pools.web }, routes: [{ path: '/*', pools: ['constructor'] }] }
    expect(Object.keys(configOf(document).pools)).toEqual(['constructor'])
  })
})
