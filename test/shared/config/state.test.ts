import { describe, expect, it, test } from 'vitest'
import { defaultState, namespaceRule, stateSchema } from '../../../shared/config/state.ts'
import { errorsOf, smallest } from './example.ts'

const withState = (state: unknown) => ({ ...smallest(), state })
const withNamespace = (fields: unknown) => withState({ namespaces: { cart: fields } })

const whole = (min: number, max: number, got: unknown) =>
  `must be a whole number from ${min} to ${max}; got ${JSON.stringify(got)}`
const at = (place: string) => `state.namespaces.cart${place}`

describe('fields', () => {
  test.each<[string, unknown, string, string]>([
    ['no shards', withState({ shards: 0 }), 'state.shards', whole(1, 64, 0)],
    ['too many shards', withState({ shards: 65 }), 'state.shards', whole(1, 64, 65)],
    ['half a shard', withState({ shards: 1.5 }), 'state.shards', whole(1, 64, 1.5)],
    ['namespaces as a list', withState({ namespaces: [] }), 'state.namespaces', 'must be an object {…}; got a list'],
    ['an unknown field', withState({ shard: 3 }), 'state.shard', 'unknown field "shard": did you mean "shards"?'],
    [
      'an unknown field of a namespace',
      withNamespace({ ttl: 3 }),
      at('.ttl'),
      'unknown field "ttl": the fields here are pools, consistency, staleSeconds, ttlSeconds, maxBytes, write, fill',
    ],
    [
      'another consistency',
      withNamespace({ consistency: 'eventual' }),
      at('.consistency'),
      'must be one of strong, bounded; got "eventual"',
    ],
    [
      'another write',
      withNamespace({ write: 'back' }),
      at('.write'),
      'must be one of none, through, behind; got "back"',
    ],
    [
      'never too old',
      withNamespace({ consistency: 'bounded', staleSeconds: 0 }),
      at('.staleSeconds'),
      whole(1, 3600, 0),
    ],
    ['no time', withNamespace({ ttlSeconds: 0 }), at('.ttlSeconds'), whole(1, 31_536_000, 0)],
    ['too large', withNamespace({ maxBytes: 1_048_577 }), at('.maxBytes'), whole(1, 1_048_576, 1_048_577)],
    [
      'nobody',
      withNamespace({ pools: [] }),
      at('.pools'),
      'must not be empty: name at least one pool, or remove it for all',
    ],
    [
      'no route to fill from',
      withNamespace({ fill: { path: '/items/{key}' } }),
      at('.fill.route'),
      'is required: name the route that has what is missing',
    ],
    [
      'no path to fill from',
      withNamespace({ fill: { route: 'route-1' } }),
      at('.fill.path'),
      'is required: say what is asked for, such as "/items/{key}"',
    ],
    [
      'a path without the key',
      withNamespace({ fill: { route: 'route-1', path: '/items' } }),
      at('.fill.path'),
      'must have "{key}" once, as in "/items/{key}"; got "/items"',
    ],
    [
      'a path that is none',
      withNamespace({ fill: { route: 'route-1', path: '{key}' } }),
      at('.fill.path'),
      'must start with "/" and be printable ASCII; got "{key}"',
    ],
  ])('%s', (_, document, path, message) => expect(errorsOf(document)).toEqual([[path, message]]))

  test.each([['my cart'], [''], ['a/b'], ['x'.repeat(65)]])('namespace %j', (name) => {
    const [[path, message] = []] = errorsOf(withState({ namespaces: { [name]: {} } }))
    expect(path).toContain('state.namespaces')
    expect(message).toBe('is not a namespace: use 1 to 64 letters, digits, "_" or "-"')
  })
})

describe('between fields', () => {
  test.each<[string, unknown, string, string]>([
    ['a pool that is none', { pools: ['wep'] }, '.pools[0]', 'names no pool: the pools are web; got "wep"'],
    ['a pool twice', { pools: ['web', 'web'] }, '.pools[1]', 'names the pool "web" a second time: remove it'],
    [
      'a route that is none',
      { fill: { route: 'items', path: '/{key}' } },
      '.fill.route',
      'names no route: the routes are route-1; got "items"',
    ],
    [
      'staleness of what is strong',
      { staleSeconds: 5 },
      '.staleSeconds',
      'has no effect without "consistency": "bounded": remove it, or say so',
    ],
  ])('%s', (_, fields, place, message) => {
    expect(errorsOf(withNamespace(fields))).toEqual([[at(place), message]])
  })

  it('a name that zod would drop without a word', () => {
    const document = JSON.parse('{"state": {"namespaces": {"__proto__": {}}}}') as object
    expect(errorsOf({ ...smallest(), ...document })).toEqual([
      ['state.namespaces.__proto__', 'is a reserved name: choose another'],
    ])
  })
})

describe('the rule of a namespace', () => {
  it('is the default where it is not named, whatever objects have', () => {
    for (const name of ['cart', 'constructor', '__proto__', 'toString'])
      expect(namespaceRule(defaultState, name)).toEqual({
        consistency: 'strong',
        staleSeconds: 5,
        maxBytes: 131_072,
        write: 'none',
      })
  })

  it('is what is written where it is named', () => {
    const state = stateSchema.parse({ namespaces: { constructor: { maxBytes: 7 } } })
    expect(namespaceRule(state, 'constructor').maxBytes).toBe(7)
  })
})
