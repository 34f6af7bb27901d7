// What makes pictures may hang or throw: each costs bounded time, and its own fault is told from the picture's.
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { imagesBinding } from '../../../workers/adapters/images-binding.ts'

beforeEach(() => {
  vi.spyOn(console, 'warn').mockReturnValue()
})
afterEach(() => {
  vi.useRealTimers()
  vi.restoreAllMocks()
})

const never = new Promise<never>(() => undefined)
const refusal = (code: number) => Object.assign(new Error('no use'), { code })

/** A binding whose last step is this one. */
function bound(output: () => Promise<unknown>) {
  const transformer = { transform: () => transformer, output }
  return imagesBinding({ input: () => transformer } as unknown as ImagesBinding)!
}

const make = (output: () => Promise<unknown>) => bound(output).make(new Blob(['?']).stream(), {}, 'image/webp')

test('one that hangs is waited for as long as is stated', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  let ended: unknown
  const making = make(() => never).then((made) => {
    ended = made
  })
  await vi.advanceTimersByTimeAsync(24_999)
  expect(ended).toBeUndefined()
  await vi.advanceTimersByTimeAsync(1)
  await making
  expect(ended).toEqual({ kind: 'failed' })
})

test('the picture is refused only where the fault is its own', async () => {
  expect(await make(() => Promise.reject(refusal(9412)))).toEqual({ kind: 'refused', because: 'no use' })
  expect(await make(() => Promise.reject(refusal(9522)))).toEqual({ kind: 'failed' })
  expect(await make(() => Promise.reject(new Error('broken')))).toEqual({ kind: 'failed' })
  expect(await make(async () => ({ contentType: () => 'text/html', image: () => null }))).toEqual({ kind: 'failed' })
})

test('without a binding there is nobody who makes any', () => {
  expect(imagesBinding(undefined)).toBeUndefined()
})
