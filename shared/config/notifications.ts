// How changes of health are told: as the events `origin.health` and `pool.health`, to the subscribers of `jobs` who want
// them.
import * as z from 'zod'
import { whole } from './fields.ts'

export const notificationsSchema = z.strictObject({
  /** How long a verdict has to last before it is told. */
  holdSeconds: whole(0, 3600).default(10),
  /** Between two news of the same origin, or of the same pool. What comes more often is counted, and told with the next. */
  everySeconds: whole(0, 86_400).default(60),
})
