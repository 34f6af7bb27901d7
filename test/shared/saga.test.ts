// What may follow what in a saga's journal, and where it goes on from there.
import fc from 'fast-check'
import { describe, expect, it, test } from 'vitest'
import { endOf, follow, nextMove, openSaga, replay, type SagaEvent, stepStates } from '../../shared/saga.ts'

const steps = ['a', 'b', 'c']
const patience = { inHandMs: 10, tries: 2, deadline: 1000 }

/** `begin a` and the like, begun at 0; what turns back does it because of `no`. */
const events = (...words: string[]): SagaEvent[] =>
  words.map((word) => {
    const [kind, step] = word.split(' ') as [SagaEvent['kind'], string]
    return eventOf(kind, step)
  })

function eventOf(kind: SagaEvent['kind'], step: string): SagaEvent {
  if (kind === 'begin') return { kind, step, at: 0 }
  return kind === 'refuse' || kind === 'give-up' ? { kind, step, because: 'no' } : { kind, step }
}

const forward = ['begin a', 'done a', 'begin b', 'done b', 'begin c', 'done c']

describe('what is next', () => {
  test.each<[title: string, journal: string[], next: string]>([
    ['the first step', [], 'do a'],
    ['a step that was begun, again', ['begin a'], 'do a'],
    ['the next one', ['begin a', 'done a'], 'do b'],
    ['nothing after the last', forward, 'over done'],
    ['back, where it was begun too often', ['begin a', 'begin a'], 'give-up a'],
    ['its tries are those of one step', ['begin a', 'begin a', 'done a', 'begin b'], 'do b'],
    ['the refused step is undone too', ['begin a', 'done a', 'begin b', 'refuse b'], 'undo b'],
    ['one that nobody has begun is not', ['begin a', 'done a', 'give-up b'], 'undo a'],
    ['one that somebody has begun is', ['begin a', 'done a', 'begin b', 'give-up b'], 'undo b'],
    ['undoing has no end of tries', ['begin a', 'refuse a', 'undo a', 'undo a', 'undo a'], 'undo a'],
    ['the step before', ['begin a', 'done a', 'give-up b', 'undo a', 'undone a'], 'over undone'],
    ['nothing, where it was given up at once', ['give-up a'], 'over undone'],
  ])('%s', (_, journal, next) => {
    const move = nextMove(replay(steps, events(...journal)), patience, 10)
    expect(`${move.kind} ${move.kind === 'over' ? move.end : move.step}`).toBe(next)
  })

  test.each<[title: string, journal: string[], next: string]>([
    ['it is in the hands of somebody', ['begin a'], 'wait'],
    ['where they have failed it is not', ['begin a', 'fail a'], 'do'],
    ['also where it is the last try', ['begin a', 'fail a', 'begin a'], 'wait'],
    ['when that has failed too it is given up', ['begin a', 'fail a', 'begin a', 'fail a'], 'give-up'],
    ['who goes back waits for nobody', ['begin a', 'refuse a', 'undo a'], 'undo'],
  ])('at once: %s', (_, journal, next) => {
    expect(nextMove(replay(steps, events(...journal)), patience, 9).kind).toBe(next)
    const late = { ...patience, deadline: 9 }
    if (next === 'wait') expect(nextMove(replay(steps, events(...journal)), late, 9).kind).toBe(next)
  })

  it('turns back after the deadline, wherever it is', () => {
    expect(nextMove(openSaga(steps), patience, 1000)).toMatchObject({ kind: 'give-up', step: 'a' })
    expect(nextMove(replay(steps, events(...forward)), patience, 1000)).toEqual({ kind: 'over', end: 'done' })
  })
})

describe('what may not follow', () => {
  test.each<[journal: string[], event: string]>([
    [[], 'done a'],
    [[], 'begin b'],
    [[], 'fail a'],
    [['begin a', 'done a'], 'fail b'],
    [['begin a', 'refuse a'], 'fail a'],
    [[], 'undo a'],
    [['begin a', 'done a'], 'done a'],
    [['begin a', 'done a'], 'refuse b'],
    [['begin a', 'refuse a'], 'begin a'],
    [['begin a', 'refuse a'], 'done a'],
    [['begin a', 'refuse a'], 'undone a'],
    [['begin a', 'refuse a'], 'give-up a'],
    [['begin a', 'refuse a', 'undo a', 'undone a'], 'begin a'],
    [forward, 'undo c'],
    [forward, 'give-up c'],
  ])('%j: %s', (journal, event) => {
    expect(follow(replay(steps, events(...journal)), events(event)[0]!).ok).toBe(false)
    expect(() => replay(steps, events(...journal, event))).toThrow('This journal is broken')
  })
})

test('what is told of each step', () => {
  const told = (...journal: string[]) =>
    stepStates(replay(steps, events(...journal)))
      .map(({ state }) => state)
      .join(' ')
  expect(told()).toBe('waiting waiting waiting')
  expect(told('begin a', 'done a', 'begin b')).toBe('done running waiting')
  expect(told('begin a', 'done a', 'begin b', 'refuse b')).toBe('undoing undoing undone')
  expect(told('begin a', 'done a', 'begin b', 'refuse b', 'undo b', 'undone b')).toBe('undoing undone undone')
  expect(told(...forward)).toBe('done done done')
})

test('whatever may follow, it ends with all done or with all that was begun undone, and never begins what it has undone', () => {
  const kinds = ['begin', 'done', 'fail', 'refuse', 'give-up', 'undo', 'undone'] as const
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...kinds), { maxLength: 60 }), (choices) => {
      let saga = openSaga(steps)
      const begun = new Set<string>()
      const undone = new Set<string>()
      const done = new Set<string>()
      for (const kind of choices) {
        const step = steps[saga.at] ?? 'a'
        const next = follow(saga, eventOf(kind, step))
        if (!next.ok) continue
        saga = next.value
        if (kind === 'begin') begun.add(step)
        if (kind === 'done') done.add(step)
        if (kind === 'undone') undone.add(step)
        if (kind === 'begin') expect(undone).not.toContain(step)
      }
      if (endOf(saga) === 'done') expect([...done]).toEqual(steps)
      if (endOf(saga) === 'undone') expect([...undone].sort()).toEqual([...begun].sort())
    }),
  )
})
