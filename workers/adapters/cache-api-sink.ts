// Puts a body into the Cache API as it passes, so that nothing but the whole of it is ever found there.
//
// A put whose body is cut midway may leave the cut body in the cache as a complete entry, although it rejects. So the
// entry's own name is only ever put with a body that is known to be whole: a small one is held in memory until its end
// was seen; a larger one goes to a staging name first, and is copied to its own name when it is complete.
import type { BodySink } from '../ports.ts'

/** Where a sink puts what it is given. */
export interface SinkTarget {
  readonly cache: () => Promise<Cache>
  readonly key: string
  /** For an entry of so many bytes. */
  readonly headers: (size: number) => Headers
  /** Whether there is something newer under the key. */
  readonly isOutdated: () => Promise<boolean>
}

/** One entry holds this much in memory before it is staged. */
const maxHeldBytes = 1024 * 1024
/** A staged entry gives up where the cache is this far behind. */
const maxWaitingBytes = 4 * 1024 * 1024
/** All fills of this isolate together: beyond the first bound new ones are staged at once, beyond the second they give up. */
const crowdedBytes = 32 * 1024 * 1024
const fullBytes = 64 * 1024 * 1024
/** A staged body is read once, as soon as it is complete. */
const stagingSeconds = 600

let inMemory = 0

/** `length` is the number of bytes announced, undefined where none was. Never throws, never waits for the cache. */
export function cacheApiSink(target: SinkTarget, length: number | undefined): BodySink {
  let chunks: Uint8Array[] = []
  let held = 0
  let received = 0
  let staging: Staging | undefined
  let alive = true

  const release = () => {
    inMemory -= held
    held = 0
    chunks = []
  }
  const abort = () => {
    alive = false
    release()
    staging?.abort()
  }

  return {
    get wanted() {
      return alive
    },
    write(chunk) {
      if (!alive) return
      received += chunk.byteLength
      if (staging === undefined) {
        chunks.push(chunk)
        held += chunk.byteLength
        inMemory += chunk.byteLength
        if (held <= maxHeldBytes && inMemory <= crowdedBytes) return
        staging = stage(target)
        for (const early of chunks) staging.write(early)
        release()
      } else {
        staging.write(chunk)
      }
      if (staging.behind()) abort()
    },
    async end() {
      try {
        if (!alive || (length !== undefined && received !== length) || (await target.isOutdated())) return
        await (staging === undefined ? put(target, received, new Blob(chunks)) : staging.commit(received))
      } catch (error) {
        console.warn('The Cache API did not store an entry:', error)
      } finally {
        abort()
      }
    },
    abort,
  }
}

async function put({ cache, key, headers }: SinkTarget, size: number, body: BodyInit): Promise<void> {
  await (await cache()).put(key, new Response(body, { headers: headers(size) }))
}

interface Staging {
  write(chunk: Uint8Array): void
  /** Whether the cache takes the bytes more slowly than they come, or not at all. */
  behind(): boolean
  /** The whole body was written: gives it its own name. */
  commit(size: number): Promise<void>
  /** Forgets what was staged, complete or not. */
  abort(): void
}

function stage(target: SinkTarget): Staging {
  const name = `${target.key},staging,${crypto.randomUUID()}`
  const { readable, writable } = new IdentityTransformStream()
  const writer = writable.getWriter()
  const headers = { 'cache-control': `max-age=${stagingSeconds}` }
  let failed = false
  let waiting = 0
  const fail = () => {
    failed = true
  }
  const staged = target
    .cache()
    .then((cache) => cache.put(name, new Response(readable, { headers })))
    .catch(fail)
  const forget = async () => {
    await (await target.cache()).delete(name)
  }
  return {
    write(chunk) {
      const account = (bytes: number) => {
        waiting += bytes
        inMemory += bytes
      }
      const taken = () => account(-chunk.byteLength)
      account(chunk.byteLength)
      writer.write(chunk).catch(fail).finally(taken)
    },
    behind: () => failed || waiting > maxWaitingBytes || inMemory > fullBytes,
    async commit(size) {
      await writer.close().catch(fail)
      await staged
      const copy = failed ? undefined : await (await target.cache()).match(name)
      if (copy?.body) await put(target, size, copy.body)
    },
    abort() {
      // Rejects where the stream has ended, well or badly: then there is nothing to abort.
      writer.abort(new Error('The body was cut.')).catch(fail)
      staged.then(forget).catch(fail)
    },
  }
}
