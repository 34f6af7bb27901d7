// What the cache did, in its own response field (RFC 9211). The cache is called `weir`.
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
      readonly status?: number
      readonly stored: boolean
      readonly detail?: NoStoreReason | 'hit-for-miss' | 'error-grace' | 'variants' | undefined
    }

/** RFC 9211 §2.2. */
export type ForwardReason = 'bypass' | 'method' | 'uri-miss' | 'vary-miss' | 'request' | 'stale' | 'partial'

/** The member for this cache; reasons are tokens, so nothing needs quoting. */
export function formatCacheStatus(status: CacheStatus): string {
  let text = 'weir; '
  if (status.kind === 'hit') text += `hit; ttl=${status.ttl}`
  else {
    text += `fwd=${status.because}`
    if (status.status !== undefined) text += `; fwd-status=${status.status}`
    if (status.stored) text += '; stored'
  }
  if (status.detail !== undefined) text += `; detail=${status.detail}`
  return text
}
