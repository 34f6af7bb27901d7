import { describe, expect, test } from 'vitest'
import { parseDocument } from '../../../shared/config/parse.ts'
import { errorsOf, smallest, withOrigin, withPool, withRoute } from './example.ts'

/** Title, what is written, the place inside the part that the test is about, the message. */
type Row = [title: string, fields: object, place: string, message: string]

describe('the document', () => {
  test.each<[title: string, document: unknown, path: string, message: string]>([
    ['a list', [], '(document)', 'must be an object {…}; got a list'],
    ['null', null, '(document)', 'must be an object {…}; got null'],
    ['nothing', undefined, '(document)', 'is required'],
    ['no pools', { routes: smallest().routes }, 'pools', 'is required: name at least one pool'],
    ['pools not an object', { ...smallest(), pools: [] }, 'pools', 'must be an object {…}; got a list'],
    ['empty pools', { ...smallest(), pools: {} }, 'pools', 'must not be empty: name at least one pool'],
    ['pool not an object', { ...smallest(), pools: { web: 7 } }, 'pools.web', 'must be an object {…}; got 7'],
    ['no origins', { ...smallest(), pools: { web: {} } }, 'pools.web.origins', 'is required: give at least one origin'],
    ['no routes', { pools: smallest().pools }, 'routes', 'is required: give at least one route'],
    ['empty routes', { ...smallest(), routes: [] }, 'routes', 'must not be empty: give at least one route'],
    [
      'no path',
      { ...smallest(), routes: [{ pools: ['web'] }] },
      'routes[0].path',
      'is required: "/*" takes every path',
    ],
    ['no pools', { ...smallest(), routes: [{ path: '/' }] }, 'routes[0].pools', 'is required: name at least one pool'],
  ])('%s', (_title, document, path, message) => {
    expect(errorsOf(document)).toEqual([[path, message]])
  })

  test.each([['my pool'], [''], ['x'.repeat(65)], ['a.b'], ['1.5']])('pool name %j', (name) => {
    const message = 'is not a pool name: use 1 to 64 letters, digits, "_" or "-"'
    const path = `pools[${JSON.stringify(name.length > 60 ? `${name.slice(0, 60)}…` : name)}]`
    expect(errorsOf({ ...smallest(), pools: { ...smallest().pools, [name]: {} } })).toEqual([[path, message]])
  })
})

const fieldsOf = (...names: string[]) => `the fields here are ${names.join(', ')}`
const ORIGIN = fieldsOf('id', 'url', 'weight', 'priority', 'state', 'drainUntil')
const ROUTE = fieldsOf(
  'id',
  'host',
  'path',
  'methods',
  'retryMethods',
  'pools',
  'steering',
  'canary',
  'mirror',
  'cache',
  'batch',
  'enqueue',
  'session',
)
const CACHE = fieldsOf(
  'mode',
  'ttlSeconds',
  'graceSeconds',
  'errorGraceSeconds',
  'sickGraceSeconds',
  'keepSeconds',
  'key',
  'unkeyed',
  'languages',
  'types',
  'maxVariants',
  'sliceBytes',
  'collapse',
  'flight',
)
const HOT_TIER = fieldsOf('entryBytes', 'totalBytes', 'trustSeconds')

