// What the gateway answers itself, and yet by the life of any request: looked up, collapsed, admitted, purged. For that
// it needs a route and a pool like any other. The route lies below the reserved prefix, where no client's request is
// routed: the endpoint that owns the path decides who may ask, and then has the request answered by way of the route.
// The pool has one origin, whose URL has a scheme that the network does not know.
import { poolSchema } from './config/pool.ts'
import { type CacheRule, type Config, type Pool, type Route, routeSchema } from './config/schema.ts'
import { reservedPrefix, shortHash } from './key.ts'

export interface InnerRoutes {
  readonly routes: Route[]
  readonly pools: Readonly<Record<string, Pool>>
}

interface InnerRoute {
  /** Of the endpoint, which has everything below `/_weir/NAME/`, and of the origin, whose URL is `weir:NAME`. */
  readonly name: string
  /** All that the answers go by beside the request: where it changes, nothing that was stored before is used. */
  readonly rules: unknown
  readonly headersMs: number
  readonly cache: { readonly [Field in keyof CacheRule]?: unknown }
}

/** The routes that a configuration makes. */
export function innerRoutes({ media, images }: Config): InnerRoutes {
  return compose([
    {
      name: 'media',
      rules: media,
      headersMs: mediaHeadersMs,
      cache: { key: { query: { only: ['preset'] } }, errorGraceSeconds: 86_400 },
    },
    {
      name: 'image',
      rules: images,
      headersMs: imageHeadersMs,
      cache: {
        ttlSeconds: images.ttlSeconds,
        graceSeconds: imageGraceSeconds,
        errorGraceSeconds: imageErrorGraceSeconds,
      },
    },
  ])
}

/** A picture has to be fetched first, and then made. */
const imageHeadersMs = 60_000
/** Making is dear: what has just become stale is served while it is asked for again. */
const imageGraceSeconds = 60
const imageErrorGraceSeconds = 86_400

/** A thumbnail may have to be made of a large original first. */
const mediaHeadersMs = 30_000

function compose(inner: readonly InnerRoute[]): InnerRoutes {
  const made = inner.map((each) => {
    // No configuration can name a pool with a colon.
    const pool = `weir:${each.name}:${shortHash(JSON.stringify(each.rules))}`
    return { route: routeOf(each, pool), pool: [pool, poolOf(each)] as const }
  })
  return { routes: made.map(({ route }) => route), pools: Object.fromEntries(made.map(({ pool }) => pool)) }
}

/** The name of the pool, and with it the rules, are part of the key. Nothing that is not keyed reaches the origin. */
function routeOf({ name, cache }: InnerRoute, pool: string): Route {
  const route = {
    path: `${reservedPrefix}${name}/*`,
    methods: ['GET', 'HEAD'],
    pools: [pool],
    steering: { keyed: true },
  }
  return { id: `weir:${name}`, ...routeSchema.parse({ ...route, cache: { unkeyed: [], ...cache } }) } as Route
}

/** It is asked once, and never ejected: there is no other. */
function poolOf({ name, headersMs }: InnerRoute): Pool {
  const timeouts = { headersMs, totalMs: headersMs }
  const { origins, ...pool } = poolSchema.parse({
    origins: [{ id: name, url: 'http://weir.invalid' }],
    timeouts,
    retry: { tries: 1 },
    ejection: { maxPercent: 0 },
  })
  return { ...pool, origins: origins.map((origin) => ({ ...origin, url: `weir:${name}` })) }
}
