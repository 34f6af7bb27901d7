import fc from 'fast-check'
import { describe, expect, it, test } from 'vitest'
import { checkPath } from '../../../shared/config/pattern.ts'
import { canonicalTarget, normaliseEscapes, type Target } from '../../../shared/http/target.ts'

const rebuilt = ({ scheme, host, path, query }: Target): string => `${scheme}://${host}${path}${query}`

const canonical = (url: string): string => {
  const target = canonicalTarget(url)
  return target.ok ? rebuilt(target.value) : 'refused'
}

describe('one form for all spellings', () => {
  test.each([
    ['RFC 3986 §6.2.2.1: the scheme in any case', 'HTTP://h/', 'http://h/'],
    ['RFC 3986 §6.2.2.1: the host in any case', 'http://WWW.Example.COM/', 'http://www.example.com/'],
    ['RFC 3986 §6.2.2.1: hexadecimal digits in upper case', 'http://h/a%2fb%3a', 'http://h/a%2Fb%3A'],
    ['RFC 3986 §6.2.2.1: the path keeps its case', 'http://h/Aa', 'http://h/Aa'],
    ['RFC 3986 §6.2.2.2: unreserved characters decoded', 'http://h/%41%7a%30%2d%5f%7e', 'http://h/Az0-_~'],
    ['RFC 3986 §6.2.2.2: reserved ones left alone', 'http://h/%21%2C%40%20', 'http://h/%21%2C%40%20'],
    ['RFC 3986 §6.2.2.2: an encoded percent sign is not decoded', 'http://h/%2541', 'http://h/%2541'],
    ['RFC 3986 §6.2.2.3: dot segments', 'http://h/a/./b/../c', 'http://h/a/c'],
    ['RFC 3986 §6.2.2.3: dot segments beyond the root', 'http://h/../../c', 'http://h/c'],
    ['RFC 3986 §6.2.2.3: encoded dot segments', 'http://h/a/%2e/b/%2E%2e/c', 'http://h/a/c'],
    ['RFC 3986 §6.2.2.3: half encoded dot segments', 'http://h/a/b/.%2e/c', 'http://h/a/c'],
    ['RFC 3986 §6.2.3: no path', 'http://h', 'http://h/'],
    ['RFC 3986 §6.2.3: no path, but a query', 'http://h?a', 'http://h/?a'],
    ['RFC 3986 §6.2.3: the scheme’s own port', 'http://h:80/', 'http://h/'],
    ['RFC 3986 §6.2.3: the scheme’s own port with TLS', 'https://h:443/', 'https://h/'],
    ['RFC 3986 §6.2.3: an empty port', 'http://h:/', 'http://h/'],
    ['another port', 'https://h:80/', 'https://h:80/'],
    ['an empty query', 'http://h/a?', 'http://h/a'],
    ['the query as it was sent', 'http://h/?%41=%2f&b=%zz&&=', 'http://h/?%41=%2f&b=%zz&&='],
    ['a fragment', 'http://h/a?b#c?d', 'http://h/a?b'],
    ['a trailing dot', 'http://h.example./', 'http://h.example/'],
    ['a trailing dot and a port', 'http://h.example.:81/', 'http://h.example:81/'],
    ['an internationalised name', 'http://BÜCHER.example/ä', 'http://xn--bcher-kva.example/%C3%A4'],
    ['an encoded host', 'http://%65xample.com/', 'http://example.com/'],
    ['an IPv6 address', 'http://[0:0::1]:8080/', 'http://[::1]:8080/'],
    ['an IPv4 address in disguise', 'http://0x7f.1./', 'http://127.0.0.1/'],
    ['an empty user', 'http://@h/', 'http://h/'],
  ])('%s', (_, url, verdict) => expect(canonical(url)).toBe(verdict))

  it('tells the host with its port from the host that routes match', () => {
    expect(canonicalTarget('https://A.example.:8443/p?q')).toEqual({
      ok: true,
      value: { scheme: 'https', host: 'a.example:8443', hostname: 'a.example', path: '/p', query: '?q' },
    })
  })
})

