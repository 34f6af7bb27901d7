// The object that gathers single reads which would have said the same, and asks for all of them in one request. It
// remembers nothing but that a batch has failed: to lose it costs each who waits a request of its own.
import { DurableObject } from 'cloudflare:workers'
import type { Env } from '../env.ts'
import type { BatchBoarding, Ports } from '../ports.ts'
import { Gathering } from './gathering.ts'
import { passengerOf } from './passenger.ts'

/** The class, with what it asks origins by. */
export function batchObject(
  portsFor: (env: Env, url: string) => Ports,
): new (
  context: DurableObjectState,
  env: Env,
) => DurableObject<Env> {
  return class Batch extends DurableObject<Env> {
    readonly #gathering = new Gathering()

    override async fetch(request: Request): Promise<Response> {
      const ports = () => portsFor(this.env, request.url)
      const passenger = passengerOf<BatchBoarding>(request, ports, (work) => this.ctx.waitUntil(work))
      return new Response(this.#gathering.join(passenger.boarding, passenger))
    }
  }
}
