import fc from 'fast-check'
import { describe, expect, it, test } from 'vitest'
import { parseCacheControl } from '../../../shared/http/cache-control.ts'
import {
  currentAge,
  mayReuse,
  mayStandIn,
  type Reuse,
  type StoredInstants,
  staleSince,
} from '../../../shared/http/may-reuse.ts'

const storedAt = Date.UTC(2026, 10, 21, 12)
/** Ten seconds old when it came, fresh for fifty more; then in grace for ten, error grace for 20, sick grace for 30. */
const stored: StoredInstants = {
  storedAt,
  freshUntil: storedAt + 50_000,
  graceUntil: storedAt + 60_000,
  errorGraceUntil: storedAt + 70_000,
  sickGraceUntil: storedAt + 80_000,
  keepUntil: storedAt + 1_000_000,
  initialAge: 10,
  neverStale: false,
  immutable: false,
}
const nothing = parseCacheControl(null)

const stale: Reuse = { kind: 'validate', because: 'stale' }
const refused: Reuse = { kind: 'validate', because: 'request' }
const hit = (age: number, ttl: number): Reuse => ({ kind: 'hit', age, ttl })
const graced = (age: number, ttl: number): Reuse => ({ kind: 'stale', age, ttl })

describe('RFC 9111 §4.2: freshness, and RFC 5861 §3: grace', () => {
  test.each<[string, number, Reuse]>([
    ['at once', 0, hit(10, 50)],
    ['later', 20_000, hit(30, 30)],
    ['whole seconds, neither rounded up', 20_600, hit(30, 29)],
    ['the last millisecond', 49_999, hit(59, 0)],
    ['the end of its life', 50_000, graced(60, 0)],
    ['in grace', 55_500, graced(65, -6)],
    ['the end of grace', 60_000, stale],
    ['beyond', 900_000, stale],
    ['a clock that was set back', -5000, hit(10, 55)],
  ])('%s', (_, laterMs, verdict) => expect(mayReuse(stored, nothing, storedAt + laterMs, false)).toEqual(verdict))

  test.each<[string, number, Reuse]>([
    ['in error grace', 69_999, graced(79, -20)],
    ['in sick grace', 79_999, graced(89, -30)],
    ['the end of sick grace', 80_000, stale],
  ])('while the pool is sick: %s', (_, laterMs, verdict) =>
    expect(mayReuse(stored, nothing, storedAt + laterMs, true)).toEqual(verdict),
  )
})

describe('a sick pool takes away nothing', () => {
  const noSickGrace = { ...stored, sickGraceUntil: stored.freshUntil }
  const noErrorGrace = { ...noSickGrace, errorGraceUntil: stored.freshUntil }

  test.each<[string, StoredInstants, number]>([
    ['of grace', noErrorGrace, 59_999],
    ['of error grace', noSickGrace, 69_999],
  ])('%s', (_, head, laterMs) => expect(mayReuse(head, nothing, storedAt + laterMs, true).kind).toBe('stale'))

  it('of standing in', () => expect(mayStandIn(noSickGrace, nothing, storedAt + 69_999, true)).toBe(true))
})

describe('RFC 9111 §5.2.1: what the client asks for, 20 seconds later', () => {
  test.each<[string, string, Reuse]>([
    ['§5.2.1.4: no-cache', 'no-cache', refused],
    ['§5.2.1.1: max-age below the age', 'max-age=29', refused],
    ['§5.2.1.1: max-age at the age', 'max-age=30', hit(30, 30)],
    ['§5.2.1.1: max-age=0', 'max-age=0', refused],
    ['§5.2.1.1: max-age that cannot be read', 'max-age=soon', refused],
    ['§5.2.1.3: min-fresh beyond what is left', 'min-fresh=31', refused],
    ['§5.2.1.3: min-fresh at what is left', 'min-fresh=30', hit(30, 30)],
    ['§5.2.1.2: max-stale does not matter while it is fresh', 'max-stale=0', hit(30, 30)],
    ['§5.2.1.5: no-store does not forbid an answer', 'no-store', hit(30, 30)],
    ['§5.2.1.7: only-if-cached', 'only-if-cached', hit(30, 30)],
  ])('%s', (_, asked, verdict) => {
    expect(mayReuse(stored, parseCacheControl(asked), storedAt + 20_000, false)).toEqual(verdict)
  })
})

describe('RFC 8246 §2: what is immutable stays as it is while it is fresh', () => {
  const immutable = { ...stored, immutable: true }
  test.each<[string, string, number, Reuse]>([
    ['a reload gets it', 'max-age=0', 20_000, hit(30, 30)],
    ['who says no-cache asks the origin', 'no-cache', 20_000, refused],
    ['who says both, too', 'no-cache, max-age=0', 20_000, refused],
    ['min-fresh binds it', 'min-fresh=31', 20_000, refused],
    ['a reload of what is stale asks the origin', 'max-age=0', 55_000, stale],
    ['max-stale does not undo the client’s max-age', 'max-stale, max-age=60', 65_000, stale],
  ])('%s', (_, asked, laterMs, verdict) => {
    expect(mayReuse(immutable, parseCacheControl(asked), storedAt + laterMs, false)).toEqual(verdict)
  })
})

