// The fields of the shared state cache: how many objects it is spread over, and what its namespaces promise.
import * as z from 'zod'
import { namespaceName, originPath, required, whole, YEAR_SECONDS } from './fields.ts'

const MAX_SHARDS = 64
const MAX_VALUE_BYTES = 1_048_576

/** Where a key comes from that nobody has put yet. */
const fillSchema = z.strictObject({
  /** The id of a route. */
  route: z.string({ error: required('name the route that has what is missing') }),
  /** What is asked for there; `{key}` stands for the key, percent-encoded. */
  path: originPath,
})

/** One that is not named has all the defaults. */
export const namespaceSchema = z.strictObject({
  /** Whose credentials may use it. Absent: those of every pool. */
  pools: z.array(z.string()).min(1, 'must not be empty: name at least one pool, or remove it for all').optional(),
  /** strong: each read asks the key's object. bounded: an isolate may answer from its memory, see staleSeconds. */
  consistency: z.enum(['strong', 'bounded']).default('strong'),
  /** With bounded: how old what is read may be. What an isolate itself has written it reads at once. */
  staleSeconds: whole(1, 3600).default(5),
  /** How long a value stays that was written without a time of its own. Absent: for good. */
  ttlSeconds: whole(1, YEAR_SECONDS).optional(),
  /** Larger values are refused. */
  maxBytes: whole(1, MAX_VALUE_BYTES).default(131_072),
  /** Whether D1 gets what is written. through: before the answer. behind: soon after it. */
  write: z.enum(['none', 'through', 'behind']).default('none'),
  /** Absent: what is missing is missing. */
  fill: fillSchema.optional(),
})

export const stateSchema = z.strictObject({
  /** Objects that the keys are spread over. It may be changed while serving: keys move by themselves. */
  shards: whole(1, MAX_SHARDS).default(4),
  namespaces: z.record(namespaceName, namespaceSchema).default({}),
})

export type StateRule = z.output<typeof stateSchema>
export type NamespaceRule = z.output<typeof namespaceSchema>

export const defaultState: StateRule = stateSchema.parse({})

const defaultNamespace: NamespaceRule = namespaceSchema.parse({})

export function namespaceRule({ namespaces }: StateRule, name: string): NamespaceRule {
  return Object.hasOwn(namespaces, name) ? namespaces[name]! : defaultNamespace
}
