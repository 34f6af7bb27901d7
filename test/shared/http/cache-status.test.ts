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
