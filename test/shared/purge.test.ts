import fc from 'fast-check'
import { describe, expect, it, test } from 'vitest'
import {
  compilePurges,
  foldPurges,
  isPurgeRecord,
  noPurges,
  type Purge,
  type PurgeableEntry,
  type PurgeVerdict,
} from '../../shared/purge.ts'

const purge = (kind: Purge['kind'], value: string, epoch: number, soft = false): Purge => ({
  epoch,
  kind,
  value,
  soft,
  at: epoch * 1000,
})

const entry = (epoch: number, url = 'https://h:81/a/b?c', tags = ['x', 'y']): PurgeableEntry => ({ epoch, url, tags })

const compiled = (list: readonly Purge[], floor = 0) =>
  compilePurges(list, Math.max(floor, ...list.map(({ epoch }) => epoch)), floor)

/** `soft 3` for a soft purge whose epoch was 3. */
const inWords = (verdict: PurgeVerdict | undefined) =>
  verdict?.kind === 'soft' ? `soft ${verdict.at / 1000}` : (verdict?.kind ?? 'valid')

/** The same by the definition alone. */
function naive(list: readonly Purge[], floor: number, { epoch, url, tags }: PurgeableEntry): string {
  const names = ({ kind, value }: Purge) => {
    if (kind === 'url') return value === url
    if (kind === 'tag') return tags.includes(value)
    if (kind === 'prefix') return url.startsWith(value)
    if (kind === 'everything') return true
    const { host, hostname } = new URL(url)
    return value === host || value === hostname
  }
  const naming = list.filter((one) => one.epoch > epoch && names(one))
  if (epoch < floor || naming.some(({ soft }) => !soft)) return 'hard'
  return naming.length === 0 ? 'valid' : `soft ${Math.max(...naming.map(({ at }) => at)) / 1000}`
}

describe('what names an entry', () => {
  test.each<[string, Purge['kind'], string, boolean]>([
    ['its URL', 'url', 'https://h:81/a/b?c', true],
    ['a URL without the query', 'url', 'https://h:81/a/b', false],
    ['a URL of the other scheme', 'url', 'http://h:81/a/b?c', false],
    ['one of its tags', 'tag', 'y', true],
    ['a tag in another case', 'tag', 'Y', false],
    ['a tag that one of its tags begins with', 'tag', '', false],
    ['its host', 'host', 'h:81', true],
    ['its host with any port', 'host', 'h', true],
    ['its host with another port', 'host', 'h:8', false],
    ['a host above its own', 'host', '', false],
    ['the beginning of its URL', 'prefix', 'https://h:81/a', true],
    ['the beginning of its query', 'prefix', 'https://h:81/a/b?', true],
    ['all of its URL', 'prefix', 'https://h:81/a/b?c', true],
    ['more than its URL', 'prefix', 'https://h:81/a/b?cd', false],
    ['another path', 'prefix', 'https://h:81/b', false],
    ['everything', 'everything', '', true],
  ])('%s: %s', (_, kind, value, verdict) => {
    expect(inWords(compiled([purge(kind, value, 5)]).verdict(entry(4)))).toBe(verdict ? 'hard' : 'valid')
    expect(inWords(compiled([purge(kind, value, 5, true)]).verdict(entry(4)))).toBe(verdict ? 'soft 5' : 'valid')
    expect(compiled([purge(kind, value, 5)]).verdict(entry(5))).toBeUndefined()
  })

  it('is found on any host, with and without a path', () => {
    const { verdict } = compiled([purge('host', '[::1]:81', 2), purge('host', 'h', 2)])
    expect(verdict(entry(1, 'http://[::1]:81/'))).toEqual({ kind: 'hard' })
    expect(verdict(entry(1, 'https://h/'))).toEqual({ kind: 'hard' })
    expect(verdict(entry(1, 'https://g/://h/'))).toBeUndefined()
  })

  it('is nothing of an object’s own', () => {
    expect(compiled([purge('tag', 'a', 5)]).verdict(entry(1, 'https://h/', ['__proto__', 'constructor']))).toBe(
      undefined,
    )
    const unknown = { ...purge('tag', 'x', 5), kind: 'constructor' as Purge['kind'] }
    expect(compiled([unknown]).verdict(entry(1))).toBeUndefined()
  })
})

