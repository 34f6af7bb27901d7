// The object of one flight, or of the flights for parts of one content, named by what is asked for. It remembers
// nothing: to lose it costs one more request to an origin.
import { DurableObject } from 'cloudflare:workers'
import type { Env } from '../env.ts'
import type { Boarding, Ports } from '../ports.ts'
import { Crew } from './crew.ts'
import { type Passenger, passengerOf } from './passenger.ts'
import { Runs } from './runs.ts'

/** The class, with what it asks origins by. */
export function flightObject(
  portsFor: (env: Env, url: string) => Ports,
): new (
  context: DurableObjectState,
  env: Env,
) => DurableObject<Env> {
  return class Flight extends DurableObject<Env> {
    #crew: Crew | undefined
    readonly #runs = new Runs()

    override async fetch(request: Request): Promise<Response> {
      const ports = () => portsFor(this.env, request.url)
      const passenger = passengerOf<Boarding>(request, ports, (work) => this.ctx.waitUntil(work))
      const { part } = passenger.boarding
      return new Response(part === undefined ? this.#board(passenger) : this.#runs.join(passenger, part))
    }

    #board(passenger: Passenger): ReadableStream<Uint8Array> | null {
      const body = this.#crew?.join(passenger)
      if (body !== undefined) return body
      this.#crew = new Crew(passenger.boarding.limits)
      return this.#crew.join(passenger) ?? null
    }
  }
}
