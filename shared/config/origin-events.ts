// What follows from an answer: jobs that a route enqueues after it, so that an origin needs no client of the queue. What
// has to agree with the types of jobs is in cross-origin-events.ts.
import * as z from 'zod'
import type { Json } from '../jobs/envelope.ts'
import { checkTemplate } from '../jobs/template.ts'
import { listNames } from './errors.ts'
import { method, required, statusList, whole } from './fields.ts'

/** RFC 9110 §9.2.1: nothing happens by them. Their answers may come from the store, which enqueues nothing. */
const SAFE = ['GET', 'HEAD', 'OPTIONS']

const changing = method.refine(
  (name) => !SAFE.includes(name),
  `must be a method that changes something, such as "POST": nothing has happened after ${listNames(SAFE)}`,
)

const successes = statusList.refine(
  (list) => list.split(/[,-]/).every((status) => /^[23]/.test(status)),
  'must be successes, from 200 to 399: what has failed is followed by nothing',
)

const payload = z
  .custom<Json>((value) => value !== undefined, {
    error: 'is required: give the payload, in which "{response.NAME}" stands for a member of the answer',
  })
  .superRefine((template, context) => {
    const problem = checkTemplate(template)
    if (problem !== undefined) context.addIssue(problem)
  })

/** A job that follows from an answer of an origin. */
const originEventSchema = z.strictObject({
  on: changing.default('POST'),
  /** Of the answer: one, a range, or several with commas. */
  status: statusList.pipe(successes).default('200-299'),
  job: z.strictObject({
    type: z.string({ error: required('name the type of job') }),
    version: whole(1, 1000).default(1),
    /** JSON with placeholders (shared/jobs/template.ts). Where one of them finds nothing there is no job. */
    payload,
  }),
})

const most = 16

export const enqueueSchema = z
  .array(originEventSchema)
  .max(most, `must be ${most} at most: put several together, as one event with several subscribers`)
  .default([])

export type OriginEvent = z.output<typeof originEventSchema>
