import { expect, test } from 'vitest'
import { parseImageOptions } from '../../../shared/image/options.ts'
import { sizeOf } from '../../../shared/image/size.ts'

test.each([
  ['format=webp', '800×600'],
  ['rotate=90', '600×800'],
  ['width=400', '400×300'],
  ['height=300', '400×300'],
  ['width=1600', '800×600'],
  ['width=1600,fit=contain', '1600×1200'],
  ['width=1600,fit=cover', '1600×1200'],
  ['width=400,height=400', '400×300'],
  ['width=400,height=400,fit=contain', '400×300'],
  ['width=1600,height=1600,fit=contain', '1600×1200'],
  ['width=400,height=400,fit=cover', '400×400'],
  ['width=1600,height=1600,fit=cover', '1600×1600'],
  ['width=1600,height=1600,fit=pad', '1600×1600'],
  ['width=1600,height=400,fit=crop', '800×400'],
  ['width=300,rotate=270', '300×400'],
  ['width=1', '1×1'],
])('800 × 600 by %s: %s', (text, expected) => {
  const options = parseImageOptions(text)
  if (!options.ok) throw new Error(options.error)
  const { width, height } = sizeOf({ width: 800, height: 600 }, options.value)
  expect(`${width}×${height}`).toBe(expected)
})
