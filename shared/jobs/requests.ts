// What callers send about jobs: a job that they want, and which dead letters are meant. From JSON or a query to what it
// says, or to every error in it.
import * as z from 'zod'
import type { ConfigError } from '../config/errors.ts'
import { checked, required, whole } from '../config/fields.ts'
import { explain, toErrors } from '../config/issues.ts'
import { findTooLarge } from '../config/limits.ts'
import { err, ok, type Result } from '../result.ts'
import { type Json, jobIdForm } from './envelope.ts'
import { jobStates, type Progress } from './journal.ts'

const MONTH_SECONDS = 2_678_400
const MOST_IDS = 100
const MOST_LISTED = 200

const jobSchema = z.strictObject({
  type: z.string({ error: required('say what kind of job it is') }),
  /** Of the type. */
  version: whole(1, 1000).default(1),
  payload: z.custom<Json>((value) => value !== undefined, 'is required: what is to be done, as any JSON').default(null),
  /** How long it may wait until it is begun. */
  deadlineSeconds: whole(1, MONTH_SECONDS).optional(),
  /** Until it may be begun at the soonest. */
  delaySeconds: whole(0, MONTH_SECONDS).default(0),
  /** A URL that is told by a signed webhook how it has ended. */
  callback: z.string().optional(),
})

export type JobRequest = z.output<typeof jobSchema>

export const parseJobRequest = (json: unknown): Result<JobRequest, ConfigError[]> => parse(jobSchema, json)

const progressSchema = z.strictObject({
  percent: z
    .number({ error: 'must be a number from 0 to 100' })
    .min(0, 'must be 0 or more')
    .max(100, 'must be 100 or less'),
  /** For whoever watches. */
  note: z.string().max(1000, 'must have at most 1000 characters').optional(),
})

/** How far whoever does a job has come with it. */
export const parseProgress = (json: unknown): Result<Progress, ConfigError[]> => parse(progressSchema, json)

const jobId = checked((text) => (jobIdForm.test(text) ? undefined : 'must be the id of a job: 32 hexadecimal digits'))

/** Which dead letters; what is absent says nothing. */
const filterFields = {
  type: z.string().optional(),
  ids: z.array(jobId).min(1, 'must not be empty').max(MOST_IDS, `must be ${MOST_IDS} at most`).optional(),
  /** Text that the reason has in it, in letters of either size. */
  because: z.string().min(1, 'must not be empty').optional(),
}

const replaySchema = z.strictObject({
  ...filterFields,
  /** What would be queued again is told, and left as it is. */
  dryRun: z.boolean().default(true),
})

export type ReplayRequest = z.output<typeof replaySchema>

export const parseReplayRequest = (json: unknown): Result<ReplayRequest, ConfigError[]> => parse(replaySchema, json)

const flag = z
  .enum(['true', 'false'])
  .transform((text) => text === 'true')
  .optional()

const dropSchema = z.strictObject({
  ...filterFields,
  ids: z
    .string()
    .transform((text) => text.split(','))
    .pipe(filterFields.ids.unwrap())
    .optional(),
  dryRun: flag,
  /** Without it something must say which. */
  all: flag,
})

export function parseDropRequest(query: Readonly<Record<string, string>>): Result<ReplayRequest, ConfigError[]> {
  const parsed = parse(dropSchema, query)
  if (!parsed.ok) return parsed
  const { all, dryRun = false, ...filter } = parsed.value
  if (all === true || Object.keys(filter).length > 0) return ok({ ...filter, dryRun })
  return err([
    { path: '(query)', message: 'says not which: give ids, type or because, or all=true; dryRun=true only looks' },
  ])
}

const listSchema = z.strictObject({
  /** Several with commas. */
  state: z
    .string()
    .transform((text) => text.split(','))
    .pipe(z.array(z.enum(jobStates)))
    .optional(),
  type: z.string().optional(),
  because: filterFields.because,
  limit: z.string().transform(Number).pipe(whole(1, MOST_LISTED)).default(50),
  /** What the page before has said. */
  cursor: checked((text) => (cursorForm.test(text) ? undefined : 'must be the "next" of a page')).optional(),
})

const cursorForm = /^\d{1,16}-[0-9a-f]{32}$/

export interface ListRequest extends Omit<z.output<typeof listSchema>, 'cursor'> {
  readonly after?: { readonly createdAt: number; readonly id: string } | undefined
}

export function parseListRequest(query: Readonly<Record<string, string>>): Result<ListRequest, ConfigError[]> {
  const parsed = parse(listSchema, query)
  if (!parsed.ok) return parsed
  const { cursor, ...rest } = parsed.value
  if (cursor === undefined) return ok(rest)
  const [createdAt, id = ''] = cursor.split('-')
  return ok({ ...rest, after: { createdAt: Number(createdAt), id } })
}

/** From where the next page goes on. */
export const cursorOf = (createdAt: string, id: string): string => `${Date.parse(createdAt)}-${id}`

function parse<T extends z.ZodType>(schema: T, json: unknown): Result<z.output<T>, ConfigError[]> {
  const tooLarge = findTooLarge(json)
  if (tooLarge !== undefined) return err([tooLarge])
  const parsed = schema.safeParse(json, { error: explain })
  return parsed.success ? ok(parsed.data) : err(parsed.error.issues.flatMap((issue) => toErrors(schema, issue)))
}
