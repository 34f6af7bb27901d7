// What an answer to a job says of it: done, to be tried again, or failed for good.
export type AnswerOutcome =
  | { readonly kind: 'done' }
  | { readonly kind: 'again'; readonly because: string; readonly afterSeconds?: number }
  | { readonly kind: 'failed'; readonly because: string }

/** 4xx that say that the time is wrong, not the request (RFC 9110 §15.5.9, RFC 8470 §5.2, RFC 6585 §4). */
const later = new Set([408, 425, 429])

/**
 * By the status: 2xx is done; 408, 425, 429 and 5xx are worth another try; so many milliseconds later where the answer has
 * said so. A redirect is not followed: a job has one address, and what is behind another nobody has allowed.
 */
export function outcomeOfAnswer(status: number, retryAfterMs: number | undefined): AnswerOutcome {
  if (status >= 200 && status < 300) return { kind: 'done' }
  if (status >= 300 && status < 400) return { kind: 'failed', because: `Status ${status}: redirects are not followed.` }
  if (status < 500 && !later.has(status)) return { kind: 'failed', because: `Status ${status}.` }
  const afterSeconds = retryAfterMs === undefined ? undefined : Math.ceil(retryAfterMs / 1000)
  return { kind: 'again', because: `Status ${status}.`, ...(afterSeconds !== undefined && { afterSeconds }) }
}
