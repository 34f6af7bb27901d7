// How jobs are told of to the administrator, who sees more of each than those who watch it.
import type { Json } from './envelope.ts'
import { type JobRecord, type JobStatus, statusOf } from './journal.ts'

/** What the administrator sees. */
export interface ListedJob extends JobStatus {
  readonly key: string
  readonly payload: Json
  readonly callback?: string
}

export function listed(record: JobRecord): ListedJob {
  const { key, payload, callback } = record.envelope
  return { ...statusOf(record), key, payload, ...(callback !== undefined && { callback }) }
}

/** Without what only the administrator sees. */
export function statusAlone({ key: _, payload: __, callback: ___, ...status }: ListedJob): JobStatus {
  return status
}

/** In a list, of one payload and of one result (characters of JSON): many of them have to be held at once. */
const longestInList = 2048

/** As it stands in a list: what is long is read where the job is. */
export function shortened(job: ListedJob): ListedJob {
  const { payload, result } = job
  return { ...job, payload: short(payload), ...(result !== undefined && { result: short(result) }) }
}

function short(value: Json): Json {
  const { length } = JSON.stringify(value)
  return length <= longestInList ? value : { omitted: `it has ${length} characters: ask for the job itself` }
}
