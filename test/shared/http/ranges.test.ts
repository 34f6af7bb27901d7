import fc from 'fast-check'
import { describe, expect, it, test } from 'vitest'
import {
  type ByteRange,
  contentRange,
  ifRangeHolds,
  multipartFraming,
  parseContentRange,
  parseRange,
  type RangeSelection,
  type RangeSpec,
  selectRanges,
  unsatisfiedRange,
} from '../../../shared/http/ranges.ts'

describe('RFC 9110 §14.1.2: what is asked for', () => {
  test.each<[string, string, RangeSpec[]]>([
    ['the first 500 bytes', 'bytes=0-499', [{ first: 0, last: 499 }]],
    ['the second 500 bytes', 'bytes=500-999', [{ first: 500, last: 999 }]],
    ['the last 500 bytes', 'bytes=-500', [{ suffix: 500 }]],
    ['all but the first 9500 bytes', 'bytes=9500-', [{ first: 9500 }]],
    ['the first and the last byte', 'bytes=0-0,-1', [{ first: 0, last: 0 }, { suffix: 1 }]],
    [
      'the first, the middle and the last 1000',
      'bytes= 0-999, 4500-5499, -1000',
      [{ first: 0, last: 999 }, { first: 4500, last: 5499 }, { suffix: 1000 }],
    ],
    ['the unit in any case', 'Bytes=0-1', [{ first: 0, last: 1 }]],
    [
      'empty members',
      'bytes=0-1,,2-3,',
      [
        { first: 0, last: 1 },
        { first: 2, last: 3 },
      ],
    ],
    [
      'space around commas',
      'bytes=0-1 \t,\t 2-3',
      [
        { first: 0, last: 1 },
        { first: 2, last: 3 },
      ],
    ],
    ['none of the last bytes', 'bytes=-0', [{ suffix: 0 }]],
    ['leading zeros', 'bytes=00-01', [{ first: 0, last: 1 }]],
    ['sixteen digits', 'bytes=0-9999999999999999', [{ first: 0, last: Number.MAX_SAFE_INTEGER }]],
    ['a suffix without end', `bytes=-${'9'.repeat(400)}`, [{ suffix: Number.MAX_SAFE_INTEGER }]],
    ['a start without end', `bytes=${'9'.repeat(400)}-`, [{ first: Number.MAX_SAFE_INTEGER }]],
  ])('%s', (_, value, specs) => expect(parseRange(value)).toEqual(specs))

  it.each<[string, string | null]>([
    ['absent', null],
    ['empty', ''],
    ['without ranges', 'bytes='],
    ['with empty members alone', 'bytes=, ,'],
    ['in another unit', 'items=0-1'],
    ['without a unit', '0-1'],
    ['with space around the sign', 'bytes =0-1'],
    ['a range that ends before it starts', 'bytes=1-0'],
    ['such a range of many digits', `bytes=2${'0'.repeat(20)}-1${'0'.repeat(20)}`],
    ['such a range among good ones', 'bytes=0-1,5-4'],
    ['a dash alone', 'bytes=-'],
    ['a number alone', 'bytes=5'],
    ['two dashes', 'bytes=--5'],
    ['space inside', 'bytes=0 - 1'],
    ['a sign', 'bytes=+0-1'],
    ['no number', 'bytes=a-b'],
    ['hexadecimal', 'bytes=0x0-0x1'],
    ['a fraction', 'bytes=0.5-1'],
    ['a semicolon', 'bytes=0-1;2-3'],
  ])('is ignored: %s', (_, value) => expect(parseRange(value)).toBeUndefined())
})

const whole: RangeSelection = { kind: 'whole' }
const unsatisfiable: RangeSelection = { kind: 'unsatisfiable' }
const parts = (...pairs: [number, number][]): RangeSelection => ({
  kind: 'ranges',
  ranges: pairs.map(([first, last]) => ({ first, last })),
})

