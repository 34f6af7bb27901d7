// Turns what zod finds into errors that a person can act on. Every issue that the schema can raise is put into
// plain words here or, where more is known, at the field itself; none of zod's own wording gets out.

import type * as z from 'zod'
import { type ConfigError, formatPath, listNames, quote, unknownField } from './errors.ts'

const TYPE_WORDS: Readonly<Record<string, string>> = {
  string: 'a string',
  number: 'a number',
  boolean: 'true or false',
  array: 'a list […]',
  object: 'an object {…}',
  record: 'an object {…}',
}

/** The message of one issue, for fields that have no message of their own. An error map for `safeParse`. */
export const explain = (issue: z.core.$ZodRawIssue): string => {
  if (issue.input === undefined) return 'is required'
  switch (issue.code) {
    case 'invalid_type':
      return `must be ${TYPE_WORDS[issue.expected] ?? issue.expected}; got ${quote(issue.input)}`
    case 'invalid_value':
      return `must be one of ${listNames(issue.values.map(String))}; got ${quote(issue.input)}`
    case 'invalid_key':
      return issue.issues[0]?.message ?? 'is not a valid name: choose another'
    case 'unrecognized_keys':
      return `unknown fields ${listNames(issue.keys.map(quote))}: remove them`
    default:
      // Ranges, formats and checks carry their message in the schema; this is for one that forgot it.
      return `is not valid here: change it; got ${quote(issue.input)}`
  }
}

/** The errors of one issue: as many as it names fields, because zod reports all unknown fields of an object as one. */
export const toErrors = (schema: z.core.$ZodType, issue: z.core.$ZodIssue): ConfigError[] => {
  if (issue.code !== 'unrecognized_keys') return [{ path: formatPath(issue.path), message: issue.message }]
  const allowed = fieldsAt(schema, issue.path)
  return issue.keys.map((key) => ({ path: formatPath([...issue.path, key]), message: unknownField(key, allowed) }))
}

/** The fields that the object at `path` may have. */
const fieldsAt = (schema: z.core.$ZodType, path: readonly PropertyKey[]): string[] => {
  const { def } = (schema as z.core.$ZodTypes)._zod
  const [head, ...rest] = path
  switch (def.type) {
    case 'optional':
    case 'default':
    case 'prefault':
      return fieldsAt(def.innerType, path)
    case 'pipe':
      return fieldsAt(def.in, path)
    case 'array':
      return fieldsAt(def.element, rest)
    case 'record':
      return fieldsAt(def.valueType, rest)
    case 'object': {
      const field = head === undefined ? undefined : def.shape[String(head)]
      return field === undefined ? Object.keys(def.shape) : fieldsAt(field, rest)
    }
    default:
      return []
  }
}
