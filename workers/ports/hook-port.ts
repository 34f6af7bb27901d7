// What the gateway needs to tell somebody else's server of something: a signed webhook.

/** One message, as it is sent at this attempt. */
export interface Hook {
  readonly url: string
  /** The same at every attempt, so that the receiver knows what it has had. */
  readonly id: string
  /** JSON. */
  readonly body: string
  /** Of this attempt, in milliseconds since the epoch. */
  readonly at: number
}

export type HookAnswer =
  /** Its body is nobody's business: whoever may name a URL is not to learn what is there. */
  | { readonly kind: 'answer'; readonly status: number; readonly retryAfterMs: number | undefined }
  | { readonly kind: 'none'; readonly because: string }
  /** It was not sent: this gateway has nothing to sign with, or must not send there. */
  | { readonly kind: 'refused'; readonly because: string }

export interface HookPort {
  /** Sends it once, and follows no redirect. Resolves within 15 s, or soon after the signal; never rejects. */
  send(hook: Hook, signal: AbortSignal): Promise<HookAnswer>
}
