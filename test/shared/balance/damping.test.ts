import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { afterVerdicts, type Damping, type HealthNews, startDamping } from '../../../shared/balance/damping.ts'
import { type MonitorState, originKey, type Verdict } from '../../../shared/balance/monitor.ts'

const a = { id: 'a', url: 'http://a.test' }
const b = { id: 'b', url: 'http://b.test' }
const rule = { holdMs: 3000, everyMs: 10_000 }
const verdicts: Record<string, Verdict | undefined> = { '+': 'up', '-': 'down' }

/** What a monitor knows whose last probes have shown this; the sign of nothing is `.`. */
function known(signs: readonly (readonly [{ id: string; url: string }, string])[]): MonitorState {
  const origins = signs.map(([origin, sign]) => {
    const verdict = verdicts[sign]
    const here = { last: verdict ?? 'up', run: 1, because: sign === '-' ? 'status 500' : 'status 200', missed: 0 }
    return [originKey(origin), { ...(verdict && { verdict }), since: 0, regions: { here } }] as const
  })
  return { origins: Object.fromEntries(origins) }
}

interface Heard extends HealthNews {
  readonly at: number
}

/** The news of rounds a second apart, in which each origin was what its text says. */
function newsOf(signs: readonly (readonly [{ id: string; url: string }, string])[], given = rule): Heard[] {
  let damping: Damping = startDamping
  const all: Heard[] = []
  for (let second = 0; second < signs[0]![1].length; second++) {
    const at = second * 1000
    const now = signs.map(([origin, text]) => [origin, text[second]!] as const)
    const after = afterVerdicts(
      damping,
      signs.map(([origin]) => origin),
      known(now),
      given,
      at,
    )
    damping = after.damping
    all.push(...after.news.map((news) => ({ at, ...news })))
  }
  return all
}

/** Those of the first origin alone, in short: the second, the status, what was not told. */
const toldOf = (signs: string, given = rule) =>
  newsOf(
    [
      [a, signs],
      [b, '+'.repeat(signs.length)],
    ],
    given,
  ).map(({ at, origin, status, suppressed }) => {
    expect(origin).toBe('a')
    return `${at / 1000} ${status}${suppressed > 0 ? ` (${suppressed})` : ''}`
  })

describe('what is told of an origin', () => {
  test.each<[title: string, signs: string, told: string[]]>([
    ['up from the first: nothing', '++++++++', []],
    ['unknown: nothing', '........', []],
    ['down from the first', '--------', ['3 down']],
    ['down when it has lasted', '++------', ['5 down']],
    ['down for a moment', '++--++++', []],
    ['down, and up again when the time has come', '----++++++++++++', ['3 down', '13 up']],
    ['down, up and down again within the time', '----++++--------', ['3 down']],
    ['down, up and down, and up in the end', '----++++----++++++', ['3 down', '15 up (2)']],
    ['unknown in between is no change, and no news', '++---...---', ['8 down']],
  ])('%s: %s', (_, signs, told) => expect(toldOf(signs)).toEqual(told))

  test('what never comes to rest is told once, and then when it has', () => {
    const signs = `+${'-+'.repeat(20)}++++++`
    expect(toldOf(signs)).toEqual(['4 flapping (4)', '43 up (35)'])
  })

  test('what changes slowly is told at most so often', () => {
    const signs = '----++++'.repeat(10)
    const times = toldOf(signs).map((told) => Number(told.split(' ')[0]))
    for (const [index, time] of times.entries())
      if (index > 0) expect(time - times[index - 1]!).toBeGreaterThanOrEqual(10)
  })

  test('a blip now and then is forgotten when all was calm in between', () => {
    expect(toldOf(`${'-+++++++++++'.repeat(10)}`)).toEqual([])
  })

  test('without damping every change is told', () => {
    expect(toldOf('+-+-', { holdMs: 0, everyMs: 0 })).toEqual(['1 down', '2 up', '3 down'])
  })

  test('an origin under another address is another', () => {
    const { damping } = afterVerdicts(startDamping, [a], known([[a, '-']]), rule, 0)
    const moved = { id: 'a', url: 'http://elsewhere.test' }
    const { news } = afterVerdicts(damping, [moved], known([[moved, '-']]), rule, 3000)
    expect(news.filter(({ origin }) => origin === 'a')).toEqual([])
  })
})

test('it says what was told before, since when, and why', () => {
  expect(
    newsOf([
      [a, '+-----'],
      [b, '++++++'],
    ]),
  ).toEqual([{ at: 4000, origin: 'a', status: 'down', was: 'up', since: 1000, because: 'status 500', suppressed: 0 }])
})

describe('what is told of the pool', () => {
  const ofPool = (...signs: [string, string]) =>
    newsOf([
      [a, signs[0]],
      [b, signs[1]],
    ])
      .filter(({ origin }) => origin === undefined)
      .map(({ at, status, because }) => `${at / 1000} ${status}: ${because}`)

  test.each<[title: string, a: string, b: string, told: string[]]>([
    ['one of two is down', '------', '++++++', []],
    ['both are', '------', '------', ['3 down: no origin is up']],
    [
      'one comes back',
      '-----+++++++++++',
      '----------------',
      ['3 down: no origin is up', '13 up: 1 of 2 origins are up'],
    ],
    ['of one nothing is known', '------', '......', []],
  ])('%s', (_, left, right, told) => expect(ofPool(left, right)).toEqual(told))
})

test('whatever the verdicts, no subject has two news within the time, nor is one told of a state that it was told of last', () => {
  const signs = fc.string({ unit: fc.constantFrom('+', '-', '.'), minLength: 1, maxLength: 80 })
  fc.assert(
    fc.property(signs, (text) => {
      const last = new Map<string | undefined, Heard>()
      for (const news of newsOf([[a, text]])) {
        const before = last.get(news.origin)
        expect(news.status).not.toBe(before?.status ?? 'up')
        expect(news.was).toBe(before?.status ?? 'up')
        if (before !== undefined) expect(news.at - before.at).toBeGreaterThanOrEqual(rule.everyMs)
        last.set(news.origin, news)
      }
    }),
  )
})
