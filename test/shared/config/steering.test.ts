import { describe, expect, it, test } from 'vitest'
import { parseDocument } from '../../../shared/config/parse.ts'
import { errorsOf, smallest, withOrigin, withPool } from './example.ts'

const spare = { origins: [{ url: 'http://127.0.0.1:9002' }] }

/** A route to `web` and `eu`, beside which there is the pool `next`. */
const steered = (fields: object) => ({
  pools: { ...smallest().pools, eu: spare, next: spare },
  routes: [{ path: '/*', pools: ['web', 'eu'], ...fields }],
})

const errorsOfRoute = (fields: object) =>
  errorsOf(steered(fields)).map(([path, message]) => [path?.replace('routes[0].', ''), message])

const OWN = 'is no pool of this route: its pools are web, eu'
const POOLS = 'names no pool: the pools are web, eu, next'
const here = { latitude: 50.1, longitude: 8.7 }

describe('errors in the steering of a route', () => {
  test.each<[title: string, fields: object, path: string, message: string]>([
    [
      'no such way',
      { steering: { by: 'moon' } },
      'steering.by',
      'must be one of order, weight, country, continent, colo, nearest; got "moon"',
    ],
    [
      'weight without weights',
      { steering: { by: 'weight' } },
      'steering.weights',
      'is required with "by": "weight", such as {"web": 9, "next": 1}',
    ],
    [
      'country without a map',
      { steering: { by: 'country' } },
      'steering.map',
      'is required with "by": "country", such as {"DE": ["eu"], "*": ["us"]}',
    ],
    [
      'nearest without coordinates',
      { steering: { by: 'nearest' } },
      'steering.coordinates',
      'is required with "by": "nearest", such as {"eu": {"latitude": 50.1, "longitude": 8.7}}',
    ],
    [
      'a list for another way',
      { steering: { map: { DE: ['eu'] } } },
      'steering.map',
      'has no effect with "by": "order": remove it',
    ],
    [
      'keyed by a choice that is always the same',
      { steering: { keyed: true } },
      'steering.keyed',
      'has no effect with "by": "order": remove it',
    ],
    [
      'a weight for another pool',
      { steering: { by: 'weight', weights: { web: 1, next: 1 } } },
      'steering.weights.next',
      OWN,
    ],
    [
      'a weight below 0',
      { steering: { by: 'weight', weights: { web: -1, eu: 1 } } },
      'steering.weights.web',
      'must be a whole number from 0 to 1000; got -1',
    ],
    [
      'no weight at all',
      { steering: { by: 'weight', weights: { web: 0 } } },
      'steering.weights',
      'must give at least one pool a weight above 0',
    ],
    [
      'another pool for a country',
      { steering: { by: 'country', map: { DE: ['eu', 'next'] } } },
      'steering.map.DE[1]',
      `${OWN}; got "next"`,
    ],
    [
      'a pool twice for a country',
      { steering: { by: 'country', map: { DE: ['eu', 'eu'] } } },
      'steering.map.DE[1]',
      'names the pool "eu" a second time: remove it',
    ],
    [
      'no pool for a country',
      { steering: { by: 'country', map: { DE: [] } } },
      'steering.map.DE',
      'must not be empty: name at least one pool',
    ],
    [
      'no country',
      { steering: { by: 'country', map: { Germany: ['eu'] } } },
      'steering.map.Germany',
      'is no country: write two capitals such as "DE" (ISO 3166-1), or "*" for all others',
    ],
    [
      'no continent',
      { steering: { by: 'continent', map: { EW: ['eu'] } } },
      'steering.map.EW',
      'is no continent: they are AF, AN, AS, EU, NA, OC, SA, or "*" for all others',
    ],
    [
      'no data centre',
      { steering: { by: 'colo', map: { fra: ['eu'] } } },
      'steering.map.fra',
      'is no data centre: write three capitals such as "FRA" (IATA), or "*" for all others',
    ],
    [
      'coordinates of another pool',
      { steering: { by: 'nearest', coordinates: { eu: here, next: here } } },
      'steering.coordinates.next',
      OWN,
    ],
    [
      'beyond the pole',
      { steering: { by: 'nearest', coordinates: { eu: { ...here, latitude: 91 } } } },
      'steering.coordinates.eu.latitude',
      'must be a number from -90 to 90; got 91',
    ],
    [
      'half a place',
      { steering: { by: 'nearest', coordinates: { eu: { latitude: 1 } } } },
      'steering.coordinates.eu.longitude',
      'is required: a number from -180 to 180',
    ],
    ['a canary nowhere', { canary: { pool: 'nxt', percent: 5 } }, 'canary.pool', `${POOLS}; got "nxt"`],
    ['a canary without a pool', { canary: { percent: 5 } }, 'canary.pool', 'is required: name a pool'],
    ['a canary without a share', { canary: { pool: 'next' } }, 'canary.percent', 'is required: a number from 0 to 100'],
    [
      'more than all clients',
      { canary: { pool: 'next', percent: 101 } },
      'canary.percent',
      'must be a number from 0 to 100; got 101',
    ],
    [
      'a canary alone',
      { pools: ['next'], canary: { pool: 'next', percent: 5 } },
      'canary.pool',
      'is the only pool of this route: name another in "pools"',
    ],
    [
      'clients told apart by nothing',
      { canary: { pool: 'next', percent: 5, by: 'header:' } },
      'canary.by',
      'must be one of cookie, ip, header:NAME; got "header:"',
    ],
    ['a mirror nowhere', { mirror: { pool: 'shadow', percent: 1 } }, 'mirror.pool', `${POOLS}; got "shadow"`],
    [
      'a mirror of itself',
      { mirror: { pool: 'eu', percent: 1 } },
      'mirror.pool',
      'is "eu", which answers this route: mirror to another pool',
    ],
  ])('%s', (_title, fields, path, message) => expect(errorsOfRoute(fields)).toEqual([[path, message]]))

  test.each<[title: string, document: object, path: string, message: string]>([
    [
      'sticky without a memory',
      withPool({ affinity: { by: 'ip', onFailure: 'sticky' } }),
      'pools.web.affinity.onFailure',
      'cannot be "sticky" here, since only a cookie remembers another origin: use "by": "cookie", or "temporary"',
    ],
    [
      'a deadline for nothing',
      withOrigin({ drainUntil: '2030-01-31T12:00:00Z' }),
      'pools.web.origins[0].drainUntil',
      'has no effect without "state": "drain": remove it',
    ],
    [
      'a deadline that is no time',
      withOrigin({ state: 'drain', drainUntil: '2030-01-31' }),
      'pools.web.origins[0].drainUntil',
      'must be a time such as "2030-01-31T12:00:00Z"; got "2030-01-31"',
    ],
    [
      'a time that does not exist',
      withOrigin({ state: 'drain', drainUntil: '2030-13-31T12:00:00Z' }),
      'pools.web.origins[0].drainUntil',
      'must be a time such as "2030-01-31T12:00:00Z"; got "2030-13-31T12:00:00Z"',
    ],
  ])('%s', (_title, document, path, message) => expect(errorsOf(document)).toEqual([[path, message]]))

  it('names with a meaning of their own are names like others', () => {
    const steering = { by: 'weight', weights: JSON.parse('{"web": 1, "__proto__": 1, "constructor": 1}') }
    expect(errorsOfRoute({ steering }).map(([path]) => path)).toEqual([
      'steering.weights.__proto__',
      'steering.weights.constructor',
    ])
  })
})

