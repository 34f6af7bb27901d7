// A response store of heads without bodies, as large as it has to be.
import type { Note, ResponseStore, StoredHead, StoredResponse } from '../../ports.ts'

type Entry = Pick<StoredResponse, 'kind' | 'head' | 'fields'>

interface Held {
  readonly askedAt: number
  /** Absent where what was there was let go. */
  readonly content?: Entry | { readonly kind: 'note'; readonly note: Note }
}

export function headStore(): ResponseStore {
  const records = new Map<string, Held>()
  const put = (key: string, { askedAt, content }: Held) => {
    const there = records.get(key)
    const isNewer = there !== undefined && there.askedAt > askedAt
    const isHitForMiss = there?.content?.kind === 'note' && there.content.note.kind === 'hit-for-miss'
    if (!isNewer || isHitForMiss) records.set(key, { askedAt, ...(content && { content }) })
  }
  const entry = (head: StoredHead, fields: Headers): Held => ({
    askedAt: head.askedAt,
    content: { kind: 'response', head, fields: Object.fromEntries(fields) },
  })
  return {
    async match(key) {
      const held = records.get(key)
      if (held === undefined) return undefined
      const { askedAt, content } = held
      if (content === undefined) return { kind: 'forgotten', askedAt }
      return content.kind === 'note'
        ? content
        : { ...content, size: 0, body: async () => null, discard: () => undefined }
    },
    begin(key, head, fields) {
      return {
        wanted: true,
        write: () => undefined,
        end: async () => put(key, entry(head, fields)),
        abort: () => undefined,
      }
    },
    async update(key, stored, head, fields) {
      const content = records.get(key)?.content
      if (content?.kind === 'response' && content.head.storedAt === stored.head.storedAt) put(key, entry(head, fields))
    },
    async note(key, note, askedAt) {
      put(key, { askedAt, content: { kind: 'note', note } })
    },
    async forget(key, askedAt) {
      put(key, { askedAt })
    },
  }
}
