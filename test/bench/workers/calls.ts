// What the counting Worker counts, and where it tells.

/** Calls of the platform since the Worker started. */
export interface Calls {
  match: number
  put: number
  delete: number
  kv: number
  d1: number
  /** Calls of Durable Objects. */
  objects: number
  /** Requests to origins. */
  fetch: number
}

export interface CallsReport {
  readonly calls: Calls
  /** How many pieces of work behind responses have not ended yet. */
  readonly pending: number
}

/** Answered with a CallsReport. */
export const callsPath = '/_calls'