describe('hostile targets', () => {
  test.each([
    ['two slashes are a path, not a host', 'http://h//evil.test/x', 'http://h//evil.test/x'],
    ['backslashes are slashes', 'http://h\\\\evil.test\\x', 'http://h//evil.test/x'],
    ['backslashes and dots', 'http://h/a\\..\\b', 'http://h/b'],
    ['a dot segment behind an encoded slash', 'http://h/a/..%2fb', 'refused'],
    ['a dot segment before an encoded slash at the end', 'http://h/a%2F..', 'refused'],
    ['an encoded dot segment behind an encoded slash', 'http://h/a%2f%2e%2e%2fb', 'refused'],
    ['a single dot between encoded slashes', 'http://h/a%2f.%2fb', 'refused'],
    ['a dot segment behind an encoded backslash', 'http://h/a/..%5cb', 'refused'],
    ['an encoded dot segment behind an encoded backslash', 'http://h/%5c%2e%2e%5cb', 'refused'],
    ['an encoded slash alone stays what it is', 'http://h/a%2fb', 'http://h/a%2Fb'],
    ['dots that are no segment', 'http://h/a..%2f...b', 'http://h/a..%2F...b'],
    ['NUL', 'http://h/a%00.html', 'refused'],
    ['an encoded NUL, encoded again', 'http://h/a%2500', 'http://h/a%2500'],
    ['a broken escape', 'http://h/100%', 'http://h/100%25'],
    ['a broken escape that is followed by no digits', 'http://h/%zz%4', 'http://h/%25zz%254'],
    ['a dot segment put together from broken escapes', 'http://h/a/%%32%65%%32%65/b', 'http://h/a/%252e%252e/b'],
    ['a slash put together from a broken escape', 'http://h/a/..%%32fb', 'http://h/a/..%252fb'],
    ['a user', 'http://user@h/', 'refused'],
    ['a password alone', 'http://:x@h/', 'refused'],
    ['a user and a password', 'http://h:80@evil.test/', 'refused'],
    ['an at sign in the path', 'http://h/@evil.test', 'http://h/@evil.test'],
    ['the target of OPTIONS *', 'http://h*', 'refused'],
    ['a star behind the host', 'http://h*/', 'refused'],
    ['an encoded star as host', 'http://%2a/', 'refused'],
    ['an encoded star in a host', 'http://a%2Ab.example/', 'refused'],
    ['a star in the path', 'http://h/*', 'http://h/*'],
    ['no host', 'http:///a', 'refused'],
    ['no host, but a port', 'http://:80/', 'refused'],
    ['no host but a dot', 'http://./', 'refused'],
    ['no host but dots', 'http://../', 'refused'],
    ['two trailing dots', 'http://h../', 'refused'],
    ['a number and two trailing dots', 'http://1../', 'refused'],
    ['a port beyond 65535', 'http://h:65536/', 'refused'],
    ['a port that is none', 'http://h:8o/', 'refused'],
    ['another scheme', 'ftp://h/', 'refused'],
    ['no scheme', '//h/', 'refused'],
    ['a path alone', '/a', 'refused'],
    ['nothing', '', 'refused'],
    ['a space in the host', 'http://a b/', 'refused'],
    ['an encoded slash in the host', 'http://a%2fb/', 'refused'],
    ['an encoded at sign in the host', 'http://a%40b/', 'refused'],
  ])('%s', (_, url, verdict) => expect(canonical(url)).toBe(verdict))

  it('says why in a sentence', () => {
    for (const url of ['http://h/..%2f', 'http://u@h/', 'http://./', 'x']) {
      expect(canonicalTarget(url)).toMatchObject({ ok: false, error: expect.stringMatching(/^The .{15,}\.$/) })
    }
  })
})

describe('whatever is asked', () => {
  const piece = fc.constantFrom(
    ...['/', '\\', '.', '..', '%', '%2', '%2e', '%2E', '%2f', '%5C', '%00', '%25', '%41', '%c3%a4', '%zz', '%%32%65'],
    ...['a', 'Z', '0', '~', ';', ':', '@', '!', "'", '"', ' ', '+', '|', '^', '[', '{', 'ä', '\u{1f600}', '\t'],
  )
  const text = (most: number) => fc.array(piece, { maxLength: most }).map((pieces) => pieces.join(''))
  const host = fc.oneof(
    fc.constantFrom('h', 'H.Example.', '127.1', '[::1]', 'bücher.example', 'a_b', '1..', 'h..', '%2a', 'a%41'),
    text(3),
  )
  const url = fc
    .tuple(fc.constantFrom('http', 'https', 'HTTP'), host, fc.constantFrom('', ':80', ':443', ':0'), text(12), text(6))
    .map(([scheme, name, port, path, query]) => `${scheme}://${name}${port}/${path}?${query}`)

  it('a canonical target is its own canonical form', () => {
    let taken = 0
    const property = fc.property(url, (asked) => {
      const target = canonicalTarget(asked)
      if (!target.ok) return
      taken++
      expect(canonicalTarget(rebuilt(target.value))).toEqual(target)
    })
    fc.assert(property, { numRuns: 3000 })
    expect(taken).toBeGreaterThan(1000)
  })

  it('an origin’s URL parser finds the same path and query, and no other host', () => {
    const property = fc.property(url, (asked) => {
      const target = canonicalTarget(asked)
      if (!target.ok) return
      const { path, query } = target.value
      const forwarded = new URL(`http://origin.test:9000${path}${query}`)
      expect(forwarded.host).toBe('origin.test:9000')
      expect(forwarded.pathname + forwarded.search).toBe(path + query)
    })
    fc.assert(property, { numRuns: 3000 })
  })

  it('the decoded path has no dot segment, whichever slash is decoded', () => {
    const property = fc.property(url, (asked) => {
      const target = canonicalTarget(asked)
      if (!target.ok) return
      const segments = target.value.path.replaceAll(/%2f|%5c/gi, '/').split('/')
      expect(segments.filter((segment) => /^(?:\.|%2e){1,2}$/i.test(segment))).toEqual([])
    })
    fc.assert(property, { numRuns: 3000 })
  })

  it('patterns of routes are written in the same form', () => {
    const property = fc.property(url, (asked) => {
      const target = canonicalTarget(asked)
      // A colon before a name and a star mean something of their own in a pattern.
      if (!target.ok || /[*:]/.test(target.value.path)) return
      expect(checkPath(target.value.path)).toBeUndefined()
    })
    fc.assert(property, { numRuns: 3000 })
  })
})

test('RFC 3986 §6.2.2: normalising escapes twice changes nothing more', () => {
  const text = fc.string({ unit: fc.constantFrom('%', '2', '5', 'e', 'E', 'f', '4', '1', 'z', '/') })
  fc.assert(
    fc.property(text, (escaped) => {
      const once = normaliseEscapes(escaped)
      expect(normaliseEscapes(once)).toBe(once)
    }),
    { numRuns: 3000 },
  )
})
