// What the services of the shop need from around them.
import type { DrizzleD1Database } from 'drizzle-orm/d1'
import type { SessionPorts } from '../client/session.ts'
import type { Calls } from './calls.ts'

export interface ShopPorts {
  readonly database: ShopDatabase
  readonly sessions: SessionPorts
  readonly calls: Calls
  /** Lets go of all stored responses with one of these tags, everywhere. False where that could not be noted. */
  readonly purge: (tags: readonly string[]) => Promise<boolean>
  readonly pictures: PicturePort
  /** Milliseconds since the epoch. */
  readonly now: () => number
}

/** How old what is read may be. */
export type Tolerance =
  /** As old as a replica is. */
  | { readonly kind: 'unconstrained' }
  /** Not older than the write that gave this bookmark; without one as old as a replica is. */
  | { readonly kind: 'bookmark'; readonly bookmark?: string | undefined }
  | { readonly kind: 'primary' }

export interface ShopDatabase {
  read<T>(tolerance: Tolerance, query: (database: DrizzleD1Database) => Promise<T>): Promise<T>
  /** By the primary; the bookmark is for whoever wants to read what was written. */
  write<T>(
    query: (database: DrizzleD1Database) => Promise<T>,
  ): Promise<{ readonly value: T; readonly bookmark: string | undefined }>
}

export interface PicturePort {
  /** Keeps a picture under this path of the media, and begins its thumbnails; `base` is the URL that was asked for. */
  put(base: string, path: string, body: Blob): Promise<Response>
}

/** What a session has for the shop. */
export interface ShopSession {
  /** The id of an account. */
  user: string
  /** As its owner wants to be called. */
  name: string
  cart: CartLine[]
  /** Of the last write of this session in the shop's database. */
  bookmark: string
}

export interface CartLine {
  readonly id: string
  readonly quantity: number
}
