// Which route takes a request? The first that matches host, path and method.
import { compileHost, compilePath } from './config/pattern.ts'
import type { Config, Route } from './config/schema.ts'
import type { Target } from './http/target.ts'

export type Routing =
  | { readonly kind: 'route'; readonly route: Route }
  | { readonly kind: 'no-route' }
  /** Routes match the target, but none its method: these would. */
  | { readonly kind: 'method'; readonly allow: readonly string[] }

export type Router = (method: string, target: Target) => Routing

/** Compiles the patterns once; the router itself allocates next to nothing. */
export function compileRoutes(config: Pick<Config, 'routes'>): Router {
  const routes = config.routes.map((route) => ({
    route,
    matchesHost: compileHost(route.host),
    matchesPath: compilePath(route.path),
    methods: new Set(route.methods),
    routing: { kind: 'route', route } as const,
  }))
  return (method, target) => {
    const others: ReadonlySet<string>[] = []
    for (const { matchesHost, matchesPath, methods, routing } of routes) {
      if (!matchesHost(target.hostname) || !matchesPath(target.path)) continue
      if (methods.has(method)) return routing
      others.push(methods)
    }
    const allow = new Set(others.flatMap((methods) => [...methods]))
    return allow.size === 0 ? { kind: 'no-route' } : { kind: 'method', allow: [...allow] }
  }
}
