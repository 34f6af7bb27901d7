import { describe, expect, it, test } from 'vitest'
import { parseConfig, parseDocument } from '../../../shared/config/parse.ts'
import { EXAMPLE, smallest, withPool, withRoute } from './example.ts'

const warningsOf = (document: unknown) => {
  const parsed = parseDocument(document)
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.error))
  return parsed.value.warnings.map(({ path, message }) => [path, message])
}

const withRoutes = (...routes: object[]) => ({
  ...smallest(),
  routes: routes.map((route) => ({ path: '/*', pools: ['web'], ...route })),
})

const shadowed = (by: number, id: string) =>
  `can never match: routes[${by}] ("${id}") takes all its requests; move this route before it`

it('has nothing to say about the smallest document', () => {
  expect(warningsOf(smallest())).toEqual([])
})

describe('routes that never match', () => {
  test.each<[title: string, routes: object[], expected: string[][]]>([
    ['the same again', [{}, {}], [['routes[1]', shadowed(0, 'route-1')]]],
    [
      'everything before something',
      [{ id: 'all' }, { host: 'a.example.com', path: '/a' }],
      [['routes[1]', shadowed(0, 'all')]],
    ],
    ['the first that takes it is named', [{ path: '/a' }, {}, { path: '/a' }], [['routes[2]', shadowed(0, 'route-1')]]],
    ['fewer methods', [{ methods: ['GET', 'HEAD'] }, { methods: ['HEAD'] }], [['routes[1]', shadowed(0, 'route-1')]]],
    ['more methods', [{ methods: ['GET'] }, { methods: ['GET', 'HEAD'] }], []],
    ['another host', [{ host: 'a.example.com' }, { host: 'b.example.com' }], []],
    ['something before everything', [{ path: '/a' }, {}], []],
    [
      'the gateway itself',
      [{ path: '/_weir/api/*' }],
      [['routes[0].path', 'can never match: paths under /_weir/ belong to the gateway']],
    ],
  ])('%s', (_title, routes, expected) => {
    expect(warningsOf(withRoutes(...routes))).toEqual(expected)
  })
})

it('names pools that no route uses', () => {
  const pools = { ...smallest().pools, spare: { origins: [{ url: 'http://localhost:9002' }] } }
  expect(warningsOf({ ...smallest(), pools })).toEqual([
    ['pools.spare', 'no route uses this pool: name it in the "pools" of a route, or remove it'],
  ])
})

test.each<[use: string, pool: object, document: object]>([
  ['does jobs', {}, { jobs: { types: { report: { pool: 'spare', path: '/jobs/report' } } } }],
  ['has the originals of pictures', {}, { images: { sources: ['pool:spare/photos/*'] } }],
  ['only asks', { credentials: [`sha256:${'a'.repeat(64)}`] }, {}],
])('a pool that %s needs no route', (_use, pool, document) => {
  const pools = { ...smallest().pools, spare: { origins: [{ url: 'http://localhost:9002' }], ...pool } }
  expect(warningsOf({ ...smallest(), pools, ...document })).toEqual([])
})

describe('fields without effect', () => {
  const IDLE_HASH = 'has no effect without "policy": "hash"'
  const IDLE_TTL = 'has no effect: only a cookie remembers, and the others are hashed each time'
  const SLOW = 'is longer than "intervalSeconds": a silent origin makes the probes of its pool rarer than that'
  test.each<[title: string, pool: object, expected: string[][]]>([
    ['hashOn beside another policy', { hashOn: 'path' }, [['pools.web.hashOn', IDLE_HASH]]],
    ['hashOn beside hash', { policy: 'hash', hashOn: 'path' }, []],
    ['its default', { hashOn: 'ip' }, []],
    [
      'a lifetime without a cookie',
      { affinity: { by: 'ip', ttlSeconds: 60 } },
      [['pools.web.affinity.ttlSeconds', IDLE_TTL]],
    ],
    ['a lifetime of a cookie', { affinity: { ttlSeconds: 60 } }, []],
    [
      'probes that outlast their interval',
      { monitor: { intervalSeconds: 1 } },
      [['pools.web.monitor.timeoutMs', SLOW]],
    ],
    ['probes that do not', { monitor: { intervalSeconds: 2 } }, []],
  ])('%s', (_title, pool, expected) => expect(warningsOf(withPool(pool))).toEqual(expected))
})

