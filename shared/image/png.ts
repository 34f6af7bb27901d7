// PNG (W3C PNG, third edition, §5): the size stands in the first chunk; one of those before the pixels says whether it
// moves (APNG).
import { nameAt, type Reading, sized, viewOf } from './picture.ts'

const signatureBytes = 8
/** Of a chunk beside its data: length, name and checksum. */
const framingBytes = 12

export function readPng(bytes: Uint8Array): Reading {
  if (bytes.length < signatureBytes + 8) return 'more'
  const view = viewOf(bytes)
  if (nameAt(bytes, signatureBytes + 4) !== 'IHDR' || view.getUint32(signatureBytes) !== 13)
    return { broken: 'does not begin with its header' }
  if (bytes.length < signatureBytes + 16) return 'more'
  const [width, height] = [view.getUint32(signatureBytes + 8), view.getUint32(signatureBytes + 12)]
  for (let at = signatureBytes + 13 + framingBytes; at + 8 <= bytes.length; ) {
    switch (nameAt(bytes, at + 4)) {
      case 'acTL':
        return sized(width, height, true)
      case 'IDAT':
        return sized(width, height, false)
      case 'IEND':
        return { broken: 'has no pixels' }
      default:
        at += framingBytes + view.getUint32(at)
    }
  }
  return 'more'
}