describe('unknown fields', () => {
  test.each<[title: string, document: unknown, path: string, message: string]>([
    ['at the top', { ...smallest(), pool: 1 }, 'pool', '"pool": did you mean "pools"?'],
    ['in an origin', withOrigin({ wieght: 1 }), 'pools.web.origins[0].wieght', '"wieght": did you mean "weight"?'],
    ['like nothing', withOrigin({ address: 1 }), 'pools.web.origins[0].address', `"address": ${ORIGIN}`],
    ['all letters wrong', withOrigin({ xx: 1 }), 'pools.web.origins[0].xx', `"xx": ${ORIGIN}`],
    ['in a pool', withPool({ origns: [] }), 'pools.web.origns', '"origns": did you mean "origins"?'],
    [
      'in an optional part',
      withPool({ hedge: { ms: 1 } }),
      'pools.web.hedge.ms',
      '"ms": the fields here are afterMs, budgetPercent',
    ],
    [
      'in a part with defaults',
      withPool({ retry: { trys: 1 } }),
      'pools.web.retry.trys',
      '"trys": did you mean "tries"?',
    ],
    ['in a route', withRoute({ methosd: [] }), 'routes[0].methosd', '"methosd": did you mean "methods"?'],
    ['in cache', withRoute({ cache: { ttl: 5 } }), 'routes[0].cache.ttl', `"ttl": ${CACHE}`],
    [
      'in key',
      withRoute({ cache: { key: { header: 5 } } }),
      'routes[0].cache.key.header',
      '"header": did you mean "headers"?',
    ],
    ['strange name', withRoute({ cache: { 'a b\n': 5 } }), 'routes[0].cache["a b\\n"]', `"a b\\n": ${CACHE}`],
    ['__proto__', withRoute(JSON.parse('{"__proto__": {}}')), 'routes[0].__proto__', `"__proto__": ${ROUTE}`],
    ['constructor', withRoute({ constructor: 1 }), 'routes[0].constructor', `"constructor": ${ROUTE}`],
  ])('%s', (_title, document, path, message) => {
    expect(errorsOf(document)).toEqual([[path, `unknown field ${message}`]])
  })

  test('each is an error of its own', () => {
    expect(errorsOf(withOrigin({ wait: 1, ulr: 2 }))).toEqual([
      ['pools.web.origins[0].wait', `unknown field "wait": ${ORIGIN}`],
      ['pools.web.origins[0].ulr', 'unknown field "ulr": did you mean "url"?'],
    ])
  })
})

describe('credentials', () => {
  const DIGEST =
    'must be "sha256:" and 64 hexadecimal digits: what `printf %s "$CREDENTIAL" | sha256sum` prints for a long random credential'
  test.each([
    ['the credential itself', 'a-secret'],
    ['no hash named', 'ab'.repeat(32)],
    ['another hash', `md5:${'ab'.repeat(16)}`],
    ['too short', `sha256:${'ab'.repeat(31)}`],
    ['no hexadecimal digits', `sha256:${'xy'.repeat(32)}`],
  ])('%s', (_, digest) =>
    expect(errorsOf(withPool({ credentials: [digest] }))).toEqual([['pools.web.credentials[0]', DIGEST]]),
  )
  test('a digest is taken', () =>
    expect(errorsOf(withPool({ credentials: [`sha256:${'aB'.repeat(32)}`] }))).toEqual([]))
})

const SCHEME = 'must start with "http://" or "https://"'
const SERVICES = 'names no service: the services are account, catalog, checkout, order, pages, search; got'
const INVALID_URL = 'is not a valid URL: write it as "https://host[:port]"'
const BARE = 'must have no path, query or fragment: write it as'
const PRIORITY = 'must be a whole number from 0 to 9; got'
const WEIGHT = 'must be a whole number from 1 to 1000; got'
const OFF = 'to take an origin out, use "state": "off"'
const ID = 'must be 1 to 64 letters, digits, ".", "_", ":" or "-"; got'

