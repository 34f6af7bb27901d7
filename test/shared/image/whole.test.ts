import { describe, expect, it, test } from 'vitest'
import { sniff } from '../../../shared/image/sniff.ts'
import { watchEnd } from '../../../shared/image/whole.ts'
import { type Sample, sample, samples } from './samples.ts'

const still = samples.filter((name) => !/moving|once/.test(name))

/** Whether the file, cut after `length` bytes, is taken for whole; seen in pieces of `step` bytes behind its beginning. */
function isWhole(name: Sample, length: number, step: number): boolean {
  const file = sample(name).subarray(0, length)
  let known = 0
  while (sniff(file.subarray(0, known)).kind === 'more' && known < file.length) known++
  const sniffed = sniff(file.subarray(0, known), known === file.length)
  if (sniffed.kind !== 'picture') return false
  const ending = watchEnd(sniffed.picture.type, file.subarray(0, known))
  for (let at = known; at < file.length; at += step) ending.see(file.subarray(at, at + step))
  return ending.isWhole()
}

describe.each(still)('%s', (name) => {
  const { length } = sample(name)

  it('is whole, in pieces of any size', () => {
    for (const step of [1, 2, 3, 7, 64, 10_000]) expect(isWhole(name, length, step)).toBe(true)
  })

  it('is not, one byte before its end', () => {
    for (const step of [1, 2, 5, 10_000]) expect(isWhole(name, length - 1, step)).toBe(false)
  })
})

test('what follows the end is somebody’s own', () => {
  for (const tail of [Buffer.alloc(5000), Buffer.from('\r\n'), Buffer.alloc(40, 0)]) {
    for (const name of still) {
      const file = Buffer.concat([sample(name), tail])
      const sniffed = sniff(file)
      if (sniffed.kind !== 'picture') throw new Error(name)
      expect([name, watchEnd(sniffed.picture.type, file).isWhole()]).toEqual([name, true])
    }
  }
})

test('the small picture within a JPEG does not end it', () => {
  const [start, rest] = [sample('jpeg').subarray(0, 2), sample('jpeg').subarray(2)]
  const within = Buffer.concat([Buffer.from([0xff, 0xe2, 0, 6, 0xff, 0xd8, 0xff, 0xd9])])
  const file = Buffer.concat([start, within, rest])
  expect(watchEnd('image/jpeg', file.subarray(0, -1)).isWhole()).toBe(false)
  expect(watchEnd('image/jpeg', file).isWhole()).toBe(true)
})
