// What has to agree between the fields of `services`, and with the pools. Reads the document itself, as cross.ts does.
import { type ConfigError, listNames, quote } from './errors.ts'
import { internalServiceNames } from './inner-origin.ts'
import { poolOfCaller } from './services.ts'
import { asFields, asList, error, type Fields, repeats } from './shape.ts'

export function servicesErrors({ policy, egress }: Fields, pools: Fields): ConfigError[] {
  const rows = asList(policy).map(asFields)
  return [
    ...repeats(rows.map(({ from }) => from)).map(({ value, first, index }) =>
      error(
        ['services', 'policy', index, 'from'],
        `is ${quote(value)}, as in policy[${first}]: put all that it may call into one row`,
      ),
    ),
    ...rows.flatMap((row, index) => rowErrors(row, index, pools)),
    ...['allow', 'from'].flatMap((name) =>
      repeats(asList(asFields(egress)[name])).map(({ value, index }) =>
        error(['services', 'egress', name, index], `names ${quote(value)} a second time: remove it`),
      ),
    ),
  ]
}

function rowErrors({ from, to }: Fields, index: number, pools: Fields): ConfigError[] {
  const at = (...place: PropertyKey[]) => ['services', 'policy', index, ...place]
  const twice = repeats(asList(to)).map(({ value, index: place }) =>
    error(at('to', place), `names ${quote(value)} a second time: remove it`),
  )
  const pool = typeof from === 'string' ? poolOfCaller(from) : undefined
  if (pool === undefined) return twice
  const names = Object.keys(pools)
  return [
    ...twice,
    // Without any pool, that is the error to mend first.
    ...(names.includes(pool) || names.length === 0
      ? []
      : [error(at('from'), `names no pool: the pools are ${listNames(names)}; got ${quote(pool)}`)]),
    ...(names.includes(pool) && asList(asFields(pools[pool]).credentials).length === 0
      ? [error(at('from'), `is a pool without "credentials", so that nobody can show that it is one of ${quote(pool)}`)]
      : []),
    ...asList(to).flatMap((callee, place) =>
      internalServiceNames.some((name) => name === callee)
        ? [error(at('to', place), `is for services alone: no pool may call ${quote(callee)}`)]
        : [],
    ),
  ]
}
