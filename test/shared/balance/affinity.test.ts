import { describe, expect, it, test } from 'vitest'
import {
  type ClientNote,
  formatNote,
  keptOrigin,
  maxAgeOf,
  noteAfter,
  nothingNoted,
  type PoolTags,
  parseNote,
  prefer,
  rankForClient,
} from '../../../shared/balance/affinity.ts'
import { startPool } from '../../../shared/balance/pool.ts'
import { parseDocument } from '../../../shared/config/parse.ts'
import type { Pool } from '../../../shared/config/schema.ts'

const now = Date.UTC(2030, 0, 31)
const ids = ['a', 'b', 'c']

/** A pool of a, b and c with affinity; `fields` by the origin's id. */
function poolOf(affinity: object = {}, fields: Record<string, object> = {}): Pool {
  const origins = ids.map((id) => ({ id, url: `http://${id}.test`, ...fields[id] }))
  const parsed = parseDocument({ pools: { web: { origins, affinity } }, routes: [{ path: '/*', pools: ['web'] }] })
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.error))
  return parsed.value.config.pools.web!
}

const tags: PoolTags = { pool: 'P', origins: new Map(ids.map((id) => [id, id.toUpperCase()])) }
const keptAt = (origin: string, until = now + 1_800_000): ClientNote => ({ keeps: [{ pool: 'P', origin, until }] })

describe('a note', () => {
  test.each<[string, ClientNote]>([
    ['nothing', { place: undefined, keeps: [] }],
    ['a place', { place: 'zik0zj', keeps: [] }],
    ['an origin', { place: undefined, ...keptAt('A') }],
    [
      'all of it',
      {
        place: '0',
        keeps: [
          { pool: 'P-1', origin: 'o_1', until: now },
          { pool: 'Q', origin: 'B', until: now + 1000 },
        ],
      },
    ],
  ])('is read as it was written: %s', (_, note) => {
    const text = formatNote(note)
    expect(text).toMatch(/^[\w.~-]+$/)
    expect(parseNote(text)).toEqual(note)
  })

  test.each(['', '2', 'x.y', '11.a'])('of another format says nothing: %j', (text) =>
    expect(parseNote(text)).toBeUndefined(),
  )

  it('is held for as long as it says something', () => {
    expect(maxAgeOf(keptAt('A', now + 5000), now)).toBe(5)
    expect(maxAgeOf({ place: 'a', keeps: [] }, now)).toBe(31_536_000)
    expect(maxAgeOf(nothingNoted, now)).toBe(0)
  })
})

describe('the origin of a note', () => {
  const drain = (drainUntil?: string) => ({ a: { state: 'drain', ...(drainUntil && { drainUntil }) } })
  test.each<[title: string, pool: Pool, note: ClientNote, kept: string | undefined]>([
    ['nothing noted', poolOf(), nothingNoted, undefined],
    ['the one that is noted', poolOf(), keptAt('B'), 'b'],
    ['one that is gone from the configuration', poolOf(), keptAt('D'), undefined],
    ['of another pool', poolOf(), { keeps: [{ pool: 'Q', origin: 'B', until: now + 1000 }] }, undefined],
    ['expired', poolOf(), keptAt('B', now), undefined],
    ['not a time', poolOf(), keptAt('B', Number.NaN), undefined],
    ['off', poolOf({}, { a: { state: 'off' } }), keptAt('A'), 'a'],
    ['draining', poolOf({}, drain()), keptAt('A'), 'a'],
    ['draining until later', poolOf({}, drain('2030-01-31T00:00:01Z')), keptAt('A'), 'a'],
    ['drained', poolOf({}, drain('2030-01-31T00:00:00Z')), keptAt('A'), undefined],
  ])('%s', (_, pool, note, kept) => expect(keptOrigin(pool, tags, note, now)?.id).toBe(kept))
})

