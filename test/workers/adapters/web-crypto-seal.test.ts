import { expect, it, test } from 'vitest'
import { webCryptoSeal } from '../../../workers/adapters/web-crypto-seal.ts'

it('makes the same of the same text, in every isolate that has the secret', async () => {
  const mac = await webCryptoSeal('secret').mac('text')
  expect(mac).toMatch(/^[\w-]{43}$/)
  const other = webCryptoSeal('secret')
  expect(await other.mac('text')).toBe(mac)
  expect(await other.isMac('text', mac)).toBe(true)
})

test.each<[string, string, (mac: string) => string]>([
  ['another text', 'texts', (mac) => mac],
  ['altered', 'text', (mac) => mac.replace(/^./, (first) => (first === 'A' ? 'B' : 'A'))],
  ['cut', 'text', (mac) => mac.slice(1)],
  ['empty', 'text', () => ''],
  ['no letters', 'text', () => 'é'.repeat(43)],
])('takes nothing else for it: %s', async (_, text, change) => {
  const seal = webCryptoSeal('secret')
  expect(await seal.isMac(text, change(await seal.mac('text')))).toBe(false)
})

it('is one for all who ask at the same time, without a secret too', async () => {
  const seal = webCryptoSeal(undefined)
  const [first, second] = await Promise.all([seal.mac('text'), seal.mac('text')])
  expect(second).toBe(first)
  expect(await seal.isMac('text', first)).toBe(true)
})

it('is of the secret, and without one of this isolate alone', async () => {
  const mac = await webCryptoSeal('secret').mac('text')
  for (const seal of [webCryptoSeal('other'), webCryptoSeal(undefined), webCryptoSeal('')]) {
    expect(await seal.isMac('text', mac)).toBe(false)
    expect(await seal.isMac('text', await seal.mac('text'))).toBe(true)
  }
})
