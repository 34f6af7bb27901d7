import { afterEach, beforeEach, describe, expect, it, type Mock, vi } from 'vitest'
import { late, orLate, within } from '../../workers/within.ts'
import { never } from './support/configurations.ts'

let warn: Mock

beforeEach(() => {
  warn = vi.spyOn(console, 'warn').mockReturnValue()
  vi.useFakeTimers()
})

afterEach(() => {
  vi.useRealTimers()
  vi.restoreAllMocks()
})

describe('a promise, or its being late', () => {
  it('gives what the promise gives', async () => {
    expect(await orLate(10, Promise.resolve(7))).toBe(7)
    expect(await orLate(10, Promise.resolve(undefined))).toBeUndefined()
  })

  it('rejects as the promise does', async () => {
    await expect(orLate(10, Promise.reject(new Error('broken')))).rejects.toThrow('broken')
  })

  it('is late at the bound, and not before', async () => {
    let result: unknown = 'waiting'
    const settled = orLate(250, never()).then((value) => {
      result = value
    })
    await vi.advanceTimersByTimeAsync(249)
    expect(result).toBe('waiting')
    await vi.advanceTimersByTimeAsync(1)
    await settled
    expect(result).toBe(late)
  })

  it('leaves no timer behind, whatever happened', async () => {
    await orLate(10, Promise.resolve(1))
    await orLate(10, Promise.reject(new Error())).catch(() => undefined)
    expect(vi.getTimerCount()).toBe(0)
  })

  it('does not mind a promise that fails when nobody waits for it any more', async () => {
    let fail = (_: Error) => {}
    const failing = new Promise<number>((_, reject) => {
      fail = reject
    })
    const result = orLate(10, failing)
    await vi.advanceTimersByTimeAsync(10)
    expect(await result).toBe(late)
    fail(new Error('too late'))
    // An unhandled rejection would fail the run.
    await vi.advanceTimersByTimeAsync(1000)
  })
})

describe('what a store gave within its time', () => {
  it('gives what the call gives, and says nothing', async () => {
    expect(await within(10, () => Promise.resolve('kept'))).toBe('kept')
    expect(warn).not.toHaveBeenCalled()
  })

  it.each<[string, () => Promise<string>]>([
    ['rejects', () => Promise.reject(new Error('away'))],
    [
      'throws',
      () => {
        throw new Error('away')
      },
    ],
  ])('is nothing where the call %s, and the log says why', async (_, call) => {
    expect(await within(10, call)).toBeUndefined()
    expect(warn.mock.calls.flat().join(' ')).toContain('away')
  })

  it('is nothing where the call hangs, and the log says how long', async () => {
    const result = within(250, never)
    await vi.advanceTimersByTimeAsync(250)
    expect(await result).toBeUndefined()
    expect(warn.mock.calls.flat().join(' ')).toContain('250 ms')
  })
})
