// Pictures are made by the Images binding of the platform.

import { pointOf } from '../../shared/image/gravity.ts'
import type { ImageOptions } from '../../shared/image/options.ts'
import { type PictureType, pictureTypes } from '../../shared/image/sniff.ts'
import type { ImagePort, Made } from '../ports/image-port.ts'
import { late, orLate } from '../within.ts'

/** Until the first bytes of what it makes: it reads the original from wherever that comes meanwhile. */
const patienceMs = 25_000

/** Undefined where nothing is bound. */
export function imagesBinding(binding: ImagesBinding | undefined): ImagePort | undefined {
  return binding && { make: (original, wanted, type) => make(binding, original, wanted, type) }
}

async function make(
  binding: ImagesBinding,
  original: ReadableStream<Uint8Array>,
  wanted: ImageOptions,
  type: PictureType,
): Promise<Made> {
  const output = { format: type, ...(wanted.quality !== undefined && { quality: wanted.quality }), anim: false }
  try {
    const result = await orLate(patienceMs, binding.input(original).transform(transformOf(wanted)).output(output))
    if (result !== late) return { kind: 'made', body: result.image(), type: typeOf(result.contentType()) }
    console.warn(`The Images binding gave nothing within ${patienceMs} ms.`)
  } catch (error) {
    if (isRefusal(error)) return { kind: 'refused', because: error.message }
    console.warn('The Images binding failed:', error)
  }
  return { kind: 'failed' }
}

/** In the binding's words. */
function transformOf({ format: _, quality: __, gravity, ...rest }: ImageOptions): ImageTransform {
  const place = gravity && (pointGravity(gravity) ?? gravity)
  return { ...rest, ...(place !== undefined && { gravity: place }) } as ImageTransform
}

function pointGravity(gravity: string): ImageTransform['gravity'] | undefined {
  const point = pointOf(gravity)
  return point && { ...point, mode: 'box-center' }
}

/**
 * What speaks against the picture or what is wanted of it, and not against the platform: options that it does not take
 * (9401), too large (9402, 9413), no picture (9412), a type that it does not take (9520), broken (9523).
 */
const refusals = new Set([9401, 9402, 9412, 9413, 9520, 9523])

function isRefusal(error: unknown): error is Error {
  return error instanceof Error && 'code' in error && refusals.has(error.code as number)
}

/** The platform may give another type than the one that was asked for: a large AVIF becomes a WebP. */
function typeOf(contentType: string): PictureType {
  const type = pictureTypes.find((each) => contentType.startsWith(each))
  if (type === undefined) throw new Error(`The Images binding made something of the type ${contentType}.`)
  return type
}
