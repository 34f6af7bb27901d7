import fc from 'fast-check'
import { describe, expect, it, test } from 'vitest'
import { type Sniffed, sniff } from '../../../shared/image/sniff.ts'
import { claimingPng, movingAvif, movingPng, type Sample, sample, samples } from './samples.ts'

/** Short enough for a table. */
function told(sniffed: Sniffed): string {
  switch (sniffed.kind) {
    case 'picture': {
      const { type, width, height, isAnimated } = sniffed.picture
      return `${type} ${width}×${height}${isAnimated ? ' moving' : ''}`
    }
    case 'more':
      return `more ${sniffed.type ?? ''}`.trim()
    case 'refused':
      return `${sniffed.because}: ${sniffed.detail}`
    default:
      return sniffed satisfies never
  }
}

const expected: Record<Sample, string> = {
  jpeg: 'image/jpeg 40×30',
  'progressive jpeg': 'image/jpeg 40×30',
  'jpeg held sideways': 'image/jpeg 30×40',
  png: 'image/png 40×30',
  'interlaced png': 'image/png 40×30',
  gif: 'image/gif 40×30',
  'moving gif': 'image/gif 40×30 moving',
  'gif once': 'image/gif 40×30 moving',
  'moving webp': 'image/webp 40×30 moving',
  'lossy webp': 'image/webp 40×30',
  'lossless webp': 'image/webp 40×30',
  'webp with transparency': 'image/webp 40×30',
  avif: 'image/avif 40×30',
  'avif with transparency': 'image/avif 40×30',
}

const all = [
  ...samples.map((name) => [name, sample(name)] as const),
  ['moving png', movingPng()] as const,
  ['moving avif', movingAvif()] as const,
]

describe('real pictures', () => {
  test.each(samples)('%s', (name) => expect(told(sniff(sample(name)))).toBe(expected[name]))

  test('a PNG that moves', () => expect(told(sniff(movingPng()))).toBe('image/png 40×30 moving'))
  test('an AVIF that moves', () => expect(told(sniff(movingAvif()))).toBe('image/avif 40×30 moving'))
  test('a PNG of a hundred million pixels', () =>
    expect(told(sniff(claimingPng(10_000, 10_000)))).toBe('image/png 10000×10000'))

  test.each(all)('of %s: each beginning says the same as all of it, or that more is needed', (_, file) => {
    const whole = told(sniff(file))
    const type = whole.split(' ')[0]!
    for (let length = 0; length < file.length; length++) {
      expect(['more', `more ${type}`, whole]).toContain(told(sniff(file.subarray(0, length))))
    }
  })

  test.each(all)('%s, at another place in memory', (_, file) => {
    const shifted = new Uint8Array([7, 7, 7, ...file]).subarray(3)
    expect(told(sniff(shifted))).toBe(told(sniff(file)))
  })
})

describe('what a file of GIF may hide behind its header', () => {
  test('a frame larger than the screen', () => {
    const file = sample('gif')
    const frame = file.indexOf(0x2c, 13)
    file.writeUInt16LE(30_000, frame + 5)
    expect(told(sniff(file))).toBe('image/gif 30000×30')
  })
})

describe('the size of an AVIF', () => {
  it('is that of the largest of its items', () => {
    const file = sample('avif with transparency')
    const last = file.lastIndexOf('ispe')
    file.writeUInt32BE(20_000, last + 8)
    expect(told(sniff(file))).toBe('image/avif 20000×30')
  })
})

