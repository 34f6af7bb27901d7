// What is known of a picture from its first bytes, before anything is decoded.

/** The types that are taken for pictures, as media types. */
export const pictureTypes = ['image/jpeg', 'image/png', 'image/gif', 'image/webp', 'image/avif'] as const

export type PictureType = (typeof pictureTypes)[number]

/** As it is to be seen: turned upright where the file says so. Sizes in pixels, 1 at least. */
export interface Picture {
  readonly type: PictureType
  readonly width: number
  readonly height: number
  readonly isAnimated: boolean
}

export type Sniffed =
  | { readonly kind: 'picture'; readonly picture: Picture }
  /** The bytes given say too little; the type, where they say that much. */
  | { readonly kind: 'more'; readonly type?: PictureType }
  | { readonly kind: 'refused'; readonly because: NoPicture; readonly detail: string }

/** svg: a document that runs and loads. unknown: none of the types above. broken: begins like one of them, and is none. */
export type NoPicture = 'svg' | 'unknown' | 'broken'

/** What one format’s reader says of bytes that begin as it expects: what is broken completes the sentence "but it …". */
export type Reading = Omit<Picture, 'type'> | 'more' | { readonly broken: string }

/** What a header says, unless that is a picture of nothing. */
export function sized(width: number, height: number, isAnimated: boolean): Reading {
  return width > 0 && height > 0 ? { width, height, isAnimated } : { broken: 'has a width or height of nothing' }
}

export const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)

/** Whether `text` (ASCII) stands there. */
export function standsAt(bytes: Uint8Array, at: number, text: string): boolean {
  if (at + text.length > bytes.length) return false
  for (let index = 0; index < text.length; index++) if (bytes[at + index] !== text.charCodeAt(index)) return false
  return true
}

/** Four characters of a name. Never throws: beyond the end nothing stands. */
export const nameAt = (bytes: Uint8Array, at: number): string => String.fromCharCode(...bytes.subarray(at, at + 4))
