// Which routes can never match because an earlier one takes all their requests. Says so only when it is sure;
// never that a route does match.

import { compileHost, compilePath } from './pattern.ts'
import type { Route } from './schema.ts'

/** Every pair is compared, so only the first routes of a very long list are. */
const MOST_ROUTES = 1000

/** A route that can never match, and the first of the earlier routes that takes all its requests. */
export type Shadow = { readonly index: number; readonly by: number }

/** The routes that can never match. */
export const findShadows = (routes: readonly Route[]): Shadow[] => {
  const covers = routes.slice(0, MOST_ROUTES).map(coverOf)
  return routes.slice(0, MOST_ROUTES).flatMap((route, index) => {
    const by = covers.findIndex((cover, earlier) => earlier < index && cover(route))
    return by < 0 || by >= index ? [] : [{ index, by }]
  })
}

const coverOf = (wide: Route): ((narrow: Route) => boolean) => {
  const [host, path] = [coverHost(wide.host), coverPath(wide.path)]
  const methods = new Set(wide.methods)
  return (narrow) => narrow.methods.every((method) => methods.has(method)) && host(narrow.host) && path(narrow.path)
}

/** Whether all hosts of a pattern are sure to match `wide`. The star of `*.example.com` reads as one more label. */
export const coverHost = (wide: string): ((narrow: string) => boolean) => {
  const matches = compileHost(wide)
  return (narrow) => narrow === wide || matches(narrow)
}

/**
 * Whether all paths of a pattern are sure to match `wide`. Its stars and names are read as characters that only a
 * star or a name of `wide` can take. A star may hold slashes or nothing, so names of `wide` say nothing about it.
 */
export const coverPath = (wide: string): ((narrow: string) => boolean) => {
  const matches = compilePath(wide)
  const hasNames = wide.includes('/:')
  return (narrow) => {
    if (narrow === wide) return true
    if (hasNames && narrow.includes('*')) return false
    return matches(narrow.replace(/\*+/g, '\u0001').replace(/(?<=\/):\w+/g, '\u0002'))
  }
}
