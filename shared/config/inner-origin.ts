// Origins that lie inside the Worker: `"url": "service:catalog"`. Each scheme knows its own names.
import { listNames, quote } from './errors.ts'

/** The services of the shop (workers/shop) that may stand behind a route; payment is for the checkout alone. */
export const serviceNames = ['account', 'catalog', 'checkout', 'order', 'pages', 'search'] as const

/** What only other services may call. */
export const internalServiceNames = ['payment'] as const

export type ServiceName = (typeof serviceNames)[number]

/** The buckets whose files a pool may serve, as wrangler.toml binds them. */
const bucketNames = ['assets'] as const

export type BucketName = (typeof bucketNames)[number]

/** By the scheme: what is wrong with a name, or undefined. */
const schemes: ReadonlyMap<string, (name: string) => string | undefined> = new Map([
  ['service', serviceProblem],
  ['r2', bucketProblem],
])

function serviceProblem(name: string): string | undefined {
  return serviceNames.some((known) => known === name)
    ? undefined
    : `names no service: the services are ${listNames(serviceNames)}; got ${quote(name)}`
}

function bucketProblem(name: string): string | undefined {
  return bucketNames.some((known) => known === name)
    ? undefined
    : `names no bucket that is bound here: the buckets are ${listNames(bucketNames)}; got ${quote(name)}`
}

/** The scheme and the name of an origin inside the Worker; undefined where the URL leads to the network. */
export function parseInnerOrigin(url: string): { readonly scheme: string; readonly name: string } | undefined {
  const colon = url.indexOf(':')
  const scheme = url.slice(0, Math.max(colon, 0))
  return schemes.has(scheme) ? { scheme, name: url.slice(colon + 1) } : undefined
}

export const innerOriginProblem = ({ scheme, name }: { readonly scheme: string; readonly name: string }) =>
  schemes.get(scheme)?.(name)
