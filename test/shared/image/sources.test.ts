import { describe, expect, test } from 'vitest'
import { compileSources, formatSource, queryOfSource, type Source } from '../../../shared/image/sources.ts'
import type { Result } from '../../../shared/result.ts'

const { parse, redirected } = compileSources([
  'pool:web',
  'pool:private/open/*',
  'https://cdn.example.com/photos/*',
  'https://*.images.example/*',
  'https://*/shared/*',
  'http://127.0.0.1:8080/*',
])

const told = (source: Result<Source, { readonly because: string }>): string =>
  source.ok ? `${formatSource(source.value)}${queryOfSource(source.value)}` : source.error.because

describe('what a URL names', () => {
  test.each([
    ['a.jpg', '', 'pool:web/a.jpg'],
    ['photos/a.jpg', '?v=2', 'pool:web/photos/a.jpg?v=2'],
    ['pool:web/a.jpg', '', 'pool:web/a.jpg'],
    ['pool:private/open/a.jpg', '', 'pool:private/open/a.jpg'],
    ['pool:private/a.jpg', '', 'forbidden'],
    ['pool:private/open/../a.jpg', '', 'forbidden'],
    ['pool:other/a.jpg', '', 'forbidden'],
    ['pool:a.jpg', '', 'unreadable'],
    ['pool:/a.jpg', '', 'unreadable'],
    ['_weir/api/config', '', 'forbidden'],
    ['pool:web/%5Fweir/api/config', '', 'forbidden'],
    ['pool:web/a%2f..%2fb', '', 'unreadable'],
    ['https://cdn.example.com/photos/a.jpg', '?v=2', 'https://cdn.example.com/photos/a.jpg?v=2'],
    ['HTTPS://CDN.example.com:443/photos/%61.jpg', '', 'https://cdn.example.com/photos/a.jpg'],
    ['https%3A%2F%2Fcdn.example.com%2Fphotos%2Fa.jpg%3Fv=2', '', 'https://cdn.example.com/photos/a.jpg?v=2'],
    ['https%3A%2F%2F%', '', 'unreadable'],
    ['https://cdn.example.com/a.jpg', '', 'forbidden'],
    ['https://cdn.example.com/photos/../a.jpg', '', 'forbidden'],
    ['https://cdn.example.com:8443/photos/a.jpg', '', 'forbidden'],
    ['http://cdn.example.com/photos/a.jpg', '', 'forbidden'],
    ['https://cdn.example.com.evil.example/photos/a.jpg', '', 'forbidden'],
    ['https://cdn.example.com@evil.example/photos/a.jpg', '', 'unreadable'],
    ['https://evil.example\\@cdn.example.com/photos/a.jpg', '', 'forbidden'],
    ['https://a.images.example/x', '', 'https://a.images.example/x'],
    ['https://images.example/x', '', 'forbidden'],
    ['https://www.example/shared/x', '', 'https://www.example/shared/x'],
    ['http://127.0.0.1:8080/x', '', 'http://127.0.0.1:8080/x'],
    ['http://2130706433:8080/x', '', 'http://127.0.0.1:8080/x'],
    ['http://127.0.0.1:8081/x', '', 'forbidden'],
    ['http://127.0.0.2:8080/x', '', 'forbidden'],
  ])('%s%s', (text, query, expected) => expect(told(parse(text, query))).toBe(expected))
})

describe('where any host is allowed, none of a private network', () => {
  test.each([
    'localhost',
    'intranet',
    'printer.local',
    'db.internal',
    'a.localhost',
    'router.home.arpa',
    '127.0.0.1',
    '10.0.0.1',
    '8.8.8.8',
    '2130706433',
    '0x7f000001',
    '0177.0.0.1',
    '127.1',
    '[::1]',
    '[::ffff:127.0.0.1]',
    '[::ffff:7f00:1]',
    '[fe80::1]',
    '[fd00::1]',
    '127.0.0.1.',
    'localhost.',
    '①②⑦.0.0.1',
  ])('%s', (host) => expect(told(parse(`https://${host}/shared/a.jpg`, ''))).toMatch(/^(forbidden|unreadable)$/))
})

describe('where a redirect leads', () => {
  const pool: Source = { kind: 'pool', pool: 'private', target: '/open/a.jpg?v=2' }
  const url: Source = { kind: 'url', origin: 'https://cdn.example.com', target: '/photos/a/b.jpg' }
  const own = ['http://10.0.0.1:8080', 'https://www.example.com']

  test.each<[Source, string, string]>([
    [pool, '/open/b.jpg', 'pool:private/open/b.jpg'],
    [pool, 'b.jpg?w=1#part', 'pool:private/open/b.jpg?w=1'],
    [pool, '../b.jpg', 'forbidden'],
    [pool, 'http://10.0.0.1:8080/open/b.jpg', 'pool:private/open/b.jpg'],
    [pool, 'https://www.example.com/open/b.jpg', 'pool:private/open/b.jpg'],
    [pool, 'https://www.example.com/_weir/image/width=1/open/a.jpg', 'forbidden'],
    [pool, 'http://10.0.0.2:8080/open/b.jpg', 'forbidden'],
    [pool, '//evil.example/open/b.jpg', 'forbidden'],
    [pool, '/\\evil.example/open/b.jpg', 'forbidden'],
    [pool, 'https://cdn.example.com/photos/b.jpg', 'https://cdn.example.com/photos/b.jpg'],
    [pool, 'pool:web/a.jpg', 'unreadable'],
    [pool, 'data:image/png,a', 'unreadable'],
    [pool, 'file:///etc/passwd', 'unreadable'],
    [pool, 'https://', 'unreadable'],
    [url, '../c.jpg', 'https://cdn.example.com/photos/c.jpg'],
    [url, '/c.jpg', 'forbidden'],
    [url, 'http://cdn.example.com/photos/c.jpg', 'forbidden'],
    [url, 'http://10.0.0.1:8080/open/b.jpg', 'forbidden'],
    [url, 'https://[::ffff:7f00:1]/shared/c.jpg', 'forbidden'],
    [url, 'https://a:b@cdn.example.com/photos/c.jpg', 'unreadable'],
  ])('from %j to %s', (from, location, expected) => expect(told(redirected(from, location, own))).toBe(expected))
})

test('without a pool in the list a path alone names nothing', () => {
  expect(told(compileSources(['https://cdn.example.com/*']).parse('a.jpg', ''))).toBe('unreadable')
  expect(told(compileSources([]).parse('https://cdn.example.com/a.jpg', ''))).toBe('forbidden')
})
