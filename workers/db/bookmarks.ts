// Bookmarks that travel in a session: whoever holds it sees what it has written, and never less than it has seen,
// whichever isolate and whichever replica answers.
import type { Answered, Database, Reader, Writer } from './replicas.ts'

/** By the name of the database. */
export type Bookmarks = Readonly<Record<string, string>>

/** Of D1, and of a shard (shards.ts). */
const form = /^[\da-f.-]{1,200}$/

/** What is a bookmark among what a session holds, which origins may have written too. */
function bookmarksIn(held: unknown): Bookmarks {
  if (typeof held !== 'object' || held === null || Array.isArray(held)) return {}
  return Object.fromEntries(
    Object.entries(held).filter(([, bookmark]) => typeof bookmark === 'string' && form.test(bookmark)),
  )
}

/** As `sessionOf` of workers/client/session.ts gives one. */
export interface BookmarkSession {
  values(): Promise<{ readonly bookmark?: Bookmarks | undefined }>
  update(judge: (values: { readonly bookmark?: Bookmarks | undefined }) => { bookmark: Bookmarks }): Promise<void>
}

/** D1's bookmarks sort as they follow one another. */
export function laterBookmarks(some: Bookmarks, others: Bookmarks): Bookmarks {
  const later = { ...some }
  for (const [database, bookmark] of Object.entries(others)) {
    if (!Object.hasOwn(later, database) || later[database]! < bookmark) later[database] = bookmark
  }
  return later
}

/** The databases as the holder of a session sees them, for one request. */
export class OwnView {
  readonly #session: BookmarkSession
  #seen: Bookmarks = {}
  /** What the session has held of a database that does not know it: it was another one then. */
  #foreign: Bookmarks = {}
  #hasWritten = false

  constructor(session: BookmarkSession) {
    this.#session = session
  }

  async read<T>(database: Database, query: (database: Reader) => Promise<T>): Promise<Answered<T>> {
    const { name } = database
    const { [name]: bookmark } = this.#newest((await this.#session.values()).bookmark)
    const answered = await database.read({ kind: 'bookmark', bookmark }, query)
    // Whoever knows the bookmark gives no earlier one; without that the primary has answered, which is never behind.
    if (bookmark !== undefined && answered.bookmark !== undefined && answered.bookmark < bookmark) {
      this.#foreign = { ...this.#foreign, [name]: bookmark }
    }
    this.#note(name, answered.bookmark)
    return answered
  }

  /** At the primary, for what may have been written in another session a moment ago: this one sees it again. */
  async latest<T>(database: Database, query: (database: Reader) => Promise<T>): Promise<Answered<T>> {
    const answered = await database.read({ kind: 'primary' }, query)
    this.#note(database.name, answered.bookmark)
    return answered
  }

  async write<T>(database: Database, query: (database: Writer) => Promise<T>): Promise<T> {
    const { value, bookmark } = await database.write(query)
    this.#hasWritten = true
    this.#note(database.name, bookmark)
    return value
  }

  /**
   * To be awaited before anything of what was read or written is told: what the client has seen must be in the session
   * when it asks again. Begins no session for somebody who has only read. Rejects as the session does.
   */
  async keep(): Promise<void> {
    const values = await this.#session.values()
    if (!this.#hasWritten && Object.keys(values).length === 0) return
    const held = bookmarksIn(values.bookmark)
    const later = this.#newest(held)
    if (Object.keys(later).every((database) => later[database] === held[database])) return
    await this.#session.update(({ bookmark }) => ({ bookmark: this.#newest(bookmark) }))
  }

  #newest(held: unknown): Bookmarks {
    const known = Object.entries(bookmarksIn(held)).filter(([name, bookmark]) => this.#foreign[name] !== bookmark)
    return laterBookmarks(Object.fromEntries(known), this.#seen)
  }

  #note(database: string, bookmark: string | undefined): void {
    if (bookmark !== undefined) this.#seen = laterBookmarks(this.#seen, { [database]: bookmark })
  }
}
