// What a file is, by its first bytes: which picture, how large, whether it moves. Neither its name nor its Content-Type is
// believed, and nothing is decoded: a file of a hundred bytes may stand for gigabytes of pixels.
import { isAvif, readAvif } from './avif.ts'
import { readGif } from './gif.ts'
import { readJpeg } from './jpeg.ts'
import { type PictureType, type Reading, type Sniffed, standsAt } from './picture.ts'
import { readPng } from './png.ts'
import { readWebp } from './webp.ts'

export type { Picture, PictureType, Sniffed } from './picture.ts'
export { pictureTypes } from './picture.ts'

const readers: Readonly<Record<PictureType, (bytes: Uint8Array) => Reading>> = {
  'image/jpeg': readJpeg,
  'image/png': readPng,
  'image/gif': readGif,
  'image/webp': readWebp,
  'image/avif': readAvif,
}

/**
 * Judges the first bytes of a file; `isAll`: there are no more of them. Most pictures need less than 64 KiB, those with
 * long metadata more, and a GIF of one frame all of it. Whatever the bytes are, it never throws.
 */
export function sniff(bytes: Uint8Array, isAll = false): Sniffed {
  const type = typeOf(bytes)
  if (type === 'more') return isAll ? unknown(bytes) : { kind: 'more' }
  if (type === undefined) return unknown(bytes)
  const reading = readers[type](bytes)
  if (reading === 'more') return isAll ? broken(type, 'ends before it has said what it is') : { kind: 'more', type }
  return 'broken' in reading ? broken(type, reading.broken) : { kind: 'picture', picture: { type, ...reading } }
}

/** No signature is longer. */
const signatureBytes = 12

function typeOf(bytes: Uint8Array): PictureType | 'more' | undefined {
  if (standsAt(bytes, 0, '\xff\xd8\xff')) return 'image/jpeg'
  if (standsAt(bytes, 0, '\x89PNG\r\n\x1a\n')) return 'image/png'
  if (standsAt(bytes, 0, 'GIF87a') || standsAt(bytes, 0, 'GIF89a')) return 'image/gif'
  if (standsAt(bytes, 0, 'RIFF') && standsAt(bytes, 8, 'WEBP')) return 'image/webp'
  if (bytes.length < signatureBytes) return 'more'
  const avif = isAvif(bytes)
  return avif === undefined ? 'more' : avif ? 'image/avif' : undefined
}

function broken(type: PictureType, what: string): Sniffed {
  const name = type.slice('image/'.length)
  return { kind: 'refused', because: 'broken', detail: `The file begins like a picture (${name}), but ${what}.` }
}

function unknown(bytes: Uint8Array): Sniffed {
  return isSvg(bytes)
    ? {
        kind: 'refused',
        because: 'svg',
        detail: 'The file is an SVG, a document that can run scripts: render it first.',
      }
    : {
        kind: 'refused',
        because: 'unknown',
        detail: 'The file is no JPEG, PNG, GIF, WebP or AVIF, whatever its name is.',
      }
}

/** Only for a clearer word: what is not known to be a picture is refused anyway. */
function isSvg(bytes: Uint8Array): boolean {
  const start = new TextDecoder().decode(bytes.subarray(0, 512))
  return /^\s*<(?:svg|\?xml|!DOCTYPE svg|!--)/i.test(start) && /<svg/i.test(start)
}
