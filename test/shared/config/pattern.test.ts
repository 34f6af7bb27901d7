import fc from 'fast-check'
import { describe, expect, it, test } from 'vitest'
import { checkHost, checkPath, compileHost, compilePath } from '../../../shared/config/pattern.ts'
import { canonicalTarget } from '../../../shared/http/target.ts'

describe('compileHost', () => {
  test.each([
    ['* takes any host', '*', 'www.example.com', true],
    ['an exact host', 'www.example.com', 'www.example.com', true],
    ['not another host', 'www.example.com', 'example.com', false],
    ['not a longer host', 'example.com', 'example.com.evil.test', false],
    ['a subdomain', '*.example.com', 'www.example.com', true],
    ['a subdomain of a subdomain', '*.example.com', 'a.b.example.com', true],
    ['not the apex', '*.example.com', 'example.com', false],
    ['not an empty label', '*.example.com', '.example.com', false],
    ['not a host that only ends alike', '*.example.com', 'badexample.com', false],
  ])('%s', (_title, pattern, host, expected) => {
    expect(compileHost(pattern)(host)).toBe(expected)
  })
})

const SPELLING = 'hosts are lower case, in punycode, without a port or a final dot: write it as'

describe('checkHost', () => {
  test.each([
    '*',
    'localhost',
    'www.example.com',
    '*.example.com',
    '127.0.0.1',
    '[::1]',
    'a_b.example.com',
    'xn--bcher-kva.example',
  ])('%s is fine', (pattern) => {
    expect(checkHost(pattern)).toBeUndefined()
  })

  test.each([
    ['upper case', 'WWW.Example.com', `${SPELLING} "www.example.com"`],
    ['a port', 'www.example.com:8080', `${SPELLING} "www.example.com"`],
    ['a port after IPv6', '[::1]:80', `${SPELLING} "[::1]"`],
    ['a final dot', 'www.example.com.', `${SPELLING} "www.example.com"`],
    ['not ASCII', 'bücher.example', `${SPELLING} "xn--bcher-kva.example"`],
    ['not ASCII under a star', '*.Bücher.example', `${SPELLING} "*.xn--bcher-kva.example"`],
    ['a short IPv4 address', '127.1', `${SPELLING} "127.0.0.1"`],
    ['a long IPv6 address', '[0:0::1]', `${SPELLING} "[::1]"`],
    ['a URL', 'https://www.example.com', 'must be a host name alone, such as "www.example.com"'],
    ['a path', 'www.example.com/a', 'must be a host name alone, such as "www.example.com"'],
    ['a user', 'me@example.com', 'must be a host name alone, such as "www.example.com"'],
    ['a star inside', 'www.*.com', 'may have "*" only alone or as the first label, as in "*.example.com"'],
    ['half a label', '*example.com', 'may have "*" only alone or as the first label, as in "*.example.com"'],
    ['two stars', '*.*.com', 'may have "*" only alone or as the first label, as in "*.example.com"'],
    ['nothing', '', 'must be "*", a host name such as "www.example.com", or "*.example.com"; got ""'],
    ['an empty label', 'a..b', 'must be "*", a host name such as "www.example.com", or "*.example.com"; got "a..b"'],
    [
      'no such address',
      '256.1.1.1',
      'must be "*", a host name such as "www.example.com", or "*.example.com"; got "256.1.1.1"',
    ],
  ])('%s', (_title, pattern, expected) => {
    expect(checkHost(pattern)).toBe(expected)
  })

  it('takes only what the URL parser leaves as it is', () => {
    fc.assert(
      fc.property(fc.oneof(fc.domain(), fc.webAuthority(), fc.string()), (host) => {
        if (host.startsWith('*') || checkHost(host) !== undefined) return
        expect(new URL(`http://${host}/`).host).toBe(host)
      }),
    )
  })
})

