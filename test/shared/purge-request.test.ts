import { describe, expect, it, test } from 'vitest'
import { parsePurgeRequest } from '../../shared/purge-request.ts'

const parse = (json: unknown, keyedUrls: (url: string) => string[] = () => []) => parsePurgeRequest(json, keyedUrls)

/** What is named, as `kind value`. */
const named = (json: unknown) => {
  const parsed = parse(json)
  return parsed.ok ? parsed.value.map(({ kind, value }) => `${kind} ${value}`) : parsed.error
}

const errors = (json: unknown) => {
  const parsed = parse(json)
  return parsed.ok ? [] : parsed.error.map(({ path, message }) => `${path}: ${message}`)
}

describe('what is named', () => {
  test.each<[string, unknown, string[]]>([
    ['a URL', { urls: ['https://h/a?b'] }, ['url https://h/a?b']],
    ['a URL in another spelling', { urls: ['HTTPS://H.:443/%61/../%2f%5F?B#c'] }, ['url https://h/%2F_?B']],
    ['a URL without a path', { urls: ['http://h'] }, ['url http://h/']],
    ['one URL in two spellings', { urls: ['http://h/a', 'http://H/%61'] }, ['url http://h/a']],
    ['a tag', { tags: ['News:1'] }, ['tag News:1']],
    ['the longest tag', { tags: ['x'.repeat(1024)] }, [`tag ${'x'.repeat(1024)}`]],
    ['everything', { everything: true }, ['everything ']],
    [
      'several kinds',
      { hosts: ['g'], prefixes: ['http://h/'], tags: ['a', 'b'], urls: ['http://h/a'] },
      ['url http://h/a', 'tag a', 'tag b', 'prefix http://h/', 'host g'],
    ],
  ])('%s', (_, json, verdict) => expect(named(json)).toEqual(verdict))

  test.each([
    ['a path', 'https://h/a', 'https://h/a'],
    ['its scheme and host in any case', 'HTTPS://H/A', 'https://h/A'],
    ['the scheme’s own port', 'https://h:443/a', 'https://h/a'],
    ['another port', 'https://h:81/a', 'https://h:81/a'],
    ['a host alone does not begin another', 'https://h', 'https://h/'],
    ['a path that ends in a slash', 'https://h/a/', 'https://h/a/'],
    ['escapes', 'https://h/%61%2f%7E', 'https://h/a%2F~'],
    ['letters beyond ASCII', 'https://h/ä', 'https://h/%C3%A4'],
    ['dot segments', 'https://h/a/../b', 'https://h/b'],
    ['a dot that begins a name', 'https://h/.', 'https://h/.'],
    ['two dots that begin a name', 'https://h/a/..', 'https://h/a/..'],
    ['a dot behind an encoded slash that begins a name', 'https://h/a%2f.', 'https://h/a%2F.'],
    ['a query', 'https://h/a?b', 'https://h/a?b'],
    ['any query', 'https://h/a?', 'https://h/a?'],
    ['a query without a path', 'https://h?a', 'https://h/?a'],
    ['a slash in a query without a path', 'https://h?/', 'https://h/?/'],
    ['a fragment', 'https://h/a#b/c', 'https://h/a'],
    ['a fragment without a path', 'https://h#b', 'https://h/'],
    ['a backslash', 'https://h\\a', 'https://h/a'],
    ['the scheme’s name in the path', 'http://h/http://', 'http://h/http://'],
  ])('a prefix: %s', (_, prefix, verdict) => expect(named({ prefixes: [prefix] })).toEqual([`prefix ${verdict}`]))

  test.each([
    ['in any case', 'WWW.Example.com', ['www.example.com']],
    ['with a final dot', 'h.', ['h']],
    ['with a port', 'h:81', ['h:81']],
    ['with a port of one scheme', 'h:443', ['h:443', 'h']],
    ['with the port of the other', 'h:80', ['h', 'h:80']],
    ['internationalised', 'bücher.example', ['xn--bcher-kva.example']],
    ['IPv6', '[0::1]:81', ['[::1]:81']],
  ])('a host: %s', (_, host, verdict) =>
    expect(named({ hosts: [host] })).toEqual(verdict.map((value) => `host ${value}`)),
  )

  it('is soft where it says so', () => {
    const soft = (json: object) => {
      const parsed = parse({ tags: ['a'], everything: true, ...json })
      return parsed.ok && parsed.value.map((target) => target.soft)
    }
    expect(soft({})).toEqual([false, false])
    expect(soft({ soft: false })).toEqual([false, false])
    expect(soft({ soft: true })).toEqual([true, true])
  })

  it('has the forms that a cache may key a URL by, each once', () => {
    const keyed = (url: string) => [url, url.replace(/\?.*/, '')]
    const parsed = parse({ urls: ['http://H/a?1', 'http://h/a?2'], prefixes: ['http://h/a?3'] }, keyed)
    expect(parsed.ok && parsed.value.map(({ value }) => value)).toEqual([
      'http://h/a?1',
      'http://h/a?2',
      'http://h/a',
      'http://h/a?3',
    ])
  })
})