const select = (value: string, size: number, maxRanges = 4) => selectRanges(parseRange(value) ?? [], size, maxRanges)

describe('RFC 9110 §14.1.2: what there is of it', () => {
  test.each<[string, string, number, RangeSelection]>([
    ['within', 'bytes=2-4', 10, parts([2, 4])],
    ['one byte', 'bytes=0-0', 10, parts([0, 0])],
    ['the last byte', 'bytes=9-9', 10, parts([9, 9])],
    ['open', 'bytes=7-', 10, parts([7, 9])],
    ['beyond the end', 'bytes=7-99', 10, parts([7, 9])],
    ['far beyond the end', 'bytes=7-99999999999999999999', 10, parts([7, 9])],
    ['the last bytes', 'bytes=-3', 10, parts([7, 9])],
    ['more of the last bytes than there are', 'bytes=-11', 10, parts([0, 9])],
    ['one range of all is a range still', 'bytes=0-', 10, parts([0, 9])],
    ['§15.5.17: from the end on', 'bytes=10-', 10, unsatisfiable],
    ['§15.5.17: behind the end', 'bytes=10-20', 10, unsatisfiable],
    ['§15.5.17: far behind the end', 'bytes=99999999999999999999-', 10, unsatisfiable],
    ['§15.5.17: none of the last bytes', 'bytes=-0', 10, unsatisfiable],
    ['§15.5.17: several behind the end', 'bytes=10-20,30-,-0', 10, unsatisfiable],
    ['nothing, from 0', 'bytes=0-', 0, unsatisfiable],
    ['nothing, the last byte', 'bytes=-1', 0, unsatisfiable],
    ['one that is behind the end does not matter', 'bytes=0-1,20-', 10, parts([0, 1])],
  ])('%s', (_, value, size, selection) => expect(select(value, size)).toEqual(selection))
})

describe('RFC 9110 §15.3.7.2, §17.15: several ranges', () => {
  test.each<[string, string, RangeSelection]>([
    ['in ascending order', 'bytes=0-1,4-5', parts([0, 1], [4, 5])],
    ['the order of the request is kept', 'bytes=-1,0-0', parts([9, 9], [0, 0])],
    ['that overlap', 'bytes=0-4,3-6', parts([0, 6])],
    ['that are adjacent', 'bytes=0-1,2-3', parts([0, 3])],
    ['with one byte between them', 'bytes=0-1,3-4', parts([0, 1], [3, 4])],
    ['one within the other', 'bytes=1-8,3-4', parts([1, 8])],
    ['the same twice', 'bytes=1-2,1-2', parts([1, 2])],
    ['one that joins two', 'bytes=0-1,4-5,2-3', parts([0, 5])],
    ['merged ones stand where the first stood', 'bytes=6-7,0-0,8-8', parts([6, 8], [0, 0])],
    ['merged backwards too', 'bytes=8-8,0-0,6-7', parts([6, 8], [0, 0])],
    ['that come to everything', 'bytes=0-4,5-', whole],
    ['everything and a part of it', 'bytes=0-,3-4', whole],
    ['everything and one behind the end', 'bytes=0-,20-', whole],
    ['as many as are allowed', 'bytes=0-0,2-2,4-4,6-6', parts([0, 0], [2, 2], [4, 4], [6, 6])],
    ['more than are allowed', 'bytes=0-0,2-2,4-4,6-6,8-8', whole],
    ['more than are allowed until they are merged', 'bytes=0-0,1-1,2-2,3-3,4-4,8-8', parts([0, 4], [8, 8])],
  ])('%s', (_, value, selection) => expect(select(value, 10)).toEqual(selection))

  it('takes one range where one is allowed', () => {
    expect(select('bytes=1-2', 10, 1)).toEqual(parts([1, 2]))
    expect(select('bytes=1-2,5-6', 10, 1)).toEqual(whole)
    expect(select('bytes=1-2,20-', 10, 1)).toEqual(parts([1, 2]))
  })
})

