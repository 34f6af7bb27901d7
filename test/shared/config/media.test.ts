import { describe, expect, test } from 'vitest'
import { parseDocument } from '../../../shared/config/parse.ts'
import { errorsOf, smallest } from './example.ts'

const thumbnails = (card: object) => ({ thumbnails: { card } })

describe('the section "media"', () => {
  test.each<[title: string, fields: object, place: string, message: string]>([
    ['no bytes', { maxBytes: 0 }, 'maxBytes', 'must be a whole number from 1 to 104857600; got 0'],
    ['no types', { types: [] }, 'types', 'must not be empty: name at least one media type'],
    ['another reader', { read: 'all' }, 'read', 'must be one of open, closed; got "all"'],
    [
      'a year and more',
      { cacheSeconds: 31_536_001 },
      'cacheSeconds',
      'must be a whole number from 0 to 31536000; got 31536001',
    ],
    ['a name with a dot', { thumbnails: { 'a.b': { width: 1 } } }, 'thumbnails["a.b"]', 'is not a pool name'],
    [
      'no size',
      thumbnails({ format: 'webp' }),
      'thumbnails.card',
      'must have a width or a height, such as {"width": 320, "height": 240, "fit": "cover"}',
    ],
    [
      'any format',
      thumbnails({ width: 1, format: 'auto' }),
      'thumbnails.card',
      'cannot have the format "auto": name one, such as "webp"',
    ],
  ])('%s', (_, fields, place, message) => {
    const [error, ...others] = errorsOf({ ...smallest(), media: fields })
    expect([error?.[0], others]).toEqual([`media.${place}`, []])
    expect(error?.[1]).toContain(message)
  })

  test('a thumbnail is a WebP unless it says otherwise', () => {
    const parsed = parseDocument({
      ...smallest(),
      media: { thumbnails: { card: { width: 320 }, print: { height: 9, format: 'png' } } },
    })
    expect(parsed.ok && parsed.value.config.media.thumbnails).toEqual({
      card: { width: 320, format: 'webp' },
      print: { height: 9, format: 'png' },
    })
  })
})
