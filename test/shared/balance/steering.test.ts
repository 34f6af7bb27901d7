import { describe, expect, it, test } from 'vitest'
import { startPool } from '../../../shared/balance/pool.ts'
import {
  courseOf,
  isInCanary,
  isOfSide,
  kilometresBetween,
  sidesOf,
  type Whereabouts,
  wellFirst,
} from '../../../shared/balance/steering.ts'
import { parseDocument } from '../../../shared/config/parse.ts'
import type { Pool, Route } from '../../../shared/config/schema.ts'
import { randomFrom } from '../../../workers/cli/simulate/random.ts'

const origins = [{ url: 'http://127.0.0.1:9001' }]
const pool = { origins }

/** A route to the pools web, eu and us, and the pools themselves, by its defaults. */
function configured(fields: object = {}): { route: Route; pools: Record<string, Pool> } {
  const pools = { web: pool, eu: pool, us: pool, next: pool }
  const parsed = parseDocument({ pools, routes: [{ path: '/*', pools: ['web', 'eu', 'us'], ...fields }] })
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.error))
  return { route: parsed.value.config.routes[0]!, pools: parsed.value.config.pools }
}

const courseIn = (fields: object, where: Whereabouts = {}, client?: string, random = () => 0) =>
  courseOf(configured(fields).route, where, client, random)

const frankfurt = { latitude: 50.1, longitude: 8.7 }
const ashburn = { latitude: 39.04, longitude: -77.49 }
const map = { DE: ['eu'], US: ['us', 'eu'], '*': ['us'] }
const nearest = { steering: { by: 'nearest', coordinates: { eu: frankfurt, us: ashburn } } }

describe('the order of the pools', () => {
  test.each<[title: string, fields: object, where: Whereabouts, order: string, because: string]>([
    ['as they are named', {}, { country: 'DE' }, 'web eu us', 'order'],
    ['country', { steering: { by: 'country', map } }, { country: 'DE' }, 'eu web us', 'country DE'],
    ['several for a country', { steering: { by: 'country', map } }, { country: 'US' }, 'us eu web', 'country US'],
    [
      'another country',
      { steering: { by: 'country', map } },
      { country: 'FR' },
      'us web eu',
      'country FR, which is not named',
    ],
    ['no country', { steering: { by: 'country', map } }, {}, 'us web eu', 'country unknown, which is not named'],
    [
      'a country that is named nowhere',
      { steering: { by: 'country', map: { DE: ['eu'] } } },
      { country: 'FR' },
      'web eu us',
      'country FR, which is not named',
    ],
    [
      'a country that every object has',
      { steering: { by: 'country', map: { DE: ['eu'] } } },
      { country: 'constructor' },
      'web eu us',
      'country constructor, which is not named',
    ],
    [
      'continent',
      { steering: { by: 'continent', map: { EU: ['eu'] } } },
      { continent: 'EU' },
      'eu web us',
      'continent EU',
    ],
    ['colo', { steering: { by: 'colo', map: { FRA: ['eu'] } } }, { colo: 'FRA' }, 'eu web us', 'colo FRA'],
    ['nearest to Berlin', nearest, { latitude: 52.5, longitude: 13.4 }, 'eu us web', 'nearest, 422 km'],
    ['nearest to New York', nearest, { latitude: 40.7, longitude: -74 }, 'us eu web', 'nearest, 350 km'],
    ['nearest to nowhere', nearest, { latitude: 40.7 }, 'web eu us', 'nearest, but from nowhere known'],
  ])('%s', (_, fields, where, order, because) => {
    const course = courseIn(fields, where)
    expect([course.pools.join(' '), course.because]).toEqual([order, because])
  })

  it('goes by weight, and has those without one last', () => {
    const random = randomFrom(7)
    const counts = new Map<string, number>()
    const steering = { by: 'weight', weights: { us: 9, eu: 1 } }
    const { route } = configured({ steering })
    for (let time = 0; time < 10_000; time++) {
      const order = courseOf(route, {}, undefined, random).pools.join(' ')
      counts.set(order, (counts.get(order) ?? 0) + 1)
    }
    expect([...counts.keys()].sort()).toEqual(['eu us web', 'us eu web'])
    expect(Math.abs(counts.get('eu us web')! / 10_000 - 0.1)).toBeLessThan(0.01)
  })

  it('a pool may be called as what every object has', () => {
    const pools = { constructor: pool, web: pool }
    const routes = [{ path: '/*', pools: ['constructor', 'web'], steering: { by: 'weight', weights: { web: 1 } } }]
    const parsed = parseDocument({ pools, routes })
    if (!parsed.ok) throw new Error(JSON.stringify(parsed.error))
    expect(courseOf(parsed.value.config.routes[0]!, {}, undefined, () => 0).pools).toEqual(['web', 'constructor'])
  })

  it.each([
    ['London and New York', { latitude: 51.5074, longitude: -0.1278 }, { latitude: 40.7128, longitude: -74.006 }, 5570],
    ['over the date line', { latitude: 0, longitude: 179.5 }, { latitude: 0, longitude: -179.5 }, 111],
    ['the poles', { latitude: 90, longitude: 0 }, { latitude: -90, longitude: 77 }, 20_015],
    ['antipodes', { latitude: 10, longitude: 20 }, { latitude: -10, longitude: -160 }, 20_015],
    ['the same place', frankfurt, frankfurt, 0],
  ])('%s', (_, one, other, km) => {
    expect(Math.round(kilometresBetween(one, other))).toBe(km)
    expect(Math.round(kilometresBetween(other, one))).toBe(km)
  })
})

