// What makes pictures of pictures.
import type { ImageOptions } from '../../shared/image/options.ts'
import type { PictureType } from '../../shared/image/sniff.ts'

/**
 * Makes pictures of pictures; where nothing is bound that can, originals stand in for them. What it is given was judged by
 * its first bytes before (shared/image/sniff.ts).
 */
export interface ImagePort {
  /** At most 25 s, until the first bytes come. The original is read to its end, or cancelled. */
  make(original: ReadableStream<Uint8Array>, wanted: ImageOptions, type: PictureType): Promise<Made>
}

export type Made =
  | { readonly kind: 'made'; readonly body: ReadableStream<Uint8Array>; readonly type: PictureType }
  /** The picture is broken, or what is wanted of it cannot be done: what it says, for people. */
  | { readonly kind: 'refused'; readonly because: string }
  | { readonly kind: 'failed' }
