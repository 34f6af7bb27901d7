// A Cache that behaves as badly as the platform's may: it fails as it is told, and of a body that is cut midway it
// keeps what came as if it were whole, although its put rejects.

import { joined } from './bytes.ts'
import { type Fault, fail } from './configurations.ts'

export interface WorstCache {
  readonly open: () => Promise<Cache>
  /** What every name holds. */
  readonly entries: Map<string, Uint8Array>
  readonly faults: Partial<Record<'open' | 'match' | 'put' | 'delete', Fault>>
  /** The names that were put, in their order. */
  readonly puts: string[]
}

export function worstCache(): WorstCache {
  const entries = new Map<string, Uint8Array>()
  const headers = new Map<string, Headers>()
  const faults: WorstCache['faults'] = {}
  const puts: string[] = []
  const nameOf = (request: RequestInfo | URL) => (request instanceof Request ? request.url : String(request))
  const cache: Cache = {
    async match(request) {
      if (faults.match !== undefined) return fail(faults.match)
      const name = nameOf(request)
      const body = entries.get(name)
      return body && new Response(body, { headers: headers.get(name)! })
    },
    async put(request, response) {
      const name = nameOf(request)
      puts.push(name)
      if (faults.put !== undefined) return fail(faults.put)
      const chunks: Uint8Array[] = []
      try {
        for await (const chunk of response.body ?? []) chunks.push((chunk as Uint8Array).slice())
      } finally {
        entries.set(name, joined(chunks))
        headers.set(name, new Headers(response.headers))
      }
    },
    async delete(request) {
      if (faults.delete !== undefined) return fail(faults.delete)
      return entries.delete(nameOf(request))
    },
  }
  const open = () => (faults.open === undefined ? Promise.resolve(cache) : fail<Cache>(faults.open))
  return { open, entries, faults, puts }
}
