// What a hit of Weir asks of the platform, and no judgement: one bounded `cache.match`, its head out of one field, the
// reading of the request's fields, and a response with fields of its own.
export * from './bound.ts'

const patienceMs = 250
const asked = [
  ...['range', 'if-none-match', 'if-modified-since', 'if-match', 'authorization', 'cookie'],
  ...['cache-control', 'accept-encoding', 'upgrade', 'connection'],
]
const said = { age: '1', via: '1.1 weir', 'cache-status': 'Weir; hit; ttl=3599', 'weir-epoch': '0' }

export default {
  async fetch(request, { ORIGIN }, context) {
    const { pathname, search } = new URL(request.url)
    for (const name of asked) request.headers.get(name)
    const stored = await matchOrLate(request.url)
    const head = stored?.headers.get('entry')
    if (stored !== undefined && typeof head === 'string') {
      const { status, fields } = JSON.parse(head)
      return new Response(stored.body, { status, headers: { ...fields, ...said }, encodeBody: 'manual' })
    }
    const response = await fetch(`${ORIGIN}${pathname}${search}`, request)
    const body = await response.arrayBuffer()
    const entry = JSON.stringify({ status: response.status, fields: Object.fromEntries(response.headers) })
    const kept = new Response(body, { headers: { entry, 'cache-control': 'max-age=3600' } })
    context.waitUntil(caches.default.put(request.url, kept))
    return new Response(body, response)
  },
} satisfies ExportedHandler<{ ORIGIN: string }>

function matchOrLate(url: string): Promise<Response | undefined> {
  return new Promise((resolve, reject) => {
    setTimeout(resolve, patienceMs, undefined)
    caches.default.match(url).then(resolve, reject)
  })
}
