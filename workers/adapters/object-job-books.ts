// The books of jobs, in sixteen Durable Objects: as who writes jobs, who runs them, and who asks for them needs them.
import type { Posting } from '../../shared/jobs/journal.ts'
import type { ListedJob } from '../../shared/jobs/listing.ts'
import { bookName, bookNames } from '../../shared/key.ts'
import type { JobBookNamespace, JobBookObject } from '../env.ts'
import type { JobBookPort, JobWatchPort, JournalPort, Written } from '../ports/job-port.ts'
import { within } from '../within.ts'

export interface JobBooks extends JournalPort, JobBookPort, JobWatchPort {
  /** At most 500 ms. */
  write(posting: Posting): Promise<Written | undefined>
}

const writePatienceMs = 500
const patienceMs = 2000
const watchPatienceMs = 5000

export function objectJobBooks(books: JobBookNamespace, watches: DurableObjectNamespace): JobBooks {
  const bookOf = (id: string) => books.getByName(bookName(id))
  const everyBook = <T>(ask: (book: JobBookObject) => Promise<T>) =>
    Promise.all(bookNames.map((name) => within(patienceMs, () => ask(books.getByName(name)))))

  return {
    write: (posting) => within(writePatienceMs, async () => bookOf(posting.envelope.id).write(posting)),
    begin: (envelope, rule) => within(patienceMs, async () => bookOf(envelope.id).begin(envelope, rule)),
    advance: (id, token, progress) => within(patienceMs, async () => bookOf(id).advance(id, token, progress)),
    finish: (id, token, ended) => within(patienceMs, async () => bookOf(id).finish(id, token, ended)),
    bury: (letter) => within(patienceMs, async () => bookOf(letter.messageId).bury(letter)),
    read: (id) => within(patienceMs, async () => bookOf(id).read(id)),
    change: (id, caller, how) => within(patienceMs, async () => bookOf(id).change(id, caller, how)),
    async list(query) {
      const pages = await everyBook(async (book) => book.list(query))
      const jobs = pages.flatMap((page) => page ?? []).sort(newestFirst)
      return { jobs: jobs.slice(0, query.limit), isWhole: !pages.includes(undefined) }
    },
    async sweep(how, query, dryRun) {
      const swept = await everyBook(async (book) => book.sweep(how, query, dryRun))
      const answered = swept.flatMap((each) => each ?? [])
      return {
        count: answered.reduce((sum, { count }) => sum + count, 0),
        jobs: answered.flatMap(({ jobs }) => jobs).slice(0, query.limit),
        hasMore: answered.some(({ hasMore }) => hasMore),
        isWhole: answered.length === swept.length,
      }
    },
    watch: (id, caller, lastEventId) =>
      within(watchPatienceMs, async () => {
        const url = `https://watch.invalid/?${new URLSearchParams({ id, caller })}`
        const headers = lastEventId === null ? {} : { 'last-event-id': lastEventId }
        return watches.getByName(id).fetch(url, { headers })
      }),
  }
}

const newestFirst = (left: ListedJob, right: ListedJob): number =>
  right.createdAt.localeCompare(left.createdAt) || (left.id < right.id ? 1 : -1)
