// What the cache did, in its own response field (RFC 9211). The cache is called `weir`.
import { type BareItem, serializeBareItem, Token } from 'structured-headers'
import type { NoStoreReason } from './may-store.ts'

export type CacheStatus =
  | {
      readonly kind: 'hit'
      /** Seconds; negative where it is stale. */
      readonly ttl: number
      readonly detail?: 'grace' | undefined
    }
  | {
      readonly kind: 'forward'
      readonly because: ForwardReason
      /** Absent where no response came. */
      readonly status?: number | undefined
      readonly stored: boolean
      /** Whether it came by a flight that another request had begun (RFC 9211 §2.6). */
      readonly collapsed?: boolean | undefined
      readonly detail?: CacheStatusDetail
    }
  /** The gateway answered by itself, and asked nobody. */
  | { readonly kind: 'neither'; readonly detail: 'only-if-cached' }

export type CacheStatusDetail =
  | NoStoreReason
  | 'hit-for-miss'
  | 'error-grace'
  | 'variants'
  /** The cache of another data centre has answered. */
  | 'upper-tier'
  | undefined

/** RFC 9211 §2.2. */
export type ForwardReason = 'bypass' | 'method' | 'uri-miss' | 'vary-miss' | 'request' | 'stale' | 'partial'

/** The member for this cache; the key is for whoever may know it. */
export function formatCacheStatus(status: CacheStatus, key?: string): string {
  const parameters: [string, BareItem | undefined][] =
    status.kind === 'hit'
      ? [
          ['hit', true],
          ['ttl', status.ttl],
        ]
      : status.kind === 'forward'
        ? [
            ['fwd', new Token(status.because)],
            ['fwd-status', status.status],
            ['stored', status.stored || undefined],
            ['collapsed', status.collapsed || undefined],
          ]
        : []
  parameters.push(['key', key], ['detail', status.detail && new Token(status.detail)])
  let member = 'weir'
  for (const [name, value] of parameters) {
    if (value === true) member += `; ${name}`
    else if (value !== undefined) member += `; ${name}=${serializeBareItem(value)}`
  }
  return member
}
