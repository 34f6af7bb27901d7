import { afterEach, beforeEach, expect, it, test, vi } from 'vitest'
import { flightLimits } from '../../../shared/collapse/flight-events.ts'
import { flightSchema } from '../../../shared/config/cache.ts'
import { objectFlights } from '../../../workers/adapters/object-flights.ts'
import { type Fault, fail, faults } from '../support/configurations.ts'

beforeEach(() => {
  // Objects that fail are logged, and these tests have many of them.
  vi.spyOn(console, 'warn').mockReturnValue()
})

afterEach(() => {
  vi.useRealTimers()
  vi.restoreAllMocks()
})

const limits = flightLimits(flightSchema.parse({}))
const boarding = {
  colo: 'local',
  after: 0,
  epoch: 0,
  staleSince: 0,
  limits,
  course: { pools: ['web'], because: 'order' },
}

/** Objects whose call does what it is told. */
function objectsThat(call: () => Promise<Response>): DurableObjectNamespace {
  return { getByName: () => ({ fetch: call }) } as unknown as DurableObjectNamespace
}

const join = (objects: DurableObjectNamespace) =>
  objectFlights(objects).join('a', 'http://gateway.test/', new Headers(), boarding)

test.each<Fault>(faults)('an object that %s cannot be joined, and costs 500 ms at most', async (fault) => {
  vi.useFakeTimers()
  const joined = join(objectsThat(() => fail<Response>(fault)))
  await vi.advanceTimersByTimeAsync(500)
  expect(await joined).toBeUndefined()
})

it('an object that answers with an error cannot be joined', async () => {
  expect(await join(objectsThat(async () => new Response('overloaded', { status: 503 })))).toBeUndefined()
})

it('a flight is a body', async () => {
  const body = await join(objectsThat(async () => new Response('frames')))
  expect(await new Response(body ?? null).text()).toBe('frames')
})

it('what is wanted arrives as it was said, in any language', async () => {
  const echo = async (_: string, { headers }: { headers: Headers }) => new Response(headers.get('weir-boarding'))
  const objects = { getByName: () => ({ fetch: echo }) } as unknown as DurableObjectNamespace
  const wanted = { ...boarding, id: 'größe 日本 𝄞 "\n' }
  const body = await objectFlights(objects).join('a', 'http://gateway.test/', new Headers(), wanted)
  expect(await new Response(body ?? null).json()).toEqual(wanted)
})
