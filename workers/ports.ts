// What the proxy needs from the platform. Each method says how it fails and how long it may take; none rejects.
import type { Failure } from '../shared/balance/attempt.ts'
import type { Probe } from '../shared/balance/monitor.ts'
import type { LearntByOrigin, SharedView } from '../shared/balance/shared-view.ts'
import type { Course } from '../shared/balance/steering.ts'
import type { FlightLimits } from '../shared/collapse/flight-events.ts'
import type { BatchRule, ProbeRule } from '../shared/config/schema.ts'
import type { StaticRule } from '../shared/config/static.ts'
import type { StoredInstants } from '../shared/http/may-reuse.ts'
import type { ByteRange } from '../shared/http/ranges.ts'
import type { Snapshot } from '../shared/snapshot.ts'
import type { JobPort } from './ports/job-port.ts'
import type { SessionPort } from './ports/session-port.ts'
import type { StatePort } from './ports/state-port.ts'

/** Work that goes on behind the response. Its promise must not reject. */
export type Background = (work: Promise<unknown>) => void

export interface Ports {
  readonly configuration: ConfigurationPort
  readonly store: ResponseStore
  readonly origins: OriginPort
  readonly flights: FlightPort<Boarding>
  /** Each asker gets its part as by a flight of its own. */
  readonly batches: FlightPort<BatchBoarding>
  readonly monitors: MonitorPort
  readonly jobs: JobPort
  readonly state: StatePort
  readonly decoderFor: DecoderPort
  readonly sessions: SessionPort
  readonly seal: SealPort
  /** Answers what is addressed to the gateway itself, below the reserved prefix. */
  readonly gateway: (request: Request, background: Background) => Response | Promise<Response>
  /** Whether an Authorization field shows the admin token. */
  readonly isAdmin: (authorization: string | null) => Promise<boolean>
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
  /** When it was asked for, in milliseconds. */
  readonly askedAt: number
  readonly status: number
  /** Whether the origin said in words that it may be shared, even if asked with Authorization. */
  readonly shareable: boolean
  /** The newest purge that was known when it was asked for: a later one that names it ends it. */
  readonly epoch: number
  readonly tags: readonly string[]
  /** It answers only requests that carry all of these fields. */
  readonly unlisted: readonly string[]
  /** Fields addressed to this cache that no client gets, by their names: a 304 that omits them leaves them in force. */
  readonly targeted: Readonly<Record<string, string>>
}

/** What may stand under a key: a response, or a note of what became of the responses there. */
export type Stored =
  | StoredResponse
  | { readonly kind: 'note'; readonly note: Note }
  /** What was asked for before then was let go, and what is still under way of it is too old. */
  | { readonly kind: 'forgotten'; readonly askedAt: number }

/** Notes are short and have no body. Instants in milliseconds. */
export type Note = VariantsNote | HitForMissNote | SlicesNote

/** The responses of this key differ by what the request says; they stand under keys of their own. */
export interface VariantsNote {
  readonly kind: 'variants'
  /** Of the request fields that the origin's Vary named. */
  readonly names: readonly string[]
  /** Part of the variants' keys: with a new one all of them are forgotten. */
  readonly generation: string
  /** What was asked for before then is too old for any of them (ms); absent: nothing. */
  readonly after?: number
  /** Which ones were stored, in short. */
  readonly seen: readonly string[]
  readonly until: number
}

/** What came for this key could not be stored, and the next one hardly will: do not wait for it. */
export interface HitForMissNote {
  readonly kind: 'hit-for-miss'
  readonly until: number
}

/** The content of this key's response is kept in slices, those of them that somebody has asked for. */
export interface SlicesNote {
  readonly kind: 'slices'
  /** Part of the slices' keys: with a new one all of them are forgotten. */
  readonly id: string
  readonly head: StoredHead
  /** Of the whole, by their names in lower case; among them a strong ETag. */
  readonly fields: Readonly<Record<string, string>>
  /** Of the whole and of a slice, in bytes. */
  readonly size: number
  readonly sliceBytes: number
  readonly until: number
}

export interface StoredResponse {
  readonly kind: 'response'
  readonly head: StoredHead
  /** As they were admitted, by their names in lower case. */
  readonly fields: Readonly<Record<string, string>>
  /** Of the body, in bytes. */
  readonly size: number
  /** Names the body in the store: it stays the same when the head is updated. Absent where it is kept in slices. */
  readonly bodyId?: string | undefined
  /** Where it is kept in slices, some of which may have to be fetched. */
  readonly slices?: SlicesNote
  /**
   * The body, or `range` of it (both ends included); null where it is none. To be called once at most. Undefined where
   * it cannot be had.
   */
  body(range?: ByteRange): Promise<ReadableStream | Uint8Array | null | undefined>
  /** Lets go of the body. */
  discard(): void
}

/**
 * Of what is written under one key, that which was asked for last stays, in whatever order the writes come. `askedAt` is
 * in milliseconds.
 */
