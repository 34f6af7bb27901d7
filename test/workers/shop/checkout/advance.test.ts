// A checkout in which everything that it calls may go wrong, and whoever runs it may die, at every point and between every
// two: the end is all done or all undone. The services are in memory here; in faults.test.ts they are real.
import fc from 'fast-check'
import { describe, expect, it, test } from 'vitest'
import { advance, type CheckoutTools } from '../../../../workers/shop/checkout/advance.ts'
import { type CheckoutStep, checkoutSteps } from '../../../../workers/shop/checkout/steps.ts'
import { Calls, Clock, Dead, type Fault, faults, runToEnd, World } from './world.ts'

const scenarios: readonly (CheckoutStep | undefined)[] = [undefined, ...checkoutSteps]

const toolsOf = ({ journal, effects }: World, { now } = new Clock()): CheckoutTools => ({ journal, effects, now })

const run = (tools: CheckoutTools, clock = new Clock()) => runToEnd('c', () => tools, clock.wait)

/** How many calls a checkout makes where nothing goes wrong. */
async function callsOf(refused: CheckoutStep | undefined): Promise<number> {
  const calls = new Calls(() => undefined)
  await runToEnd('c', () => calls.begin(toolsOf(new World(refused))))
  return calls.count
}

/** What the run says, and what has become of everything. */
async function ends(refused: CheckoutStep | undefined, faultOf: (call: number) => Fault | undefined) {
  const [world, calls, clock] = [new World(refused), new Calls(faultOf), new Clock()]
  const end = await runToEnd('c', () => calls.begin(toolsOf(world, clock)), clock.wait)
  return `${end}, ${world.amountsTo}`
}

describe.each(scenarios)('refused: %s', (refused) => {
  const end = refused === undefined ? 'done, done' : 'undone, undone'

  it('ends as it should where nothing goes wrong', async () => {
    expect(await ends(refused, () => undefined)).toBe(end)
  })

  it('does so too whatever goes wrong once', async () => {
    const count = await callsOf(refused)
    for (let at = 0; at < count; at++) {
      for (const fault of faults) {
        expect(await ends(refused, (call) => (call === at ? fault : undefined)), `${fault} call ${at}`).toBe(end)
      }
    }
  })

  it('does so too whatever goes wrong twice', async () => {
    // Some calls are made again after the first fault.
    const count = (await callsOf(refused)) + 6
    for (let first = 0; first < count; first++) {
      for (let second = first + 1; second < count; second++) {
        const faultOf = (call: number) => (call === first ? 'before' : call === second ? 'after' : undefined)
        const inTurn = (call: number) => (call === first ? 'after' : call === second ? 'before' : undefined)
        expect(await ends(refused, faultOf), `before ${first}, after ${second}`).toBe(end)
        expect(await ends(refused, inTurn), `after ${first}, before ${second}`).toBe(end)
      }
    }
  })
})

const fault = fc.option(fc.constantFrom(...faults), { nil: undefined, freq: 3 })

test('however much goes wrong, all of it is done or all undone', async () => {
  const property = fc.asyncProperty(
    fc.constantFrom(...scenarios),
    fc.array(fault, { maxLength: 80 }),
    async (refused, planned) => {
      expect(await ends(refused, (call) => planned[call])).toMatch(/^(done, done|undone, undone)$/)
    },
  )
  await fc.assert(property, { numRuns: 300 })
})

test('two who run it at once, in any order of their calls, agree, and be they slower than anybody waits', async () => {
  const property = fc.asyncProperty(
    fc.scheduler(),
    fc.constantFrom(...scenarios),
    fc.array(fault, { maxLength: 40 }),
    async (scheduler, refused, planned) => {
      const world = new World(refused)
      const clock = new Clock()
      const slow = slowed(world, scheduler, clock)
      const calls = new Calls((call) => planned[call])
      const runs = [runToEnd('c', () => calls.begin(slow), clock.wait), run(slow, clock)]
      const said = await scheduler.waitFor(Promise.all(runs))
      expect([...new Set(said), world.amountsTo]).toEqual([said[0], said[0]])
    },
  )
  await fc.assert(property, { numRuns: 200 })
})

test('nothing is given up because others are at it too, and each effect is asked for once', async () => {
  const property = fc.asyncProperty(fc.scheduler(), async (scheduler) => {
    const world = new World()
    const slow = slowed(world, scheduler)
    const ends = await scheduler.waitFor(Promise.all(Array.from({ length: 20 }, () => run(slow))))
    expect(new Set(ends)).toEqual(new Set(['done']))
    expect(world.events.map(({ kind }) => kind)).toEqual(checkoutSteps.flatMap(() => ['begin', 'done']))
  })
  await fc.assert(property, { numRuns: 20 })
})

/** The scheduler says whose call is next. */
function slowed({ journal, effects }: World, scheduler: fc.Scheduler, { now } = new Clock()): CheckoutTools {
  return {
    journal: {
      read: scheduler.scheduleFunction(journal.read),
      append: scheduler.scheduleFunction(journal.append),
      fail: scheduler.scheduleFunction(journal.fail),
    },
    effects: {
      perform: scheduler.scheduleFunction(effects.perform),
      undo: scheduler.scheduleFunction(effects.undo),
    },
    now,
  }
}

test('an effect that was called before the saga turned back, and happens after all is undone, does not happen', async () => {
  for (const late of checkoutSteps) {
    const world = new World()
    const { journal, effects } = world
    const clock = new Clock()
    let begin = () => Promise.resolve()
    const tools: CheckoutTools = {
      journal,
      effects: {
        ...effects,
        async perform(step, ...given) {
          if (step !== late) return effects.perform(step, ...given)
          begin = async () => void (await effects.perform(step, ...given))
          throw new Dead()
        },
      },
      now: clock.now,
    }
    // All its tries are lost on the way.
    expect(await run(tools, clock)).toBe('undone')
    await begin()
    expect(world.amountsTo).toBe('undone')
  }
})

test('nobody is charged for what was ordered too long ago', async () => {
  const world = new World()
  await advance('c', toolsOf(world))
  const clock = new Clock()
  clock.passed = 15 * 60_000
  expect(await run(toolsOf(world, clock))).toBe('undone')
  expect(world.amountsTo).toBe('undone')
  expect(world.events.find(({ kind }) => kind === 'give-up')).toMatchObject({ because: 'It took too long.' })
})

test('what does not come about in five tries is given up', async () => {
  const world = new World()
  const tools = toolsOf(world)
  const failing = { ...tools.effects, perform: () => Promise.reject(new Error('away')) }
  expect(await run({ ...tools, effects: failing })).toBe('undone')
  expect(world.events.filter(({ kind }) => kind === 'begin')).toHaveLength(5)
})

test('a step is in the journal before its effect', async () => {
  const world = new World('ship')
  const { journal, effects } = world
  const before: string[] = []
  const note = (kind: string, step: string) => {
    const last = world.events.at(-1)
    before.push(`${kind} ${step}`)
    expect(last).toMatchObject({ kind, step })
  }
  const tools: CheckoutTools = {
    journal,
    effects: {
      perform(step, ...given) {
        note('begin', step)
        return effects.perform(step, ...given)
      },
      undo(step, ...given) {
        note('undo', step)
        return effects.undo(step, ...given)
      },
    },
    now: () => 0,
  }
  expect(await run(tools)).toBe('undone')
  expect(before.join(', ')).toBe(
    'begin reserve, begin order, begin charge, begin ship, undo ship, undo charge, undo order, undo reserve',
  )
})
