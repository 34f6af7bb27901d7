// Flights in Durable Objects, one for each name; so are batches.
import { boardingField } from '../../shared/collapse/frames.ts'
import type { Boarding, FlightPort } from '../ports.ts'
import { within } from '../within.ts'

const patienceMs = 500

export function objectFlights<B extends Boarding>(flights: DurableObjectNamespace): FlightPort<B> {
  return {
    join: (name, url, fields, boarding) =>
      within(patienceMs, async () => {
        const headers = new Headers(fields)
        headers.set(boardingField, inAscii(JSON.stringify(boarding)))
        const response = await flights.getByName(name).fetch(url, { headers })
        if (response.ok && response.body !== null) return response.body as ReadableStream<Uint8Array>
        await response.body?.cancel()
        return undefined
      }),
  }
}

/** The same JSON in characters that a field can hold. */
function inAscii(json: string): string {
  return json.replace(/[^\x20-\x7e]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
}
