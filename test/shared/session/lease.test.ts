import { describe, expect, it } from 'vitest'
import { acquire, maxLeases, release } from '../../../shared/session/lease.ts'
import { begin, noSession, type SessionState } from '../../../shared/session/session.ts'

const begun = () =>
  begin(noSession, {}, { idleMs: 60_000, absoluteMs: 600_000, maxBytes: 1024 }, 0).state as SessionState

describe('a lease', () => {
  it('has one holder at a time, and each a larger token than all before', () => {
    const first = acquire(begun(), 'checkout', 'a', 100, 0)
    expect(first.outcome).toEqual({ kind: 'granted', name: 'checkout', holder: 'a', token: 1, until: 100 })
    expect(acquire(first.state, 'checkout', 'b', 100, 99).outcome).toEqual({ ...first.outcome, kind: 'held' })
    const other = acquire(first.state, 'address', 'b', 100, 50)
    expect(other.outcome).toMatchObject({ kind: 'granted', token: 2 })
    expect(acquire(other.state, 'checkout', 'b', 100, 100).outcome).toMatchObject({ kind: 'granted', token: 3 })
  })

  it('is prolonged by its holder, with its token', () => {
    const { state } = acquire(begun(), 'checkout', 'a', 100, 0)
    expect(acquire(state, 'checkout', 'a', 100, 50).outcome).toMatchObject({ kind: 'granted', token: 1, until: 150 })
  })

  it('that was given back is free at once, and its token is not given again', () => {
    const { state } = acquire(begun(), 'checkout', 'a', 100, 0)
    expect(release(state, 'checkout', 'b', 1)).toEqual({ state, released: false })
    const freed = release(state, 'checkout', 'a', 1)
    expect(freed.released).toBe(true)
    expect(acquire(freed.state, 'checkout', 'b', 100, 1).outcome).toMatchObject({ kind: 'granted', token: 2 })
  })

  it('that has run out cannot be given back', () => {
    const { state } = acquire(begun(), 'checkout', 'a', 100, 0)
    expect(release(state, 'checkout', 'a', 100).released).toBe(false)
  })

  it('is one of a few', () => {
    let state = begun()
    for (let index = 0; index < maxLeases; index++) state = acquire(state, `l${index}`, 'a', 100, 0).state
    expect(acquire(state, 'another', 'a', 100, 0).outcome).toEqual({ kind: 'tooMany', max: maxLeases })
    expect(acquire(state, 'l0', 'a', 100, 0).outcome.kind).toBe('granted')
    expect(acquire(state, 'another', 'a', 100, 100).outcome.kind).toBe('granted')
  })

  it('is none without a session', () => {
    expect(acquire(noSession, 'checkout', 'a', 100, 0).outcome).toEqual({ kind: 'gone' })
    expect(release(noSession, 'checkout', 'a', 0).released).toBe(false)
  })
})
