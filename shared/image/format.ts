// Of which type a picture is made.
import { normaliseAccept } from '../http/negotiation.ts'
import type { ImageOptions } from './options.ts'
import type { PictureType } from './picture.ts'

/**
 * The options as they are keyed: `format=auto` becomes the type that this client names in its Accept. It stays where the
 * client names none of them: a star is no word of it, browsers of before have sent it too.
 */
export function negotiated(options: ImageOptions, accept: string | null): ImageOptions {
  if (options.format !== 'auto') return options
  const named = normaliseAccept(accept)?.split(',') ?? []
  const [best] = named.flatMap((range) => /^image\/(avif|webp)(?:;q=[\d.]+)?$/.exec(range)?.[1] ?? [])
  return best === undefined ? options : { ...options, format: best as 'avif' | 'webp' }
}

/** Without a word about it a type that every client knows stays what it is, and one that not every client knows, too. */
export function typeFor({ format }: ImageOptions, original: PictureType): PictureType {
  switch (format) {
    case undefined:
      return original === 'image/gif' ? 'image/png' : original
    case 'auto':
      return original === 'image/jpeg' ? original : 'image/png'
    default:
      return `image/${format}`
  }
}