describe('what is right', () => {
  test.each<[string, object]>([
    ['weight', { steering: { by: 'weight', weights: { web: 9, eu: 0 } } }],
    ['country', { steering: { by: 'country', map: { DE: ['eu'], T1: ['web'], '*': ['web', 'eu'] }, keyed: true } }],
    ['continent', { steering: { by: 'continent', map: { EU: ['eu'] } } }],
    ['colo', { steering: { by: 'colo', map: { FRA: ['eu'] } } }],
    ['nearest', { steering: { by: 'nearest', coordinates: { eu: here } } }],
    ['canary', { canary: { pool: 'next', percent: 0.5, by: 'header:X-User' } }],
    ['mirror', { mirror: { pool: 'next', percent: 100 } }],
  ])('%s', (_title, fields) => expect(errorsOf(steered(fields))).toEqual([]))

  it('reads a deadline as an instant', () => {
    const parsed = parseDocument(withOrigin({ state: 'drain', drainUntil: '2030-01-31T12:00:00+01:00' }))
    expect(parsed.ok && parsed.value.config.pools.web?.origins[0]?.drainUntil).toBe(Date.UTC(2030, 0, 31, 11))
  })
})

describe('warnings', () => {
  const warningsOf = (fields: object) => {
    const parsed = parseDocument(steered(fields))
    return parsed.ok ? parsed.value.warnings.map(({ path, message }) => `${path} ${message}`) : parsed
  }
  const weight = { by: 'weight', weights: { web: 1, eu: 1 } }
  const mirror = { pool: 'next', percent: 1 }
  const MIXED =
    'routes[0].steering what is stored of one pool is given to all: write "keyed": false if the pools serve the same, "keyed": true or a "canary" if not'

  test.each<[title: string, fields: object, warnings: string[]]>([
    ['chance before a cache', { steering: weight }, [MIXED]],
    ['the same, meant so', { steering: { ...weight, keyed: false } }, []],
    ['kept apart', { steering: { ...weight, keyed: true } }, []],
    ['nothing is stored', { steering: weight, cache: { mode: 'off' } }, []],
  ])('%s', (_title, fields, warnings) => expect(warningsOf({ mirror, ...fields })).toEqual(warnings))

  it('a pool for canaries or mirrors has its use', () => {
    expect(warningsOf({ canary: { pool: 'next', percent: 1 } })).toEqual([])
    expect(warningsOf({})).toEqual([expect.stringMatching(/^pools\.next no route uses this pool/)])
  })
})
