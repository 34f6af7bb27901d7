// Objects in an R2 bucket. A content whose length is not known cannot be put there in one piece: it goes by parts into a
// name of its own, and from there, when all of it has come, to where it belongs. So a condition is judged in the same
// instant as the change, and what was cut is never seen.
import type { ByteRange } from '../../shared/http/ranges.ts'
import type { Content, KeptObject, ObjectPort, OnlyIf, Put } from '../ports/object-port.ts'

/** The smallest that R2 takes for a part that is not the last; all of them have the same size. */
export const partBytes = 5_242_880

/** Nobody still copies from what was staged so long ago. */
const abandonedAfterMs = 86_400_000
/** No path has a name that begins with a slash (shared/object-path.ts). */
export const staging = '//staged/'

export function r2Objects(bucket: R2Bucket): ObjectPort {
  return {
    async head(name) {
      const object = await bucket.head(name)
      return object === null ? undefined : keptOf(object)
    },

    async get(name, etag, range) {
      const onlyIf = { etagMatches: bare(etag) }
      const object = await bucket.get(name, { onlyIf, ...(range && { range: sized(range) }) })
      return object !== null && 'body' in object ? object.body : undefined
    },

    async put(name, content, type, onlyIf) {
      switch (content.kind) {
        case 'bytes':
          return putWhole(bucket, name, content.bytes, type, onlyIf)
        case 'measured':
          return putMeasured(bucket, name, content, type, onlyIf)
        case 'unmeasured':
          return putUnmeasured(bucket, name, content, type, onlyIf)
        default:
          return content satisfies never
      }
    },

    remove: (name) => bucket.delete(name),

    async list(prefix, after) {
      const page = await bucket.list({ prefix, ...(after !== undefined && { startAfter: after }) })
      const last = page.objects.at(-1)
      const objects = page.objects.filter(({ key }) => !key.startsWith(staging))
      return {
        objects: objects.map((object) => ({ name: object.key, ...keptOf(object) })),
        ...(page.truncated && last !== undefined && { after: last.key }),
      }
    },

    clear: (prefix, but) => clear(bucket, prefix, ({ key }) => but === undefined || !key.startsWith(but)),
  }
}

function keptOf({ httpEtag, version, size, uploaded, httpMetadata }: R2Object): KeptObject {
  const type = httpMetadata?.contentType ?? 'application/octet-stream'
  return { etag: httpEtag, version, size, storedAt: uploaded.getTime(), type }
}

/** R2 takes entity tags without their quotes. */
const bare = (etag: string): string => etag.replaceAll('"', '')

const sized = ({ first, last }: ByteRange): R2Range => ({ offset: first, length: last - first + 1 })

async function putWhole(
  bucket: R2Bucket,
  name: string,
  content: Uint8Array | ReadableStream,
  contentType: string,
  onlyIf: OnlyIf | undefined,
): Promise<Put> {
  const object = await bucket.put(name, content, {
    httpMetadata: { contentType },
    ...(onlyIf !== undefined && { onlyIf: conditionOf(onlyIf) }),
  })
  return object === null ? { kind: 'changed' } : { kind: 'kept', object: keptOf(object) }
}

const conditionOf = (onlyIf: OnlyIf): R2Conditional =>
  onlyIf === 'absent' ? { etagDoesNotMatch: '*' } : { etagMatches: bare(onlyIf.etag) }

async function putMeasured(
  bucket: R2Bucket,
  name: string,
  { stream, length }: Extract<Content, { kind: 'measured' }>,
  type: string,
  onlyIf: OnlyIf | undefined,
): Promise<Put> {
  const { readable, writable } = new FixedLengthStream(length)
  const controller = new AbortController()
  // R2 sees a body that was cut as one that fails, and keeps nothing of it.
  stream.pipeTo(writable, { signal: controller.signal }).catch(() => undefined)
  try {
    return await putWhole(bucket, name, readable, type, onlyIf)
  } finally {
    // Where the condition does not hold nobody reads the rest.
    controller.abort()
  }
}

async function putUnmeasured(
  bucket: R2Bucket,
  name: string,
  { stream, most }: Extract<Content, { kind: 'unmeasured' }>,
  type: string,
  onlyIf: OnlyIf | undefined,
): Promise<Put> {
  const parts = inParts(stream, most)
  const first = await parts.next()
  if (first.value === 'too-large') return { kind: 'too-large' }
  if (first.done || first.value.byteLength < partBytes) return putWhole(bucket, name, first.value ?? none, type, onlyIf)
  const staged = `${staging}${crypto.randomUUID()}`
  try {
    if (!(await stage(bucket, staged, first.value, parts))) return { kind: 'too-large' }
    const object = await bucket.get(staged)
    if (object === null) throw new Error('What was staged is not there any more.')
    return await putMeasured(bucket, name, { kind: 'measured', stream: object.body, length: object.size }, type, onlyIf)
  } finally {
    await bucket.delete(staged)
    const isAbandoned = ({ uploaded }: R2Object) => Date.now() - uploaded.getTime() > abandonedAfterMs
    await clear(bucket, staging, isAbandoned)
  }
}

const none = new Uint8Array()

/** False where there is too much of it. */
async function stage(
  bucket: R2Bucket,
  name: string,
  first: Uint8Array,
  others: AsyncIterator<Uint8Array | 'too-large', undefined>,
): Promise<boolean> {
  const upload = await bucket.createMultipartUpload(name)
  try {
    const uploaded = [await upload.uploadPart(1, first)]
    for (let next = await others.next(); !next.done; next = await others.next()) {
      if (next.value === 'too-large') {
        await upload.abort()
        return false
      }
      uploaded.push(await upload.uploadPart(uploaded.length + 1, next.value))
    }
    await upload.complete(uploaded)
    return true
  } catch (error) {
    await upload.abort().catch(() => undefined)
    throw error
  }
}

/** Pieces of one size, the last of them smaller; `too-large`, and nothing more, where there is more than `most` bytes. */
async function* inParts(
  stream: ReadableStream<Uint8Array>,
  most: number,
): AsyncGenerator<Uint8Array | 'too-large', undefined> {
  let part = new Uint8Array(partBytes)
  let filled = 0
  let total = 0
  for await (const chunk of stream) {
    total += chunk.byteLength
    if (total > most) {
      yield 'too-large'
      return
    }
    for (let rest = chunk; rest.byteLength > 0; ) {
      const taken = rest.subarray(0, partBytes - filled)
      part.set(taken, filled)
      filled += taken.byteLength
      rest = rest.subarray(taken.byteLength)
      if (filled < partBytes) continue
      yield part
      part = new Uint8Array(partBytes)
      filled = 0
    }
  }
  if (filled > 0) yield part.subarray(0, filled)
}

async function clear(bucket: R2Bucket, prefix: string, isMeant: (object: R2Object) => boolean): Promise<void> {
  let cursor: string | undefined
  do {
    const page: R2Objects = await bucket.list({ prefix, ...(cursor !== undefined && { cursor }) })
    const names = page.objects.filter(isMeant).map(({ key }) => key)
    if (names.length > 0) await bucket.delete(names)
    cursor = page.truncated ? page.cursor : undefined
  } while (cursor !== undefined)
}
