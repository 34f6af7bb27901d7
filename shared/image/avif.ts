// AVIF (ISO/IEC 14496-12 and 23008-12): boxes within boxes. Each item of the file has its size among the properties; the
// largest is what a decoder would have to hold, so that is the one that counts.
import { nameAt, type Reading, sized, viewOf } from './picture.ts'

interface Box {
  readonly name: string
  /** Where its content begins, and where it ends: that may be beyond the bytes. */
  readonly from: number
  readonly to: number
}

/** Whether a file type box names AVIF among its brands; undefined where more must be seen. */
export function isAvif(bytes: Uint8Array): boolean | undefined {
  if (bytes.length < 12) return undefined
  const type = boxAt(bytes, 0, Number.POSITIVE_INFINITY)
  if (type?.name !== 'ftyp') return false
  const brands = brandsOf(bytes, type)
  if (brands.includes('avif') || brands.includes('avis')) return true
  return type.to > bytes.length ? undefined : false
}

export function readAvif(bytes: Uint8Array): Reading {
  const all: Box = { name: '', from: 0, to: Number.POSITIVE_INFINITY }
  const found = childOf(bytes, all, 'meta')
  if (found === 'more' || found === undefined) return found ?? noSize
  if (found.to > bytes.length) return 'more'
  // Four bytes of version and flags stand before its boxes.
  const properties = childOf(bytes, { ...found, from: found.from + 4 }, 'iprp')
  const list = isBox(properties) ? childOf(bytes, properties, 'ipco') : undefined
  if (!isBox(list)) return noSize
  const isAnimated = brandsOf(bytes, boxAt(bytes, 0, Number.POSITIVE_INFINITY)!).includes('avis')
  return largestOf(bytes, list, isAnimated)
}

/** Of the box whose first bytes these are, in bytes; undefined where they are too few, or none of a box. */
export function sizeOfBox(head: Uint8Array): number | undefined {
  return boxAt(head, 0, Number.POSITIVE_INFINITY)?.to
}

const noSize = { broken: 'says nowhere how large it is' }

function largestOf(bytes: Uint8Array, list: Box, isAnimated: boolean): Reading {
  const view = viewOf(bytes)
  let [width, height, isSideways] = [0, 0, false]
  for (let box = boxAt(bytes, list.from, list.to); box !== undefined; box = boxAt(bytes, box.to, list.to)) {
    if (box.name === 'irot' && box.to > box.from) isSideways = (bytes[box.from]! & 1) === 1
    if (box.name !== 'ispe' || box.to < box.from + 12) continue
    const [itsWidth, itsHeight] = [view.getUint32(box.from + 4), view.getUint32(box.from + 8)]
    if (itsWidth * itsHeight > width * height) [width, height] = [itsWidth, itsHeight]
  }
  return isSideways ? sized(height, width, isAnimated) : sized(width, height, isAnimated)
}

/** The first box of this name within another; undefined where there is none, `more` where the bytes end before. */
function childOf(bytes: Uint8Array, { from, to }: Box, name: string): Box | 'more' | undefined {
  let at = from
  while (at + 16 <= bytes.length && at < to) {
    const box = boxAt(bytes, at, to)
    if (box === undefined || box.name === name) return box
    at = box.to
  }
  return at < to ? 'more' : undefined
}

const isBox = (found: Box | 'more' | undefined): found is Box => found !== undefined && found !== 'more'

/** The box that begins there, within what ends at `end`; undefined where none can. */
function boxAt(bytes: Uint8Array, at: number, end: number): Box | undefined {
  if (at + 8 > Math.min(bytes.length, end)) return undefined
  const view = viewOf(bytes)
  const short = view.getUint32(at)
  const isLong = short === 1
  if (isLong && at + 16 > bytes.length) return undefined
  const size = isLong ? view.getUint32(at + 8) * 2 ** 32 + view.getUint32(at + 12) : short
  const from = at + (isLong ? 16 : 8)
  // A size of 0 reaches to the end of what it stands in.
  const to = short === 0 ? end : at + size
  return to < from || to > end ? undefined : { name: nameAt(bytes, at + 4), from, to }
}

/** The major brand, and those that the file goes with beside it; between them stands a version. */
function brandsOf(bytes: Uint8Array, { from, to }: Box): string[] {
  const brands: string[] = []
  const end = Math.min(to, bytes.length, from + longestBrands)
  for (let at = from; at + 4 <= end; at += 4) if (at !== from + 4) brands.push(nameAt(bytes, at))
  return brands
}

const longestBrands = 1024
