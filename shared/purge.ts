// Which cached responses are no longer valid although they are fresh? A purge names some of them and has a number,
// its epoch. An entry carries the epoch that was known when its request began: what names it under a greater one
// purges it, and what was fetched after a purge was known stays. Nothing has to be found or deleted for that.

/** What a purge names, before it has an epoch. */
export interface PurgeTarget {
  readonly kind: 'url' | 'tag' | 'prefix' | 'host' | 'everything'
  /**
   * A URL is `scheme://host/path?keyedquery` in its canonical form, and a prefix the beginning of one; a host with a
   * port is that port alone, one without all of them; a tag is as it was written; for everything it is empty.
   */
  readonly value: string
  /** A soft purge makes stale from `at` on, a hard one makes invalid. */
  readonly soft: boolean
}

export interface Purge extends PurgeTarget {
  /** Those that came in one request have one. */
  readonly epoch: number
  /** Milliseconds since 1970; never less than that of a purge with a lower epoch. */
  readonly at: number
}

/** All purges, as they travel between the stores. */
export interface PurgeRecord {
  /** The newest there is, in the list or folded away. */
  readonly epoch: number
  /** Entries with a lower epoch are invalid, whatever they are. */
  readonly floor: number
  readonly list: readonly Purge[]
}

export type PurgeVerdict = { readonly kind: 'hard' } | { readonly kind: 'soft'; readonly at: number }

/** What is known of a cached entry. */
export interface PurgeableEntry {
  /** `Purges.epoch` when its request began. */
  readonly epoch: number
  readonly url: string
  readonly tags: readonly string[]
}

export interface Purges {
  readonly epoch: number
  /** Undefined for a valid entry. A hard purge goes before a soft one; of several soft ones the newest counts. */
  verdict(entry: PurgeableEntry): PurgeVerdict | undefined
}

/** The purges of one target; an epoch is 0 where there is none. */
interface Named {
  readonly hard: number
  readonly soft: number
  readonly verdict: { readonly kind: 'soft'; readonly at: number }
}

const hard: PurgeVerdict = { kind: 'hard' }
const unnamed: Named = { hard: 0, soft: 0, verdict: { kind: 'soft', at: 0 } }

/** Ready for one question per cache hit: a few look-ups, nothing allocated but the prefixes of the URL. */
export function compilePurges(list: readonly Purge[], epoch: number, floor: number): Purges {
  const named: Record<Purge['kind'], Map<string, Named>> = {
    url: new Map(),
    tag: new Map(),
    prefix: new Map(),
    host: new Map(),
    everything: new Map(),
  }
  for (const purge of list) {
    // A later version of the gateway may know more kinds.
    if (!Object.hasOwn(named, purge.kind)) continue
    const targets = named[purge.kind]
    targets.set(purge.value, withPurge(targets.get(purge.value) ?? unnamed, purge))
  }
  const { url: urls, tag: allTags, prefix: prefixes, host: hosts } = named
  const everything = named.everything.get('') ?? unnamed
  const invalidBelow = Math.max(floor, everything.hard)
  const prefixLengths = [...new Set([...prefixes.keys()].map((prefix) => prefix.length))].sort((a, b) => a - b)

  return {
    epoch,
    verdict({ epoch: known, url, tags }) {
      if (known >= epoch) return undefined
      if (known < invalidBelow) return hard
      let found = stricter(undefined, everything, known)
      found = stricter(found, urls.get(url), known)
      if (allTags.size > 0) for (const tag of tags) found = stricter(found, allTags.get(tag), known)
      if (hosts.size > 0) {
        const host = hostOf(url)
        found = stricter(found, hosts.get(host), known)
        found = stricter(found, hosts.get(withoutPort(host)), known)
      }
      for (const length of prefixLengths) {
        if (found === hard || length > url.length) break
        found = stricter(found, prefixes.get(url.slice(0, length)), known)
      }
      return found
    },
  }
}

export const noPurges: Purges = compilePurges([], 0, 0)

function withPurge(named: Named, { soft, epoch, at }: Purge): Named {
  if (!soft) return { ...named, hard: Math.max(named.hard, epoch) }
  return epoch > named.soft ? { ...named, soft: epoch, verdict: { kind: 'soft', at } } : named
}

function stricter(found: PurgeVerdict | undefined, named: Named | undefined, known: number): PurgeVerdict | undefined {
  if (named === undefined || found?.kind === 'hard') return found
  if (named.hard > known) return hard
  return named.soft > known && (found === undefined || found.at < named.verdict.at) ? named.verdict : found
}

const withoutPort = (host: string): string => host.replace(/:\d+$/, '')

function hostOf(url: string): string {
  const start = url.indexOf('://') + 3
  return url.slice(start, url.indexOf('/', start))
}

/** Bounds what travels, where the values are long. */
const maxCharacters = 4_000_000

/**
 * The fewest purges that invalidate what `list` does: of one target the newest hard one, and the newest soft one where
 * that is newer still; and nothing that is not newer than a hard purge of everything, whose epoch becomes the floor.
 * Of what is more than `max` the oldest become part of the floor. Then entries of their time are purged that nobody
 * named: safe, and paid with misses. What was purged softly by them is purged hard.
 */
export function foldPurges<P extends Purge>(list: readonly P[], max = 10_000): { purges: P[]; floor: number } {
  let floor = 0
  for (const { kind, soft, epoch } of list) if (kind === 'everything' && !soft) floor = Math.max(floor, epoch)
  const newest = new Map<string, P>()
  for (const purge of list) {
    const name = `${purge.soft} ${nameOf(purge)}`
    if (purge.epoch > floor && purge.epoch > (newest.get(name)?.epoch ?? 0)) newest.set(name, purge)
  }
  const purges = [...newest.values()]
    .filter((purge) => !purge.soft || purge.epoch > (newest.get(`false ${nameOf(purge)}`)?.epoch ?? 0))
    .sort((left, right) => left.epoch - right.epoch)
  const folded = purges[purges.length - fitting(purges, max) - 1]?.epoch
  if (folded === undefined) return { purges, floor }
  return { purges: purges.filter(({ epoch }) => epoch > folded), floor: folded }
}

const nameOf = ({ kind, value }: PurgeTarget): string => `${kind} ${value}`

/** How many of the last may stay. */
function fitting(purges: readonly Purge[], max: number): number {
  let characters = 0
  let count = 0
  for (const { value } of purges.toReversed()) {
    characters += value.length
    if (count === max || characters > maxCharacters) break
    count++
  }
  return count
}

/** What a store holds may be damaged, or of another version of the gateway. */
export function isPurgeRecord(value: unknown): value is PurgeRecord {
  const record = value as Partial<PurgeRecord> | null | undefined
  if (!Number.isSafeInteger(record?.epoch) || !Number.isSafeInteger(record?.floor)) return false
  return Array.isArray(record?.list) && record.list.every(isPurge)
}

function isPurge(value: Partial<Purge> | null | undefined): boolean {
  if (!Number.isSafeInteger(value?.epoch) || !Number.isFinite(value?.at)) return false
  return typeof value?.kind === 'string' && typeof value.value === 'string' && typeof value.soft === 'boolean'
}