describe('a canary', () => {
  const clients = Array.from({ length: 10_000 }, (_, index) => `198.51.${index >> 8}.${index & 255}`)
  const inCanary = (percent: number) =>
    clients.filter((client) => isInCanary({ pool: 'next', percent, by: 'ip' }, client))

  it.each([0, 1, 5, 50, 99, 100])('gets %s %% of 10,000 clients, within a point', (percent) => {
    expect(Math.abs(inCanary(percent).length / 100 - percent)).toBeLessThanOrEqual(percent % 100 === 0 ? 0 : 1)
  })

  it('loses no client when its share grows', () => {
    let before: string[] = []
    for (const percent of [0.5, 1, 2, 5, 10, 50, 100]) {
      const now = new Set(inCanary(percent))
      expect(before.filter((client) => !now.has(client))).toEqual([])
      before = [...now]
    }
  })

  it('another canary takes other clients', () => {
    const others = clients.filter((client) => isInCanary({ pool: 'other', percent: 50, by: 'ip' }, client))
    const both = inCanary(50).filter((client) => others.includes(client))
    expect(Math.abs(both.length / 100 - 25)).toBeLessThan(2)
  })

  it('goes before all others, with them behind it', () => {
    const canary = { pool: 'next', percent: 100 }
    expect(courseIn({ canary }, {}, 'a')).toEqual({
      pools: ['next', 'web', 'eu', 'us'],
      side: 'next',
      because: 'of the 100 % of the canary',
    })
    expect(courseIn({ canary: { ...canary, percent: 0 } }, {}, 'a')).toEqual({
      pools: ['web', 'eu', 'us'],
      because: 'order, not of the 0 % of the canary',
    })
  })

  it('is nothing for whom nothing identifies', () => {
    expect(courseIn({ canary: { pool: 'next', percent: 100 } }).side).toBeUndefined()
  })
})

describe('sides in the cache', () => {
  const country = { by: 'country', map, keyed: true }
  const canary = { pool: 'next', percent: 5 }
  test.each<[title: string, fields: object, sides: (string | undefined)[]]>([
    ['pools that serve the same', { steering: { by: 'country', map } }, [undefined]],
    ['pools that do not', { steering: country }, ['web', 'eu', 'us']],
    ['a canary', { canary }, [undefined, 'next']],
    ['both', { steering: country, canary }, ['web', 'eu', 'us', 'next']],
  ])('%s', (_, fields, sides) => expect(sidesOf(configured(fields).route)).toEqual(sides))

  it('are the pool that a request is meant for', () => {
    expect(courseIn({ steering: country }, { country: 'DE' }).side).toBe('eu')
    expect(courseIn({ steering: { ...country, keyed: false } }, { country: 'DE' }).side).toBeUndefined()
  })

  test.each<[title: string, fields: object, side: string | undefined, pool: string, isOf: boolean]>([
    ['any pool where there are none', {}, undefined, 'us', true],
    ['the canary for itself', { canary }, 'next', 'next', true],
    ['another for the canary', { canary }, 'next', 'web', false],
    ['the canary for others', { canary }, undefined, 'next', false],
    ['others for others', { canary }, undefined, 'us', true],
    ['the pool that is meant', { steering: country }, 'eu', 'eu', true],
    ['another', { steering: country }, 'eu', 'us', false],
  ])('%s', (_, fields, side, name, isOf) => expect(isOfSide(configured(fields).route, side, name)).toBe(isOf))
})

describe('health', () => {
  const states = () => Object.values(configured().pools).map((each) => startPool(each, () => 0))

  it('puts the sick behind the well and drops nobody', () => {
    const [web, eu, us] = states()
    web!.failuresInARow = 99
    expect(wellFirst([web!, eu!, us!], 0)).toEqual([eu, us, web])
    for (const state of [eu!, us!]) state.failuresInARow = 99
    expect(wellFirst([web!, eu!, us!], 0)).toEqual([web, eu, us])
  })

  it('a pool whose origins all fail is unwell', () => {
    const [web, eu] = states()
    for (const each of web!.origins) each.health = { ...each.health, monitor: 'down' }
    expect(wellFirst([web!, eu!], 0)).toEqual([eu, web])
  })

  it('a pool that has none left but those that drain is unwell', () => {
    const [web, eu] = states()
    const draining = web!.origins.map((each) => ({ ...each, origin: { ...each.origin, state: 'drain' as const } }))
    expect(wellFirst([{ ...web!, origins: draining }, eu!], 0)).toEqual([eu, { ...web!, origins: draining }])
  })
})
