// The envelope in which a job travels from whoever wants it, over the queue, to whoever does it; and its parser, which
// is the contract between the two. Versions of a type stand side by side: an old one is read until nobody sends it.
import * as z from 'zod'
import { type ConfigError, listNames, quote } from '../config/errors.ts'
import { explain, toErrors } from '../config/issues.ts'
import { findTooLarge } from '../config/limits.ts'
import { err, ok, type Result } from '../result.ts'

export type Json = string | number | boolean | null | readonly Json[] | { readonly [name: string]: Json }

export interface Envelope {
  readonly type: string
  readonly version: number
  /** 32 hexadecimal digits; the first one names the book that keeps its journal. */
  readonly id: string
  /** Who wants it, a space, and what makes it that one job: two of one key are the same job. */
  readonly key: string
  /** Not begun by then, it is dropped. In milliseconds since the epoch. */
  readonly deadline: number
  /** W3C Trace Context. */
  readonly traceparent: string
  readonly payload: Json
  /** A URL that is told by a signed webhook how it has ended. */
  readonly callback?: string | undefined
}

/** What a queue takes, with some room for its own fields (bytes of JSON). */
export const maxEnvelopeBytes = 120_000

// Payloads ────────────────────────────────────────────────────────────────────────────────────────────────────────

const json = z.custom<Json>((value) => value !== undefined, 'is required: any JSON')
const text = (most: number) => z.string().min(1, 'must not be empty').max(most, `must have at most ${most} characters`)

/** When it happened, in milliseconds since the epoch. */
const at = z.int().min(0, 'must be milliseconds since the epoch')

/** The payloads that this gateway understands, by `type@version`. */
const payloads = {
  /** Makes one of the thumbnails of an original. */
  'thumbnail@1': z.strictObject({ path: text(1024), preset: text(64) }),
  /** Tells one URL of one event. */
  'webhook@1': z.strictObject({ url: text(2048), event: text(128), at, data: json }),
  /** Tells of an event whoever the configuration names for it. */
  'event@1': z.strictObject({ event: text(128), at, data: json }),
} as const

export type BuiltIn = keyof typeof payloads
/** The payload of `type@version`. */
export type PayloadOf<T extends BuiltIn> = z.output<(typeof payloads)[T]>

const versions = new Map<string, number[]>()
for (const name of Object.keys(payloads)) {
  const [type = '', version] = name.split('@')
  versions.set(type, [...(versions.get(type) ?? []), Number(version)])
}

/** Types that no configuration can name. */
export const isBuiltIn = (type: string): boolean => versions.has(type)

/** What kind of job this is, for tables of handlers. */
export const kindOf = ({ type, version }: Pick<Envelope, 'type' | 'version'>): string => `${type}@${version}`

/** Whether anybody here can do a job of this type and version; if not, why. `configured`: the types of the configuration. */
export function unknownKind(
  { type, version }: Pick<Envelope, 'type' | 'version'>,
  configured: readonly string[],
): string | undefined {
  const known = versions.get(type)
  if (known === undefined) {
    if (configured.includes(type)) return undefined
    const types = listNames([...versions.keys(), ...configured])
    return `the type ${quote(type)} is not known here: the types are ${types}, and "jobs" of the configuration names more`
  }
  if (known.includes(version)) return undefined
  return `version ${version} of ${quote(type)} is not known here: the versions are ${known.join(', ')}`
}

/** What is wrong with the payload of a known kind; empty where nothing is. Those of configured types may be any JSON. */
export function payloadErrors(envelope: Pick<Envelope, 'type' | 'version' | 'payload'>): ConfigError[] {
  const tooLarge = findTooLarge(envelope.payload)
  if (tooLarge !== undefined) return [{ ...tooLarge, path: 'payload' }]
  const schema = new Map<string, z.ZodType>(Object.entries(payloads)).get(kindOf(envelope))
  if (schema === undefined) return []
  const whole = z.strictObject({ payload: schema })
  const parsed = whole.safeParse({ payload: envelope.payload }, { error: explain })
  return parsed.success ? [] : parsed.error.issues.flatMap((issue) => toErrors(whole, issue))
}

/** Events that the gateway tells of itself: who hears of one may believe that nobody else has. */
const ownEvents = /^(?:(?:origin|pool)\.health|job\..*)$/

/** Why this is no job for somebody else to want, although the gateway itself may; empty where it is one. */
export function ownEventErrors({ type, payload }: Pick<Envelope, 'type' | 'payload'>): ConfigError[] {
  if (!isBuiltIn(type) || typeof payload !== 'object' || payload === null || !('event' in payload)) return []
  if (!ownEvents.test(String(payload.event))) return []
  return [{ path: 'payload.event', message: 'is one that the gateway alone tells of: choose another name' }]
}

// The envelope ────────────────────────────────────────────────────────────────────────────────────────────────────

export const jobIdForm = /^[0-9a-f]{32}$/
const traceparentForm = /^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/

export const isTraceparent = (value: string): boolean => traceparentForm.test(value)

/** Whom a job belongs to: `admin`, `gateway` or `pool:NAME`. */
export const callerOf = ({ key }: Pick<Envelope, 'key'>): string => key.slice(0, key.indexOf(' '))

const envelopeSchema = z.strictObject({
  type: text(64),
  version: z.int().min(1, 'must be 1 or more'),
  id: z.string().regex(jobIdForm, 'must be 32 hexadecimal digits'),
  key: z.string().regex(/^[^ ]{1,100} .{1,512}$/, 'must be who wants it, a space, and a name for it'),
  deadline: z.int().min(0, 'must be milliseconds since the epoch'),
  traceparent: z.string().regex(traceparentForm, 'must be a traceparent of the W3C'),
  payload: json,
  callback: text(2048).optional(),
})

/** A message of the queue as an envelope, whatever its type; or why it is none. */
export function parseEnvelope(message: unknown): Result<Envelope, ConfigError[]> {
  const tooLarge = findTooLarge(message)
  if (tooLarge !== undefined) return err([tooLarge])
  const parsed = envelopeSchema.safeParse(message, { error: explain })
  return parsed.success ? ok(parsed.data) : err(parsed.error.issues.flatMap((issue) => toErrors(envelopeSchema, issue)))
}
