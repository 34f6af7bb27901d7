// Several ranges of a stored content in one message (RFC 9110 §14.6), made of the one pass in which its body can be read.
import type { ByteRange, MultipartFraming } from '../../shared/http/ranges.ts'
import { overlap } from '../../shared/http/slices.ts'
import type { Background, StoredResponse } from '../ports.ts'

/** A content up to this size is held in memory, where its ranges are not asked for in its own order. */
const maxGatheredBytes = 1024 * 1024

const ascend = (ranges: readonly ByteRange[]): boolean =>
  ranges.every(({ first }, index) => first > (ranges[index - 1]?.last ?? -1))

/** Whether these can be had of a content of so many bytes. */
export function canPart(ranges: readonly ByteRange[], size: number): boolean {
  return ascend(ranges) || size <= maxGatheredBytes
}

/** The message's body, of ranges that `canPart`; undefined where the content cannot be had. */
export async function partsOf(
  stored: StoredResponse,
  ranges: readonly ByteRange[],
  framing: MultipartFraming,
  background: Background,
): Promise<BodyInit | undefined> {
  const body = await stored.body()
  if (body === undefined || body === null) return undefined
  const content = new Response(body)
  if (ascend(ranges)) return streamed(content.body!, ranges, framing, background)
  const bytes = await content.bytes().catch(() => undefined)
  const { heads, tail } = framing
  const parts = bytes && ranges.flatMap(({ first, last }, each) => [heads[each]!, bytes.subarray(first, last + 1)])
  return parts && new Blob([...parts, tail]).bytes()
}

function streamed(
  content: ReadableStream,
  ranges: readonly ByteRange[],
  framing: MultipartFraming,
  background: Background,
): ReadableStream {
  const { readable, writable } = new FixedLengthStream(framing.length)
  const writer = writable.getWriter()
  // A cut shows: fewer bytes come than were announced.
  background(pour(content, ranges, framing, writer).catch((error) => writer.abort(error).catch(() => undefined)))
  return readable
}

async function pour(
  content: ReadableStream<Uint8Array>,
  ranges: readonly ByteRange[],
  { heads, tail }: MultipartFraming,
  writer: WritableStreamDefaultWriter<Uint8Array>,
): Promise<void> {
  const encoder = new TextEncoder()
  const left = ranges.map((range, each) => ({ ...range, head: encoder.encode(heads[each]) }))
  let position = 0
  for await (const chunk of content) {
    const here = { first: position, last: position + chunk.byteLength - 1 }
    for (let [part] = left; part !== undefined; [part] = left) {
      const piece = overlap(part, here)
      if (piece === undefined) break
      if (piece.first === part.first) await writer.write(part.head)
      await writer.write(chunk.subarray(piece.first - position, piece.last - position + 1))
      if (piece.last < part.last) break
      left.shift()
    }
    position += chunk.byteLength
    if (left.length === 0) break
  }
  await writer.write(encoder.encode(tail))
  await writer.close()
}