describe('origins', () => {
  test.each<Row>([
    [
      'no url',
      { url: undefined },
      'url',
      'is required: give the address of the server, such as "https://a.example.com"',
    ],
    ['url not a string', { url: 5 }, 'url', 'must be a string; got 5'],
    ['url without scheme', { url: 'a.example.com' }, 'url', SCHEME],
    ['url of another scheme', { url: 'ftp://a.example.com' }, 'url', SCHEME],
    ['service that nobody knows', { url: 'service:katalog' }, 'url', `${SERVICES} "katalog"`],
    ['service without a name', { url: 'service:' }, 'url', `${SERVICES} ""`],
    ['service with a path', { url: 'service:catalog/a' }, 'url', `${SERVICES} "catalog/a"`],
    ['service that is for another service alone', { url: 'service:payment' }, 'url', `${SERVICES} "payment"`],
    ['url that is none', { url: 'http://a:99999' }, 'url', INVALID_URL],
    ['url with a space', { url: 'http://a ' }, 'url', INVALID_URL],
    ['url with a backslash', { url: 'http://a\\b' }, 'url', INVALID_URL],
    ['url with a wildcard', { url: 'http://*.a' }, 'url', 'must name one host, such as "https://a.example.com"'],
    ['url with port 0', { url: 'http://a:0' }, 'url', 'must have a port from 1 to 65535'],
    [
      'url with a password',
      { url: 'http://me:pw@a' },
      'url',
      'must have no user name or password: write it as "http://a"',
    ],
    ['url with a path', { url: 'http://a:81/b' }, 'url', `${BARE} "http://a:81"`],
    ['url with a query', { url: 'http://a?b' }, 'url', `${BARE} "http://a"`],
    ['url with an empty query', { url: 'http://a/?' }, 'url', `${BARE} "http://a"`],
    ['url with a fragment', { url: 'http://a#b' }, 'url', `${BARE} "http://a"`],
    ['id with a space', { id: 'a b' }, 'id', `${ID} "a b"`],
    ['empty id', { id: '' }, 'id', `${ID} ""`],
    ['weight 0', { weight: 0 }, 'weight', `${WEIGHT} 0: ${OFF}`],
    ['weight too high', { weight: 1001 }, 'weight', `${WEIGHT} 1001: ${OFF}`],
    ['a fraction', { priority: 1.5 }, 'priority', `${PRIORITY} 1.5`],
    ['too low', { priority: -1 }, 'priority', `${PRIORITY} -1`],
    ['too high', { priority: 10 }, 'priority', `${PRIORITY} 10`],
    ['far too high', { priority: 1e300 }, 'priority', `${PRIORITY} 1e+300`],
    ['infinite', { priority: Number.POSITIVE_INFINITY }, 'priority', `${PRIORITY} Infinity`],
    ['a number in quotes', { priority: '1' }, 'priority', `${PRIORITY} "1"`],
    ['null for a number', { priority: null }, 'priority', `${PRIORITY} null`],
    ['state', { state: 'on' }, 'state', 'must be one of ready, drain, off; got "on"'],
    ['a long value', { state: 'x'.repeat(99) }, 'state', `must be one of ready, drain, off; got "${'x'.repeat(60)}…"`],
  ])('%s', (_title, fields, place, message) => {
    expect(errorsOf(withOrigin(fields))).toEqual([[`pools.web.origins[0].${place}`, message]])
  })
})

test('an origin inside the gateway is taken as it is written, and has the name of the service as its id', () => {
  const parsed = parseDocument(withOrigin({ url: 'service:catalog', id: undefined }))
  expect(parsed.ok && parsed.value.config.pools.web?.origins[0]).toMatchObject({
    id: 'catalog',
    url: 'service:catalog',
  })
})

const POLICY = 'must be one of round-robin, random, least-request, peak-ewma, hash; got'
const HASH_ON = 'must be one of ip, path, url, session, header:NAME, cookie:NAME; got'
const STATUS = 'must be statuses from 100 to 599 such as "200", "200-299" or "200,301-302"; got'
const REGION = 'must be one of wnam, enam, sam, weur, eeur, apac, apac-ne, apac-se, oc, afr, me; got'
const PROBE = 'must start with "/" and be printable ASCII; got'
const whole = (min: number, max: number, got: number) => `must be a whole number from ${min} to ${max}; got ${got}`

