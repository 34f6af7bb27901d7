// Those who are on a flight.
import type { ReaderId } from '../../shared/collapse/flight-events.ts'
import { boardingField, type Notice } from '../../shared/collapse/frames.ts'
import type { Life } from '../life.ts'
import type { Background, Boarding, Ports } from '../ports.ts'
import { beginShared } from '../proxy.ts'

/** Somebody who joins: the request as an origin is to get it, and which flights will do for it. */
export interface Passenger {
  readonly fields: Headers
  readonly boarding: Boarding
  /** What an origin is asked by, if this one is the first. */
  readonly life: () => Promise<Life>
}

/** Reads a request to an object; `ports` are what an origin is asked by. */
export function passengerOf<B extends Boarding>(
  request: Request,
  ports: () => Ports,
  background: Background,
): Passenger & { readonly boarding: B } {
  const fields = new Headers(request.headers)
  const boarding = JSON.parse(fields.get(boardingField)!) as B
  fields.delete(boardingField)
  const life = () => beginShared(new Request(request.url, { headers: fields }), boarding, ports(), background)
  return { fields, boarding, life }
}

/** One who has joined. */
export interface Reader extends Passenger {
  readonly id: ReaderId
  readonly told: PromiseWithResolvers<Notice>
  /** Offset in the body of the next byte that it is sent, and of the first one that it is not. */
  position: number
  end: number
  hasHead: boolean
  /** Whether it gets nothing more, and sees it. */
  isCut: boolean
  /** The body, where it alone gets the response. */
  given: ReadableStreamDefaultReader<Uint8Array> | undefined
}
