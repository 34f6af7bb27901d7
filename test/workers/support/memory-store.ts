// The response store in memory, as plain as its contract allows.
import { hasNoContent } from '../../../shared/http/status.ts'
import type { BodySink, Note, ResponseStore, StoredHead, StoredResponse } from '../../../workers/ports.ts'
import { joined } from './bytes.ts'

interface Entry {
  readonly head: StoredHead
  readonly fields: Readonly<Record<string, string>>
  readonly body: Uint8Array
}

export function memoryStore(): ResponseStore {
  const entries = new Map<string, Entry | Note>()
  const stored = ({ head, fields, body }: Entry): StoredResponse => ({
    kind: 'response',
    head,
    fields,
    size: body.byteLength,
    async body(range) {
      if (hasNoContent(head.status)) return null
      return range === undefined ? new Blob([body]).stream() : body.slice(range.first, range.last + 1)
    },
    discard: () => undefined,
  })
  return {
    async match(key) {
      const entry = entries.get(key)
      if (entry === undefined) return undefined
      return 'head' in entry ? stored(entry) : { kind: 'note', note: entry }
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
            entries.set(key, { head, fields: Object.fromEntries(fields), body })
          alive = false
          return Promise.resolve()
        },
        abort() {
          alive = false
        },
      }
      return sink
    },
    async update(key, storedAt, head, fields) {
      const entry = entries.get(key)
      if (entry === undefined || !('head' in entry) || entry.head.storedAt !== storedAt) return
      entries.set(key, { head, fields: Object.fromEntries(fields), body: entry.body })
    },
    async note(key, note) {
      entries.set(key, note)
    },
    async delete(key) {
      entries.delete(key)
    },
  }
}
