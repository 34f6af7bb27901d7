/** What wrangler.toml binds, and the secrets that `wrangler secret put` sets. */
export interface Env {
  readonly DB: D1Database
  readonly CONFIG: KVNamespace
  readonly FLIGHTS: DurableObjectNamespace
  readonly BATCHES: DurableObjectNamespace
  readonly ADMIN_TOKEN?: string
  /** What cookies are signed with; absent: the admin token stands in. */
  readonly COOKIE_SECRET?: string
}
