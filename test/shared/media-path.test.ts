import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { canonicalTarget } from '../../shared/http/target.ts'
import { mediaPath, mediaTag, mediaTarget, writtenMediaPath } from '../../shared/media-path.ts'

const parsed = (target: string) => {
  const canonical = canonicalTarget(`http://a.test${target}`)
  return canonical.ok ? mediaPath(canonical.value.path) : canonical
}

describe('what names a picture', () => {
  test.each([
    ['/_weir/media/a.jpg', 'a.jpg'],
    ['/_weir/media/items/3/photo.jpg', 'items/3/photo.jpg'],
    ['/_weir/media/Gr%C3%BC%C3%9Fe%20(1).png', 'Grüße (1).png'],
    ['/_weir/media/%41%2e%42', 'A.B'],
    ['/_weir/media/a%252Fb', 'a%2Fb'],
    ['/_weir/media/a+b&c=d', 'a+b&c=d'],
    [`/_weir/media/${'a'.repeat(512)}`, 'a'.repeat(512)],
  ])('%s', (target, path) => {
    expect(parsed(target)).toEqual({ ok: true, value: path })
  })

  test.each([
    '/_weir/media',
    '/_weir/media/',
    '/_weir/media/a/',
    '/_weir/media//a',
    '/_weir/media/a%2Fb',
    '/_weir/media/a%5cb',
    '/_weir/media/%2e%2e%2fa',
    '/_weir/media/a%0a',
    '/_weir/media/a%7f',
    '/_weir/media/a%C2%85',
    '/_weir/media/%ff',
    '/_weir/media/%ED%A0%80',
    `/_weir/media/${'%C3%BC'.repeat(257)}`,
    '/elsewhere/a.jpg',
  ])('%s does not', (target) => {
    expect(parsed(target).ok).toBe(false)
  })
})

const segment = fc
  .string({ unit: 'grapheme', minLength: 1, maxLength: 20 })
  .filter((text) => !/[/\\\p{Cc}\p{Cs}]/u.test(text) && !/^\.\.?$/.test(text))
const path = fc.array(segment, { minLength: 1, maxLength: 4 }).map((segments) => segments.join('/'))

test('a path has one spelling, which names it and no other', () => {
  fc.assert(
    fc.property(path, fc.option(fc.constantFrom('card', 'A-_9'), { nil: undefined }), (given, preset) => {
      const canonical = canonicalTarget(`http://a.test${mediaTarget(given, preset)}`)
      if (!canonical.ok) throw new Error(canonical.error)
      expect(mediaPath(canonical.value.path)).toEqual({ ok: true, value: given })
      expect(`${canonical.value.path}${canonical.value.query}`).toBe(mediaTarget(given, preset))
      expect(new URLSearchParams(canonical.value.query).get('preset')).toBe(preset ?? null)
    }),
  )
})

test('its tag can stand in a list of tags', () => {
  fc.assert(
    fc.property(path, (given) => {
      expect(mediaTag(given)).toMatch(/^media:[!-~]+$/)
      expect(mediaTag(given)).not.toContain(',')
    }),
  )
})

test.each([
  ['items/3.jpg', 'items/3.jpg'],
  ['Grüße 1%.jpg', 'Grüße 1%.jpg'],
  ['/_weir/media/items/Gr%C3%BC%C3%9Fe.jpg?preset=card', 'items/Grüße.jpg'],
  ['https://www.example.com/_weir/media/items/3.jpg', 'items/3.jpg'],
  ['https://www.example.com/elsewhere/3.jpg', undefined],
  ['/elsewhere/3.jpg', undefined],
  ['//', undefined],
  ['http://', undefined],
  ['a//b', undefined],
  ['../a', undefined],
  ['', undefined],
])('what is written as %j names %j', (text, path) => {
  const written = writtenMediaPath(text)
  expect(written.ok ? written.value : undefined).toBe(path)
})
