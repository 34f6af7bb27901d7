// How large a picture becomes: known before anything is made, so that nothing too large ever is.
import type { ImageOptions } from './options.ts'
import type { Picture } from './picture.ts'

export interface Size {
  readonly width: number
  readonly height: number
}

/** In pixels, 1 at least; what is rounded otherwise by whoever makes it differs by one. */
export function sizeOf(picture: Pick<Picture, 'width' | 'height'>, options: ImageOptions): Size {
  const isTurned = options.rotate === 90 || options.rotate === 270
  const [width, height] = isTurned ? [picture.height, picture.width] : [picture.width, picture.height]
  const { width: wanted = Number.POSITIVE_INFINITY, height: wantedHeight = Number.POSITIVE_INFINITY, fit } = options
  const isBox = Number.isFinite(wanted) && Number.isFinite(wantedHeight)
  if (isBox && (fit === 'cover' || fit === 'pad')) return { width: wanted, height: wantedHeight }
  const mayGrow = fit === 'cover' || fit === 'pad' || fit === 'contain'
  if (isBox && fit === 'crop') return { width: Math.min(width, wanted), height: Math.min(height, wantedHeight) }
  const scale = Math.min(wanted / width, wantedHeight / height, mayGrow ? Number.POSITIVE_INFINITY : 1)
  const factor = Number.isFinite(scale) ? scale : 1
  return { width: Math.max(1, Math.round(width * factor)), height: Math.max(1, Math.round(height * factor)) }
}
