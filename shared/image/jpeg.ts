// JPEG (ITU T.81 annex B): a chain of segments, up to the frame header that says the size. On the way, the Exif segment
// may say that the camera was held sideways.
import { type Reading, sized, standsAt, viewOf } from './picture.ts'

const startOfScan = 0xda
const exifSegment = 0xe1
const orientationTag = 0x0112

export function readJpeg(bytes: Uint8Array): Reading {
  const frame = findFrame(bytes)
  if (frame === 'more' || 'broken' in frame) return frame
  const { at, isSideways } = frame
  const view = viewOf(bytes)
  const [height, width] = [view.getUint16(at + 5), view.getUint16(at + 7)]
  return isSideways ? sized(height, width, false) : sized(width, height, false)
}

/** Where the frame header begins; what comes before it may hold a small picture of its own. */
export function findFrame(
  bytes: Uint8Array,
): { readonly at: number; readonly isSideways: boolean } | 'more' | { readonly broken: string } {
  const view = viewOf(bytes)
  let isSideways = false
  let at = 2
  for (;;) {
    if (bytes[at] !== undefined && bytes[at] !== 0xff) return { broken: 'has no marker where one must stand' }
    // Any number of 0xff may stand before a marker.
    while (bytes[at + 1] === 0xff) at++
    const marker = bytes[at + 1]
    if (marker === undefined || at + 4 > bytes.length) return 'more'
    if (marker < 0xc0 || (marker >= 0xd0 && marker <= startOfScan)) return { broken: 'has no frame header' }
    const length = view.getUint16(at + 2)
    if (length < 2) return { broken: 'has a segment without a length' }
    if (isFrameHeader(marker)) {
      if (length < 8) return { broken: 'has a frame header that is too short' }
      return at + 9 > bytes.length ? 'more' : { at, isSideways }
    }
    if (at + 2 + length > bytes.length) return 'more'
    if (marker === exifSegment) isSideways = isTurned(bytes.subarray(at + 4, at + 2 + length)) || isSideways
    at += 2 + length
  }
}

/** 0xc4, 0xc8 and 0xcc lie among the frame headers and are none. */
const isFrameHeader = (marker: number): boolean =>
  marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc

/** Whether an Exif segment says that width and height change places: orientations 5 to 8. */
function isTurned(segment: Uint8Array): boolean {
  if (!standsAt(segment, 0, 'Exif\0\0')) return false
  const tiff = segment.subarray(6)
  const isLittle = standsAt(tiff, 0, 'II')
  if (tiff.length < 8 || (!isLittle && !standsAt(tiff, 0, 'MM'))) return false
  const view = viewOf(tiff)
  const directory = view.getUint32(4, isLittle)
  if (directory + 2 > tiff.length) return false
  const count = view.getUint16(directory, isLittle)
  for (let index = 0; index < count; index++) {
    const entry = directory + 2 + index * 12
    if (entry + 12 > tiff.length) return false
    if (view.getUint16(entry, isLittle) !== orientationTag) continue
    const orientation = view.getUint16(entry + 8, isLittle)
    return orientation >= 5 && orientation <= 8
  }
  return false
}