test('a selection is within the representation, and is what was asked for', () => {
  const position = fc.nat(40)
  const spec: fc.Arbitrary<RangeSpec> = fc.oneof(
    fc.tuple(position, position).map(([a, b]) => ({ first: Math.min(a, b), last: Math.max(a, b) })),
    position.map((first) => ({ first })),
    position.map((suffix) => ({ suffix })),
  )
  const asksFor = (asked: RangeSpec, at: number, size: number) =>
    'suffix' in asked ? at >= size - asked.suffix : at >= asked.first && at <= (asked.last ?? size)
  const seen = { whole: 0, unsatisfiable: 0, ranges: 0 }
  fc.assert(
    fc.property(
      fc.array(spec, { minLength: 1, maxLength: 6 }),
      fc.nat(30),
      fc.integer({ min: 1, max: 3 }),
      (...given) => {
        const [specs, size, maxRanges] = given
        const bytes = Array.from({ length: size }, (_, at) => at)
        const asked = bytes.filter((at) => specs.some((one) => asksFor(one, at, size)))
        const selection = selectRanges(specs, size, maxRanges)
        seen[selection.kind]++
        expect(selection.kind === 'unsatisfiable').toBe(asked.length === 0)
        if (selection.kind !== 'ranges') return
        expect(selection.ranges.length).toBeLessThanOrEqual(maxRanges)
        const sent = selection.ranges.flatMap(({ first, last }) =>
          Array.from({ length: last - first + 1 }, (_, offset) => first + offset),
        )
        expect(sent.toSorted((a, b) => a - b)).toEqual(asked)
        const touching = (a: ByteRange) => selection.ranges.some((b) => a.last + 1 === b.first)
        expect(selection.ranges.some(touching)).toBe(false)
      },
    ),
    { numRuns: 3000 },
  )
  for (const count of Object.values(seen)) expect(count).toBeGreaterThan(50)
})

test('many ranges take no long time', () => {
  const value = `bytes=${Array.from({ length: 20_000 }, (_, index) => `${40_000 - 2 * index}-`).join(',')}`
  expect(select(value, 100_000)).toEqual(parts([2, 99_999]))
})

describe('RFC 9110 §14.4: Content-Range', () => {
  test('as it is sent', () => {
    expect(contentRange({ first: 0, last: 1 }, 10)).toBe('bytes 0-1/10')
    expect(unsatisfiedRange(10)).toBe('bytes */10')
  })

  test.each<[string, string | null, ReturnType<typeof parseContentRange>]>([
    ['the example', 'bytes 42-1233/1234', { first: 42, last: 1233, size: 1234 }],
    ['the example of an unknown size', 'bytes 42-1233/*', { first: 42, last: 1233, size: undefined }],
    ['the unit in any case', 'Bytes 0-0/1', { first: 0, last: 0, size: 1 }],
    ['absent', null, undefined],
    ['empty', '', undefined],
    ['not satisfied', 'bytes */1234', undefined],
    ['another unit', 'items 0-1/10', undefined],
    ['an end before the start', 'bytes 5-4/10', undefined],
    ['an end at the size', 'bytes 0-10/10', undefined],
    ['an end behind the size', 'bytes 0-11/10', undefined],
    ['no size', 'bytes 0-9', undefined],
    ['no end', 'bytes 0-/10', undefined],
    ['written like Range', 'bytes=0-9/10', undefined],
    ['two', 'bytes 0-1/10, bytes 2-3/10', undefined],
    ['too many digits', 'bytes 0-1/10000000000000000', undefined],
  ])('%s', (_, value, range) => expect(parseContentRange(value)).toEqual(range))

  test('what is sent can be read', () => {
    fc.assert(
      fc.property(fc.nat(), fc.nat(), fc.nat(), (first, more, behind) => {
        const last = first + more
        const size = last + 1 + behind
        expect(parseContentRange(contentRange({ first, last }, size))).toEqual({ first, last, size })
      }),
    )
  })
})