describe('the order', () => {
  /** How a client is sent whose origin is `kept`, where those in `failing` fail. */
  function order(affinity: object, kept: string | undefined, failing: string[] = [], fields = {}, client = 'client') {
    const pool = poolOf(affinity, fields)
    const state = startPool(pool, () => 0)
    for (const each of state.origins)
      if (failing.includes(each.origin.id)) each.health = { ...each.health, monitor: 'down' }
    const ranked = state.origins.filter(({ origin }) => origin.state === 'ready')
    const own = pool.origins.find(({ id }) => id === kept)
    const preferred = prefer(state, ranked, pool.affinity!, own, client, now)
    return preferred.kind === 'none' ? 'none' : preferred.order.map(({ origin }) => origin.id).join(' ')
  }

  test.each<
    [title: string, affinity: object, kept: string | undefined, failing: string[], fields: object, order: string]
  >([
    ['as ranked for a new client', {}, undefined, [], {}, 'a b c'],
    ['its own first', {}, 'c', [], {}, 'c a b'],
    ['one that drains, for its own alone', {}, 'c', [], { c: { state: 'drain' } }, 'c a b'],
    ['no new ones for one that drains', {}, undefined, [], { c: { state: 'drain' } }, 'a b'],
    ['none: its own alone', { onFailure: 'none' }, 'b', [], {}, 'b'],
    ['none: its own is unhealthy', { onFailure: 'none' }, 'b', ['b'], {}, 'none'],
    ['none: its own is off', { onFailure: 'none' }, 'b', [], { b: { state: 'off' } }, 'none'],
    ['none: for a new client any will do', { onFailure: 'none' }, undefined, ['a'], {}, 'a b c'],
  ])('%s', (_, affinity, kept, failing, fields, expected) => {
    expect(order(affinity, kept, failing, fields)).toBe(expected)
  })

  it.each(['temporary', 'sticky'])('%s: always the same other while its own is away', (onFailure) => {
    for (const away of [order({ onFailure }, 'b', ['b']), order({ onFailure }, 'b', [], { b: { state: 'off' } })]) {
      expect(away).toMatch(/^[ac] /)
    }
    const clients = Array.from({ length: 20 }, (_, index) => `client ${index}`)
    const others = new Set(clients.map((client) => order({ onFailure }, 'b', ['b'], {}, client).slice(0, 1)))
    expect([...others].sort()).toEqual(['a', 'c'])
  })

  it('by ip or header it is hashed, and the second choice is the same for all time', () => {
    const clients = Array.from({ length: 100 }, (_, index) => `client ${index}`)
    for (const client of clients) {
      const first = order({ by: 'ip' }, undefined, [], {}, client).slice(0, 1)
      const second = order({ by: 'ip' }, undefined, [first], {}, client).slice(0, 1)
      expect(second).not.toBe(first)
      expect(order({ by: 'ip' }, undefined, [first], {}, client).slice(0, 1)).toBe(second)
      expect(order({ by: 'ip', onFailure: 'none' }, undefined, [first], {}, client)).toBe('none')
    }
  })
})

describe('clients by hash', () => {
  const clients = Array.from({ length: 6000 }, (_, index) => `203.0.${index >> 8}.${index & 255}`)
  const firstOf = (pool: Pool, client: string) =>
    rankForClient(
      startPool(pool, () => 0),
      client,
    )[0]!.origin.id

  it('go by weight', () => {
    const pool = poolOf({}, { a: { weight: 1 }, b: { weight: 2 }, c: { weight: 3 } })
    const counts = Map.groupBy(clients, (client) => firstOf(pool, client))
    for (const [id, share] of Object.entries({ a: 1 / 6, b: 1 / 3, c: 1 / 2 })) {
      expect(Math.abs(counts.get(id)!.length / clients.length - share)).toBeLessThan(0.02)
    }
  })

  it('move only where their origin goes', () => {
    const [all, without] = [poolOf(), poolOf({}, { b: { state: 'off' } })]
    const moved = clients.filter((client) => firstOf(all, client) !== firstOf(without, client))
    expect(moved.every((client) => firstOf(all, client) === 'b')).toBe(true)
  })
})

describe('what is noted after an answer', () => {
  const noted = (note: ClientNote, answered: string, affinity: object = {}, fields = {}) => {
    const pool = poolOf(affinity, fields)
    return noteAfter(note, pool.affinity!, pool, tags, answered, now)
  }
  const soon = now + 1_000_000

  it('a new client is kept where it was answered', () => {
    expect(noted(nothingNoted, 'b')).toEqual(keptAt('B'))
  })
  it('nothing new: the note stays as it is', () => {
    const note = keptAt('B')
    expect(noted(note, 'b')).toBe(note)
  })
  it('its time begins anew, once a tenth of it is over', () => {
    expect(noted(keptAt('B', soon), 'b')).toEqual(keptAt('B'))
    const note = keptAt('B', now + 1_700_000)
    expect(noted(note, 'b')).toBe(note)
  })
  it('temporary: another does not become its own', () => {
    const note = keptAt('B')
    expect(noted(note, 'a')).toBe(note)
    expect(noted(keptAt('B', soon), 'a')).toEqual(keptAt('B'))
  })
  it('sticky: another becomes its own', () => {
    expect(noted(keptAt('B'), 'a', { onFailure: 'sticky' })).toEqual(keptAt('A'))
  })
  it('drained, or gone: another becomes its own', () => {
    const drained = { b: { state: 'drain', drainUntil: '2030-01-01T00:00:00Z' } }
    expect(noted(keptAt('B'), 'a', {}, drained)).toEqual(keptAt('A'))
    expect(noted(keptAt('D'), 'a')).toEqual(keptAt('A'))
  })
  it('other pools, the place, and no more than eight of them', () => {
    const others = Array.from({ length: 9 }, (_, index) => ({ pool: `Q${index}`, origin: 'X', until: now + 1 }))
    const [first, ...rest] = others
    const note = noted({ place: 'p', keeps: [{ ...first!, until: now }, ...rest] }, 'a')
    expect(note.place).toBe('p')
    expect(note.keeps.map(({ pool }) => pool)).toEqual(['P', 'Q1', 'Q2', 'Q3', 'Q4', 'Q5', 'Q6', 'Q7'])
  })
})
