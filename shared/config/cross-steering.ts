// Errors between the fields by which a route is steered: what each way of steering needs, and that every name is one of
// a pool. As in cross.ts, what has the wrong shape is passed over.
import { type ConfigError, listNames, quote } from './errors.ts'
import { asFields, asList, error, type Fields, repeats } from './shape.ts'

type Path = readonly PropertyKey[]

/** `names` are those of all pools. */
export const steeringErrors = (index: number, route: Fields, names: ReadonlySet<string>): ConfigError[] => {
  const own = asList(route.pools).filter((name) => typeof name === 'string')
  const path = ['routes', index]
  return [
    ...needs([...path, 'steering'], asFields(route.steering)),
    ...foreignNames([...path, 'steering'], asFields(route.steering), own),
    ...noShares([...path, 'steering', 'weights'], asFields(route.steering).weights),
    ...codes([...path, 'steering', 'map'], asFields(route.steering)),
    ...strangers([...path, 'canary', 'pool'], asFields(route.canary).pool, names),
    ...strangers([...path, 'mirror', 'pool'], asFields(route.mirror).pool, names),
    ...canaryAlone([...path, 'canary', 'pool'], asFields(route.canary).pool, own),
    ...mirrorOfItself([...path, 'mirror', 'pool'], asFields(route.mirror).pool, own),
  ]
}

const listOf = { weight: 'weights', country: 'map', continent: 'map', colo: 'map', nearest: 'coordinates' } as const

const examples = {
  weights: '{"web": 9, "next": 1}',
  map: '{"DE": ["eu"], "*": ["us"]}',
  coordinates: '{"eu": {"latitude": 50.1, "longitude": 8.7}}',
} as const

/** Each way of steering needs its list, and heeds no other. */
const needs = (path: Path, steering: Fields): ConfigError[] => {
  const { by = 'order' } = steering
  const isKnown = by === 'order' || (typeof by === 'string' && Object.hasOwn(listOf, by))
  if (!isKnown) return []
  const needed = by === 'order' ? undefined : listOf[by as keyof typeof listOf]
  const missing =
    needed !== undefined && steering[needed] === undefined
      ? [error([...path, needed], `is required with "by": ${quote(by)}, such as ${examples[needed]}`)]
      : []
  const idle = ['weights', 'map', 'coordinates', 'keyed']
    .filter((field) => steering[field] !== undefined && field !== needed && (field !== 'keyed' || by === 'order'))
    .map((field) => error([...path, field], `has no effect with "by": ${quote(by)}: remove it`))
  return [...missing, ...idle]
}

const foreignNames = (path: Path, { weights, map, coordinates }: Fields, own: readonly string[]): ConfigError[] => {
  const isForeign = (name: unknown) => typeof name === 'string' && own.length > 0 && !own.includes(name)
  const message = `is no pool of this route: its pools are ${listNames(own)}`
  const keys = Object.entries({ weights, coordinates }).flatMap(([field, value]) =>
    Object.keys(asFields(value))
      .filter(isForeign)
      .map((name) => error([...path, field, name], message)),
  )
  const lists = Object.entries(asFields(map)).flatMap(([code, list]) => [
    ...asList(list).flatMap((name, at) =>
      isForeign(name) ? [error([...path, 'map', code, at], `${message}; got ${quote(name)}`)] : [],
    ),
    ...repeats(asList(list)).map(({ value, index }) =>
      error([...path, 'map', code, index], `names the pool ${quote(value)} a second time: remove it`),
    ),
  ])
  return [...keys, ...lists]
}

const noShares = (path: Path, weights: unknown): ConfigError[] => {
  const shares = Object.values(asFields(weights))
  return weights !== undefined && shares.every((share) => share === 0)
    ? [error(path, 'must give at least one pool a weight above 0')]
    : []
}

const continents = ['AF', 'AN', 'AS', 'EU', 'NA', 'OC', 'SA']

const codeRules: Readonly<Record<string, readonly [isCode: (code: string) => boolean, message: string]>> = {
  // Cloudflare says T1 for Tor, and XX where it does not know.
  country: [(code) => /^(?:[A-Z]{2}|T1)$/.test(code), 'is no country: write two capitals such as "DE" (ISO 3166-1)'],
  continent: [(code) => continents.includes(code), `is no continent: they are ${continents.join(', ')}`],
  colo: [(code) => /^[A-Z]{3}$/.test(code), 'is no data centre: write three capitals such as "FRA" (IATA)'],
}

const codes = (path: Path, { by, map }: Fields): ConfigError[] => {
  const rule = typeof by === 'string' && Object.hasOwn(codeRules, by) ? codeRules[by] : undefined
  if (rule === undefined) return []
  const [isCode, message] = rule
  return Object.keys(asFields(map))
    .filter((code) => code !== '*' && !isCode(code))
    .map((code) => error([...path, code], `${message}, or "*" for all others`))
}

const strangers = (path: Path, pool: unknown, names: ReadonlySet<string>): ConfigError[] =>
  typeof pool !== 'string' || names.has(pool) || names.size === 0
    ? []
    : [error(path, `names no pool: the pools are ${listNames([...names])}; got ${quote(pool)}`)]

const canaryAlone = (path: Path, pool: unknown, own: readonly string[]): ConfigError[] =>
  own.length === 1 && own[0] === pool ? [error(path, 'is the only pool of this route: name another in "pools"')] : []

const mirrorOfItself = (path: Path, pool: unknown, own: readonly string[]): ConfigError[] =>
  typeof pool === 'string' && own.includes(pool)
    ? [error(path, `is ${quote(pool)}, which answers this route: mirror to another pool`)]
    : []