describe('pools', () => {
  test.each<Row>([
    ['empty origins', { origins: [] }, 'origins', 'must not be empty: give at least one origin'],
    ['origins not a list', { origins: 'http://a' }, 'origins', 'must be a list […]; got "http://a"'],
    ['origin not an object', { origins: ['http://a'] }, 'origins[0]', 'must be an object {…}; got "http://a"'],
    ['policy', { policy: 'p2c' }, 'policy', `${POLICY} "p2c"`],
    ['hashOn', { hashOn: 'user' }, 'hashOn', `${HASH_ON} "user"`],
    ['hashOn without a name', { hashOn: 'header:' }, 'hashOn', `${HASH_ON} "header:"`],
    ['hashOn, not a token', { hashOn: 'cookie:a b' }, 'hashOn', `${HASH_ON} "cookie:a b"`],
    ['timeouts', { timeouts: { headersMs: 0 } }, 'timeouts.headersMs', whole(1, 600_000, 0)],
    ['total', { timeouts: { totalMs: 600_001 } }, 'timeouts.totalMs', whole(1, 600_000, 600_001)],
    ['hedge budget', { hedge: { budgetPercent: 101 } }, 'hedge.budgetPercent', whole(0, 100, 101)],
    ['ejection time', { ejection: { baseSeconds: 0 } }, 'ejection.baseSeconds', whole(1, 3600, 0)],
    ['ejection share', { ejection: { maxPercent: 101 } }, 'ejection.maxPercent', whole(0, 100, 101)],
    ['idle', { timeouts: { idleMs: 600_001 } }, 'timeouts.idleMs', whole(1, 600_000, 600_001)],
    ['tries', { retry: { tries: 11 } }, 'retry.tries', whole(1, 10, 11)],
    ['retry budget', { retry: { budgetPercent: 101 } }, 'retry.budgetPercent', whole(0, 100, 101)],
    ['kept body', { retry: { maxBodyBytes: 8_388_609 } }, 'retry.maxBodyBytes', whole(0, 8_388_608, 8_388_609)],
    ['hedge', { hedge: { afterMs: 0 } }, 'hedge.afterMs', whole(1, 600_000, 0)],
    ['a part that is null', { monitor: null }, 'monitor', 'must be an object {…}; got null'],
    ['a part that is a list', { retry: [] }, 'retry', 'must be an object {…}; got a list'],
    ['interval', { monitor: { intervalSeconds: 0 } }, 'monitor.intervalSeconds', whole(1, 3600, 0)],
    ['statuses', { monitor: { expectStatus: 'ok' } }, 'monitor.expectStatus', `${STATUS} "ok"`],
    ['wrong way round', { monitor: { expectStatus: '299-200' } }, 'monitor.expectStatus', `${STATUS} "299-200"`],
    ['a comma too many', { monitor: { expectStatus: '200,' } }, 'monitor.expectStatus', `${STATUS} "200,"`],
    ['no such status', { monitor: { expectStatus: '600' } }, 'monitor.expectStatus', `${STATUS} "600"`],
    ['probe path', { monitor: { path: 'up' } }, 'monitor.path', `${PROBE} "up"`],
    ['probe path with a fragment', { monitor: { path: '/a#b' } }, 'monitor.path', `${PROBE} "/a#b"`],
    ['probe type', { monitor: { type: 'icmp' } }, 'monitor.type', 'must be one of http, tcp; got "icmp"'],
    ['probe method', { monitor: { method: 'POST' } }, 'monitor.method', 'must be one of GET, HEAD; got "POST"'],
    [
      'a header that fetch sets',
      { monitor: { headers: { Host: 'a' } } },
      'monitor.headers.Host',
      'cannot be set: the connection and the URL of the origin decide it',
    ],
    [
      'a header of two lines',
      { monitor: { headers: { 'x-a': 'a\nb: c' } } },
      'monitor.headers.x-a',
      'must be at most 1024 characters of printable ASCII, with no space at either end; got "a\\nb: c"',
    ],
    ['an empty body', { monitor: { expectBody: '' } }, 'monitor.expectBody', 'must have 1 to 1024 characters'],
    [
      'no regions',
      { monitor: { regions: [] } },
      'monitor.regions',
      'must not be empty: name at least one region, or remove it',
    ],
    ['a region', { monitor: { regions: ['eu'] } }, 'monitor.regions[0]', `${REGION} "eu"`],
    ['ejection', { ejection: { failures: 0 } }, 'ejection.failures', whole(1, 1000, 0)],
    ['panic', { panicPercent: 101 }, 'panicPercent', whole(0, 100, 101)],
    [
      'affinity',
      { affinity: { by: 'cookie:a' } },
      'affinity.by',
      'must be one of cookie, ip, header:NAME; got "cookie:a"',
    ],
    [
      'on failure',
      { affinity: { onFailure: 1 } },
      'affinity.onFailure',
      'must be one of temporary, sticky, none; got 1',
    ],
  ])('%s', (_title, fields, place, message) => {
    expect(errorsOf(withPool(fields))).toEqual([[`pools.web.${place}`, message]])
  })
})

describe('the hot tier', () => {
  test.each<Row>([
    ['an entry', { entryBytes: 1_048_577 }, 'entryBytes', whole(0, 1_048_576, 1_048_577)],
    ['all', { totalBytes: 67_108_865 }, 'totalBytes', whole(0, 67_108_864, 67_108_865)],
    ['less than nothing', { totalBytes: -1 }, 'totalBytes', whole(0, 67_108_864, -1)],
    ['trust', { trustSeconds: 61 }, 'trustSeconds', whole(0, 60, 61)],
    ['an unknown field', { bytes: 1 }, 'bytes', `unknown field "bytes": ${HOT_TIER}`],
  ])('%s', (_title, fields, place, message) => {
    expect(errorsOf({ ...smallest(), hotTier: fields })).toEqual([[`hotTier.${place}`, message]])
  })

  test('a wrong field hides no error between the others', () => {
    const paths = errorsOf({ ...smallest(), hotTier: { totalBytes: 1, trust: 1 } }).map(([path]) => path)
    expect(paths).toEqual(['hotTier.trust', 'hotTier.entryBytes'])
  })
})

