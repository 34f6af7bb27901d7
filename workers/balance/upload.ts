// A request body on its way to an origin, piece by piece, so that the attempt's clock runs only while the origin
// keeps us waiting: a client may take its time to send, an origin may not take its time to receive.
import { late } from '../within.ts'

/** The clock of an attempt. */
export interface Clock {
  /** The origin's turn: it has the whole time from now. */
  start(): void
  /** The client's turn. */
  stop(): void
  /** What is answered, or `late` where the time is over before. Rejects as `ask` does. To be called once. */
  inTime<T>(ask: () => Promise<T>): Promise<T | typeof late>
  /** Set where the client has broken off: what becomes of the attempt is not the origin's doing. */
  hasClientLeft: boolean
}

/** Runs out `headersMs` after the origin's turn has begun, the first time as it is asked, and `leftMs` after that in any case. */
export function attemptClock(headersMs: number, leftMs?: number): Clock {
  const over = Promise.withResolvers<typeof late>()
  const expire = () => over.resolve(late)
  let timer: number | null = null
  let hasEnded = false
  const clock: Clock = {
    hasClientLeft: false,
    stop: () => clearTimeout(timer),
    start() {
      clearTimeout(timer)
      if (!hasEnded) timer = setTimeout(expire, headersMs)
    },
    async inTime(ask) {
      const last = leftMs === undefined ? null : setTimeout(expire, leftMs)
      clock.start()
      try {
        return await Promise.race([ask(), over.promise])
      } finally {
        hasEnded = true
        clearTimeout(timer)
        clearTimeout(last)
      }
    },
  }
  return clock
}

/**
 * A stream of the same bytes for the origin. `length` is the Content-Length, undefined where there is none. When the last
 * byte is sent the clock runs until the response comes. A client that breaks off breaks the request off.
 */
export function upload(body: ReadableStream, length: number | undefined, clock: Clock): ReadableStream {
  const { readable, writable } = length === undefined ? new IdentityTransformStream() : new FixedLengthStream(length)
  void send(body.getReader(), writable.getWriter(), clock)
  return readable
}

async function send(
  client: ReadableStreamDefaultReader<Uint8Array>,
  origin: WritableStreamDefaultWriter<Uint8Array>,
  clock: Clock,
): Promise<void> {
  try {
    for (;;) {
      clock.stop()
      const { done, value } = await client.read().catch((error) => {
        clock.hasClientLeft = true
        throw error
      })
      clock.start()
      if (done) break
      await origin.write(value)
    }
    await origin.close()
  } catch (error) {
    // One of them has gone: the other is told, and the origin or the client sees the rest. What is gone already rejects.
    await Promise.allSettled([origin.abort(error), client.cancel(error)])
  }
}
