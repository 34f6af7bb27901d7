// WebP (RFC 9649): the first chunk says all, whichever of three it is.
import { nameAt, type Reading, sized, viewOf } from './picture.ts'

const chunkAt = 12
const dataAt = chunkAt + 8
const animationFlag = 0x02

export function readWebp(bytes: Uint8Array): Reading {
  if (bytes.length < dataAt + 10) return 'more'
  const view = viewOf(bytes)
  const uint24 = (at: number) => view.getUint16(at, true) | (view.getUint8(at + 2) << 16)
  switch (nameAt(bytes, chunkAt)) {
    case 'VP8X':
      return sized(uint24(dataAt + 4) + 1, uint24(dataAt + 7) + 1, (bytes[dataAt]! & animationFlag) !== 0)
    case 'VP8L': {
      if (bytes[dataAt] !== 0x2f) return { broken: 'has no lossless frame' }
      const bits = view.getUint32(dataAt + 1, true)
      return sized((bits & 0x3fff) + 1, ((bits >>> 14) & 0x3fff) + 1, false)
    }
    case 'VP8 ': {
      const isKeyFrame = (bytes[dataAt]! & 1) === 0
      if (!isKeyFrame || uint24(dataAt + 3) !== 0x2a019d) return { broken: 'has no key frame' }
      return sized(view.getUint16(dataAt + 6, true) & 0x3fff, view.getUint16(dataAt + 8, true) & 0x3fff, false)
    }
    default:
      return { broken: 'has no frame' }
  }
}