const PATH = 'paths are matched in their canonical form: write it as'
const HOST = 'hosts are lower case, in punycode, without a port or a final dot: write it as'
const QUERY = 'must be "all", "none", {"only": [NAMES]} or {"except": [NAMES]}; got'

describe('routes', () => {
  test.each<Row>([
    ['path', { path: '/café/*' }, 'path', `${PATH} "/caf%C3%A9/*"`],
    ['host', { host: 'Example.com' }, 'host', `${HOST} "example.com"`],
    ['id', { id: 'a/b' }, 'id', `${ID} "a/b"`],
    ['lower case', { methods: ['get'] }, 'methods[0]', 'methods are case-sensitive: write "GET"'],
    ['not a token', { methods: ['GET', 'A B'] }, 'methods[1]', 'must be a method such as "GET"; got "A B"'],
    ['TRACE', { methods: ['TRACE'] }, 'methods[0]', 'TRACE is never forwarded: remove it'],
    ['CONNECT', { retryMethods: ['CONNECT'] }, 'retryMethods[0]', 'CONNECT is never forwarded: remove it'],
    ['no methods', { methods: [] }, 'methods', 'must not be empty: name at least one method'],
    ['empty pools', { pools: [] }, 'pools', 'must not be empty: name at least one pool'],
    ['a pool that is no string', { pools: [7] }, 'pools[0]', 'must be a string; got 7'],
    ['mode', { cache: { mode: 'forced' } }, 'cache.mode', 'must be one of off, respect, force; got "forced"'],
    ['ttl', { cache: { ttlSeconds: -1 } }, 'cache.ttlSeconds', whole(0, 31_536_000, -1)],
    ['sick grace', { cache: { sickGraceSeconds: -1 } }, 'cache.sickGraceSeconds', whole(0, 31_536_000, -1)],
    ['keep', { cache: { keepSeconds: 0.5 } }, 'cache.keepSeconds', whole(0, 31_536_000, 0.5)],
    ['a window', { cache: { flight: { windowBytes: 1 } } }, 'cache.flight.windowBytes', whole(65_536, 33_554_432, 1)],
    ['a crowd', { cache: { flight: { maxReaders: 0 } } }, 'cache.flight.maxReaders', whole(1, 10_000, 0)],
    ['gathering', { cache: { flight: { gatherMs: 21 } } }, 'cache.flight.gatherMs', whole(0, 20, 21)],
    ['slices', { cache: { sliceBytes: 1000 } }, 'cache.sliceBytes', 'must be 0, or from 65536 to 16777216'],
    [
      'unkeyed',
      { cache: { unkeyed: ['a b'] } },
      'cache.unkeyed[0]',
      'must be a header name such as "accept-language"; got "a b"',
    ],
    ['variants', { cache: { maxVariants: 0 } }, 'cache.maxVariants', whole(1, 1000, 0)],
    ['no language', { cache: { languages: [] } }, 'cache.languages', 'must not be empty: name at least one language'],
    [
      'a language',
      { cache: { languages: ['de', 'en_GB'] } },
      'cache.languages[1]',
      'must be a language tag such as "de" or "en-GB"; got "en_GB"',
    ],
    [
      'a media type',
      { cache: { types: ['html'] } },
      'cache.types[0]',
      'must be a media type such as "text/html"; got "html"',
    ],
    ['grace', { cache: { graceSeconds: 31_536_001 } }, 'cache.graceSeconds', whole(0, 31_536_000, 31_536_001)],
    ['collapse', { cache: { collapse: {} } }, 'cache.collapse', 'must be one of off, colo, global; got an object'],
    ['query word', { cache: { key: { query: 'some' } } }, 'cache.key.query', `${QUERY} "some"`],
    ['query list', { cache: { key: { query: ['q'] } } }, 'cache.key.query', `${QUERY} a list`],
    ['query, nothing', { cache: { key: { query: {} } } }, 'cache.key.query', `${QUERY} an object`],
    ['query, both', { cache: { key: { query: { only: [], except: [] } } } }, 'cache.key.query', `${QUERY} an object`],
    ['query names', { cache: { key: { query: { only: [1] } } } }, 'cache.key.query', `${QUERY} an object`],
    [
      'header',
      { cache: { key: { headers: ['a:b'] } } },
      'cache.key.headers[0]',
      'must be a header name such as "accept-language"; got "a:b"',
    ],
    [
      'cookie',
      { cache: { key: { cookies: ['a=b'] } } },
      'cache.key.cookies[0]',
      'must be a cookie name such as "currency"; got "a=b"',
    ],
    ['session', { session: 'yes' }, 'session', 'must be true or false; got "yes"'],
  ])('%s', (_title, fields, place, message) => {
    expect(errorsOf(withRoute(fields))).toEqual([[`routes[0].${place}`, message]])
  })
})

