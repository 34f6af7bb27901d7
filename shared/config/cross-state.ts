// What has to agree between the namespaces of the shared state cache and the pools and routes that they name. Passes
// over what has the wrong shape, as cross.ts does.
import { type ConfigError, listNames, quote } from './errors.ts'
import { defaultRouteId } from './schema.ts'
import { asFields, asList, error, type Fields, repeats } from './shape.ts'

/** `pools` are the names of all, `routes` the list of the document. */
export function stateErrors(state: Fields, pools: ReadonlySet<string>, routes: readonly unknown[]): ConfigError[] {
  const ids = routes.map((route, index) => String(asFields(route).id ?? defaultRouteId(index)))
  return Object.entries(asFields(state.namespaces)).flatMap(([name, written]) => {
    const namespace = asFields(written)
    const at = (...place: PropertyKey[]) => ['state', 'namespaces', name, ...place]
    return [
      ...reservedName(name, at()),
      ...missingPools(asList(namespace.pools), pools, at),
      ...missingRoute(asFields(namespace.fill).route, ids, at('fill', 'route')),
      ...idleStaleness(namespace, at('staleSeconds')),
    ]
  })
}

type At = (...place: PropertyKey[]) => PropertyKey[]

/** zod drops this name without a word. */
const reservedName = (name: string, path: PropertyKey[]): ConfigError[] =>
  name === '__proto__' ? [error(path, 'is a reserved name: choose another')] : []

const missingPools = (named: readonly unknown[], pools: ReadonlySet<string>, at: At): ConfigError[] => [
  ...named.flatMap((pool, index) =>
    typeof pool !== 'string' || pools.has(pool) || pools.size === 0
      ? []
      : [error(at('pools', index), `names no pool: the pools are ${listNames([...pools])}; got ${quote(pool)}`)],
  ),
  ...repeats(named).map(({ value, index }) =>
    error(at('pools', index), `names the pool ${quote(value)} a second time: remove it`),
  ),
]

const missingRoute = (route: unknown, ids: readonly string[], path: PropertyKey[]): ConfigError[] =>
  typeof route !== 'string' || ids.length === 0 || ids.includes(route)
    ? []
    : [error(path, `names no route: the routes are ${listNames(ids)}; got ${quote(route)}`)]

const idleStaleness = ({ consistency = 'strong', staleSeconds }: Fields, path: PropertyKey[]): ConfigError[] =>
  staleSeconds !== undefined && consistency === 'strong'
    ? [error(path, 'has no effect without "consistency": "bounded": remove it, or say so')]
    : []
