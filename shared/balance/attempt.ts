// What a failed attempt at an origin was, and whether another origin may be asked. (RFC 9110 §9.2.2, RFC 9209 §2.3.)

/** How an attempt failed before the head of a response came. */
export type Failure =
  /** Refused, reset, closed or garbage before a head: the platform tells no more. */
  | 'connection'
  /** The name did not resolve, or TLS failed. */
  | 'unreachable'
  /** No head within `headersMs`. */
  | 'timeout'
  /** A head that cannot be a final response. */
  | 'protocol'
  /** The time for the whole request, all attempts together, was over. */
  | 'deadline'

/** 52x and 530 are how Cloudflare says, as a response, that it did not get through to the origin. */
export function failureOfStatus(status: number): Failure | undefined {
  if (status < 200 || status > 599) return 'protocol'
  if (status === 522 || status === 524) return 'timeout'
  if (status === 525 || status === 526 || status === 530 || status === 523) return 'unreachable'
  if (status === 520 || status === 521 || status === 527) return 'connection'
  return undefined
}

/** The error type of Proxy-Status (RFC 9209 §2.3). */
export function proxyError(failure: Failure): string {
  switch (failure) {
    case 'connection':
      return 'connection_terminated'
    case 'unreachable':
      return 'destination_unavailable'
    case 'timeout':
    case 'deadline':
      return 'http_response_timeout'
    case 'protocol':
      return 'http_protocol_error'
    default:
      return failure satisfies never
  }
}

/**
 * The status that the client gets when no attempt was left (RFC 9110 §15.6.3–5): 503 where nobody could be reached and
 * the request may be sent again, 502 where an origin may have run it.
 */
export function statusOfFailure(failure: Failure, mayRepeat: boolean): 502 | 503 | 504 {
  if (failure === 'timeout' || failure === 'deadline') return 504
  return mayRepeat && failure !== 'protocol' ? 503 : 502
}

/**
 * Whether the request may be sent a second time. That it did not run the first time cannot be proved from a fetch
 * that failed, so it depends on the request alone: its method, or its own word (an Idempotency-Key).
 */
export function mayRetry(method: string, retryMethods: readonly string[], hasIdempotencyKey: boolean): boolean {
  return hasIdempotencyKey || retryMethods.includes(method)
}

/**
 * Whether an origin's answer says that another origin may do better. A 500 does not: the request ran there.
 * (RFC 9110 §15.6.3, §15.6.4, §15.6.5.)
 */
export function isUnwell(status: number): boolean {
  return status === 502 || status === 503 || status === 504
}
