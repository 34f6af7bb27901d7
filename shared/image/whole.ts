// Whether a picture's file goes on to its end. Decoders fill what is missing with grey, and nobody would know it.
import { sizeOfBox } from './avif.ts'
import { findFrame } from './jpeg.ts'
import { type PictureType, viewOf } from './picture.ts'

/** Watches a file go by. */
export interface Ending {
  /** The bytes that come next. */
  see(bytes: Uint8Array): void
  isWhole(): boolean
}

/** The end of a PNG: its last chunk's name and checksum. */
const pngEnd = [0x49, 0x45, 0x4e, 0x44, 0xae, 0x42, 0x60, 0x82]
/** The marker that ends a JPEG stands nowhere in its pixels (ITU T.81 §B.1.1.5); what follows it is somebody's own. */
const jpegEnd = [0xff, 0xd9]

/** `beginning`: as much of the file as was needed to know what it is. */
export function watchEnd(type: PictureType, beginning: Uint8Array): Ending {
  switch (type) {
    case 'image/png':
      return until(pngEnd, beginning)
    case 'image/jpeg': {
      const frame = findFrame(beginning)
      return until(jpegEnd, typeof frame === 'object' && 'at' in frame ? beginning.subarray(frame.at) : beginning)
    }
    case 'image/webp':
      return atLeast(viewOf(beginning).getUint32(4, true) + 8, beginning)
    case 'image/avif':
      return untilLastBox(beginning)
    case 'image/gif':
      // Its end is what shows that it does not move.
      return atLeast(0, beginning)
    default:
      return type satisfies never
  }
}

function atLeast(length: number, beginning: Uint8Array): Ending {
  let seen = beginning.length
  return {
    see(bytes) {
      seen += bytes.length
    },
    isWhole: () => seen >= length,
  }
}

/** From box to box: the head of each says how long it is, in eight bytes or in sixteen. */
function untilLastBox(beginning: Uint8Array): Ending {
  let head: Uint8Array = new Uint8Array()
  /** Bytes of the box that are still to come; what reaches to the end of the file needs none. */
  let left = 0
  const see = (bytes: Uint8Array) => {
    for (let at = 0; at < bytes.length; ) {
      const passed = Math.min(left, bytes.length - at)
      left -= passed
      at += passed
      const taken = bytes.subarray(at, at + (head.length < 8 ? 8 : 16) - head.length)
      at += taken.length
      head = Uint8Array.of(...head, ...taken)
      const size = head.length < 8 ? undefined : sizeOfBox(head)
      // What no box begins with is somebody's own.
      if (size === undefined && head.length === 16) left = Number.POSITIVE_INFINITY
      if (size === undefined) continue
      left = size - head.length
      head = new Uint8Array()
    }
  }
  see(beginning)
  return { see, isWhole: () => left === 0 || left === Number.POSITIVE_INFINITY }
}

/** Until these bytes have come, one after the other. */
function until(mark: readonly number[], beginning: Uint8Array): Ending {
  let isFound = false
  let tail: Uint8Array = new Uint8Array()
  const see = (bytes: Uint8Array) => {
    if (isFound) return
    // It may lie across the border.
    const border = Uint8Array.of(...tail, ...bytes.subarray(0, mark.length - 1))
    isFound = holds(border, mark) || holds(bytes, mark)
    tail = (bytes.length < mark.length ? border : bytes).slice(-(mark.length - 1))
  }
  see(beginning)
  return { see, isWhole: () => isFound }
}

function holds(bytes: Uint8Array, mark: readonly number[]): boolean {
  for (let at = bytes.indexOf(mark[0]!); at >= 0; at = bytes.indexOf(mark[0]!, at + 1)) {
    if (mark.every((byte, index) => bytes[at + index] === byte)) return true
  }
  return false
}
