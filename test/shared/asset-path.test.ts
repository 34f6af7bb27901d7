import { describe, expect, test } from 'vitest'
import { assetCandidates, assetPath, assetTag, assetType, hasHash, isImmutable } from '../../shared/asset-path.ts'

const found = (path: string, fallback?: string) => {
  const candidates = assetCandidates(path, { ...(fallback !== undefined && { fallback }), immutable: [] })
  return candidates.ok ? candidates.value.map(({ name }) => name) : candidates.error
}

test.each([
  ['/', undefined, ['index.html']],
  ['/a/b.css', '/app.html', ['a/b.css']],
  ['/a%20b/%C3%BC.txt', undefined, ['a b/ü.txt']],
  ['/docs/', '/app.html', ['docs/index.html', 'app.html']],
  ['/orders/7', '/deep/app.html', ['orders/7', 'orders/7/index.html', 'deep/app.html']],
  ['/v1.2/orders', '/app.html', ['v1.2/orders', 'v1.2/orders/index.html', 'app.html']],
  ['/docs', undefined, ['docs', 'docs/index.html']],
])('%s with the fallback %s', (path, fallback, names) => expect(found(path, fallback)).toEqual(names))

test.each([
  ['//a', 'The path has an empty segment: write single slashes, and none last.'],
  ['/a%2Fb', 'The path hides a slash behind percent-encoding: write a plain slash.'],
  ['/%FF', 'The path is no UTF-8 when it is decoded: encode its characters as UTF-8.'],
  [`/${'a'.repeat(513)}`, 'The path has 513 bytes; 512 at most are allowed.'],
])('%s names nothing', (path, problem) => expect(found(path)).toBe(problem))

test('one spelling of a path, and one tag without a comma', () => {
  expect(assetPath('a, b/ü.txt')).toBe('/a%2C%20b/%C3%BC.txt')
  expect(assetTag('a, b/ü.txt')).toBe('asset:a%2C%20b/%C3%BC.txt')
})

describe('a hash in the name', () => {
  test.each([
    'app.3f2a9c1b.js',
    'js/main-5N3VQ2KD.css',
    'index-BxW3k9Qz.js',
    'app.3f2a9c1b.js.map',
    'chunk.9e107d9d372bb6826bd81d3542a419d6.min.css',
    'inter-latin-Dx4kXJAl.woff2',
    'hero-C9a1Zt0q.avif',
  ])('%s', (name) => expect(hasHash(name)).toBe(true))

  test.each([
    'index.html',
    'app.js',
    'jquery-datatable.js',
    'app-Version1.js',
    'report-20240101.pdf',
    'report-20240101a.pdf',
    'photo-IMG_20240101.jpg',
    'film-1080p60fps.mp4',
    'lib-1.12.123.js',
    // In the folder, or with nothing in front: it may name a thing whose content changes.
    '3f2a9c1b/app.js',
    '3f2a9c1b.js',
    'item-3f2a9c1b-aaaa-4bbb-8ccc-1234567890ab.jpg',
    'app.3f2a9c1b',
    // Words that begin with capitals.
    'icon-ArrowLeftCircle.svg',
    'photo-iPhone15ProMax.jpg',
    'brand-GitHubLogo2x.png',
    'slide-HeroImageV2Final.webp',
    // Dates that are hexadecimal as well.
    'photo-2024dec31.jpg',
    'photo-01dec2024.jpg',
    // What people have named.
    'posts/a-mill-3f2a9c1b2d4e.html',
    'invoice-4b12c009.pdf',
    'data-4b12c009.csv',
  ])('none: %s', (name) => expect(hasHash(name)).toBe(false))

  test('or a path of which it is said', () => {
    const rule = { immutable: ['/fonts/*'] }
    expect(isImmutable('fonts/a b.woff2', rule)).toBe(true)
    expect(isImmutable('font.woff2', rule)).toBe(false)
  })
})

test.each([
  ['a.HTML', 'text/html; charset=utf-8'],
  ['a.svg', 'image/svg+xml; charset=utf-8'],
  ['a.json', 'application/json'],
  ['a.vtt', 'text/vtt; charset=utf-8'],
  ['a.tar.gz', 'application/gzip'],
  ['a.tar', 'application/octet-stream'],
  ['a.constructor', 'application/octet-stream'],
  ['LICENSE', 'application/octet-stream'],
])('%s is %s', (name, type) => expect(assetType(name)).toBe(type))
