// Where originals may come from: the pools and the addresses that the configuration lists, and nothing else. Asked before
// the first request, and again for every redirect: an origin may be open to whoever wants to send us elsewhere.
import { checkPath, compilePath } from '../config/pattern.ts'
import { canonicalTarget } from '../http/target.ts'
import { reservedPrefix } from '../key.ts'
import { err, ok, type Result } from '../result.ts'
import { checkUrlRule, compileUrlRule, isUrlRule } from '../url-rule.ts'

/** What is to be fetched; `target` is path and query. */
export type Source =
  | { readonly kind: 'pool'; readonly pool: string; readonly target: string }
  | { readonly kind: 'url'; readonly origin: string; readonly target: string }

interface SourceRule {
  /** Where it names one; then it takes nothing else. */
  readonly pool?: string
  takes(source: Source): boolean
}

const poolForm = /^pool:([A-Za-z0-9_-]{1,64})(\/.*)?$/

/** What is wrong with an entry of the list, and what to write instead; undefined where it is fine. */
export function checkSourceRule(text: string): string | undefined {
  const [pool, , path = '/*'] = poolForm.exec(text) ?? []
  if (pool !== undefined) return checkPath(path)
  return isUrlRule(text)
    ? checkUrlRule(text)
    : 'must be "pool:NAME", a part of one as in "pool:NAME/photos/*", or a URL such as "https://cdn.example.com/photos/*"'
}

/** The pool that an entry names; undefined where it names none. */
export const poolOfSourceRule = (text: string): string | undefined => poolForm.exec(text)?.[1]

function compileRule(text: string): SourceRule {
  const [, pool, path = '/*'] = poolForm.exec(text) ?? []
  if (pool !== undefined) {
    const takesPath = compilePath(path)
    return { pool, takes: (source) => source.kind === 'pool' && source.pool === pool && takesPath(pathOf(source)) }
  }
  const takesUrl = compileUrlRule(text)
  return { takes: (source) => source.kind === 'url' && takesUrl(source) }
}

const pathOf = ({ target }: Source): string => target.split('?', 1)[0]!

export interface Sources {
  /** What the last part of an image's URL names; where it is a path alone, it is read from the first pool listed. */
  parse(text: string, query: string): Result<Source, SourceProblem>
  /** Where a redirect leads; `own` are the addresses of the pool's origins, and that of the gateway. */
  redirected(from: Source, location: string, own: readonly string[]): Result<Source, SourceProblem>
}

/** unreadable: it is none. forbidden: the list does not have it. */
export interface SourceProblem {
  readonly because: 'unreadable' | 'forbidden'
  readonly detail: string
}

/** `list` was checked. */
export function compileSources(list: readonly string[]): Sources {
  const rules = list.map(compileRule)
  const firstPool = rules.find(({ pool }) => pool !== undefined)?.pool
  const allowed = (source: Result<Source, SourceProblem>): Result<Source, SourceProblem> => {
    if (!source.ok) return source
    return rules.some((rule) => rule.takes(source.value)) && !pathOf(source.value).startsWith(reservedPrefix)
      ? source
      : err(forbidden)
  }
  return {
    parse: (text, query) => allowed(parseSource(text, query, firstPool)),
    redirected: (from, location, own) => allowed(resolve(from, location, own)),
  }
}

const forbidden: SourceProblem = {
  because: 'forbidden',
  detail:
    'Pictures may not come from there: the configuration lists the places that they may come from, in "images.sources".',
}

const unreadable = (detail: string) => err<SourceProblem>({ because: 'unreadable', detail })

function parseSource(text: string, query: string, firstPool: string | undefined): Result<Source, SourceProblem> {
  // A whole URL may also come percent-encoded as one segment, its query with it.
  if (/^https?%3A%2F%2F/i.test(text)) return parseEncoded(text, query)
  if (/^https?:\/\//i.test(text)) return urlSource(`${text}${query}`)
  const [named, pool = firstPool, path = `/${text}`] = poolForm.exec(text) ?? []
  if (named === undefined && text.startsWith('pool:'))
    return unreadable('Write a picture of a pool as "pool:NAME/path/to/picture.jpg".')
  if (pool === undefined) return unreadable('A path alone names no picture here: "images.sources" lists no pool.')
  return poolSource(pool, `${path}${query}`)
}

function parseEncoded(text: string, query: string): Result<Source, SourceProblem> {
  try {
    return urlSource(`${decodeURIComponent(text)}${query}`)
  } catch {
    return unreadable('The URL of the picture is not well percent-encoded.')
  }
}

function poolSource(pool: string, target: string): Result<Source, SourceProblem> {
  const canonical = canonicalTarget(`http://weir.invalid${target}`)
  if (!canonical.ok) return unreadable(canonical.error)
  return ok({ kind: 'pool', pool, target: `${canonical.value.path}${canonical.value.query}` })
}

function urlSource(url: string): Result<Source, SourceProblem> {
  const canonical = canonicalTarget(url)
  if (!canonical.ok) return unreadable(`The URL of the picture cannot be read. ${canonical.error}`)
  const { scheme, host, path, query } = canonical.value
  return ok({ kind: 'url', origin: `${scheme}://${host}`, target: `${path}${query}` })
}

function resolve(from: Source, location: string, own: readonly string[]): Result<Source, SourceProblem> {
  const base = from.kind === 'url' ? from.origin : 'http://weir.invalid'
  const url = URL.parse(location, `${base}${from.target}`)
  if (url === null) return unreadable('The picture was moved to a place that cannot be read.')
  url.hash = ''
  const target = url.href.slice(url.origin.length)
  if (from.kind === 'pool' && [base, ...own].includes(url.origin)) return poolSource(from.pool, target)
  return urlSource(url.href)
}

/** The canonical spelling of a source, without its query, as it stands in an image's URL. */
export function formatSource(source: Source): string {
  return source.kind === 'pool' ? `pool:${source.pool}${pathOf(source)}` : `${source.origin}${pathOf(source)}`
}

/** With its `?`, or empty. */
export const queryOfSource = ({ target }: Source): string => target.slice(target.split('?', 1)[0]!.length)