describe('of several', () => {
  test.each<[string, number, string, Purge[]]>([
    ['hard beats soft', 1, 'hard', [purge('tag', 'x', 2), purge('tag', 'y', 3, true)]],
    ['whatever the order', 1, 'hard', [purge('host', 'h:81', 3, true), purge('prefix', 'https:', 2)]],
    ['of one target too', 1, 'hard', [purge('tag', 'x', 2), purge('tag', 'x', 3, true)]],
    [
      'a hard one that the entry is newer than counts no more',
      2,
      'soft 3',
      [purge('tag', 'x', 2), purge('tag', 'x', 3, true)],
    ],
    [
      'the newest soft one counts',
      1,
      'soft 4',
      [purge('tag', 'x', 2, true), purge('url', 'https://h:81/a/b?c', 4, true), purge('tag', 'y', 3, true)],
    ],
    ['everything, softly', 1, 'soft 4', [purge('everything', '', 4, true), purge('tag', 'x', 3, true)]],
    [
      'prefixes of several lengths',
      1,
      'soft 5',
      [
        purge('prefix', 'https://h:81/a', 3, true),
        purge('prefix', 'https://h:81/', 5, true),
        purge('prefix', 'https://h:81/b', 6, true),
      ],
    ],
  ])('%s', (_, epoch, verdict, list) => {
    expect(inWords(compiled(list).verdict(entry(epoch)))).toBe(verdict)
    expect(inWords(compiled(list.toReversed()).verdict(entry(epoch)))).toBe(verdict)
  })
})

it('below the floor all is invalid', () => {
  const { verdict } = compilePurges([], 7, 5)
  expect([3, 4, 5, 6].map((epoch) => inWords(verdict(entry(epoch))))).toEqual(['hard', 'hard', 'valid', 'valid'])
})

it('nothing is purged where there is no purge', () => {
  expect(noPurges.epoch).toBe(0)
  expect(noPurges.verdict(entry(0))).toBeUndefined()
})

// So few names that purges meet entries and each other.
const hosts = ['h', 'h:81', 'hh']
const paths = ['/', '/a', '/a/b', '/ab', '/a?q']
const urls = hosts.flatMap((host) => paths.map((path) => `https://${host}${path}`))
const anyPurge = (epochs: number): fc.Arbitrary<Purge> =>
  fc
    .record({
      target: fc.oneof(
        fc.tuple(fc.constant('url' as const), fc.constantFrom(...urls)),
        fc.tuple(fc.constant('tag' as const), fc.constantFrom('x', 'y', 'z')),
        fc.tuple(
          fc.constant('prefix' as const),
          fc.tuple(fc.constantFrom(...urls), fc.nat(3)).map(([url, cut]) => url.slice(0, url.length - cut)),
        ),
        fc.tuple(fc.constant('host' as const), fc.constantFrom(...hosts)),
        fc.tuple(fc.constant('everything' as const), fc.constant('')),
      ),
      epoch: fc.integer({ min: 1, max: epochs }),
      soft: fc.boolean(),
    })
    .map(({ target: [kind, value], epoch, soft }) => purge(kind, value, epoch, soft))
const anyEntry = (epochs: number): fc.Arbitrary<PurgeableEntry> =>
  fc.record({
    epoch: fc.nat(epochs),
    url: fc.constantFrom(...urls),
    tags: fc.subarray(['x', 'y', 'z']),
  })

describe('whatever is purged', () => {
  it('the verdict is that of the definition', () => {
    const seen = new Set<string>()
    fc.assert(
      fc.property(
        fc.array(anyPurge(8), { maxLength: 12 }),
        fc.array(anyEntry(8), { minLength: 10, maxLength: 10 }),
        fc.nat(3),
        (list, entries, floor) => {
          const { verdict } = compiled(list, floor)
          for (const one of entries) {
            const words = inWords(verdict(one))
            expect(words).toBe(naive(list, floor, one))
            seen.add(words.slice(0, 4))
          }
        },
      ),
      { numRuns: 2000 },
    )
    expect(seen).toEqual(new Set(['hard', 'soft', 'vali']))
  })

  it('folding changes no verdict while there is room', () => {
    let folded = 0
    fc.assert(
      fc.property(
        fc.array(anyPurge(30), { maxLength: 30 }),
        fc.array(anyEntry(30), { minLength: 10, maxLength: 10 }),
        (list, entries) => {
          const { purges, floor } = foldPurges(list)
          if (purges.length < list.length) folded++
          for (const one of entries) expect(naive(purges, floor, one)).toBe(naive(list, 0, one))
          expect(foldPurges(purges).purges).toEqual(purges)
        },
      ),
      { numRuns: 1000 },
    )
    expect(folded).toBeGreaterThan(300)
  })

  it('folding never gives back what was purged, and leaves what is newer than the floor alone', () => {
    fc.assert(
      fc.property(
        fc.array(anyPurge(30), { maxLength: 30 }),
        fc.array(anyEntry(30), { minLength: 10, maxLength: 10 }),
        fc.nat(5),
        (list, entries, max) => {
          const { purges, floor } = foldPurges(list, max)
          expect(purges.length).toBeLessThanOrEqual(max)
          expect(floor).toBeLessThanOrEqual(Math.max(0, ...list.map(({ epoch }) => epoch)))
          for (const one of entries) {
            const before = naive(list, 0, one)
            expect(naive(purges, floor, one)).toBe(one.epoch < floor ? 'hard' : before)
            if (before === 'hard') expect(naive(purges, floor, one)).toBe('hard')
          }
        },
      ),
      { numRuns: 2000 },
    )
  })
})

