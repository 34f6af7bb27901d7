// Weir as it runs at Cloudflare: requests say by fields where they come from (JSON of `request.cf`), and whether they
// came over TLS.
import weir from '../../../workers/index.ts'

export * from '../../../workers/index.ts'

type Fetch = Parameters<typeof weir.fetch>

export default {
  ...weir,
  fetch(request: Fetch[0], env: Fetch[1], context: Fetch[2]) {
    const headers = new Headers(request.headers)
    const cf = JSON.parse(headers.get('test-cf') ?? '{}')
    const url = headers.has('test-tls') ? request.url.replace(/^http:/, 'https:') : request.url
    headers.delete('test-cf')
    headers.delete('test-tls')
    return weir.fetch(new Request(new Request(url, request), { headers, cf }) as Fetch[0], env, context)
  },
}
