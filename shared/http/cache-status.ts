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
  return `weir${spoken(status)}${parameter('key', key)}${parameter('detail', status.detail && new Token(status.detail))}`
}

/** What most hits say is put together without the library: it is said of each of them. */
function spoken(status: CacheStatus): string {
  switch (status.kind) {
    case 'hit':
      return `; hit; ttl=${status.ttl}`
    case 'forward':
      return `; fwd=${status.because}${parameter('fwd-status', status.status)}${flag('stored', status.stored)}${flag('collapsed', status.collapsed)}`
    case 'neither':
      return ''
    default:
      return status satisfies never
  }
}

const parameter = (name: string, value: BareItem | undefined): string =>
  value === undefined ? '' : `; ${name}=${serializeBareItem(value)}`

const flag = (name: string, value: boolean | undefined): string => (value ? `; ${name}` : '')
