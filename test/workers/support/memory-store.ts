// The response store in memory, as plain as its contract allows.
import { hasNoContent } from '../../../shared/http/status.ts'
import type { BodySink, ResponseStore, StoredHead } from '../../../workers/ports.ts'
import { joined } from './bytes.ts'

interface Entry {
  readonly head: StoredHead
  readonly fields: [string, string][]
  readonly body: Uint8Array
}

export function memoryStore(): ResponseStore {
  const entries = new Map<string, Entry>()
  return {
    match(key) {
      const entry = entries.get(key)
      return Promise.resolve(
        entry && {
          head: entry.head,
          coding: new Headers(entry.fields).get('content-encoding'),
          open(withBody) {
            const { status } = entry.head
            const body = withBody && !hasNoContent(status) ? entry.body : null
            return new Response(body, { status, headers: entry.fields, encodeBody: 'manual' })
          },
          discard: () => undefined,
        },
      )
    },
    begin(key, head, fields, length) {
      const chunks: Uint8Array[] = []
      let alive = true
      const sink: BodySink = {
        get wanted() {
          return alive
        },
        write: (chunk) => void chunks.push(chunk),
        end() {
          const body = joined(chunks)
          if (alive && (length ?? body.byteLength) === body.byteLength)
            entries.set(key, { head, fields: [...fields], body })
          alive = false
          return Promise.resolve()
        },
        abort() {
          alive = false
        },
      }
      return sink
    },
  }
}
