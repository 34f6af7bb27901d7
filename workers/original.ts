// What is to become a picture is read as far as it takes to know what it is; only then does anybody decode it. What is no
// picture, moves, or would be too much to decode, is refused by its first bytes, and the rest of it is never read.
import { type Picture, type Sniffed, sniff } from '../shared/image/sniff.ts'
import { type Ending, watchEnd } from '../shared/image/whole.ts'
import { joined } from './bytes.ts'
import type { Problem } from './problem.ts'

/** What says how large a picture is lies in its first megabyte, or it is none of ours. */
const longestBeginning = 1_048_576

export interface PictureBounds {
  readonly maxBytes: number
  readonly maxPixels: number
}

export type Original =
  | {
      readonly kind: 'picture'
      readonly picture: Picture
      /** All of it; fails where it was cut, or turns out to be longer than allowed. */
      readonly body: ReadableStream<Uint8Array>
      /** Why the body has failed; undefined where it has not. */
      readonly fault: () => Problem | undefined
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
    const isShort = beginning.length <= longestBeginning
    const sniffed = sniff(beginning, isAll && isShort)
    if (sniffed.kind === 'refused') return refused(noPicture(sniffed))
    if (sniffed.kind === 'more') {
      if (isShort) continue
      return refused(tooLateToSay)
    }
    const { picture } = sniffed
    if (picture.isAnimated) return refused(animated)
    if (picture.width * picture.height > bounds.maxPixels) return refused(tooManyPixels(picture, bounds))
    const ending = watchEnd(picture.type, beginning)
    if (isAll && !ending.isWhole()) return refused(cutFile)
    return { kind: 'picture', picture, ...resumed(beginning, done, reader, ending, bounds) }
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
  bounds: PictureBounds,
): Pick<Extract<Original, { kind: 'picture' }>, 'body' | 'fault'> {
  let bytes = beginning.length
  let fault: Problem | undefined
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      controller.enqueue(beginning)
      if (isAll) controller.close()
    },
    async pull(controller) {
      try {
        const { done, value } = await reader.read()
        if (done && ending.isWhole()) return controller.close()
        bytes += value?.length ?? 0
        if (value !== undefined && bytes <= bounds.maxBytes) {
          ending.see(value)
          return controller.enqueue(value)
        }
        fault = done ? cutFile : tooManyBytes(bounds)
        reader.cancel(fault.detail).catch(() => undefined)
      } catch {
        fault = cut
      }
      controller.error(new Error(fault.detail))
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

const cut: Problem = {
  status: 502,
  reason: 'source-cut',
  detail: 'The picture broke off on its way here; it may be tried again.',
}

const animated: Problem = {
  status: 415,
  reason: 'animated',
  detail: 'The picture moves: only still pictures are made into others.',
}

const tooLateToSay: Problem = {
  status: 422,
  reason: 'long-header',
  detail:
    'The first megabyte of the picture does not say how large it is, or whether it moves: write it again, without its metadata or as another type.',
}

function tooManyPixels({ width, height }: Picture, { maxPixels }: PictureBounds): Problem {
  const detail = `The picture has ${width} × ${height} pixels, and ${maxPixels} are allowed in all: make it smaller.`
  return { status: 422, reason: 'too-many-pixels', detail }
}

function tooManyBytes({ maxBytes }: PictureBounds): Problem {
  const detail = `The picture has more than ${maxBytes} bytes, which is as many as are allowed: make it smaller.`
  return { status: 422, reason: 'too-many-bytes', detail }
}
