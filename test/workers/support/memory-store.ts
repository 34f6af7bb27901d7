// The response store in memory, as plain as its contract allows.
import { hasNoContent } from '../../../shared/http/status.ts'
import type { BodySink, Note, ResponseStore, StoredHead, StoredResponse } from '../../../workers/ports.ts'
import { joined } from './bytes.ts'

interface Entry {
  readonly bodyId: string
  readonly head: StoredHead
  readonly fields: Readonly<Record<string, string>>
  readonly body: Uint8Array
}

interface Held {
  readonly askedAt: number
  /** Absent where what was there was let go. */
  readonly content?: Entry | Note
  /** What was asked for before that stays away. */
  readonly after: number
}

export function memoryStore(): ResponseStore {
  const records = new Map<string, Held>()
  const put = (key: string, askedAt: number, content?: Entry | Note) => {
    const before = records.get(key)?.after ?? 0
    if (before > askedAt) return
    const isHitForMiss = content !== undefined && 'kind' in content && content.kind === 'hit-for-miss'
    records.set(key, { askedAt, after: isHitForMiss ? before : askedAt, ...(content && { content }) })
  }
  const stored = ({ bodyId, head, fields, body }: Entry): StoredResponse => ({
    kind: 'response',
    head,
    fields,
    size: body.byteLength,
    bodyId,
    async body(range) {
      if (hasNoContent(head.status)) return null
      return range === undefined ? new Blob([body]).stream() : body.slice(range.first, range.last + 1)
    },
    discard: () => undefined,
  })
  return {
    async match(key) {
      const record = records.get(key)
      if (record === undefined) return undefined
      const { askedAt, content } = record
      if (content === undefined) return { kind: 'forgotten', askedAt }
      return 'kind' in content ? { kind: 'note', note: content } : stored(content)
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
            put(key, head.askedAt, { bodyId: crypto.randomUUID(), head, fields: Object.fromEntries(fields), body })
          alive = false
          return Promise.resolve()
        },
        abort() {
          alive = false
        },
      }
      return sink
    },
    async update(key, { bodyId }, head, fields) {
      const content = records.get(key)?.content
      if (content === undefined || 'kind' in content || content.bodyId !== bodyId) return
      put(key, head.askedAt, { bodyId, head, fields: Object.fromEntries(fields), body: content.body })
    },
    async note(key, note, askedAt) {
      put(key, askedAt, note)
    },
    async forget(key, askedAt) {
      put(key, askedAt)
    },
  }
}
