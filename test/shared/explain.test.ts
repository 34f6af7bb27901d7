import { parseDictionary } from 'structured-headers'
import { describe, expect, test } from 'vitest'
import type { Candidate } from '../../shared/balance/rank.ts'
import { type Explanation, formatCandidate, formatExplanation } from '../../shared/explain.ts'

const hit: Explanation = { route: 'r', verdict: 'hit', status: { kind: 'hit', ttl: 7 } }

describe('an explanation is a dictionary', () => {
  test.each<[string, Explanation, string]>([
    ['a hit', hit, 'route="r", verdict=hit, why="fresh for 7 s more"'],
    [
      'in its grace',
      { ...hit, verdict: 'stale', status: { kind: 'hit', ttl: -7, detail: 'grace' } },
      'route="r", verdict=stale, why="stale for 7 s, within its grace"',
    ],
    [
      'stale, for a request that takes it',
      { ...hit, status: { kind: 'hit', ttl: -7 } },
      'route="r", verdict=hit, why="stale for 7 s, which the request takes"',
    ],
    [
      'forwarded and stored',
      { ...hit, verdict: 'miss', status: { kind: 'forward', because: 'uri-miss', status: 200, stored: true } },
      'route="r", verdict=miss, why="nothing that may be used is stored under this key; the answer is stored"',
    ],
    [
      'by a flight of another, from the upper tier',
      {
        ...hit,
        verdict: 'miss',
        status: { kind: 'forward', because: 'stale', stored: true, collapsed: true, detail: 'upper-tier' },
      },
      'route="r", verdict=miss, why="what is stored is stale; another request had begun to ask for it; the upper tier had it; the answer is stored"',
    ],
    [
      'forwarded, and nothing came',
      { ...hit, verdict: 'pass', status: { kind: 'forward', because: 'bypass', stored: false } },
      'route="r", verdict=pass, why="this route is not cached, or the request is an upgrade"',
    ],
  ])('%s', (_, explanation, text) => expect(formatExplanation(explanation)).toBe(text))

  test('who has answered, and why', () => {
    const by = { pool: 'web', origin: 'a:80', affinity: 'ip, kept', candidates: ['a:80 é 7 ms', 'b 9 ms'] }
    const steering = 'country DE; eu is unwell'
    expect(formatExplanation({ ...hit, steering, by })).toBe(
      'route="r", verdict=hit, steering="country DE; eu is unwell", pool="web", origin="a:80", affinity="ip, kept", candidates="a:80 %C3%A9 7 ms; b 9 ms", why="fresh for 7 s more"',
    )
    const many = Array.from({ length: 1000 }, (_, index) => `origin-${index}`)
    expect(formatExplanation({ ...hit, by: { ...by, candidates: many } }).length).toBeLessThan(1000)
  })

  test.each<[string, { [Name in keyof Candidate]?: Candidate[Name] | undefined }, string]>([
    ['ready', {}, 'b weight=2 inFlight=1 latency=35ms ready'],
    ['of a later priority', { priority: 3 }, 'b priority=3 weight=2 inFlight=1 latency=35ms ready'],
    [
      'with a part of its weight',
      { weight: 1 / 3, why: 'slow-start' },
      'b weight=0.33 inFlight=1 latency=35ms slow-start',
    ],
    ['of which nothing is known', { latencyMs: undefined }, 'b weight=2 inFlight=1 latency=? ready'],
    ['none', { weight: 0, healthy: false, why: 'unhealthy' }, 'b weight=0 inFlight=1 latency=35ms unhealthy'],
  ])('a candidate: %s', (_, given, text) => {
    const candidate = { id: 'b', priority: 0, weight: 2, inFlight: 1, latencyMs: 35, healthy: true, why: 'ready' }
    expect(formatCandidate({ ...candidate, ...given } as Candidate)).toBe(text)
  })

  test('whatever a key or a request says', () => {
    const key = 'https://h/_weir/cache/2,"\\'
    const text = formatExplanation({
      ...hit,
      key,
      selecting: [
        ['x-a', 'é"\n\\'],
        ['x-b', null],
        ['x-c', '😀\ud83d'],
      ],
    })
    const [value, variant] = ['key', 'variant'].map((name) => parseDictionary(text).get(name)?.[0])
    expect([value, variant]).toEqual([key, 'x-a: %C3%A9"%0A\\; x-b; x-c: %F0%9F%98%80%EF%BF%BD'])
  })
})