describe('RFC 9110 §13.1.5: If-Range', () => {
  const now = Date.UTC(2026, 10, 21, 12)
  const at = (seconds: number) => new Date(now + seconds * 1000).toUTCString()
  test.each<[string, string | null, string | null, string | null, string | null, boolean]>([
    ['absent', null, '"a"', at(-60), at(0), true],
    ['absent, nothing to compare', null, null, null, null, true],
    ['the same tag', '"a"', '"a"', null, null, true],
    ['another tag', '"b"', '"a"', null, null, false],
    ['no tag stored', '"a"', null, at(-60), at(0), false],
    ['a weak tag of theirs', 'W/"a"', '"a"', null, null, false],
    ['a weak tag of ours', '"a"', 'W/"a"', null, null, false],
    ['both weak', 'W/"a"', 'W/"a"', null, null, false],
    ['a list of tags', '"a", "b"', '"a"', null, null, false],
    ['a tag without quotes', 'a', 'a', null, null, false],
    ['a star', '*', '"a"', null, null, false],
    ['the same date', at(-60), null, at(-60), at(0), true],
    ['the same date beside a tag', at(-60), '"a"', at(-60), at(0), true],
    ['a later date', at(-59), null, at(-60), at(0), false],
    ['an earlier date', at(-61), null, at(-60), at(0), false],
    ['no Last-Modified', at(-60), '"a"', null, at(0), false],
    ['§8.8.2.2: a second before Date', at(-1), null, at(-1), at(0), true],
    ['§8.8.2.2: in the second of Date', at(0), null, at(0), at(0), false],
    ['§8.8.2.2: after Date', at(5), null, at(5), at(0), false],
    ['§8.8.2.2: no Date', at(-60), null, at(-60), null, false],
    ['§8.8.2.2: no Date that can be read', at(-60), null, at(-60), 'today', false],
    ['the same text, which is no date', 'yesterday', null, 'yesterday', at(0), false],
  ])('%s', (_, ifRange, etag, lastModified, date, verdict) =>
    expect(ifRangeHolds(ifRange, etag, lastModified, date, now)).toBe(verdict),
  )
})

describe('RFC 9110 §14.6: multipart/byteranges', () => {
  const ranges = [
    { first: 500, last: 999 },
    { first: 7000, last: 7999 },
  ]

  it('is framed as the example is', () => {
    const framing = multipartFraming(ranges, 8000, 'application/pdf', 'THIS_STRING_SEPARATES')
    expect(framing.contentType).toBe('multipart/byteranges; boundary=THIS_STRING_SEPARATES')
    expect(framing.heads).toEqual([
      '--THIS_STRING_SEPARATES\r\nContent-Type: application/pdf\r\nContent-Range: bytes 500-999/8000\r\n\r\n',
      '\r\n--THIS_STRING_SEPARATES\r\nContent-Type: application/pdf\r\nContent-Range: bytes 7000-7999/8000\r\n\r\n',
    ])
    expect(framing.tail).toBe('\r\n--THIS_STRING_SEPARATES--\r\n')
  })

  it('names no type where there is none', () => {
    expect(multipartFraming(ranges, 8000, null, 'b').heads[0]).toBe('--b\r\nContent-Range: bytes 500-999/8000\r\n\r\n')
  })

  it.each(['text/plain', null, 'text/plain; title="é"'])('counts every byte: %s', (contentType) => {
    const { heads, tail, length } = multipartFraming(ranges, 8000, contentType, 'b')
    const message = ranges.map(({ first, last }, index) => heads[index] + '.'.repeat(last - first + 1)).join('') + tail
    expect(length).toBe(Buffer.byteLength(message))
  })
})