describe('what is refused, and where', () => {
  test.each<[string, unknown, RegExp[]]>([
    ['nothing named', {}, [/^\(document\): names nothing to purge: give "urls"/]],
    ['only how', { soft: true }, [/^\(document\): names nothing/]],
    ['null', null, [/^\(document\): must be an object/]],
    ['a list', ['a'], [/^\(document\): must be an object/]],
    ['a text', 'all', [/^\(document\): must be an object/]],
    ['an unknown field', { tag: ['a'] }, [/^tag: unknown field "tag": did you mean "tags"\?/]],
    ['a field of every object', JSON.parse('{"tags": ["a"], "__proto__": {}}'), [/__proto__/]],
    ['an empty list', { urls: [] }, [/^urls: must not be empty/]],
    ['no list', { urls: 'http://h/' }, [/^urls: must be a list/]],
    ['a list of numbers', { tags: ['a', 1] }, [/^tags\[1\]: must be a string; got 1/]],
    ['everything, but not', { everything: false }, [/^everything: must be true: leave it out/]],
    ['soft that is a text', { everything: true, soft: 'yes' }, [/^soft: must be true or false/]],
    ['a path', { urls: ['/a'] }, [/^urls\[0\]: must start with "http:\/\/" or "https:\/\/".*got "\/a"$/]],
    ['another scheme', { urls: ['ftp://h/'] }, [/^urls\[0\]: must start with/]],
    ['no host', { urls: ['http:///a'] }, [/^urls\[0\]: must start with/]],
    ['a host with a star', { urls: ['http://*.h/'] }, [/^urls\[0\]: is no URL that is ever cached/]],
    ['a user', { urls: ['http://u:p@h/'] }, [/^urls\[0\]: is no URL that is ever cached/]],
    ['a hidden dot segment', { urls: ['http://h/a%2f..%2fb'] }, [/^urls\[0\]: is no URL that is ever cached: .*dot/]],
    ['a long URL', { urls: [`http://h/${'a'.repeat(2040)}`] }, [/^urls\[0\]: must have at most 2048 .* got 2049/]],
    ['a long prefix', { prefixes: [`http://h/${'a'.repeat(2040)}`] }, [/^prefixes\[0\]: must have at most 2048/]],
    ['a prefix without a scheme', { prefixes: ['h/a'] }, [/^prefixes\[0\]: must start with.*got "h\/a"$/]],
    ['a prefix without a host', { prefixes: ['https://'] }, [/^prefixes\[0\]: must start with/]],
    ['a prefix that is no URL', { prefixes: ['https://h:99999/'] }, [/^prefixes\[0\]: is no URL/]],
    ['a host with a path', { hosts: ['h/'] }, [/^hosts\[0\]: must be a host alone/]],
    ['a host with a scheme', { hosts: ['http://h'] }, [/^hosts\[0\]: must be a host alone/]],
    ['a host with a user', { hosts: ['u@h'] }, [/^hosts\[0\]: must be a host alone/]],
    ['a host with a star', { hosts: ['*.h'] }, [/^hosts\[0\]: must be a host alone/]],
    ['a host with space', { hosts: [' h'] }, [/^hosts\[0\]: must be a host alone/]],
    ['an empty host', { hosts: [''] }, [/^hosts\[0\]: must be a host alone/]],
    ['an empty tag', { tags: [''] }, [/^tags\[0\]: must not be empty/]],
    ['a long tag', { tags: ['x'.repeat(1025)] }, [/^tags\[0\]: must have at most 1024 characters; got 1025/]],
    ['a tag with space', { tags: ['a b'] }, [/^tags\[0\]: must be one tag/]],
    ['a tag with a comma', { tags: ['a,b'] }, [/^tags\[0\]: must be one tag/]],
    ['every error', { tags: ['a b', 'c'], hosts: [''], x: 1 }, [/^tags\[0\]/, /^hosts\[0\]/, /^x: unknown field/]],
  ])('%s', (_, json, messages) => {
    const found = errors(json)
    expect(found).toHaveLength(messages.length)
    for (const message of messages) expect(found).toContainEqual(expect.stringMatching(message))
  })

  it('more than a thousand targets, counted together', () => {
    const tags = Array.from({ length: 999 }, (_, index) => `t${index}`)
    expect(errors({ tags, hosts: ['h'] })).toEqual([])
    const found = errors({ tags, hosts: ['h', 'g'] })
    expect(found).toEqual(['(document): must name at most 1000 targets; got 1001: send several requests'])
  })

  it('what is nested too deeply, or too large, without a long answer', () => {
    let nested: unknown = []
    for (let depth = 0; depth < 10_000; depth++) nested = [nested]
    expect(errors({ tags: nested })).toHaveLength(1)
    expect(errors({ tags: Array(200_000).fill('') })).toHaveLength(1)
    const fields = Object.fromEntries(Array.from({ length: 30_000 }, (_, index) => [`f${index}`, 1]))
    expect(errors(fields)).toHaveLength(1)
  })
})
