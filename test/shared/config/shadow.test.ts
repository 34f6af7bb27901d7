import fc from 'fast-check'
import { describe, expect, it, test } from 'vitest'
import { compileHost, compilePath } from '../../../shared/config/pattern.ts'
import { coverHost, coverPath } from '../../../shared/config/shadow.ts'

describe('coverHost', () => {
  test.each([
    ['the same', 'a.example.com', 'a.example.com', true],
    ['any', '*', '*.example.com', true],
    ['not the other way', '*.example.com', '*', false],
    ['a subdomain', '*.example.com', 'a.example.com', true],
    ['subdomains of a subdomain', '*.example.com', '*.a.example.com', true],
    ['not the apex', '*.example.com', 'example.com', false],
    ['not the domain above', '*.a.example.com', '*.example.com', false],
  ])('%s', (_title, wide, narrow, expected) => {
    expect(coverHost(wide)(narrow)).toBe(expected)
  })
})

describe('coverPath', () => {
  test.each([
    ['the same', '/a/*/:b', '/a/*/:b', true],
    ['everything', '/*', '/a/:b/*', true],
    ['a prefix', '/a/*', '/a/b/*', true],
    ['a prefix, a literal', '/a/*', '/a/b', true],
    ['not a longer prefix', '/a/b/*', '/a/*', false],
    ['a name takes a literal', '/:a', '/b', true],
    ['a name takes a name', '/:a', '/:b', true],
    ['a literal takes no name', '/b', '/:a', false],
    ['nor the letter it is called by', '/x', '/:x', false],
    ['a star may hold more than a name', '/:a', '/*', false],
    ['a suffix is not the end of a name', '/*d', '/:id', false],
    ['a suffix', '/*.css', '/a/*.css', true],
  ])('%s', (_title, wide, narrow, expected) => {
    expect(coverPath(wide)(narrow)).toBe(expected)
  })

  const pattern = fc
    .array(fc.constantFrom('/', 'a', 'x', '*', '/:x/', '/:y/'), { maxLength: 6 })
    .map((parts) => `/${parts.join('')}`)
  const part = fc.constantFrom('/', 'a', 'b', 'x', 'ax/', '')

  /** Paths that a pattern matches, so that the property is about something. */
  const pathOf = (glob: string, fill: readonly string[]): string => {
    let next = 0
    const some = () => fill[next++ % fill.length] ?? ''
    return glob.replace(/(?<=\/):\w/g, () => some().replaceAll('/', '') || 'x').replace(/\*/g, some)
  }

  it('says so only when every path that the one matches is matched by the other', () => {
    fc.assert(
      fc.property(pattern, pattern, fc.array(part, { minLength: 1, maxLength: 5 }), (wide, narrow, fill) => {
        const path = pathOf(narrow, fill)
        expect(compilePath(narrow)(path)).toBe(true)
        if (coverPath(wide)(narrow)) expect(compilePath(wide)(path)).toBe(true)
      }),
      { numRuns: 20_000 },
    )
  })

  it('does so for hosts, too', () => {
    const host = fc.constantFrom('*', '*.a', '*.b.a', 'a', 'b.a', 'c.b.a', '*.c.b.a')
    fc.assert(
      fc.property(host, host, fc.constantFrom('x.', 'x.b.', ''), (wide, narrow, label) => {
        const name = narrow.replace(/^\*\.?/, label || 'b.') || 'b'
        if (coverHost(wide)(narrow)) expect(compileHost(wide)(name)).toBe(true)
      }),
    )
  })
})
