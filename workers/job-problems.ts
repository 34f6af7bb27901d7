// What is said of jobs in more than one place.
import type { Problem } from './problem.ts'

export const noSuchJob: Problem = {
  status: 404,
  reason: 'no-such-job',
  detail: 'There is no such job, it is not yours, or it has been over for too long.',
}
