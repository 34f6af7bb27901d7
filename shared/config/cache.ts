// What is stored, for how long and under which key, and how those share a fetch that miss; and what an isolate holds itself.
import * as z from 'zod'
import {
  cookieName,
  headerName,
  languageTag,
  MAX_WAIT_MS,
  mediaType,
  queryRule,
  whole,
  YEAR_SECONDS,
} from './fields.ts'

const MIN_SLICE_BYTES = 65_536
const MAX_SLICE_BYTES = 16_777_216
const MIN_WINDOW_BYTES = 65_536
const MAX_WINDOW_BYTES = 33_554_432
const MAX_GATHER_MS = 20
const MAX_HOT_ENTRY_BYTES = 1_048_576
const MAX_HOT_BYTES = 67_108_864

const keyRuleSchema = z.strictObject({
  /** Which parameters of the query belong to the cache key. */
  query: queryRule.default('all'),
  /** Whether their order does not matter: they are sorted by name, for the origin too. */
  sortQuery: z.boolean().default(false),
  /** Request headers whose values belong to it; lower case on output. */
  headers: z.array(headerName).default([]),
  /** Cookies whose values belong to it. */
  cookies: z.array(cookieName).default([]),
})

const sliceSize = whole(0, MAX_SLICE_BYTES).refine(
  (bytes) => bytes === 0 || bytes >= MIN_SLICE_BYTES,
  `must be 0, or from ${MIN_SLICE_BYTES} to ${MAX_SLICE_BYTES}`,
)

/** The bounds of a flight: what it holds, and who may wait for it. */
export const flightSchema = z.strictObject({
  /** Of a body: held for those who read more slowly than the fastest; half of it is what the origin may be ahead. */
  windowBytes: whole(MIN_WINDOW_BYTES, MAX_WINDOW_BYTES).default(8_388_608),
  /** So many share one flight. */
  maxReaders: whole(1, 10_000).default(5000),
  /** How long one of them waits for the head of what another asked for; then it asks by itself. */
  maxWaitMs: whole(1, MAX_WAIT_MS).default(10_000),
  /** Whoever comes beyond maxReaders. direct: asks by itself. refuse: gets 503 with Retry-After. */
  beyond: z.enum(['direct', 'refuse']).default('direct'),
  /** How long a range waits for others of the same content, to be asked for as one with them. */
  gatherMs: whole(0, MAX_GATHER_MS).default(5),
})

export const cacheRuleSchema = z.strictObject({
  /** respect: what the origin says (RFC 9111). force: ttlSeconds, whatever it says. */
  mode: z.enum(['off', 'respect', 'force']).default('respect'),
  /** Freshness: with force always, with respect when the origin says nothing (absent: heuristic rules). */
  ttlSeconds: whole(0, YEAR_SECONDS).optional(),
  /** How long after that a stale response may be served while a new one is fetched (RFC 5861 §3). */
  graceSeconds: whole(0, YEAR_SECONDS).default(0),
  /** How long after that a stale response may be served because the origin fails (RFC 5861 §4). */
  errorGraceSeconds: whole(0, YEAR_SECONDS).default(0),
  /** How long instead of errorGraceSeconds while the pool is sick: then what is stale is served at once. */
  sickGraceSeconds: whole(0, YEAR_SECONDS).default(0),
  /** How long a stale response is held for its validator alone. */
  keepSeconds: whole(0, YEAR_SECONDS).default(86_400),
  key: keyRuleSchema.prefault({}),
  /**
   * Which headers reach the origin that are not in the key, beside the standard ones, where its answer may be stored;
   * and no cookies. Absent: with respect all of them, and the answers to some are not stored; with force none.
   */
  unkeyed: z.array(headerName).optional(),
  /** What the origin offers: the best of these for the client stands for its Accept-Language. */
  languages: z.array(languageTag).min(1, 'must not be empty: name at least one language').optional(),
  /** The same for Accept. */
  types: z.array(mediaType).min(1, 'must not be empty: name at least one media type').optional(),
  /** How many responses of one URL may differ by Vary; beyond them nothing more is stored. */
  maxVariants: whole(1, 1000).default(64),
  /** Ranges are asked for, and kept, in slices of this size; 0: as the client asks, and not kept. */
  sliceBytes: sliceSize.default(1_048_576),
  /** Where equal requests that miss wait for one fetch. */
  collapse: z.enum(['off', 'colo', 'global']).default('colo'),
  flight: flightSchema.prefault({}),
})

/** What each isolate holds in its own memory of what it is asked for again and again. */
export const hotTierSchema = z.strictObject({
  /** Larger bodies are not held. */
  entryBytes: whole(0, MAX_HOT_ENTRY_BYTES).default(65_536),
  /** All that is held; the least recently used goes first. 0 turns the tier off. */
  totalBytes: whole(0, MAX_HOT_BYTES).default(16_777_216),
  /** How long an entry is served without a look at the cache of the data centre. */
  trustSeconds: whole(0, 60).default(5),
})

export type HotTier = z.output<typeof hotTierSchema>

export const defaultHotTier: HotTier = hotTierSchema.parse({})