describe('batches', () => {
  const batch = { path: '/items/:id', to: '/items?ids={ids}' }
  const PATH = 'must have one ":name" where the id stands, and no "*", as in "/items/:id"; got'
  const ONCE = 'must have "{ids}" once, as in "/items?ids={ids}"; got'
  const ASCII = 'must start with "/" and be printable ASCII; got'

  test.each<Row>([
    ['no path', { path: undefined }, 'path', 'is required: say which paths are single reads, such as "/items/:id"'],
    ['a path without a name', { path: '/items' }, 'path', `${PATH} "/items"`],
    ['a path with two names', { path: '/:shop/:id' }, 'path', `${PATH} "/:shop/:id"`],
    ['a path with a star', { path: '/*/:id' }, 'path', `${PATH} "/*/:id"`],
    ['a name that is part of a segment', { path: '/items-:id' }, 'path', `${PATH} "/items-:id"`],
    [
      'a path that is not canonical',
      { path: '/%41/:id' },
      'path',
      'paths are matched in their canonical form: write it as "/A/:id"',
    ],
    ['a path that is none', { path: 'items/:id' }, 'path', 'must start with "/"; got "items/:id"'],
    [
      'no target',
      { to: undefined },
      'to',
      'is required: say what is asked for in their place, such as "/items?ids={ids}"',
    ],
    ['a target without ids', { to: '/items' }, 'to', `${ONCE} "/items"`],
    ['a target with ids twice', { to: '/{ids}?ids={ids}' }, 'to', `${ONCE} "/{ids}?ids={ids}"`],
    ['a target elsewhere', { to: 'http://a/{ids}' }, 'to', `${ASCII} "http://a/{ids}"`],
    ['a target with a fragment', { to: '/{ids}#a' }, 'to', `${ASCII} "/{ids}#a"`],
    ['a target with a space', { to: '/{ids} ' }, 'to', `${ASCII} "/{ids} "`],
    ['a way to split', { split: 'xml' }, 'split', 'must be one of json; got "xml"'],
    ['no member', { by: '' }, 'by', 'must have 1 to 128 characters; got 0'],
    ['a window', { windowMs: 1001 }, 'windowMs', whole(0, 1000, 1001)],
    ['one at once', { max: 1 }, 'max', whole(2, 1000, 1)],
    [
      'an unknown field',
      { maximum: 5 },
      'maximum',
      'unknown field "maximum": the fields here are path, to, split, by, windowMs, max',
    ],
  ])('%s', (_title, fields, place, message) => {
    expect(errorsOf(withRoute({ batch: { ...batch, ...fields } }))).toEqual([[`routes[0].batch.${place}`, message]])
  })
})

describe('sessions', () => {
  test.each<Row>([
    ['no idle time', { idleSeconds: 0 }, 'idleSeconds', whole(1, 31_536_000, 0)],
    ['no absolute time', { absoluteSeconds: -1, idleSeconds: 1 }, 'absoluteSeconds', whole(1, 31_536_000, -1)],
    ['little room', { maxBytes: 1023 }, 'maxBytes', whole(1024, 1_048_576, 1023)],
    ['too long a header', { headerBytes: 16_385 }, 'headerBytes', whole(256, 16_384, 16_385)],
    [
      'an unknown field',
      { ttlSeconds: 5 },
      'ttlSeconds',
      'unknown field "ttlSeconds": the fields here are idleSeconds, absoluteSeconds, maxBytes, headerBytes',
    ],
    [
      'an idle time that never comes',
      { idleSeconds: 50_000 },
      'idleSeconds',
      'is 50000, more than "absoluteSeconds" (43200), which ends a session anyway: write at most 43200',
    ],
  ])('%s', (_title, sessions, place, message) => {
    expect(errorsOf({ ...smallest(), sessions })).toEqual([[`sessions.${place}`, message]])
  })
})
