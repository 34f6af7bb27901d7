/** What the Worker under test is bound to, and the migrations of its database. */
declare namespace Cloudflare {
  interface Env {
    readonly DB: D1Database
    readonly CONFIG: KVNamespace
    readonly FLIGHTS: DurableObjectNamespace
    readonly BATCHES: DurableObjectNamespace
    readonly MONITORS: DurableObjectNamespace<import('../../workers/env.ts').MonitorObject>
    readonly STATE: DurableObjectNamespace<import('../../workers/env.ts').StateShardObject>
    readonly ADMIN_TOKEN?: string
    readonly MIGRATIONS: import('cloudflare:test').D1Migration[]
  }
  interface GlobalProps {
    mainModule: typeof import('../../workers/index.ts')
  }
}
