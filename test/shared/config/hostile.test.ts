import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseConfig, parseDocument } from '../../../shared/config/parse.ts'
import { EXAMPLE } from './example.ts'

describe('hostile input', () => {
  const JARGON = /invalid input|expected|received|undefined|\[object/i

  const isSound = (parsed: ReturnType<typeof parseDocument>): void => {
    for (const { path, message } of parsed.ok ? parsed.value.warnings : parsed.error) {
      expect(path).not.toBe('')
      expect(message).not.toMatch(JARGON)
    }
    if (!parsed.ok) expect(parsed.error).not.toEqual([])
  }

  /** Any value, and the values that fields expect, so that some of them get further. */
  const leaf = fc.oneof(
    fc.jsonValue({ maxDepth: 2 }),
    fc.constantFrom(
      'GET',
      'web',
      '/*',
      'off',
      'force',
      'http://a',
      'cookie',
      '__proto__',
      null,
      -1,
      1.5,
      1e300,
      {},
      [],
    ),
  )

  it('takes any string', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary', maxLength: 200 }), (text) => isSound(parseConfig(text))))
  })

  it('takes any JSON value', () => {
    fc.assert(fc.property(fc.jsonValue(), (value) => isSound(parseDocument(value))))
    fc.assert(fc.property(fc.json(), (text) => isSound(parseConfig(text))))
  })

  it('takes values that JSON cannot write', () => {
    const any = fc.anything({ withBigInt: true, withDate: true, withMap: true, withSet: true, withNullPrototype: true })
    fc.assert(
      fc.property(any, any, any, (pools, origins, route) => {
        for (const document of [pools, { pools, routes: [route] }, { pools: { web: { origins } }, routes: route }]) {
          expect(parseDocument(document)).toHaveProperty('ok', false)
        }
      }),
    )
  })

  it('takes the example with anything in place of anything', () => {
    const parsed = parseConfig(EXAMPLE)
    const example = parsed.ok ? parsed.value.document : undefined
    const places = placesIn(example)
    fc.assert(
      fc.property(fc.nat(places.length - 1), fc.string(), leaf, fc.boolean(), (place, name, value, adds) => {
        const document = structuredClone(example)
        const { holder, key } = locate(document, places[place] ?? [])
        // An array refuses a length that is none.
        fc.pre(!(adds && name === 'length' && Array.isArray(holder)))
        holder[adds ? name : key] = value
        isSound(parseDocument(document))
        isSound(parseConfig(JSON.stringify(document)))
      }),
      { numRuns: 2000 },
    )
  })

  it('is not polluted', () => {
    parseConfig(
      '{"pools": {"__proto__": {"polluted": 1}}, "routes": [{"__proto__": {"polluted": 1}}], "__proto__": {"polluted": 1}}',
    )
    expect('polluted' in {}).toBe(false)
  })
})

type Place = readonly (string | number)[]

/** The place of every value inside a document. */
const placesIn = (value: unknown, path: Place = []): Place[] =>
  typeof value === 'object' && value !== null
    ? Object.entries(value).flatMap(([key, child]) => [[...path, key], ...placesIn(child, [...path, key])])
    : []

const locate = (document: unknown, path: Place) => {
  const holder = path.slice(0, -1).reduce((value, key) => (value as Record<string, unknown>)[key], document)
  return { holder: holder as Record<string, unknown>, key: String(path.at(-1)) }
}
