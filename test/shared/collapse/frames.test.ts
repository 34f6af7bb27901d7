import fc from 'fast-check'
import { expect, it, test } from 'vitest'
import { encodeFrame, type Frame, frameDecoder, type Notice } from '../../../shared/collapse/frames.ts'

const bytesOf = (frame: Frame): number[] => encodeFrame(frame).flatMap((piece) => [...piece])

/** Bytes that came one after the other count as one, wherever they were cut. */
function joined(frames: readonly Frame[]): unknown[] {
  const result: unknown[] = []
  for (const frame of frames) {
    const last = result.at(-1)
    if (frame.kind !== 'bytes') result.push(frame)
    else if (Array.isArray(last)) last.push(...frame.bytes)
    else if (frame.bytes.byteLength > 0) result.push([...frame.bytes])
  }
  return result
}

const notice = fc.oneof(
  fc.constantFrom<Notice>(
    { kind: 'direct' },
    { kind: 'refuse', because: 'waited' },
    { kind: 'alone', from: 2 ** 40, ifRange: '"é"' },
  ),
  fc.string({ unit: 'binary' }).map((value): Notice => {
    return { kind: 'head', status: 200, fields: [['x-a', value.toWellFormed()]], stores: true, collapsed: false }
  }),
)
const frame = fc.oneof(
  notice.map((each): Frame => ({ kind: 'notice', notice: each })),
  fc.uint8Array({ maxLength: 300 }).map((bytes): Frame => ({ kind: 'bytes', bytes })),
  fc.constant<Frame>({ kind: 'end' }),
)

it('gives back what was sent, wherever it is cut', () => {
  fc.assert(
    fc.property(fc.array(frame), fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1 }), (frames, cuts) => {
      const sent = Uint8Array.from(frames.flatMap(bytesOf))
      const decode = frameDecoder()
      const given: Frame[] = []
      for (let start = 0, turn = 0; start < sent.byteLength; turn++) {
        const end = start + cuts[turn % cuts.length]!
        given.push(...decode(sent.subarray(start, end)))
        start = end
      }
      expect(joined(given)).toEqual(joined(frames))
    }),
    { numRuns: 500 },
  )
})

it('gives bytes as they come, before their frame is complete', () => {
  const sent = Uint8Array.from(bytesOf({ kind: 'bytes', bytes: Uint8Array.of(1, 2, 3) }))
  expect(frameDecoder()(sent.subarray(0, 7))).toEqual([{ kind: 'bytes', bytes: Uint8Array.of(1, 2) }])
})

test.each([[Uint8Array.of(0, 0, 0, 0, 0)], [Uint8Array.of(9, 0, 0, 0, 1, 1)]])(
  'what is no frame is refused',
  (bytes) => {
    expect(() => frameDecoder()(bytes)).toThrow('no frame')
  },
)
