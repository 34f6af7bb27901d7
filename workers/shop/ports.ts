// What the services of the shop need from around them.
import type { SessionPorts } from '../client/session.ts'
import type { StatePorts } from '../client/state.ts'
import type { Bookmarks } from '../db/bookmarks.ts'
import type { KvReplicas } from '../db/kv-replica.ts'
import type { Database } from '../db/replicas.ts'
import type { ShardedDatabase } from '../db/shards.ts'
import type { Calls, CallsOut } from './calls.ts'

export interface ShopPorts {
  readonly database: Database
  readonly orders: ShardedDatabase
  /** In KV. */
  readonly replica: KvReplicas
  readonly sessions: SessionPorts
  readonly state: StatePorts
  readonly calls: Calls
  readonly callOut: CallsOut
  /** Lets go of all stored responses with one of these tags, everywhere. False where that could not be noted. */
  readonly purge: (tags: readonly string[]) => Promise<boolean>
  readonly pictures: PicturePort
  readonly wakeCheckout: WakeCheckout
  /** Milliseconds since the epoch. */
  readonly now: () => number
}

/** Begins the run of a checkout, or begins it again. Rejects where it did neither. */
export type WakeCheckout = (id: string) => Promise<void>

export interface PicturePort {
  /** Keeps a picture under this path of the media, and begins its thumbnails; `base` is the URL that was asked for. */
  put(base: string, path: string, body: Blob): Promise<Response>
  /** Lets go of it, of its thumbnails, and of what caches keep of them; also where nothing is there. */
  remove(base: string, path: string): Promise<Response>
}

/** What a session has for the shop. */
export interface ShopSession {
  /** The id of an account. */
  user: string
  /** As its owner wants to be called. */
  name: string
  cart: CartLine[]
  /** Unguessable, and another one whenever the cart was changed: so it is known which cart was bought. */
  cartVersion: string
  /** What this session has written, and seen, it sees again. */
  bookmark: Bookmarks
}

export interface CartLine {
  readonly id: string
  readonly quantity: number
}
