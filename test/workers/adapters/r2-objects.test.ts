import { env } from 'cloudflare:workers'
import { describe, expect, test, vi } from 'vitest'
import { partBytes, r2Objects, staging } from '../../../workers/adapters/r2-objects.ts'
import type { Content } from '../../../workers/ports/object-port.ts'
import { bytesOf, cutInto, difference, read, sourceOf } from '../support/bytes.ts'

const objects = r2Objects(env.MEDIA)
const names = async (prefix = '') => (await env.MEDIA.list({ prefix })).objects.map(({ key }) => key)

const large = bytesOf(partBytes + 1000)
const piecesOf = (bytes: Uint8Array) => cutInto(bytes, 1000, 300_000, 3_000_000).filter(({ length }) => length > 0)
const unmeasured = (bytes: Uint8Array, most = 20_000_000): Content => ({
  kind: 'unmeasured',
  stream: sourceOf(piecesOf(bytes)).stream,
  most,
})

describe('what is put is there, all of it', () => {
  test.each<[string, Content, Uint8Array]>([
    ['bytes', { kind: 'bytes', bytes: bytesOf(10) }, bytesOf(10)],
    ['nothing', { kind: 'unmeasured', stream: sourceOf([]).stream, most: 9 }, bytesOf(0)],
    ['of known length', { kind: 'measured', stream: sourceOf(piecesOf(large)).stream, length: large.length }, large],
    ['of unknown length, small', unmeasured(bytesOf(5000)), bytesOf(5000)],
    ['of unknown length, in parts, and as much as is allowed', unmeasured(large, large.length), large],
  ])('%s', async (name, content, bytes) => {
    const put = await objects.put(name, content, 'image/png')
    if (put.kind !== 'kept') throw new Error(put.kind)
    expect(put.object).toMatchObject({ size: bytes.length, type: 'image/png' })
    expect(await objects.head(name)).toEqual(put.object)
    const body = await objects.get(name, put.object.etag)
    expect(difference(await read(body!), bytes)).toBeUndefined()
    expect(await names(staging)).toEqual([])
  })

  test('a range of it is to be had, and nothing of another version', async () => {
    const put = await objects.put('ranged', { kind: 'bytes', bytes: bytesOf(100) }, 'image/png')
    if (put.kind !== 'kept') throw new Error(put.kind)
    const { etag } = put.object
    expect(await read((await objects.get('ranged', etag, { first: 10, last: 19 }))!)).toEqual(
      bytesOf(100).slice(10, 20),
    )
    expect(await objects.get('ranged', '"another"')).toBeUndefined()
    expect(await objects.get('missing', etag)).toBeUndefined()
    expect(await objects.head('missing')).toBeUndefined()
  })
})

describe('what is cut, or too much, leaves what was there', () => {
  test.each<[string, () => Content]>([
    [
      'of known length',
      () => ({ kind: 'measured', stream: sourceOf(piecesOf(large), 'failure').stream, length: large.length + 1 }),
    ],
    ['too short', () => ({ kind: 'measured', stream: sourceOf([bytesOf(10)]).stream, length: 11 })],
    ['too long', () => ({ kind: 'measured', stream: sourceOf([bytesOf(10)]).stream, length: 9 })],
    ['small', () => ({ kind: 'unmeasured', stream: sourceOf([bytesOf(10)], 'failure').stream, most: 99 })],
    ['large', () => ({ kind: 'unmeasured', stream: sourceOf(piecesOf(large), 'failure').stream, most: 99_999_999 })],
  ])('cut: %s', async (_, content) => {
    await objects.put('cut', { kind: 'bytes', bytes: bytesOf(3) }, 'image/png')
    await expect(objects.put('cut', content(), 'image/gif')).rejects.toThrow()
    expect(await objects.head('cut')).toMatchObject({ size: 3, type: 'image/png' })
    expect(await names(staging)).toEqual([])
  })

  test.each([1, large.length - 1])('more than %d bytes', async (most) => {
    expect(await objects.put('too-large', unmeasured(large, most), 'image/png')).toEqual({ kind: 'too-large' })
    expect(await objects.head('too-large')).toBeUndefined()
    expect(await names(staging)).toEqual([])
  })
})

describe('conditions are judged with the change', () => {
  test.each<[string, (bytes: Uint8Array) => Content]>([
    ['bytes', (bytes) => ({ kind: 'bytes', bytes })],
    ['known', (bytes) => ({ kind: 'measured', stream: sourceOf([bytes]).stream, length: bytes.length })],
    ['unknown', (bytes) => unmeasured(bytes)],
  ])('%s', async (kind, contentOf) => {
    const name = `conditional-${kind}`
    const put = async (first: number, onlyIf?: Parameters<typeof objects.put>[3]) =>
      objects.put(name, contentOf(new Uint8Array([first, 2, 3])), 'image/png', onlyIf)
    expect((await put(1, { etag: '"another"' })).kind).toBe('changed')
    expect((await put(1, 'absent')).kind).toBe('kept')
    expect((await put(2, 'absent')).kind).toBe('changed')
    const { etag } = (await objects.head(name))!
    expect((await put(3, { etag })).kind).toBe('kept')
    expect((await put(4, { etag })).kind).toBe('changed')
    expect((await put(5)).kind).toBe('kept')
  })

  test('in parts too', async () => {
    const put = () => objects.put('conditional-staged', unmeasured(large), 'image/png', 'absent')
    expect([(await put()).kind, (await put()).kind]).toEqual(['kept', 'changed'])
  })

  test('of many who begin the same one does', async () => {
    const begun = Array.from({ length: 10 }, (_, index) =>
      objects.put('race', { kind: 'bytes', bytes: bytesOf(index + 1) }, 'image/png', 'absent'),
    )
    const kinds = (await Promise.all(begun)).map(({ kind }) => kind)
    expect(kinds.filter((kind) => kind === 'kept')).toHaveLength(1)
  })
})

test('what begins alike is let go together, but for some', async () => {
  for (const name of ['set/a/1', 'set/a/2', 'set/b/1', 'settle'])
    await objects.put(name, { kind: 'bytes', bytes: bytesOf(1) }, 'image/png')
  await objects.clear('set/', 'set/b/')
  expect(await names('set')).toEqual(['set/b/1', 'settle'])
  await objects.clear('set/')
  await objects.remove('settle')
  await objects.remove('settle')
  expect(await names('set')).toEqual([])
})

test('what is under way, or was left lying, is nobody’s object, and takes nobody’s name', async () => {
  await objects.put('staged/index.html', { kind: 'bytes', bytes: bytesOf(3) }, 'text/html')
  await env.MEDIA.put(`${staging}abandoned`, 'half of it')
  expect((await objects.list('')).objects.filter(({ name }) => name.includes('abandoned'))).toEqual([])
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 2 * 86_400_000 })
  try {
    await objects.put('large', unmeasured(large), 'image/png')
  } finally {
    vi.useRealTimers()
  }
  expect(await objects.head('staged/index.html')).toMatchObject({ size: 3 })
  expect(await names(staging)).toEqual([])
})