export interface ResponseStore {
  /** At most 250 ms; a store that fails or hangs is a miss. */
  match(key: string): Promise<Stored | undefined>
  /**
   * Begins an entry. `length` is the number of bytes to come, undefined where it is not known.
   * Nothing is stored unless the sink is ended, and then only if it got exactly what was announced.
   */
  begin(key: string, head: StoredHead, fields: Headers, length: number | undefined): BodySink
  /** Gives the entry a new head and fields, its body unchanged, if that is still the one of `stored`. */
  update(key: string, stored: StoredResponse, head: StoredHead, fields: Headers): Promise<void>
  /** Replaces what is there by a note. */
  note(key: string, note: Note, askedAt: number): Promise<void>
  /** Lets go of what was asked for before, also of what is still under way; at most 250 ms. */
  forget(key: string, askedAt: number): Promise<void>
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

export interface FlightPort<B extends Boarding> {
  /**
   * Joins the flight of this name: the frames of shared/collapse/frames.ts. At most 500 ms; undefined where the flight
   * cannot be joined. `fields` are for the origin.
   */
  join(name: string, url: string, fields: Headers, boarding: B): Promise<ReadableStream<Uint8Array> | undefined>
}

/** Which flights will do. */
export interface Boarding {
  /** Where the request came in. */
  readonly colo: string
  /** Not one that asked before then (ms). */
  readonly after: number
  /** Nor one that did not know this purge. */
  readonly epoch: number
  /** One that has just landed will do if it asked after what is stored had become stale (ms; 0 where nothing is). */
  readonly staleSince: number
  /** Of the flight, if this request begins it. */
  readonly limits: FlightLimits
  /** What the request is meant for: the object cannot tell where it came from. */
  readonly course: Course
  /** Whether the origins that it chooses from are to be told of, if this request begins it. */
  readonly explain?: boolean
  /** Absent where the whole is wanted. */
  readonly part?: WantedPart
}

/** Makes what only this gateway can make, in characters that a cookie may have. */
export interface SealPort {
  mac(text: string): Promise<string>
  isMac(text: string, mac: string): Promise<boolean>
}

/** Whole slices of a content. Those that are wanted at the same time, and lie close together, are asked for as one. */
export interface WantedPart {
  readonly range: ByteRange
  readonly sliceBytes: number
  /** How long it waits for others. */
  readonly gatherMs: number
}

/** What is wanted of a batch. */
export interface BatchBoarding extends Boarding {
  readonly rule: BatchRule
  readonly id: string
}

/** The object of a pool, which probes its origins and through which isolates share what they know. At most 500 ms each. */
export interface MonitorPort {
  /** Tells what this isolate has learnt; what all of them know, or undefined where the object does not answer. */
  share(pool: string, learnt: LearntByOrigin, rhythm: Rhythm | undefined): Promise<SharedView | undefined>
  /** Makes sure that its probes go on. */
  arm(pool: string, rhythm: Rhythm): Promise<void>
}

/** Probes the origin at this URL, within `timeoutMs`; whatever fails is a probe that was not passed. */
export type ProbePort = (url: string, monitor: ProbeRule) => Promise<Probe>

/** Of a monitor; undefined where a pool has none. */
export interface Rhythm {
  readonly intervalMs: number
}

/**
 * Begins to decode a body; what comes of it goes to `onPiece`. Undefined where nobody here knows the coding (in lower
 * case).
 */
export type DecoderPort = (coding: string, onPiece: (piece: Uint8Array) => void) => Decoder | undefined

/** Never throws: where the bytes make no sense, nothing more comes of them. */
export interface Decoder {
  /** What it was given and has not decoded yet. */
  readonly waitingBytes: number
  /** Resolves when all that can be decoded so far has been given. */
  write(chunk: Uint8Array): Promise<void>
  /** Resolves when all that can be decoded has been given. */
  end(): Promise<void>
  stop(): void
}

export interface OriginPort {
  /** Sends one request. Fails within `headersMs` of the last byte sent, and within `leftMs`, as a value. */
  send(request: OriginRequest): Exchange
}

/**
 * An origin inside the Worker. It answers as one on the network would; where it throws, the connection has broken. The
 * signal of the request says that nobody wants the answer any more. `rule` is that of the pool, where it has one.
 */
export type InnerOrigin = (request: Request, rule?: StaticRule) => Promise<Response>

export interface OriginRequest {
  /** Absolute, its origin taken from the configuration. */
  readonly url: string
  readonly method: string
  readonly fields: Headers
  readonly body: BodyInit | null
  readonly headersMs: number
  /** With the client's own time to send included. Undefined: it may take its time. */
  readonly leftMs?: number | undefined
  /** Of the pool, for the origins inside the Worker that serve files. */
  readonly rule?: StaticRule | undefined
}

export interface Exchange {
  readonly attempt: Promise<Attempt>
  /** Ends the exchange with the origin, wherever it is; an attempt that has not ended then fails. */
  readonly abandon: () => void
}

export type Attempt =
  | {
      readonly kind: 'answer'
      /** Its body is as it came over the wire, coded or not. */
      readonly response: Response
      /** That of its exchange. */
      readonly abandon: () => void
    }
  | {
      readonly kind: 'failed'
      readonly failure: Failure
      /** Whether it failed because the client broke off what it sent. */
      readonly clientLeft?: boolean
    }
