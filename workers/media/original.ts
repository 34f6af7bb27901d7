// A file that is to be kept as a picture, or made into another, is read as far as it takes to know what it is; only then
// does anybody keep or decode it. What is no picture, or would be too much to decode, is refused by its first bytes, and
// the rest of it is never read. Its name and its Content-Type say nothing.
import { type Picture, type PictureType, type Sniffed, sniff } from '../../shared/image/sniff.ts'
import { type Ending, watchEnd } from '../../shared/image/whole.ts'
import { joined } from '../bytes.ts'
import type { Problem } from '../problem.ts'

export interface PictureBounds {
  readonly maxBytes: number
  readonly maxPixels: number
  /** What it may be; absent: whatever can be read here. */
  readonly types?: readonly PictureType[]
  /** Whether it may move. */
  readonly mayMove: boolean
  /** What says how large it is, and whether it moves, has to lie within so many bytes. */
  readonly beginningBytes: number
}

export type Original =
  | {
      readonly kind: 'picture'
      readonly picture: Picture
      /** All of it; fails where it was cut, or turns out to be longer than allowed. */
      readonly body: ReadableStream<Uint8Array>
      /** The same, where all of it has come. */
      readonly bytes: Uint8Array | undefined
      /** Why the body has failed, `cut` where it was cut on its way here; undefined where it has not. */
      readonly fault: () => Problem | 'cut' | undefined
    }
  | { readonly kind: 'refused'; readonly problem: Problem }

/**
 * Reads the beginning of a body, of `length` bytes where that is known. Rejects as the body does. Where it refuses, the
 * body is cancelled.
 */
export async function readOriginal(
  body: ReadableStream<Uint8Array>,
  length: number | undefined,
  bounds: PictureBounds,
): Promise<Original> {
  const reader = body.getReader()
  const refused = (problem: Problem): Original => {
    reader.cancel(problem.detail).catch(() => undefined)
    return { kind: 'refused', problem }
  }
  if (length !== undefined && length > bounds.maxBytes) return refused(tooManyBytes(bounds))
  let beginning: Uint8Array = new Uint8Array()
  for (;;) {
    const { bytes, done } = await readMore(reader, beginning)
    beginning = bytes
    const isAll = done || beginning.length === length
    if (beginning.length > bounds.maxBytes) return refused(tooManyBytes(bounds))
    const isShort = beginning.length <= bounds.beginningBytes
    const sniffed = sniff(beginning, isAll && isShort)
    if (sniffed.kind === 'refused') return refused(noPicture(sniffed))
    if (sniffed.kind === 'more') {
      if (isShort) continue
      return refused(tooLateToSay(bounds))
    }
    const { picture } = sniffed
    if (bounds.types?.includes(picture.type) === false) return refused(wrongType(picture, bounds.types))
    if (picture.isAnimated && !bounds.mayMove) return refused(animated)
    if (picture.width * picture.height > bounds.maxPixels) return refused(tooManyPixels(picture, bounds))
    const ending = watchEnd(picture.type, beginning)
    if (isAll && !ending.isWhole()) return refused(cutFile)
    return {
      kind: 'picture',
      picture,
      bytes: isAll ? beginning : undefined,
      ...resumed(beginning, done, reader, ending, { ...bounds, length }),
    }
  }
}

/** At least as much again, so that a body in many small pieces is not copied and looked through for each of them. */
async function readMore(
  reader: ReadableStreamDefaultReader<Uint8Array>,
  before: Uint8Array,
): Promise<{ readonly bytes: Uint8Array; readonly done: boolean }> {
  const pieces = [before]
  let length = before.length
  let isDone = false
  do {
    const { done, value } = await reader.read()
    isDone = done
    if (value !== undefined) pieces.push(value)
    length += value?.length ?? 0
  } while (!isDone && length < 2 * before.length)
  return { bytes: joined(pieces), done: isDone }
}

/** All that was read, and then the rest, as far as it may go. */
function resumed(
  beginning: Uint8Array,
  isAll: boolean,
  reader: ReadableStreamDefaultReader<Uint8Array>,
  ending: Ending,
  { maxBytes, length }: Pick<PictureBounds, 'maxBytes'> & { readonly length: number | undefined },
): Pick<Extract<Original, { kind: 'picture' }>, 'body' | 'fault'> {
  let bytes = beginning.length
  let fault: Problem | 'cut' | undefined
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      controller.enqueue(beginning)
      if (isAll) controller.close()
    },
    async pull(controller) {
      try {
        const { done, value } = await reader.read()
        bytes += value?.length ?? 0
        if (value !== undefined) ending.see(value)
        // Who is given as many bytes as were announced does not wait for an end.
        const isCut = (done || bytes === length) && !ending.isWhole()
        if (isCut || bytes > maxBytes) {
          fault = isCut ? cutFile : tooManyBytes({ maxBytes })
          reader.cancel(fault.detail).catch(() => undefined)
          controller.error(new Error(fault.detail))
        } else if (value !== undefined) controller.enqueue(value)
        else controller.close()
      } catch (error) {
        fault = 'cut'
        controller.error(error)
      }
    },
    cancel: (reason) => reader.cancel(reason),
  })
  return { body, fault: () => fault }
}

function noPicture({ because, detail }: Extract<Sniffed, { kind: 'refused' }>): Problem {
  return because === 'broken'
    ? { status: 422, reason: 'broken-picture', detail }
    : { status: 415, reason: because === 'svg' ? 'svg' : 'no-picture', detail }
}

const cutFile: Problem = {
  status: 422,
  reason: 'broken-picture',
  detail: 'The picture begins well, but its file ends before it does: put all of it where it comes from.',
}

const animated: Problem = {
  status: 415,
  reason: 'animated',
  detail: 'The picture moves: only still pictures are made into others.',
}

function wrongType({ type }: Picture, types: readonly PictureType[]): Problem {
  return { status: 415, reason: 'wrong-type', detail: `The file is ${type}; it may be ${types.join(', ')}.` }
}

function tooLateToSay({ beginningBytes }: PictureBounds): Problem {
  const detail = `The first ${beginningBytes} bytes of the picture do not say how large it is, or whether it moves: write it again, without its metadata or as another type.`
  return { status: 422, reason: 'long-header', detail }
}

function tooManyPixels({ width, height }: Picture, { maxPixels }: PictureBounds): Problem {
  const detail = `The picture has ${width} × ${height} pixels, and ${maxPixels} are allowed in all: make it smaller.`
  return { status: 422, reason: 'too-many-pixels', detail }
}

function tooManyBytes({ maxBytes }: Pick<PictureBounds, 'maxBytes'>): Problem {
  const detail = `The picture has more than ${maxBytes} bytes, which is as many as are allowed: make it smaller.`
  return { status: 422, reason: 'too-many-bytes', detail }
}
