// Weir with a counter at every door to the platform. What it does is untouched; it is slower, so it is never timed.
import weir from '../../../workers/index.ts'
import { type Calls, type CallsReport, callsPath } from './calls.ts'

export * from '../../../workers/index.ts'

type Fetch = Parameters<typeof weir.fetch>

const calls: Calls = { match: 0, put: 0, delete: 0, kv: 0, d1: 0, objects: 0, fetch: 0 }
let pending = 0

/** Hears of a call of `method`; what the call gave may be replaced. */
type Watch = (method: string, given: unknown) => unknown

/** `target`, but every call of a method is told to `watch`. Native objects want to be `this` themselves. */
function watched<T extends object>(target: T, watch: Watch): T {
  return new Proxy(target, {
    get(_, name) {
      const value: unknown = Reflect.get(target, name)
      if (typeof value !== 'function' || typeof name === 'symbol') return value
      return (...given: unknown[]) => watch(name, Reflect.apply(value, target, given))
    },
  })
}

const watchCache: Watch = (method, given) => {
  if (method === 'match' || method === 'put' || method === 'delete') calls[method]++
  return given
}

const counted =
  (kind: 'kv' | 'objects'): Watch =>
  (_, given) => {
    calls[kind]++
    return given
  }

/** Every statement counts; a session is watched as the database is. */
const watchD1: Watch = (method, given) => {
  if (method === 'prepare' || method === 'exec') calls.d1++
  return method === 'withSession' ? watched(given as D1DatabaseSession, watchD1) : given
}

/** Getting a stub costs nothing; what is called on it does. */
const watchObjects: Watch = (method, given) =>
  method === 'get' || method === 'getByName' ? watched(given as DurableObjectStub, counted('objects')) : given

function watchedBinding(binding: unknown): unknown {
  if (typeof binding !== 'object' || binding === null) return binding
  if ('getWithMetadata' in binding) return watched(binding, counted('kv'))
  if ('prepare' in binding) return watched(binding, watchD1)
  if ('idFromName' in binding) return watched(binding, watchObjects)
  return binding
}

function watchedBindings<T extends object>(bindings: T): T {
  return Object.fromEntries(Object.entries(bindings).map(([name, value]) => [name, watchedBinding(value)])) as T
}

const realCaches = caches
const realFetch = fetch
const watchedCaches = {
  default: watched(realCaches.default, watchCache),
  open: async (name: string) => watched(await realCaches.open(name), watchCache),
}
Object.defineProperty(globalThis, 'caches', { value: watchedCaches })
globalThis.fetch = (...given: Parameters<typeof fetch>) => {
  calls.fetch++
  return realFetch(...given)
}

/** Knows which work behind responses is still going on. */
function watchedContext(context: ExecutionContext): ExecutionContext {
  const waitUntil = (work: Promise<unknown>) => {
    pending++
    context.waitUntil(work.finally(() => pending--))
  }
  const exports = watchedBindings(context.exports)
  return new Proxy(context, {
    get: (target, name) =>
      name === 'waitUntil' ? waitUntil : name === 'exports' ? exports : Reflect.get(target, name),
  })
}

export default {
  ...weir,
  fetch(...[request, env, context]: Fetch) {
    if (new URL(request.url).pathname === callsPath) return Response.json({ calls, pending } satisfies CallsReport)
    return weir.fetch(request, watchedBindings(env), watchedContext(context))
  },
}
