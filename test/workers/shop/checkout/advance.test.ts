// A checkout in which everything that it calls may go wrong, and whoever runs it may die, at every point and between every
// two: the end is all done or all undone. The services are in memory here; in faults.test.ts they are real.
import fc from 'fast-check'
import { describe, expect, it, test } from 'vitest'
import { advance, type CheckoutTools } from '../../../../workers/shop/checkout/advance.ts'
import { type CheckoutStep, checkoutSteps } from '../../../../workers/shop/checkout/steps.ts'
import { Calls, Dead, type Fault, faults, runToEnd, World } from './world.ts'

const scenarios: readonly (CheckoutStep | undefined)[] = [undefined, ...checkoutSteps]

const toolsOf = ({ journal, effects }: World, now = 0): CheckoutTools => ({ journal, effects, now: () => now })

const run = (tools: CheckoutTools) => runToEnd('c', () => tools)

/** How many calls a checkout makes where nothing goes wrong. */
async function callsOf(refused: CheckoutStep | undefined): Promise<number> {
  const calls = new Calls(() => undefined)
  await runToEnd('c', () => calls.begin(toolsOf(new World(refused))))
  return calls.count
}

/** What the run says, and what has become of everything. */
async function ends(refused: CheckoutStep | undefined, faultOf: (call: number) => Fault | undefined) {
  const world = new World(refused)
  const calls = new Calls(faultOf)
  const end = await runToEnd('c', () => calls.begin(toolsOf(world)))
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

test('two who run it at once, in any order of their calls, agree', async () => {
  const property = fc.asyncProperty(
    fc.scheduler(),
    fc.constantFrom(...scenarios),
    fc.array(fault, { maxLength: 40 }),
    async (scheduler, refused, planned) => {
      const world = new World(refused)
      const slow = slowed(world, scheduler)
      const calls = new Calls((call) => planned[call])
      const runs = [runToEnd('c', () => calls.begin(slow)), run(slow)]
      const said = await scheduler.waitFor(Promise.all(runs))
      expect([...new Set(said), world.amountsTo]).toEqual([said[0], said[0]])
    },
  )
  await fc.assert(property, { numRuns: 200 })
})

test('nothing is given up because somebody else is at it too', async () => {
  const property = fc.asyncProperty(fc.scheduler(), async (scheduler) => {
    const slow = slowed(new World(), scheduler)
    expect(await scheduler.waitFor(Promise.all([run(slow), run(slow), run(slow)]))).toEqual(['done', 'done', 'done'])
  })
  await fc.assert(property, { numRuns: 100 })
})

/** The scheduler says whose call is next. */
function slowed({ journal, effects }: World, scheduler: fc.Scheduler): CheckoutTools {
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
    now: () => 0,
  }
}

test('an effect that was called before the saga turned back, and happens after all is undone, does not happen', async () => {
  for (const late of checkoutSteps) {
    const world = new World()
    const { journal, effects } = world
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
      now: () => 0,
    }
    // All its tries are lost on the way.
    expect(await run(tools)).toBe('undone')
    await begin()
    expect(world.amountsTo).toBe('undone')
  }
})

test('nobody is charged for what was ordered too long ago', async () => {
  const world = new World()
  await advance('c', toolsOf(world))
  expect(await run(toolsOf(world, 15 * 60_000))).toBe('undone')
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
    expect(last).toEqual({ kind, step })
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
