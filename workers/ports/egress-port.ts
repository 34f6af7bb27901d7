// Calls to servers outside, which are nobody's origins.

export interface EgressPort {
  /**
   * Sends one request; redirects are not followed, and nothing is read from a cache. The signal covers head and body.
   * Undefined where there is no answer.
   */
  send(request: EgressRequest, signal: AbortSignal): Promise<Response | undefined>
}

export interface EgressRequest {
  readonly url: string
  readonly method: string
  readonly fields: Headers
  readonly body: Uint8Array | null
}
