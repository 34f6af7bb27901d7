// A replica in KV for what is read often and written seldom: what it gives is never older than it says, and a write makes
// it new. Nothing personal belongs here.
import { late, orLate } from '../within.ts'
import type { ReadEvent } from './replicas.ts'

export interface KvReplicaOptions<T> {
  /** Begins the names of its keys, and is what reports call it; no other replica has it. */
  readonly name: string
  /** At least 30: what KV keeps in a location is looked at no sooner. */
  readonly staleSeconds: number
  /** From the primary database; undefined for what there is not. */
  readonly load: (key: string) => Promise<T | undefined>
}

export interface ReadMostly<T> {
  readonly value: T
  /** How long ago the database had it so. */
  readonly ageMs: number
  readonly by: 'kv' | 'primary'
}

export interface KvReplica<T> {
  /**
   * At most `staleSeconds` old, by the clocks of those who have written it, whatever was written at the same time. Where KV
   * fails, or has not answered within 250 ms, the database is asked. Rejects as that does.
   */
  read(key: string): Promise<ReadMostly<T> | undefined>
  /**
   * To be awaited after a write: KV gets what the database has now. Other locations see it when their copies are looked at
   * again, at the latest when what they have is too old. False where KV or the database could not be reached: then that is
   * what counts.
   */
  renew(key: string): Promise<boolean>
}

/** Makes a replica. */
export type KvReplicas = <T>(options: KvReplicaOptions<T>) => KvReplica<T>

/** What all replicas share. The namespace may hold other things too, under names that do not begin with `replica/`. */
export interface KvReplicaPorts {
  readonly namespace: KVNamespace
  /** For the writes behind answers. */
  readonly background: (work: Promise<unknown>) => void
  /** Milliseconds since the epoch. */
  readonly now: () => number
  /** Is told of each read that KV has served; of the others the database tells. */
  readonly onRead?: (event: ReadEvent) => void
}

interface Kept<T> {
  readonly value: T
  /** When the database was asked. */
  readonly at: number
}

const patienceMs = 250
const writePatienceMs = 2000
const leastStaleSeconds = 30
/** KV keeps nothing for less. */
const leastTtlSeconds = 60

export const kvReplicas =
  (ports: KvReplicaPorts): KvReplicas =>
  (options) =>
    kvReplica(ports, options)

function kvReplica<T>(
  { namespace, background, now, onRead = () => undefined }: KvReplicaPorts,
  { name, staleSeconds, load }: KvReplicaOptions<T>,
): KvReplica<T> {
  if (staleSeconds < leastStaleSeconds)
    throw new RangeError(`The staleness of ${name} must be ${leastStaleSeconds} s or more.`)
  const keyOf = (key: string) => `replica/${name}/${key}`

  /** Not what comes from a clock that is wrong, nor what somebody else has put there. */
  const isFresh = (found: Partial<Kept<T>> | null): found is Kept<T> =>
    typeof found?.at === 'number' && found.value !== undefined && Math.abs(now() - found.at) <= staleSeconds * 1000

  async function kept(key: string): Promise<Kept<T> | undefined> {
    const options = { type: 'json', cacheTtl: leastStaleSeconds } as const
    try {
      const found = await orLate(patienceMs, namespace.get<Kept<T>>(keyOf(key), options))
      return found !== late && isFresh(found) ? found : undefined
    } catch (error) {
      console.warn('A replica in KV failed:', error)
      return undefined
    }
  }

  /** `at` is from before the question: what is written while it is answered may be missing. */
  async function take(key: string): Promise<{ readonly at: number; readonly value: T | undefined }> {
    const at = now()
    return { at, value: await load(key) }
  }

  async function keep(key: string, at: number, value: T | undefined): Promise<boolean> {
    const expirationTtl = Math.max(leastTtlSeconds, staleSeconds)
    try {
      const saved =
        value === undefined
          ? namespace.delete(keyOf(key))
          : namespace.put(keyOf(key), JSON.stringify({ value, at }), { expirationTtl })
      return (await orLate(writePatienceMs, saved)) !== late
    } catch (error) {
      console.warn('A replica in KV was not written:', error)
      return false
    }
  }

  return {
    async read(key) {
      const sentAt = now()
      const found = await kept(key)
      if (found !== undefined) {
        onRead({ database: name, tolerance: 'bounded', served: { by: 'kv', ms: now() - sentAt } })
        return { value: found.value, ageMs: Math.max(0, now() - found.at), by: 'kv' }
      }
      const { at, value } = await take(key)
      if (value === undefined) return undefined
      background(keep(key, at, value))
      return { value, ageMs: Math.max(0, now() - at), by: 'primary' }
    },
    async renew(key) {
      try {
        const { at, value } = await take(key)
        return await keep(key, at, value)
      } catch (error) {
        console.warn('A replica in KV was not renewed:', error)
        return false
      }
    },
  }
}
