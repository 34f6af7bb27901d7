// What the proxy needs from the platform. Each method says how it fails and how long it may take; none rejects.
import type { Failure } from '../shared/balance/attempt.ts'
import type { StoredInstants } from '../shared/http/may-reuse.ts'
import type { Snapshot } from '../shared/snapshot.ts'

/** Work that goes on behind the response. Its promise must not reject. */
export type Background = (work: Promise<unknown>) => void

export interface Ports {
  readonly configuration: ConfigurationPort
  readonly store: ResponseStore
  readonly origins: OriginPort
  /** Answers what is addressed to the gateway itself, below the reserved prefix. */
  readonly gateway: (request: Request, background: Background) => Response | Promise<Response>
  /** Milliseconds since the epoch. */
  readonly now: () => number
  /** In [0, 1). */
  readonly random: () => number
}

export interface ConfigurationPort {
  /** The snapshot in memory, at once; starts a refresh behind the response where it is due. */
  held(now: number, background: Background): Snapshot | undefined
  /** For an isolate that holds none yet: at most 250 ms for each store that hangs. Undefined where none has one. */
  load(now: number, background: Background): Promise<Snapshot | undefined>
}

/** What is remembered of a stored response beside its fields. */
export interface StoredHead extends StoredInstants {
  readonly status: number
  /** Whether the origin said in words that it may be shared, even if asked with Authorization. */
  readonly shareable: boolean
}

export interface StoredResponse {
  readonly head: StoredHead
  /** The content coding that the body is in, null for none. */
  readonly coding: string | null
  /** The response as it was admitted, its fields ready to be changed. To be called once at most. */
  open(withBody: boolean): Response
  /** Lets go of the body. */
  discard(): void
}

export interface ResponseStore {
  /** At most 250 ms; a store that fails or hangs is a miss. */
  match(key: string): Promise<StoredResponse | undefined>
  /**
   * Begins an entry. `length` is the number of bytes to come, undefined where it is not known.
   * Nothing is stored unless the sink is ended, and then only if it got exactly what was announced.
   */
  begin(key: string, head: StoredHead, fields: Headers, length: number | undefined): BodySink
}

/** Takes a copy of a body as it passes. Never waits, never throws: a store that cannot keep up gives up. */
export interface BodySink {
  /** False once the store has given up: then nothing needs to be read for it any more. */
  readonly wanted: boolean
  write(chunk: Uint8Array): void
  /** All bytes were written. Resolves when the entry is stored or given up. */
  end(): Promise<void>
  /** The body was cut: nothing is stored. */
  abort(): void
}

export interface OriginPort {
  /** Sends one request. Fails within `headersMs`, as a value. */
  send(request: OriginRequest): Promise<Attempt>
}

export interface OriginRequest {
  /** Absolute, its origin taken from the configuration. */
  readonly url: string
  readonly method: string
  readonly fields: Headers
  readonly body: BodyInit | null
  readonly headersMs: number
}

export type Attempt =
  | {
      readonly kind: 'answer'
      /** Its body is as it came over the wire, coded or not. */
      readonly response: Response
      /** Ends the exchange with the origin, wherever it is. */
      readonly abandon: () => void
    }
  | { readonly kind: 'failed'; readonly failure: Failure }
