import { describe, expect, it, test } from 'vitest'
import { parseDocument } from '../../../shared/config/parse.ts'
import { errorsOf, smallest } from './example.ts'

const withImages = (images: unknown) => ({ ...smallest(), images })

function imagesOf(images: unknown) {
  const parsed = parseDocument(withImages(images))
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.error))
  return parsed.value.config.images
}

const forms =
  'must be "pool:NAME", a part of one as in "pool:NAME/photos/*", or a URL such as "https://cdn.example.com/photos/*"'
const colours = (got: string) =>
  `must be a colour such as "#ff8800", "#ff880080", "white" or "rgb(255,136,0)" (in a URL: %23ff8800); got "${got}"`

describe('images', () => {
  test.each<[title: string, images: object, place: string, message: string]>([
    ['no source', { sources: ['photos'] }, 'sources[0]', forms],
    ['a source of another scheme', { sources: ['ftp://a.example.com/*'] }, 'sources[0]', forms],
    ['a source without a path', { sources: ['https://a.example.com'] }, 'sources[0]', forms],
    ['a source with a password', { sources: ['https://a:b@example.com/*'] }, 'sources[0]', forms],
    [
      'a source without TLS',
      { sources: ['http://a.example.com/*'] },
      'sources[0]',
      'must start with "https://": only a host on loopback may do without',
    ],
    [
      'a host in capitals',
      { sources: ['https://A.example.com/*'] },
      'sources[0]',
      'hosts are lower case, in punycode, without a port or a final dot: write it as "a.example.com"',
    ],
    [
      'a query in a source',
      { sources: ['https://a.example.com/*?a'] },
      'sources[0]',
      'must be a path alone, without "?" or "#": patterns do not match the query',
    ],
    [
      'a private host',
      { sources: ['https://10.0.0.5/*', 'pool:web'] },
      'sources[0]',
      'must name a host of the public internet, and not by its address',
    ],
    [
      'the names of a private network',
      { sources: ['https://*.corp.internal/*'] },
      'sources[0]',
      'must name a host of the public internet, and not by its address',
    ],
    ['an unknown pool', { sources: ['pool:wep'] }, 'sources[0]', 'names no pool: the pools are web; got "wep"'],
    [
      'a source that stands there twice',
      { sources: ['pool:web', 'pool:web'] },
      'sources[1]',
      'names the source "pool:web" a second time: remove it',
    ],
    [
      'a preset of an unknown option',
      { presets: { card: { widht: 3, height: 3 } } },
      'presets.card.widht',
      'unknown field "widht": did you mean "width"?',
    ],
    [
      'a preset of a wrong option',
      { presets: { card: { width: 0 } } },
      'presets.card.width',
      'must be a whole number from 1 to 12000; got 0',
    ],
    [
      'a preset of an unknown fit',
      { presets: { card: { fit: 'squeeze' } } },
      'presets.card.fit',
      'must be one of scale-down, contain, cover, crop, pad; got "squeeze"',
    ],
    [
      'a preset of an unknown colour',
      { presets: { card: { background: 'whiteish' } } },
      'presets.card.background',
      colours('whiteish'),
    ],
    [
      'a preset that asks for nothing',
      { presets: { card: { fit: 'scale-down' } } },
      'presets.card',
      'ask for nothing: name a width, a height or a format at least',
    ],
    [
      'a preset beyond the bounds',
      { presets: { card: { width: 300, dpr: 2 } }, maxWidth: 500 },
      'presets.card',
      'makes pictures of more than "maxWidth" × "maxHeight" (500 × 4096): make it smaller, or raise them',
    ],
    [
      'a preset of a wrong name',
      { presets: { 'my card': { width: 3 } } },
      'presets["my card"]',
      'is no name for a preset: use 1 to 64 letters, digits, "_" or "-"; got "my card"',
    ],
    ['too many pixels', { maxPixels: 1e9 }, 'maxPixels', 'must be a whole number from 1 to 250000000; got 1000000000'],
  ])('%s', (_, images, place, message) => expect(errorsOf(withImages(images))).toEqual([[`images.${place}`, message]]))

  it('keeps a preset in its one spelling', () => {
    const presets = { card: { width: 160, dpr: 2, fit: 'cover', gravity: '0.5x0.50', background: 'White', rotate: 0 } }
    expect(imagesOf({ presets }).presets).toEqual({
      card: { width: 320, fit: 'cover', background: '#ffffff' },
    })
  })

  it('takes sources of all kinds', () => {
    const sources = [
      'pool:web',
      'pool:web/photos/*',
      'https://*.example.com/*',
      'https://a.example.com:8443/a',
      'http://127.0.0.1:8080/*',
    ]
    expect(imagesOf({ sources }).sources).toEqual(sources)
  })
})
