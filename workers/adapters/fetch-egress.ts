// Calls out, with the platform's fetch.
import type { EgressPort } from '../ports/egress-port.ts'

export const fetchEgress: EgressPort = {
  async send({ url, method, fields, body }, signal) {
    try {
      return await fetch(url, {
        method,
        headers: fields,
        body,
        redirect: 'manual',
        signal,
        // In production `fetch` looks into a cache of its own otherwise.
        cache: 'no-store',
        encodeResponseBody: 'manual',
      })
    } catch {
      // The platform's own words name hosts, and tell no more.
      return undefined
    }
  },
}
