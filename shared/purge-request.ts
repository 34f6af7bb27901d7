// From the body of a purge request to what it names, or to every error in it at once, each with its place and what to
// do. Everything is brought into the form that cached entries have, whatever the spelling.
import * as z from 'zod'
import { type ConfigError, quote } from './config/errors.ts'
import { explain, toErrors } from './config/issues.ts'
import { findTooLarge } from './config/limits.ts'
import { canonicalTarget, type Target } from './http/target.ts'
import type { PurgeTarget } from './purge.ts'
import { err, ok, type Result } from './result.ts'

const maxTargets = 1000
const maxUrlLength = 2048
const maxTagLength = 1024

/** `keyedUrls` gives further URLs under which a cache may have the response of a canonical URL. */
export function parsePurgeRequest(
  json: unknown,
  keyedUrls: (url: string) => string[],
): Result<PurgeTarget[], ConfigError[]> {
  const tooMany = findTooMany(json) ?? findTooLarge(json)
  if (tooMany !== undefined) return err([tooMany])
  const parsed = requestSchema.safeParse(json, { error: explain })
  if (!parsed.success) return err(parsed.error.issues.flatMap((issue) => toErrors(requestSchema, issue)))
  const { urls = [], tags = [], prefixes = [], hosts = [], everything, soft = false } = parsed.data
  const named = (kind: PurgeTarget['kind'], values: readonly string[]) =>
    [...new Set(values)].map((value) => ({ kind, value, soft }))
  const targets = [
    ...named('url', [...urls, ...urls.flatMap(keyedUrls)]),
    ...named('tag', tags),
    ...named('prefix', prefixes),
    ...named('host', hosts.flat()),
    ...named('everything', everything === true ? [''] : []),
  ]
  if (targets.length > 0) return ok(targets)
  const message = 'names nothing to purge: give "urls", "tags", "prefixes" or "hosts", or "everything": true'
  return err([{ path: '(document)', message }])
}

/** Before anything is looked at one by one. */
function findTooMany(json: unknown): ConfigError | undefined {
  const lists = Object.values(json ?? {}).filter((field) => Array.isArray(field))
  const count = lists.reduce((sum, list) => sum + list.length, 0)
  if (count <= maxTargets) return undefined
  return { path: '(document)', message: `must name at most ${maxTargets} targets; got ${count}: send several requests` }
}

/** A string that `canonical` brings into its form, or finds an error in. */
const text = <T>(canonical: (text: string) => Result<T, string>) =>
  z.string().transform((given, context) => {
    const result = canonical(given)
    if (result.ok) return result.value
    context.addIssue(result.error)
    return z.NEVER
  })

const listOf = <T extends z.ZodType>(item: T) =>
  z.array(item).min(1, 'must not be empty: name at least one, or leave the list out').optional()

const requestSchema = z.strictObject({
  urls: listOf(text(canonicalUrl)),
  tags: listOf(text(checkedTag)),
  prefixes: listOf(text(canonicalPrefix)),
  hosts: listOf(text(canonicalHosts)),
  everything: z.literal(true, { error: 'must be true: leave it out to purge only what is named' }).optional(),
  /** Stale instead of gone. */
  soft: z.boolean().optional(),
})

/** Without its fragment. */
function canonicalUrl(url: string): Result<string, string> {
  const target = absoluteTarget(url)
  return target.ok ? notTooLong(urlOf(target.value)) : target
}

/**
 * The same for the beginning of a URL. The last segment is only begun: `/.` may go on as `/.well-known`, so a
 * character stands for what follows while dot segments are resolved. A host is never only begun.
 */
function canonicalPrefix(prefix: string): Result<string, string> {
  const [start = ''] = prefix.split('#', 1)
  const hasPath = /^\w+:\/\/[^/\\?]*[/\\?]/.test(start)
  const target = absoluteTarget(`${start}${hasPath ? '' : '/'}x`, prefix)
  return target.ok ? notTooLong(urlOf(target.value).slice(0, -1)) : target
}

function absoluteTarget(url: string, given = url): Result<Target, string> {
  if (!/^https?:\/\/[^/\\?#]/i.test(url)) {
    return err(
      `must start with "http://" or "https://" and a host, as in "https://www.example.com/"; got ${quote(given)}`,
    )
  }
  const target = canonicalTarget(url)
  return target.ok ? target : err(`is no URL that is ever cached: ${target.error}`)
}

const urlOf = ({ scheme, host, path, query }: Target): string => `${scheme}://${host}${path}${query}`

function notTooLong(url: string): Result<string, string> {
  if (url.length <= maxUrlLength) return ok(url)
  return err(`must have at most ${maxUrlLength} characters; got ${url.length}: use a shorter prefix, a tag or the host`)
}

/** With a port that belongs to one scheme the host has two forms. */
function canonicalHosts(host: string): Result<string[], string> {
  const targets = [canonicalTarget(`http://${host}/`), canonicalTarget(`https://${host}/`)]
  const hosts = targets.flatMap((target) => (target.ok ? [target.value.host] : []))
  if (hosts.length === 2 && !/[/?#@\\\s]/.test(host)) return ok(hosts)
  return err(`must be a host alone, with its port if there is one, such as "www.example.com"; got ${quote(host)}`)
}

function checkedTag(tag: string): Result<string, string> {
  if (tag === '') return err('must not be empty: name a tag')
  if (tag.length > maxTagLength) return err(`must have at most ${maxTagLength} characters; got ${tag.length}`)
  if (!/[\s,]/.test(tag)) return ok(tag)
  return err(`must be one tag, without white space and commas; got ${quote(tag)}: list several one by one`)
}
