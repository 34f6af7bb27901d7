import { describe, expect, it, test } from 'vitest'
import { keepBody } from '../../../workers/balance/keep-body.ts'
import { bytesOf, cutInto, difference, read, sourceOf } from '../support/bytes.ts'

const bytes = bytesOf(1000)
const half = [500]
const small = Array.from({ length: 9 }, () => 100)

describe('a body within the bound is kept, and a longer one flows; neither loses a byte', () => {
  test.each<[string, number[], number | undefined, number, 'kept' | 'once']>([
    ['a stated length at the bound', half, 1000, 1000, 'kept'],
    ['a stated length above the bound', half, 1000, 999, 'once'],
    ['no stated length, at the bound', half, undefined, 1000, 'kept'],
    ['no stated length, a byte above the bound', half, undefined, 999, 'once'],
    ['in one piece at the bound', [], undefined, 1000, 'kept'],
    ['in one piece above the bound', [], undefined, 10, 'once'],
    ['in many pieces within the bound', small, undefined, 5000, 'kept'],
    ['in many pieces above the bound', small, undefined, 350, 'once'],
    ['a bound between two pieces', small, undefined, 300, 'once'],
    ['a bound of nothing', half, undefined, 0, 'once'],
    ['a stated length that is too small', half, 10, 100, 'once'],
    ['a stated length that is too great', half, 2000, 3000, 'kept'],
  ])('%s', async (_, sizes, length, bound, kind) => {
    const kept = await keepBody(sourceOf(cutInto(bytes, ...sizes)).stream, length, bound)
    expect(kept.kind).toBe(kind)
    if (kept.kind === 'cut') return
    expect(difference(await read(kept.kind === 'kept' ? kept.bytes : kept.stream), bytes)).toBeUndefined()
  })

  it('keeps nothing of no body', async () => {
    expect(await keepBody(null, undefined, 100)).toEqual({ kind: 'kept', bytes: null })
  })

  it.each([undefined, 0])('keeps an empty body as one, its length stated as %s', async (length) => {
    expect(await keepBody(sourceOf([]).stream, length, 100)).toEqual({ kind: 'kept', bytes: new Uint8Array(0) })
  })

  it('keeps the body of a real request', async () => {
    const request = new Request('http://h/', { method: 'POST', body: bytes })
    expect(await keepBody(request.body, 1000, 1000)).toEqual({ kind: 'kept', bytes })
  })
})

describe('no more is read than is needed to know', () => {
  it('nothing of a body whose stated length is above the bound', async () => {
    const source = sourceOf(cutInto(bytes, ...small))
    await keepBody(source.stream, 1000, 999)
    expect(source.asked).toBe(0)
  })

  it('nothing where nothing may be kept', async () => {
    const source = sourceOf(cutInto(bytes, ...small))
    await keepBody(source.stream, undefined, 0)
    expect(source.asked).toBe(0)
  })

  it('one piece beyond the bound of one without', async () => {
    const source = sourceOf(cutInto(bytes, ...small))
    const kept = await keepBody(source.stream, undefined, 300)
    // 400 bytes tell; the platform may hold one piece ready.
    expect(source.asked).toBeLessThanOrEqual(5)
    expect(difference(await read(kept.kind === 'once' ? kept.stream : null), bytes)).toBeUndefined()
  })
})

describe('a body that fails', () => {
  it('within the bound is known to be cut', async () => {
    const source = sourceOf(cutInto(bytes, 500), 'failure')
    expect(await keepBody(source.stream, undefined, 5000)).toEqual({ kind: 'cut' })
  })

  it('beyond the bound fails where it is read', async () => {
    const kept = await keepBody(sourceOf(cutInto(bytes, 500), 'failure').stream, undefined, 100)
    expect(kept.kind).toBe('once')
    await expect(read(kept.kind === 'once' ? kept.stream : null)).rejects.toThrow('cut')
  })

  it('is let go of where its reader leaves', async () => {
    const source = sourceOf([bytes], 'again')
    const kept = await keepBody(source.stream, undefined, 100)
    await (kept.kind === 'once' ? kept.stream.cancel('enough') : undefined)
    expect(source.cancelled).toBe('enough')
  })
})
