// How the files of a bucket stand for the paths of a site: the setting of a pool whose origins are `r2:NAME`.
import * as z from 'zod'
import { quote } from './errors.ts'
import { checked, pathPattern } from './fields.ts'
import { checkPath } from './pattern.ts'

const MAX_PATTERNS = 100

const filePath = checked((text) => {
  const isFile = /[^/]$/.test(text) && !/[*:]/.test(text)
  return isFile ? checkPath(text) : `must be the path of a file, such as "/index.html"; got ${quote(text)}`
})

export const staticSchema = z.strictObject({
  /** Answers for pages that are no file: paths whose last segment has no dot. Absent: those are 404. */
  fallback: filePath.optional(),
  /** Paths whose files never change, for browsers too, beside those with a hash in their names. */
  immutable: z.array(pathPattern).max(MAX_PATTERNS, `must be ${MAX_PATTERNS} at most`).default([]),
})

export type StaticRule = z.output<typeof staticSchema>

export const defaultStatic: StaticRule = staticSchema.parse({})
