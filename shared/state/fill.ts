// A key that nobody has put yet is filled from a route, once for all who ask for it at the same time.
import type { Content, Reply } from './operation.ts'

/** What came of asking the route. */
export type Filled =
  | { readonly kind: 'content'; readonly content: Content; readonly ttlSeconds: number }
  /** There is nothing there either. */
  | { readonly kind: 'missing' }
  /** It failed, or gave what must not be kept. */
  | { readonly kind: 'failed'; readonly because: string }

/** Whoever leads asks the route, and lands what came of it with the token; all others get the reply of that. */
export type Led = Reply | { readonly kind: 'lead'; readonly token: string }
