import fc from 'fast-check'
import { parseList, Token } from 'structured-headers'
import { describe, expect, test } from 'vitest'
import { type CacheStatus, formatCacheStatus } from '../../../shared/http/cache-status.ts'

describe('RFC 9211 §2: the member of this cache', () => {
  test.each<[string, CacheStatus, string]>([
    ['§2.1: a hit', { kind: 'hit', ttl: 30 }, 'weir; hit; ttl=30'],
    ['§2.4: a hit in its last second', { kind: 'hit', ttl: 0 }, 'weir; hit; ttl=0'],
    [
      '§2.2, §2.3, §2.5: forwarded and stored',
      { kind: 'forward', because: 'uri-miss', status: 200, stored: true },
      'weir; fwd=uri-miss; fwd-status=200; stored',
    ],
    [
      '§2.8: forwarded and not stored, with the reason',
      { kind: 'forward', because: 'stale', status: 200, stored: false, detail: 'set-cookie' },
      'weir; fwd=stale; fwd-status=200; detail=set-cookie',
    ],
    [
      '§2.6: came with others',
      { kind: 'forward', because: 'uri-miss', status: 200, stored: false, collapsed: true },
      'weir; fwd=uri-miss; fwd-status=200; collapsed',
    ],
    ['§2.2: forwarded, and nothing came', { kind: 'forward', because: 'request', stored: false }, 'weir; fwd=request'],
    [
      '§2.2: passed by',
      { kind: 'forward', because: 'bypass', status: 101, stored: false },
      'weir; fwd=bypass; fwd-status=101',
    ],
  ])('%s', (_, status, verdict) => expect(formatCacheStatus(status)).toBe(verdict))
})

test('RFC 9651: whatever it says is read back as it was said', () => {
  const detail = fc.constantFrom('no-store', 'hit-for-miss', 'upper-tier', undefined)
  const status: fc.Arbitrary<CacheStatus> = fc.oneof(
    fc.record({ kind: fc.constant('hit' as const), ttl: fc.integer({ min: -(2 ** 31), max: 2 ** 31 }) }),
    fc.record({
      kind: fc.constant('forward' as const),
      because: fc.constantFrom('bypass', 'method', 'uri-miss', 'vary-miss', 'request', 'stale', 'partial'),
      status: fc.option(fc.integer({ min: 200, max: 599 }), { nil: undefined }),
      stored: fc.boolean(),
      collapsed: fc.boolean(),
      detail,
    }),
    fc.constant({ kind: 'neither' as const, detail: 'only-if-cached' as const }),
  )
  const key = fc.option(fc.string({ unit: fc.integer({ min: 32, max: 126 }).map((code) => String.fromCharCode(code)) }))
  fc.assert(
    fc.property(status, key, (said, key) => {
      const [[name, parameters]] = parseList(formatCacheStatus(said, key ?? undefined)) as [
        [Token, Map<string, unknown>],
      ]
      expect(name.toString()).toBe('weir')
      const isForward = said.kind === 'forward'
      expect(
        Object.fromEntries(
          [...parameters].map(([each, value]) => [each, value instanceof Token ? value.toString() : value]),
        ),
      ).toEqual({
        ...(said.kind === 'hit' && { hit: true, ttl: said.ttl }),
        ...(isForward && { fwd: said.because }),
        ...(isForward && said.status !== undefined && { 'fwd-status': said.status }),
        ...(isForward && said.stored && { stored: true }),
        ...(isForward && said.collapsed && { collapsed: true }),
        ...(said.detail !== undefined && { detail: said.detail }),
        ...(key !== null && { key }),
      })
    }),
  )
})
