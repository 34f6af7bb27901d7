// Whatever is written for a picture: what is accepted lies where the list allows, and its one spelling means itself.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { imagesSchema } from '../../../shared/config/images.ts'
import { canonicalTarget } from '../../../shared/http/target.ts'
import { formatWanted, parseWanted, type Wanted } from '../../../shared/image/wanted.ts'

const images = imagesSchema.parse({
  sources: ['pool:web/photos/*', 'https://cdn.example.com/photos/*', 'https://*.wide.example/*'],
})

function parse(target: string): Wanted | undefined {
  const canonical = canonicalTarget(`https://www.example.com${target}`)
  if (!canonical.ok || !canonical.value.path.startsWith('/_weir/image/')) return undefined
  const wanted = parseWanted(canonical.value.path, canonical.value.query, images)
  return wanted.ok ? wanted.value : undefined
}

function isListed({ source }: Wanted): boolean {
  if (source.kind === 'pool') return source.pool === 'web' && source.target.startsWith('/photos/')
  const { origin, hostname, pathname } = new URL(`${source.origin}${source.target}`)
  return hostname.endsWith('.wide.example') || (origin === 'https://cdn.example.com' && pathname.startsWith('/photos/'))
}

const starts = ['', 'photos/', 'https://', 'https%3A%2F%2F', 'https://cdn.example.com/photos/', 'pool:web/photos/']
const pieces = [
  ...['..', '.', '/', '%2f', '%5C', '\\', '@', ':', '?', '%3F', '#', '%23', '&', '%', '%25', '%C3%A9', ' ', '\t', '*'],
  ...['cdn.example.com', 'evil.example', '.wide.example', 'photos', 'a.jpg', 'pool:other', '_weir', 'exp=1', 'sig=x'],
]

test('what is accepted is where the list says, and is read again as the same', () => {
  const text = fc
    .tuple(fc.constantFrom(...starts), fc.array(fc.constantFrom(...pieces), { minLength: 1, maxLength: 8 }))
    .map(([start, rest]) => start + rest.join(''))
  let accepted = 0
  fc.assert(
    fc.property(text, (source) => {
      const wanted = parse(`/_weir/image/width=10/${source}`)
      if (wanted === undefined) return
      accepted++
      expect(isListed(wanted)).toBe(true)
      expect(parse(formatWanted(wanted))).toEqual(wanted)
    }),
    { numRuns: 2000 },
  )
  expect(accepted).toBeGreaterThan(200)
})
