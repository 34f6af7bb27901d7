// From a text or a document to a configuration, or to every error in it at once, each with its place and what
// to do. Never throws, whatever the input. Syntax errors end it; all other errors are collected together.

import { err, ok, type Result } from '../result.ts'
import { crossErrors } from './cross.ts'
import type { ConfigError } from './errors.ts'
import { explain, toErrors } from './issues.ts'
import { readJsonc } from './jsonc.ts'
import { findTooLarge, MAX_ERRORS } from './limits.ts'
import { type Config, configSchema } from './schema.ts'
import { findWarnings } from './warnings.ts'

export type { ConfigError } from './errors.ts'

export type ParsedConfig = {
  /** With all defaults filled in. */
  readonly config: Config
  /** As the user wrote it, without defaults. */
  readonly document: unknown
  /** What is allowed but probably not meant. */
  readonly warnings: readonly ConfigError[]
}

/** Parses JSONC text: comments and trailing commas are allowed, fields that stand twice are not. */
export const parseConfig = (text: string): Result<ParsedConfig, ConfigError[]> => {
  const reading = readJsonc(text)
  if (!reading.ok) return refuse(reading.error)
  const { document, duplicates } = reading.value
  const parsed = parseDocument(document)
  if (duplicates.length === 0) return parsed
  return refuse(parsed.ok ? duplicates : [...duplicates, ...parsed.error])
}

/** Parses a document that is already a value, as from `JSON.parse`. */
export const parseDocument = (document: unknown): Result<ParsedConfig, ConfigError[]> => {
  const tooLarge = findTooLarge(document)
  if (tooLarge !== undefined) return refuse([tooLarge])
  const shaped = configSchema.safeParse(document, { error: explain })
  const issues = shaped.success ? [] : shaped.error.issues.flatMap((issue) => toErrors(configSchema, issue))
  const errors = [...issues, ...crossErrors(document)]
  if (!shaped.success || errors.length > 0) return refuse(errors)
  return ok({ config: shaped.data, document, warnings: findWarnings(shaped.data, document) })
}

/** Every error, unless they are more than anybody would read. */
const refuse = (errors: readonly ConfigError[]) => {
  if (errors.length <= MAX_ERRORS) return err([...errors])
  const rest = { path: '(document)', message: `has more than ${MAX_ERRORS} errors: mend these first` }
  return err([...errors.slice(0, MAX_ERRORS), rest])
}
