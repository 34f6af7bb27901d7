import fc from 'fast-check'
import { expect, it, test } from 'vitest'
import { covers, gather, sizeOf } from '../../../shared/collapse/gather.ts'
import type { ByteRange } from '../../../shared/http/ranges.ts'

const sliceBytes = 10
const mostBytes = 80

/** From one slice to another, both included. */
const slices = (from: number, to = from): ByteRange => ({ first: from * sliceBytes, last: (to + 1) * sliceBytes - 1 })

const run = (range: ByteRange, ...members: number[]) => ({ range, members })

test.each<[string, ByteRange[], ReturnType<typeof run>[]]>([
  ['nobody', [], []],
  ['one', [slices(3, 5)], [run(slices(3, 5), 0)]],
  ['the same', [slices(3), slices(3)], [run(slices(3), 0, 1)]],
  ['one within the other, whoever came first', [slices(4), slices(3, 5)], [run(slices(3, 5), 1, 0)]],
  ['those that overlap', [slices(0, 3), slices(2, 5)], [run(slices(0, 5), 0, 1)]],
  ['those that touch', [slices(0, 3), slices(4, 5)], [run(slices(0, 5), 0, 1)]],
  ['a hole of one slice is filled', [slices(0), slices(2)], [run(slices(0, 2), 0, 1)]],
  ['a hole of two is not', [slices(0), slices(3)], [run(slices(0), 0), run(slices(3), 1)]],
  ['what lies between joins two that are far apart', [slices(0), slices(4), slices(2)], [run(slices(0, 4), 0, 2, 1)]],
  ['as large as a run may be', [slices(0, 3), slices(4, 7)], [run(slices(0, 7), 0, 1)]],
  ['larger than a run may be', [slices(0, 3), slices(4, 8)], [run(slices(0, 3), 0), run(slices(4, 8), 1)]],
  [
    'two that overlap and are too large together',
    [slices(0, 7), slices(4, 11), slices(6)],
    [run(slices(0, 7), 0, 2), run(slices(4, 11), 1)],
  ],
  ['one that is too large by itself', [slices(0, 9), slices(9)], [run(slices(0, 9), 0, 1)]],
])('%s', (_, asked, runs) => expect(gather(asked, sliceBytes, mostBytes)).toEqual(runs))

const range = fc.tuple(fc.nat(60), fc.nat(7)).map(([from, more]) => slices(from, from + more))

it('gives everybody all that was asked for, and fetches little else', () => {
  fc.assert(
    fc.property(fc.array(range, { maxLength: 30 }), (asked) => {
      const runs = gather(asked, sliceBytes, mostBytes)
      expect(runs.flatMap(({ members }) => members).sort((a, b) => a - b)).toEqual(asked.map((_, place) => place))
      for (const { range: whole, members } of runs) {
        expect(members.every((member) => covers(whole, asked[member]!))).toBe(true)
        expect([whole.first % sliceBytes, sizeOf(whole) % sliceBytes]).toEqual([0, 0])
        expect(sizeOf(whole)).toBeLessThanOrEqual(mostBytes)
        const isAsked = (position: number) => asked.some(({ first, last }) => first <= position && position <= last)
        for (let position = whole.first; position <= whole.last; position += sliceBytes) {
          expect(isAsked(position) || (isAsked(position - sliceBytes) && isAsked(position + sliceBytes))).toBe(true)
        }
      }
    }),
  )
})

it('makes one of two runs wherever it can', () => {
  fc.assert(
    fc.property(fc.array(range, { maxLength: 30 }), (asked) => {
      const runs = gather(asked, sliceBytes, mostBytes).map((each) => each.range)
      for (const [place, left] of runs.entries()) {
        for (const right of runs.slice(place + 1)) {
          const isFar = right.first > left.last + 1 + sliceBytes
          expect(isFar || Math.max(left.last, right.last) - left.first + 1 > mostBytes).toBe(true)
        }
      }
    }),
  )
})
