import { describe, expect, it, test } from 'vitest'
import { parseConfig } from '../../../shared/config/parse.ts'
import { err } from '../../../shared/result.ts'
import { EXAMPLE, errorsOf, smallest } from './example.ts'

describe('parseConfig', () => {
  it('takes the complete example', () => {
    const parsed = parseConfig(EXAMPLE)
    expect(parsed).toMatchObject({
      ok: true,
      value: { config: { routes: [{ id: 'static', pools: ['web', 'backup'] }] } },
    })
  })

  it('keeps the document as it was written', () => {
    const parsed = parseConfig(`// mine\n${JSON.stringify(smallest())}`)
    expect(parsed.ok && parsed.value.document).toStrictEqual(smallest())
  })

  it('reports syntax errors by line and column', () => {
    expect(parseConfig('{\n  "pools": }')).toEqual(
      err([{ path: 'line 2, column 12', message: 'a value is missing here' }]),
    )
  })

  it('reports a field that stands twice, though all else is right', () => {
    const text =
      '{"routes": [{"path": "/*", "pools": ["web"]}],\n "pools": {"web": {"origins": [{"url": "http://localhost"}]}},\n "routes": [{"path": "/*", "pools": ["web"]}]}'
    const message = 'the field "routes" stands twice in the same object, first on line 1: remove one'
    expect(parseConfig(text)).toEqual(err([{ path: 'line 3, column 2', message }]))
  })

  it('reports a field that stands twice together with the other errors', () => {
    expect(parseConfig('{"pools": 1,\n"pools": 2, "routes": true}')).toEqual(
      err([
        {
          path: 'line 2, column 1',
          message: 'the field "pools" stands twice in the same object, first on line 1: remove one',
        },
        { path: 'pools', message: 'must be an object {…}; got 2' },
        { path: 'routes', message: 'must be a list […]; got true' },
      ]),
    )
  })
})

describe('all errors at once', () => {
  it('reports errors of fields and between fields, wherever they stand', () => {
    const document = {
      pools: { web: { origns: [], origins: [{ url: 'http://a', weight: 0 }, { url: 'http://a' }] }, bad: 1 },
      routes: [{ id: 'x', path: 'a', pools: ['wbe', 'bad'], cache: { mode: 'force', ttl: 1 } }, { id: 'x' }, 7],
      extra: true,
    }
    expect(errorsOf(document).map(([path]) => path)).toEqual([
      'pools.web.origins[0].weight',
      'pools.web.origns',
      'pools.bad',
      'routes[0].path',
      'routes[0].cache.ttl',
      'routes[1].path',
      'routes[1].pools',
      'routes[2]',
      'extra',
      'pools.web.origins[1].id',
      'routes[0].pools[0]',
      'routes[0].cache.ttlSeconds',
      'routes[1].id',
    ])
  })

  it('stops at a thousand', () => {
    const errors = errorsOf({ ...smallest(), routes: Array(1500).fill(7) })
    expect(errors).toHaveLength(1001)
    expect(errors.at(-1)).toEqual(['(document)', 'has more than 1000 errors: mend these first'])
  })
})

describe('bounds', () => {
  const circular: unknown[] = []
  circular.push(circular)

  test.each([
    [
      'deep',
      JSON.parse(`${'['.repeat(100_000)}${']'.repeat(100_000)}`),
      'is nested deeper than 32 levels: no field needs that',
    ],
    ['circular', circular, 'is nested deeper than 32 levels: no field needs that'],
    [
      'many values',
      { ...smallest(), routes: Array(20_000).fill({}) },
      'must have at most 20000 values: split the configuration',
    ],
  ])('%s', (_title, document, message) => {
    expect(errorsOf(document)).toEqual([['(document)', message]])
  })

  it('bears a document at the bound in which everything is wrong', () => {
    expect(errorsOf({ ...smallest(), routes: Array(19_990).fill({}) })).toHaveLength(1001)
  })
})
