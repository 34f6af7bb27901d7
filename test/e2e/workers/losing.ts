// Weir in several data centres at once, with flights that can be lost: a request for `/_lose` ends all objects that were
// called since the last one.
import { Flight as WeirFlight } from '../../../workers/index.ts'
import colos from './colos.ts'

export * from '../../../workers/index.ts'

type Fetch = Parameters<typeof colos.fetch>

const loseField = 'test-lose'

export class Flight extends WeirFlight {
  override async fetch(request: Request): Promise<Response> {
    if (request.headers.has(loseField)) this.ctx.abort('lost, for a test')
    return super.fetch!(request)
  }
}

let called: string[] = []

function watched(flights: DurableObjectNamespace): DurableObjectNamespace {
  const getByName = (name: string) => {
    called.push(name)
    return flights.getByName(name)
  }
  return new Proxy(flights, { get: (target, name) => (name === 'getByName' ? getByName : Reflect.get(target, name)) })
}

async function loseAll(flights: DurableObjectNamespace): Promise<Response> {
  const headers = { [loseField]: '1' }
  await Promise.allSettled(called.map((name) => flights.getByName(name).fetch('http://flight.test/', { headers })))
  called = []
  return new Response()
}

export default {
  ...colos,
  fetch(...[request, env, context]: Fetch) {
    if (new URL(request.url).pathname === '/_lose') return loseAll(env.FLIGHTS)
    return colos.fetch(request, { ...env, FLIGHTS: watched(env.FLIGHTS) }, context)
  },
}
