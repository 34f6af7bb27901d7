// The least that a cache can do: one `cache.match`, and where that finds nothing, a fetch and a put.
export * from './bound.ts'

export default {
  async fetch(request, { ORIGIN }, context) {
    const stored = await caches.default.match(request.url)
    if (stored !== undefined) return stored
    const { pathname, search } = new URL(request.url)
    const response = await fetch(`${ORIGIN}${pathname}${search}`, request)
    context.waitUntil(caches.default.put(request.url, response.clone()))
    return response
  },
} satisfies ExportedHandler<{ ORIGIN: string }>