describe('folding', () => {
  test.each<[string, Purge[], Purge[], number]>([
    ['nothing', [], [], 0],
    ['a newer one of the same target', [purge('tag', 'x', 1), purge('tag', 'x', 2)], [purge('tag', 'x', 2)], 0],
    ['whatever the order', [purge('tag', 'x', 2), purge('tag', 'x', 1)], [purge('tag', 'x', 2)], 0],
    ['one twice', [purge('tag', 'x', 1), purge('tag', 'x', 1)], [purge('tag', 'x', 1)], 0],
    ['hard after soft', [purge('tag', 'x', 1, true), purge('tag', 'x', 2)], [purge('tag', 'x', 2)], 0],
    ['hard with soft', [purge('tag', 'x', 2, true), purge('tag', 'x', 2)], [purge('tag', 'x', 2)], 0],
    [
      'soft after hard: both stay',
      [purge('tag', 'x', 1), purge('tag', 'x', 2, true)],
      [purge('tag', 'x', 1), purge('tag', 'x', 2, true)],
      0,
    ],
    [
      'targets of two kinds',
      [purge('tag', 'h', 1), purge('host', 'h', 2)],
      [purge('tag', 'h', 1), purge('host', 'h', 2)],
      0,
    ],
    [
      'everything',
      [purge('tag', 'x', 1), purge('everything', '', 2), purge('tag', 'y', 2, true), purge('tag', 'z', 3)],
      [purge('tag', 'z', 3)],
      2,
    ],
    [
      'everything softly, which is no floor',
      [purge('tag', 'x', 1), purge('everything', '', 2, true)],
      [purge('tag', 'x', 1), purge('everything', '', 2, true)],
      0,
    ],
  ])('%s', (_, list, purges, floor) => expect(foldPurges(list)).toEqual({ purges, floor }))

  test('beyond the most there may be, the oldest become the floor with all of their epoch', () => {
    const list = [purge('tag', 'a', 1), purge('tag', 'b', 2), purge('tag', 'c', 2), purge('tag', 'd', 3)]
    expect(foldPurges(list, 4)).toEqual({ purges: list, floor: 0 })
    expect(foldPurges(list, 3)).toEqual({ purges: list.slice(1), floor: 1 })
    expect(foldPurges(list, 2)).toEqual({ purges: list.slice(3), floor: 2 })
    expect(foldPurges(list, 0)).toEqual({ purges: [], floor: 3 })
  })

  test('what is too long altogether too', () => {
    const list = Array.from({ length: 5 }, (_, index) => purge('tag', `${index}`.repeat(1_000_000), index + 1))
    expect(foldPurges(list.slice(1))).toEqual({ purges: list.slice(1), floor: 0 })
    expect(foldPurges(list)).toEqual({ purges: list.slice(1), floor: 1 })
  })
})

test.each<[string, boolean, unknown]>([
  ['none', true, { epoch: 0, floor: 0, list: [] }],
  ['one', true, { epoch: 1, floor: 0, list: [purge('tag', 'x', 1)] }],
  ['what travelled as JSON', true, JSON.parse(JSON.stringify({ epoch: 1, floor: 0, list: [purge('tag', 'x', 1)] }))],
  ['nothing', false, undefined],
  ['null', false, null],
  ['a list', false, []],
  ['an epoch that is none', false, { epoch: 1.5, floor: 0, list: [] }],
  ['no floor', false, { epoch: 1, list: [] }],
  ['no list', false, { epoch: 1, floor: 0, list: {} }],
  ...(['epoch', 'kind', 'value', 'soft', 'at'] as const).map((name): [string, boolean, unknown] => {
    const list = [purge('tag', 'x', 1), { ...purge('tag', 'x', 1), [name]: null }]
    return [`a purge without ${name}`, false, { epoch: 1, floor: 0, list }]
  }),
])('a record: %s', (_, verdict, value) => expect(isPurgeRecord(value)).toBe(verdict))
