// Flights in Durable Objects, one for each name.
import { boardingField } from '../../shared/collapse/frames.ts'
import type { FlightPort } from '../ports.ts'
import { within } from '../within.ts'

const patienceMs = 500

export function objectFlights(flights: DurableObjectNamespace): FlightPort {
  return {
    join: (name, url, fields, boarding) =>
      within(patienceMs, async () => {
        const headers = new Headers(fields)
        headers.set(boardingField, JSON.stringify(boarding))
        const response = await flights.getByName(name).fetch(url, { headers })
        if (response.ok && response.body !== null) return response.body as ReadableStream<Uint8Array>
        await response.body?.cancel()
        return undefined
      }),
  }
}
