/** What the Worker under test is bound to, and the migrations of its database. */
declare namespace Cloudflare {
  interface Env {
    readonly DB: D1Database
    readonly SHOP: D1Database
    readonly ORDERS_0: D1Database
    readonly ORDERS_1: D1Database
    readonly CHECKOUT: Workflow<import('../../workers/env.ts').CheckoutRun>
    readonly CONFIG: KVNamespace
    readonly FLIGHTS: DurableObjectNamespace
    readonly BATCHES: DurableObjectNamespace
    readonly MONITORS: DurableObjectNamespace<import('../../workers/env.ts').MonitorObject>
    readonly SESSIONS: import('../../workers/env.ts').Named<import('../../workers/env.ts').SessionObject> &
      DurableObjectNamespace
    readonly SESSION_INDEX: import('../../workers/env.ts').Named<import('../../workers/env.ts').SessionIndexObject> &
      DurableObjectNamespace
    readonly REFUSALS: import('../../workers/env.ts').Named<import('../../workers/env.ts').RefusalsObject> &
      DurableObjectNamespace
    readonly JOBS: Queue
    readonly JOBS_DEAD: Queue
    readonly JOB_BOOKS: import('../../workers/env.ts').JobBookNamespace
    readonly JOB_WATCHES: DurableObjectNamespace
    readonly MEDIA: R2Bucket
    readonly ASSETS: R2Bucket
    readonly STATE: DurableObjectNamespace<import('../../workers/env.ts').StateShardObject>
    readonly ADMIN_TOKEN?: string
    /** Without tables. */
    readonly EMPTY: D1Database
    readonly MIGRATIONS: import('cloudflare:test').D1Migration[]
    readonly SHOP_MIGRATIONS: import('cloudflare:test').D1Migration[]
    readonly ORDERS_MIGRATIONS: import('cloudflare:test').D1Migration[]
  }
  interface GlobalProps {
    mainModule: typeof import('../../workers/index.ts')
  }
}
