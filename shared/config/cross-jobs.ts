// Errors between the types of jobs and what else there is. Reads the document itself, as cross.ts does.
import { isBuiltIn } from '../jobs/envelope.ts'
import { type ConfigError, listNames, quote } from './errors.ts'
import { asFields, error, type Fields } from './shape.ts'

/** `jobs` is that section of the document, `pools` are the names of its pools. */
export function jobErrors(jobs: Fields, pools: ReadonlySet<string>): ConfigError[] {
  return Object.entries(asFields(jobs.types)).flatMap(([name, type]) => {
    const { pool } = asFields(type)
    const path = ['jobs', 'types', name]
    return [
      ...(isBuiltIn(name) ? [error(path, 'is a type that the gateway does itself: choose another name')] : []),
      // Without any pool, that is the error to mend first.
      ...(typeof pool !== 'string' || pools.has(pool) || pools.size === 0
        ? []
        : [error([...path, 'pool'], `names no pool: the pools are ${listNames([...pools])}; got ${quote(pool)}`)]),
    ]
  })
}
