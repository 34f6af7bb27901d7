// Errors between a route's `enqueue` and the types of jobs that there are. Reads the document itself, as cross.ts does.
import { type Json, payloadErrors, unknownKind } from '../jobs/envelope.ts'
import { followUp } from '../jobs/follow-up.ts'
import type { ConfigError } from './errors.ts'
import { asFields, asList, error, type Fields } from './shape.ts'

/** `jobs` is that section of the document. */
export function originEventErrors(index: number, route: Fields, jobs: Fields): ConfigError[] {
  const configured = Object.keys(asFields(jobs.types))
  return asList(route.enqueue).flatMap((rule, at) => {
    const { type, version = 1, payload } = asFields(asFields(rule).job)
    if (typeof type !== 'string' || typeof version !== 'number' || payload === undefined) return []
    const path = ['routes', index, 'enqueue', at, 'job']
    const unknown = unknownKind({ type, version }, configured)
    if (unknown !== undefined) return [error([...path, 'type'], `is none: ${unknown}`)]
    const problems = payloadErrors({ type, version, payload: followUp(type, payload as Json, 0) })
    return problems.map((problem) => ({ ...problem, path: `${error(path, '').path}.${problem.path}` }))
  })
}
