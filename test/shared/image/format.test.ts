import { describe, expect, test } from 'vitest'
import { negotiated, typeFor } from '../../../shared/image/format.ts'
import type { PictureType } from '../../../shared/image/sniff.ts'

describe('the type that a client names', () => {
  test.each([
    ['image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8', 'avif'],
    ['image/webp,image/png,*/*;q=0.5', 'webp'],
    ['image/avif;q=0.5,image/webp', 'webp'],
    ['image/avif;q=0,image/webp;q=0', 'auto'],
    ['IMAGE/WebP', 'webp'],
    ['*/*', 'auto'],
    ['image/*', 'auto'],
    ['text/html', 'auto'],
    ['image/webp;level=1', 'auto'],
    ['', 'auto'],
    [null, 'auto'],
  ])('%j', (accept, format) => expect(negotiated({ format: 'auto' }, accept).format).toBe(format))

  test('is not asked where the options say which', () => {
    expect(negotiated({ format: 'png' }, 'image/avif')).toEqual({ format: 'png' })
    expect(negotiated({ width: 3 }, 'image/avif')).toEqual({ width: 3 })
  })
})

describe('the type that is made', () => {
  test.each<[format: 'auto' | 'webp' | undefined, original: PictureType, made: PictureType]>([
    [undefined, 'image/jpeg', 'image/jpeg'],
    [undefined, 'image/avif', 'image/avif'],
    [undefined, 'image/gif', 'image/png'],
    ['auto', 'image/jpeg', 'image/jpeg'],
    ['auto', 'image/webp', 'image/png'],
    ['webp', 'image/jpeg', 'image/webp'],
  ])('%s of %s', (format, original, made) => {
    expect(typeFor(format === undefined ? {} : { format }, original)).toBe(made)
  })
})
