// Where whole objects are kept for good, by their names. The methods may throw; they hang no longer than the platform lets
// them, so whoever cannot wait bounds them.
import type { Validators } from '../../shared/http/preconditions.ts'
import type { ByteRange } from '../../shared/http/ranges.ts'

export interface KeptObject {
  /** Strong, with its quotes. The same bytes have the same. */
  readonly etag: string
  /** Another one for each time that something was put there. */
  readonly version: string
  readonly size: number
  /** In milliseconds since the epoch. */
  readonly storedAt: number
  readonly type: string
}

/** By which it is told from what was there before. */
export function validatorsOf({ etag, storedAt }: KeptObject): Validators {
  return { etag, lastModified: new Date(storedAt).toUTCString() }
}

/** What is to be kept. Where the length is not known, more than `most` bytes are refused. */
export type Content =
  | { readonly kind: 'bytes'; readonly bytes: Uint8Array }
  | { readonly kind: 'measured'; readonly stream: ReadableStream<Uint8Array>; readonly length: number }
  | { readonly kind: 'unmeasured'; readonly stream: ReadableStream<Uint8Array>; readonly most: number }

/** On which condition: that there is this one, or none. Judged together with the change. */
export type OnlyIf = { readonly etag: string } | 'absent'

export type Put =
  | { readonly kind: 'kept'; readonly object: KeptObject }
  /** The condition does not hold. */
  | { readonly kind: 'changed' }
  | { readonly kind: 'too-large' }

export interface ListedObject extends KeptObject {
  readonly name: string
}

export interface ListedObjects {
  /** By their names. */
  readonly objects: readonly ListedObject[]
  /** What to ask for the next ones with; absent where these were the last. */
  readonly after?: string
}

export interface ObjectPort {
  head(name: string): Promise<KeptObject | undefined>
  /** Its bytes, or `range` of them; undefined where there is no such object, or another one than `etag` says. */
  get(name: string, etag: string, range?: ByteRange): Promise<ReadableStream<Uint8Array> | undefined>
  /** All of the content or, where it ends too soon, nothing: then it throws, and what was there before stays. */
  put(name: string, content: Content, type: string, onlyIf?: OnlyIf): Promise<Put>
  /** Lets go of the object of this name. */
  remove(name: string): Promise<void>
  /** Those whose names begin with `prefix`, a thousand at most. */
  list(prefix: string, after?: string): Promise<ListedObjects>
  /** Lets go of all whose names begin with `prefix`, but for those that begin with `but`. */
  clear(prefix: string, but?: string): Promise<void>
}
