// GIF (GIF89a specification): blocks, one after the other. A second picture, or the wish to be repeated, makes it move.
import { type Reading, sized, standsAt, viewOf } from './picture.ts'

const headerBytes = 13
const [extension, frame, trailer, applicationExtension] = [0x21, 0x2c, 0x3b, 0xff]

export function readGif(bytes: Uint8Array): Reading {
  if (bytes.length < headerBytes) return 'more'
  const view = viewOf(bytes)
  let [width, height] = [view.getUint16(6, true), view.getUint16(8, true)]
  let frames = 0
  let at = headerBytes + colourTableBytes(bytes[10]!)
  for (;;) {
    switch (bytes[at]) {
      case undefined:
        return 'more'
      case extension:
        if (bytes[at + 1] === applicationExtension && isLoop(bytes, at + 3)) return sized(width, height, true)
        at = afterSubBlocks(bytes, at + 2)
        break
      case frame: {
        if (at + 10 > bytes.length) return 'more'
        if (++frames > 1) return sized(width, height, true)
        // A picture may be larger than the screen that the header speaks of.
        width = Math.max(width, view.getUint16(at + 1, true) + view.getUint16(at + 5, true))
        height = Math.max(height, view.getUint16(at + 3, true) + view.getUint16(at + 7, true))
        at = afterSubBlocks(bytes, at + 11 + colourTableBytes(bytes[at + 9]!))
        break
      }
      case trailer:
        return frames === 0 ? { broken: 'has no pixels' } : sized(width, height, false)
      default:
        return { broken: 'has a block of an unknown kind' }
    }
  }
}

const colourTableBytes = (flags: number): number => (flags & 0x80 ? 3 << ((flags & 7) + 1) : 0)

const isLoop = (bytes: Uint8Array, at: number): boolean =>
  standsAt(bytes, at, 'NETSCAPE2.0') || standsAt(bytes, at, 'ANIMEXTS1.0')

/** Where the next block begins; beyond the end where the bytes do not reach that far. */
function afterSubBlocks(bytes: Uint8Array, from: number): number {
  let at = from
  while (at < bytes.length && bytes[at] !== 0) at += bytes[at]! + 1
  return at + 1
}
