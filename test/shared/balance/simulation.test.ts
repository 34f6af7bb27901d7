// The slow-host trace (test/bench/slow-host.ts) at a thousand isolates, as a test: what the default policy promises.
import { expect, test } from 'vitest'
import { slowHost } from '../../bench/slow-host.ts'

const isolates = 1000
const shareEveryMs = 2000
const seed = 1

test('with shared estimates 99.6 % are answered within a second', () => {
  expect(slowHost('peak-ewma', false, { isolates, shareEveryMs, seed }).withinASecond).toBeGreaterThanOrEqual(0.996)
})

test('with hedging 99.99 %, for 0.6 % more requests', () => {
  const { withinASecond, extra } = slowHost('peak-ewma', true, { isolates, shareEveryMs, seed })
  expect(withinASecond).toBeGreaterThanOrEqual(0.9999)
  expect(extra).toBeLessThanOrEqual(0.006)
})

test('where estimates are not shared it is worse, and round robin is worst', () => {
  const alone = slowHost('peak-ewma', false, { isolates, seed }).withinASecond
  expect(alone).toBeLessThan(0.99)
  expect(slowHost('round-robin', false, { isolates, seed }).withinASecond).toBeLessThan(alone - 0.02)
})
