// One origin and one gateway before it, for test files about the cache: each path is asked for with a script of what
// the origin answers.
import type { IncomingMessage, ServerResponse } from 'node:http'
import { cacheStatus, startGateway, type TestGateway } from './gateway.ts'
import { startOrigin, type TestOrigin } from './origin.ts'

export interface CacheBench {
  readonly origin: TestOrigin
  readonly gateway: TestGateway
  /** The requests that reached the origin. */
  readonly seen: IncomingMessage[]
  /** A path that no other test uses, below a route's prefix. */
  fresh(prefix?: string): string
  ask(path: string, init?: RequestInit): Promise<Asked>
  close(): Promise<void>
}

export interface Asked {
  readonly status: number
  readonly headers: Headers
  /** The gateway's own member of Cache-Status. */
  readonly cache: string
  readonly text: string
}

export interface CacheBenchOptions {
  /** An origin that is silent for so long has failed. */
  readonly headersMs?: number
  readonly hotTier?: object
  /** What else the routes say, by their prefix. */
  readonly routes?: Readonly<Record<string, object>>
  /** The Worker's main file, where it is not the gateway's own. */
  readonly entry?: string
}

/** `cache` rules by the prefix of their route; the last route takes everything else by default rules. */
export async function startCacheBench(
  rules: Record<string, object> = {},
  { headersMs = 10_000, hotTier = {}, routes = {}, entry }: CacheBenchOptions = {},
): Promise<CacheBench> {
  const seen: IncomingMessage[] = []
  const origin = await startOrigin(() => undefined)
  const pools = ['web']
  const configuration = {
    pools: { web: { origins: [{ id: 'a', url: origin.url }], timeouts: { headersMs }, policy: 'round-robin' } },
    routes: [
      ...Object.entries(rules).map(([prefix, cache]) => ({ path: `${prefix}/*`, pools, cache, ...routes[prefix] })),
      { path: '/*', pools },
    ],
    hotTier,
  }
  const gateway = await startGateway(configuration, entry)
  origin.server.prependListener('request', (request) => seen.push(request))
  let paths = 0
  return {
    origin,
    gateway,
    seen,
    fresh: (prefix = '') => `${prefix}/${++paths}`,
    ask: (path, init) => ask(gateway.url + path, init),
    async close() {
      await gateway.close()
      await origin.close()
    },
  }
}

/** Sends one request, and reads all of its answer. */
export async function ask(url: string, init?: RequestInit): Promise<Asked> {
  // Beside a precondition fetch() says no-cache, where the caller says nothing.
  const headers = { 'cache-control': 'nothing-said', ...init?.headers }
  const response = await fetch(url, { redirect: 'manual', ...init, headers })
  const text = await response.text()
  return { status: response.status, headers: response.headers, cache: cacheStatus(response), text }
}

/** Answers with a body and these fields; a status of its own where it is given. */
export function reply(response: ServerResponse, body: string, headers: Record<string, string>, status = 200): void {
  response.writeHead(status, { 'content-length': Buffer.byteLength(body), ...headers }).end(body)
}
