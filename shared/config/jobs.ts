// The section `jobs`: which types there are beside the built-in ones, who hears of events, and how long all of them may
// take. What has to agree with the pools is in cross.ts.
import * as z from 'zod'
import { checkHookUrl } from '../jobs/hook-url.ts'
import { quote } from './errors.ts'
import { checked, required, whole } from './fields.ts'

const DAY_SECONDS = 86_400
const MONTH_SECONDS = 2_678_400

const jobTypeName = checked((text) =>
  /^[a-z][a-z0-9._-]{0,63}$/.test(text)
    ? undefined
    : 'is not a type of jobs: use 1 to 64 small letters, digits, ".", "_" or "-", with a letter first',
)

const subscriberName = checked((text) =>
  /^[A-Za-z0-9_-]{1,64}$/.test(text)
    ? undefined
    : 'is not a name of a subscriber: use 1 to 64 letters, digits, "_" or "-"',
)

const eventPattern = checked((text) =>
  /^(?:[a-z0-9._-]{1,127}\*?|\*)$/.test(text)
    ? undefined
    : `must be an event such as "order.paid", or its beginning and a star, as in "order.*"; got ${quote(text)}`,
)

const pathProblem = (text: string): string | undefined =>
  /^\/[!"$-~]{0,1023}$/.test(text) ? undefined : `must start with "/" and be printable ASCII; got ${quote(text)}`

/** Where a webhook may go. Whether this gateway is one that may reach loopback is known when it is sent. */
export const webhookUrlProblem = (text: string): string | undefined => checkHookUrl(text, true)

/** A job of this type is a POST to a pool. */
const jobTypeSchema = z.strictObject({
  pool: z.string({ error: required('name the pool whose origins do such jobs') }),
  /** Where its origins take them, with a query if need be. */
  path: checked(pathProblem, required('say where its origins take such jobs, as in "/jobs/report"')),
  /** Runs in all, the first included. Absent: those of `jobs`. */
  tries: whole(1, 100).optional(),
  /** Until the second run, doubled with each further one. Absent: that of `jobs`. */
  baseDelaySeconds: whole(0, 3600).optional(),
  /** Of one run. Absent: that of `jobs`. */
  timeoutSeconds: whole(1, 600).optional(),
})

/** Who is told of events, by signed webhooks. */
const subscriberSchema = z.strictObject({
  url: checked(webhookUrlProblem, required('give the URL that the webhooks are sent to')),
  /** Names of events; a `*` at the end stands for whatever follows. */
  events: z
    .array(eventPattern, { error: required('name the events that it is told of, such as "order.*"') })
    .min(1, 'must not be empty: name at least one event, such as "order.*"'),
})

/** Receivers are away for longer than origins: with these tries a message waits about five hours for its own. */
const webhooksSchema = z.strictObject({
  tries: whole(1, 100).default(15),
  baseDelaySeconds: whole(0, 3600).default(5),
})

export const jobsSchema = z.strictObject({
  /** By the name of the type. */
  types: z.record(jobTypeName, jobTypeSchema).default({}),
  /** By a name of their own. */
  subscribers: z.record(subscriberName, subscriberSchema).default({}),
  /** What webhooks have instead of the following. */
  webhooks: webhooksSchema.prefault({}),
  /** Runs of one job in all, the first included; then it is dead. */
  tries: whole(1, 100).default(5),
  /** Until the second run, doubled with each further one, to an hour at most. */
  baseDelaySeconds: whole(0, 3600).default(5),
  /** Of one run. */
  timeoutSeconds: whole(1, 600).default(60),
  /** Not begun by then, a job is dropped. */
  deadlineSeconds: whole(1, MONTH_SECONDS).default(DAY_SECONDS),
  /** How long is known what became of a job. */
  keepSeconds: whole(1, MONTH_SECONDS).default(7 * DAY_SECONDS),
  /** A job that nobody has begun is sent to the queue again after this time; doubled three times. */
  resendSeconds: whole(1, DAY_SECONDS).default(300),
  /** A run that was not heard of for so long is lost, and there is another. */
  leaseSeconds: whole(2, 600).default(15),
})

export type JobsConfig = z.output<typeof jobsSchema>
export type Subscriber = JobsConfig['subscribers'][string]

/** What a type of job is given, in milliseconds where it is a time. */
export interface JobRule {
  readonly tries: number
  readonly baseDelayMs: number
  readonly timeoutMs: number
  readonly deadlineMs: number
  readonly keepMs: number
  readonly resendMs: number
  readonly leaseMs: number
}

/** What the jobs of a type are given; those that are built in have what `jobs` says, but for webhooks. */
export function ruleOf(jobs: JobsConfig, type: string): JobRule {
  const own: Partial<JobsConfig['types'][string]> | undefined =
    type === 'webhook' ? jobs.webhooks : new Map(Object.entries(jobs.types)).get(type)
  return {
    tries: own?.tries ?? jobs.tries,
    baseDelayMs: (own?.baseDelaySeconds ?? jobs.baseDelaySeconds) * 1000,
    timeoutMs: (own?.timeoutSeconds ?? jobs.timeoutSeconds) * 1000,
    deadlineMs: jobs.deadlineSeconds * 1000,
    keepMs: jobs.keepSeconds * 1000,
    resendMs: jobs.resendSeconds * 1000,
    leaseMs: jobs.leaseSeconds * 1000,
  }
}