describe('what is no picture', () => {
  const bytes = (text: string) => Buffer.from(text, 'latin1')
  const unknown = 'unknown: The file is no JPEG, PNG, GIF, WebP or AVIF, whatever its name is.'
  const svg = 'svg: The file is an SVG, a document that can run scripts: render it first.'

  test.each([
    ['nothing', bytes(''), unknown],
    ['text', bytes('Hello, I am a picture, says my name.'), unknown],
    ['a page', bytes('<!DOCTYPE html><html><body>Hello</body></html>'), unknown],
    ['an SVG', bytes('<svg xmlns="http://www.w3.org/2000/svg"/>'), svg],
    ['an SVG with a prologue', bytes('\xef\xbb\xbf<?xml version="1.0"?>\n<!-- c -->\n<svg/>'), svg],
    ['BMP', bytes(`BM${'\0'.repeat(60)}`), unknown],
    ['HEIC', bytes('\0\0\0\x18ftypheic\0\0\0\0mif1heic'), unknown],
    ['other RIFF', bytes('RIFF\x10\0\0\0WAVEfmt \0\0\0\0'), unknown],
    [
      'a signature and nothing more',
      bytes('\x89PNG\r\n\x1a\n'),
      'broken: The file begins like a picture (png), but ends before it has said what it is.',
    ],
    [
      'a PNG without its header',
      bytes('\x89PNG\r\n\x1a\n\0\0\0\x0dIDAT????'),
      'broken: The file begins like a picture (png), but does not begin with its header.',
    ],
    [
      'a PNG of no width',
      claimingPng(0, 10),
      'broken: The file begins like a picture (png), but has a width or height of nothing.',
    ],
    [
      'a JPEG of text',
      bytes('\xff\xd8\xff\xe0\0\x04abHello'),
      'broken: The file begins like a picture (jpeg), but has no marker where one must stand.',
    ],
    [
      'a JPEG whose scan comes first',
      bytes('\xff\xd8\xff\xda\0\x04abcdef'),
      'broken: The file begins like a picture (jpeg), but has no frame header.',
    ],
    [
      'a GIF without pixels',
      bytes('GIF89a\x01\0\x01\0\0\0\0;'),
      'broken: The file begins like a picture (gif), but has no pixels.',
    ],
    [
      'a WebP of an unknown chunk',
      bytes('RIFF\x40\0\0\0WEBPABCD\0\0\0\0abcdefghij'),
      'broken: The file begins like a picture (webp), but has no frame.',
    ],
    [
      'an AVIF of no size',
      bytes('\0\0\0\x14ftypavif\0\0\0\0mif1\0\0\0\x0cmeta\0\0\0\0\0\0\0\x08free'),
      'broken: The file begins like a picture (avif), but says nowhere how large it is.',
    ],
  ])('%s', (_, file, verdict) => expect(told(sniff(file, true))).toBe(verdict))
})

describe('hostile bytes', () => {
  const verdictOf = (file: Uint8Array) => {
    const whole = sniff(file, true)
    expect(whole.kind).not.toBe('more')
    if (whole.kind === 'picture') {
      expect(whole.picture.width).toBeGreaterThan(0)
      expect(whole.picture.height).toBeGreaterThan(0)
    }
  }

  it('never throw, and always get a verdict', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), verdictOf), { numRuns: 2000 })
  })

  it('nor do pictures with some bytes changed, some taken out and some cut off', () => {
    const change = fc.record({ at: fc.nat(), byte: fc.oneof(fc.constantFrom(0, 1, 0xff), fc.nat(255)) })
    const damaged = fc.tuple(
      fc.constantFrom(...all.map(([, file]) => file)),
      fc.array(change, { maxLength: 8 }),
      fc.nat(),
      fc.nat(9),
      fc.nat(),
    )
    const property = fc.property(damaged, ([file, changes, from, taken, end]) => {
      const copy = Uint8Array.from(file)
      for (const { at, byte } of changes) copy[at % copy.length] = byte
      const cut = from % copy.length
      verdictOf(
        new Uint8Array([...copy.subarray(0, cut), ...copy.subarray(cut + taken)]).subarray(0, 1 + (end % copy.length)),
      )
    })
    fc.assert(property, { numRuns: 5000 })
  })

  it('nor a chain of the shortest parts, a megabyte long', () => {
    const repeat = (start: string, part: string) => Buffer.from(start + part.repeat(1_000_000 / part.length), 'latin1')
    for (const file of [
      repeat('\xff\xd8', '\xff'),
      repeat('\xff\xd8\xff', '\xe0\0\x02\xff'),
      repeat('\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0\0\0\x01\0\0\0\x01\x08\x02\0\0\0crcc', '\0\0\0\0tEXtcrcc'),
      repeat('GIF89a\x01\0\x01\0\0\0\0', '!\xf9\0'),
      repeat('\0\0\0\x14ftypavif\0\0\0\0mif1', '\0\0\0\x08free'),
    ])
      verdictOf(file)
  })
})
