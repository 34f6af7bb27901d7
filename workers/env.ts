/** What wrangler.toml binds, and the secret that `wrangler secret put` sets. */
export interface Env {
  readonly DB: D1Database
  readonly CONFIG: KVNamespace
  readonly FLIGHTS: DurableObjectNamespace
  readonly BATCHES: DurableObjectNamespace
  readonly ADMIN_TOKEN?: string
}
