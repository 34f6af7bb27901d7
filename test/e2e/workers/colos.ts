// Weir in several data centres at once: requests say by a field in which one they come in, and each has a Cache API of
// its own. Objects are in the data centre `objects`.
// @ts-expect-error workerd has it, the types of its other modules do not come with it
import { AsyncLocalStorage } from 'node:async_hooks'
import weir from '../../../workers/index.ts'

export * from '../../../workers/index.ts'

type Fetch = Parameters<typeof weir.fetch>

interface Store {
  getStore(): string | undefined
  run<T>(name: string, work: () => T): T
}

const colo: Store = new AsyncLocalStorage()
const realCaches = caches

/** Calls go to the cache of the data centre in which the request at hand came in. */
function cacheOfColo(name: string): Cache {
  const cache = () => realCaches.open(`${name} ${colo.getStore() ?? 'objects'}`)
  return {
    match: async (...given) => (await cache()).match(...given),
    put: async (...given) => (await cache()).put(...given),
    delete: async (...given) => (await cache()).delete(...given),
  }
}

Object.defineProperty(globalThis, 'caches', { value: { open: async (name: string) => cacheOfColo(name) } })

export default {
  ...weir,
  fetch(request: Fetch[0], env: Fetch[1], context: Fetch[2]) {
    const headers = new Headers(request.headers)
    const name = headers.get('test-colo') ?? 'local'
    headers.delete('test-colo')
    const moved = new Request(request, { headers, cf: { colo: name } as IncomingRequestCfProperties })
    return colo.run(name, () => weir.fetch(moved as Fetch[0], env, context))
  },
}
