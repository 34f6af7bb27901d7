import fc from 'fast-check'
import { describe, expect, it, test } from 'vitest'
import { parseCacheControl } from '../../../shared/http/cache-control.ts'
import { currentAge, mayReuse, type Reuse } from '../../../shared/http/may-reuse.ts'

const storedAt = Date.UTC(2026, 10, 21, 12)
/** Ten seconds old when it came, and fresh for fifty more. */
const stored = { storedAt, freshUntil: storedAt + 50_000, initialAge: 10 }

const stale: Reuse = { kind: 'forward', because: 'stale' }
const refused: Reuse = { kind: 'forward', because: 'request' }
const hit = (age: number, ttl: number): Reuse => ({ kind: 'hit', age, ttl })

describe('RFC 9111 §4.2: freshness', () => {
  test.each<[string, number, Reuse]>([
    ['at once', 0, hit(10, 50)],
    ['later', 20_000, hit(30, 30)],
    ['whole seconds, neither rounded up', 20_600, hit(30, 29)],
    ['the last millisecond', 49_999, hit(59, 0)],
    ['the end of its life', 50_000, stale],
    ['beyond', 1_000_000, stale],
    ['a clock that was set back', -5000, hit(10, 55)],
  ])('%s', (_, laterMs, verdict) =>
    expect(mayReuse(stored, parseCacheControl(null), storedAt + laterMs)).toEqual(verdict),
  )
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
    expect(mayReuse(stored, parseCacheControl(asked), storedAt + 20_000)).toEqual(verdict)
  })

  it('has no say where the response is stale', () => {
    expect(mayReuse(stored, parseCacheControl('no-cache'), storedAt + 50_000)).toEqual(stale)
    expect(mayReuse(stored, parseCacheControl('max-stale'), storedAt + 50_000)).toEqual(stale)
  })
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
        const head = { storedAt, freshUntil: storedAt + life, initialAge }
        const directives = parseCacheControl(`max-age=${maxAge}, min-fresh=${minFresh}`)
        const reuse = mayReuse(head, directives, storedAt + later)
        if (reuse.kind === 'forward') return
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