describe('compilePath', () => {
  test.each([
    ['exact', '/static', '/static', true],
    ['exact, not a prefix', '/static', '/static/', false],
    ['a final star takes what follows', '/static/*', '/static/a/b.css', true],
    ['a star may be empty', '/static/*', '/static/', true],
    ['a final star needs the slash before it', '/static/*', '/static', false],
    ['/* takes everything', '/*', '/', true],
    ['a star in the middle crosses slashes', '/a/*/z', '/a/b/c/z', true],
    ['a star in the middle, other end', '/a/*/z', '/a/b/c/y', false],
    ['a suffix', '/*.css', '/a/b.css', true],
    ['a suffix at the end only', '/*.css', '/a/b.css.map', false],
    ['the last of several places', '/*ab', '/abab', true],
    ['a run of stars is one', '/a**b', '/ab', true],
    ['a dot is a dot', '/a.css', '/abcss', false],
    ['a plus and brackets are themselves', '/a+(b)', '/a+(b)', true],
    ['a name takes a segment', '/users/:id', '/users/7', true],
    ['not an empty one', '/users/:id', '/users/', false],
    ['not two', '/users/:id', '/users/7/edit', false],
    ['a name in the middle', '/users/:id/edit', '/users/7/edit', true],
    ['two names', '/:a/:b', '/x/y', true],
    ['a name, then a star', '/:a/*', '/x/y/z', true],
    ['a star, then a name', '/*/x/:id', '/a/x/b/x/c', true],
    ['a star, then a name, nothing in it', '/*/x/:id', '/a/x/b/x/', false],
    ['a colon inside a segment is itself', '/a:b', '/a:b', true],
    ['the case counts', '/A', '/a', false],
    ['percent-encoded text is text', '/caf%C3%A9/*', '/caf%C3%A9/x', true],
  ])('%s', (_title, pattern, path, expected) => {
    expect(compilePath(pattern)(path)).toBe(expected)
  })

  const pieces = fc.array(fc.constantFrom('/', 'a', 'b', '*', '/:x/', '.', '**'), { maxLength: 10 })
  const paths = fc.array(fc.constantFrom('/', 'a', 'b', '.'), { maxLength: 14 })

  it('agrees with the same pattern as a regular expression', () => {
    fc.assert(
      fc.property(pieces, paths, (pattern, path) => {
        const glob = `/${pattern.join('')}`
        const source = glob
          .replace(/[.]/g, '\\.')
          .replace(/\*+/g, '.*')
          .replace(/(?<=\/):x/g, '[^/]+')
        const text = `/${path.join('')}`
        expect(compilePath(glob)(text)).toBe(new RegExp(`^${source}$`).test(text))
      }),
      { numRuns: 5000 },
    )
  })

  test.each([
    ['stars and letters', `/${'*a'.repeat(400)}b`, `/${'a'.repeat(16_000)}`],
    ['stars and names', `/${'*/:x/'.repeat(100)}b`, `/${'a/'.repeat(8000)}`],
    ['a long text after a star', `/*${'a'.repeat(500)}b`, `/${'a'.repeat(16_000)}`],
  ])('hostile: %s', (_title, pattern, path) => {
    const matches = compilePath(pattern)
    const started = performance.now()
    expect(matches(path)).toBe(false)
    expect(performance.now() - started).toBeLessThan(500)
  })
})

const CANONICAL = 'paths are matched in their canonical form: write it as'
const DOTS = 'must have no "." or ".." segment: requests have none left when they are matched'
const NAME = 'has a ":" that no whole name follows: ":name" takes a whole segment, for a part of one use "*"'

describe('checkPath', () => {
  test.each([
    '/',
    '/*',
    '/static/*',
    '/users/:id/edit',
    '/caf%C3%A9/*',
    '/a:b',
    "/!$&'()+,;=@-._~",
    '/%2Fa',
    '/a[1]|',
    '/...',
  ])('%s is fine', (pattern) => {
    expect(checkPath(pattern)).toBeUndefined()
  })

  test.each([
    ['no slash', 'static/*', 'must start with "/"; got "static/*"'],
    ['nothing', '', 'must start with "/"; got ""'],
    ['not ASCII', '/café/*', `${CANONICAL} "/caf%C3%A9/*"`],
    ['beyond the first plane', '/😀', `${CANONICAL} "/%F0%9F%98%80"`],
    ['half a character', '/\ud800', `${CANONICAL} "/%EF%BF%BD"`],
    ['lower-case hex', '/caf%c3%a9', `${CANONICAL} "/caf%C3%A9"`],
    ['encoded though unreserved', '/%7Eme', `${CANONICAL} "/~me"`],
    ['a lone percent sign', '/100%', `${CANONICAL} "/100%25"`],
    ['a space', '/a b', `${CANONICAL} "/a%20b"`],
    ['a quotation mark', '/"a"', `${CANONICAL} "/%22a%22"`],
    ['a backslash', '/a\\b', `${CANONICAL} "/a/b"`],
    ['a line break', '/a\nb', `${CANONICAL} "/ab"`],
    ['a query', '/a?b=1', 'must be a path alone, without "?" or "#": patterns do not match the query'],
    ['a fragment', '/a#b', 'must be a path alone, without "?" or "#": patterns do not match the query'],
    ['a dot segment', '/a/./b', DOTS],
    ['two dots', '/a/..', DOTS],
    ['two dots, encoded', '/a/%2e%2E/b', DOTS],
    ['a colon alone', '/:', NAME],
    ['a name and more', '/:id.json', NAME],
    ['a name and a star', '/:id*', NAME],
    ['a name that starts with a digit', '/:1', NAME],
    ['too long', `/${'a'.repeat(1024)}`, 'must have at most 1024 characters; got 1025'],
  ])('%s', (_title, pattern, expected) => {
    expect(checkPath(pattern)).toBe(expected)
  })

  it('takes only what a request can look like', () => {
    const text = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.webPath(),
      fc.string({ unit: fc.constantFrom(...'%2fE[]|^ "a') }),
    )
    fc.assert(
      fc.property(text, (path) => {
        const target = canonicalTarget(`http://host/${path}`)
        if (checkPath(`/${path}`) === undefined && target.ok) expect(target.value.path).toBe(`/${path}`)
      }),
      { numRuns: 2000 },
    )
  })

  it('takes whatever a request does look like', () => {
    fc.assert(
      fc.property(fc.webPath(), (path) => {
        const target = canonicalTarget(`http://host/${path}`)
        if (!target.ok || /[*:]/.test(target.value.path)) return
        expect(checkPath(target.value.path)).toBeUndefined()
        expect(compilePath(target.value.path)(target.value.path)).toBe(true)
      }),
    )
  })

  it('never throws, and takes back the spelling it shows', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const [, spelling] = /write it as (".*")$/.exec(checkPath(`/${text}`) ?? '') ?? []
        if (spelling !== undefined) expect(checkPath(JSON.parse(spelling)) ?? NAME).toBe(NAME)
      }),
    )
  })
})