test.each([
  [['Cookie'], ['lang'], true],
  [['x-tenant'], ['cookie'], false],
])('the Cookie field is no header to key by: %j beside %j', (headers, cookies, expected) => {
  const message = 'cannot tell by "cookie": name the cookies that count in "cookies" instead'
  expect(warningsOf(withRoute({ cache: { key: { headers, cookies } } }))).toEqual(
    expected ? [['routes[0].cache.key.headers', message]] : [],
  )
})

describe('bare addresses', () => {
  test.each([
    ['http://203.0.113.7', true],
    ['https://8.8.8.8:8443', true],
    ['http://172.32.0.1', true],
    ['http://100.128.0.1', true],
    ['http://[2001:db8::1]', true],
    ['http://[::ffff:8.8.8.8]', true],
    ['http://198.18.0.1', true],
    ['http://192.0.0.1', true],
    ['http://[fc::1]', true],
    ['http://203.0.113.7.example.com', false],
    ['http://localhost', false],
    ['http://127.0.0.1:9001', false],
    ['http://10.1.2.3', false],
    ['http://172.16.0.1', false],
    ['http://192.168.1.1', false],
    ['http://169.254.1.1', false],
    ['http://100.64.0.1', false],
    ['http://0.0.0.0', false],
    ['http://[::1]', false],
    ['http://[::]', false],
    ['http://[fd00::1]', false],
    ['http://[fe80::1]', false],
    ['http://[::ffff:10.0.0.1]', false],
    ['http://fd.example.com', false],
  ])('%s is public: %s', (url, expected) => {
    const message = 'Cloudflare refuses fetches to bare IP addresses in production: give it a host name'
    expect(warningsOf(withPool({ origins: [{ url }] }))).toEqual(
      expected ? [['pools.web.origins[0].url', message]] : [],
    )
  })
})

describe('batches that no request joins', () => {
  const batch = { path: '/items/:id', to: '/items?ids={ids}' }
  const off = 'its "cache" has "mode": "off", and what is not stored is not shared'
  test.each<[title: string, route: object, because: string | undefined]>([
    ['as it is', {}, undefined],
    ['without GET', { methods: ['HEAD', 'POST'] }, 'the route takes no GET'],
    ['without a cache', { cache: { mode: 'off' } }, off],
    ['without collapsing', { cache: { collapse: 'off' } }, 'its "cache" has "collapse": "off"'],
  ])('%s', (_title, route, because) => {
    const expected = because === undefined ? [] : [['routes[0].batch', `has no effect: ${because}`]]
    expect(warningsOf(withRoute({ batch, ...route }))).toEqual(expected)
  })
})

describe('fields that once had no effect', () => {
  test.each([
    ['round-robin', withPool({ policy: 'round-robin' })],
    ['random', withPool({ policy: 'random' })],
    ['least-request', withPool({ policy: 'least-request' })],
    ['peak-ewma', withPool({ policy: 'peak-ewma' })],
    ['hash', withPool({ policy: 'hash', hashOn: 'cookie:cart' })],
    ['panic', withPool({ panicPercent: 0 })],
    ['retries', withPool({ retry: { tries: 3, budgetPercent: 9 } })],
    ['hedges', withPool({ hedge: {} })],
    ['ejection', withPool({ ejection: {} })],
    ['a monitor', withPool({ monitor: {} })],
    ['hash of sessions', withPool({ policy: 'hash', hashOn: 'session' })],
    ['session', withRoute({ session: true })],
    ['grace', withRoute({ cache: { graceSeconds: 60, errorGraceSeconds: 60 } })],
    ['no collapse', withRoute({ cache: { collapse: 'off' } })],
  ])('no notice for %s', (_title, document) => {
    expect(warningsOf(document)).toEqual([])
  })

  it('lists those of the complete example', () => {
    const parsed = parseConfig(EXAMPLE)
    expect(parsed.ok && parsed.value.warnings).toEqual([])
  })
})
