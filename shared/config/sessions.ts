// What the sessions of all routes keep to. A session that has begun keeps to what was in force then.
import * as z from 'zod'
import { whole, YEAR_SECONDS } from './fields.ts'

const MAX_SESSION_BYTES = 1_048_576
const MAX_HEADER_BYTES = 16_384

export const sessionsSchema = z.strictObject({
  /** How long one lives after its last request; up to a tenth longer, so that not every request is written down. */
  idleSeconds: whole(1, YEAR_SECONDS).default(1800),
  /** How long one lives at most, whatever happens. */
  absoluteSeconds: whole(1, YEAR_SECONDS).default(43_200),
  /** Of all its values as JSON: a change beyond it is refused. */
  maxBytes: whole(1024, MAX_SESSION_BYTES).default(65_536),
  /** Of Weir-Session: values beyond it are left out of the header, and named in Weir-Session-Omitted. */
  headerBytes: whole(256, MAX_HEADER_BYTES).default(4096),
})