describe('RFC 9111 §4.2.4: what is stale, 55 seconds later or 65', () => {
  test.each<[string, string, number, Partial<StoredInstants>, Reuse]>([
    ['no grace for who says no-cache', 'no-cache', 55_000, {}, stale],
    ['no grace for who wants it fresh', 'min-fresh=1', 55_000, {}, stale],
    ['no grace beyond the client’s max-age', 'max-age=60', 55_000, {}, stale],
    ['§5.2.1.2: max-stale within', 'max-stale=15', 65_000, {}, hit(75, -15)],
    ['§5.2.1.2: max-stale beyond', 'max-stale=14', 65_000, {}, stale],
    ['§5.2.1.2: max-stale without an end', 'max-stale', 65_000, {}, hit(75, -15)],
    ['§5.2.2.2: max-stale against must-revalidate', 'max-stale', 65_000, { neverStale: true }, stale],
    ['max-stale with a max-age that it exceeds', 'max-stale, max-age=60', 65_000, {}, stale],
  ])('%s', (_, asked, laterMs, other, verdict) => {
    expect(mayReuse({ ...stored, ...other }, parseCacheControl(asked), storedAt + laterMs, false)).toEqual(verdict)
  })
})

describe('RFC 5861 §4: standing in for an answer that failed', () => {
  test.each<[string, string, number, boolean, boolean]>([
    ['fresh, though the client wanted it validated', 'no-cache', 20_000, false, true],
    ['in error grace', '', 69_999, false, true],
    ['the end of error grace', '', 70_000, false, false],
    ['longer while the pool is sick', '', 79_999, true, true],
    ['not longer than the sick grace', '', 80_000, true, false],
    ['by the request’s stale-if-error', 'stale-if-error=40', 80_000, false, true],
    ['not beyond it', 'stale-if-error=30', 80_000, false, false],
  ])('%s', (_, asked, laterMs, sick, verdict) => {
    expect(mayStandIn(stored, parseCacheControl(asked), storedAt + laterMs, sick)).toBe(verdict)
  })

  it('not against must-revalidate, whatever the request says', () => {
    const strict = { ...stored, errorGraceUntil: stored.freshUntil, neverStale: true }
    expect(mayStandIn(strict, parseCacheControl('stale-if-error=60'), storedAt + 55_000, false)).toBe(false)
  })
})

test('a soft purge ends freshness at its instant, and all grace counts from there', () => {
  const purged = staleSince(stored, storedAt + 20_000)
  expect(mayReuse(purged, nothing, storedAt + 19_999, false).kind).toBe('hit')
  expect(mayReuse(purged, nothing, storedAt + 20_000, false).kind).toBe('stale')
  expect(mayReuse(purged, nothing, storedAt + 30_000, false)).toEqual(stale)
  expect(mayStandIn(purged, nothing, storedAt + 39_999, false)).toBe(true)
  expect(mayStandIn(purged, nothing, storedAt + 40_000, false)).toBe(false)
  expect(mayStandIn(purged, nothing, storedAt + 49_999, true)).toBe(true)
  expect(mayStandIn(purged, nothing, storedAt + 50_000, true)).toBe(false)
  expect(staleSince(stored, storedAt + 55_000)).toEqual(stored)
})

test('RFC 9111 §4.2.3: the age grows with the time that it is held', () => {
  expect(currentAge(stored, storedAt)).toBe(10)
  expect(currentAge(stored, storedAt + 1500)).toBe(11.5)
  expect(currentAge(stored, storedAt - 1500)).toBe(10)
})

test('a hit is within its life, and within what the client asks for', () => {
  const asked = fc.record({ maxAge: fc.nat(100), minFresh: fc.nat(100) })
  let hits = 0
  fc.assert(
    fc.property(
      fc.nat(100_000),
      fc.nat(100),
      fc.nat(100_000),
      asked,
      (life, initialAge, later, { maxAge, minFresh }) => {
        const head = { ...stored, freshUntil: storedAt + life, initialAge }
        const directives = parseCacheControl(`max-age=${maxAge}, min-fresh=${minFresh}`)
        const reuse = mayReuse(head, directives, storedAt + later, false)
        if (reuse.kind !== 'hit') return
        hits++
        expect(later).toBeLessThan(life)
        expect(initialAge * 1000 + later).toBeLessThanOrEqual(maxAge * 1000)
        expect(life - later).toBeGreaterThanOrEqual(minFresh * 1000)
        expect(Math.abs(initialAge + later / 1000 - reuse.age)).toBeLessThan(1)
        expect(Math.abs((life - later) / 1000 - reuse.ttl)).toBeLessThan(1)
      },
    ),
    { numRuns: 3000 },
  )
  expect(hits).toBeGreaterThan(50)
})
