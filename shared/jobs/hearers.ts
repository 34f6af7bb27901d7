// Which events a subscriber wants: `order.paid` itself, all that begins like `order.*`, or everything: `*`.
import type { JobsConfig, Subscriber } from '../config/jobs.ts'

/** Whether an event of this name is one of those that the pattern means. `order.*` is not `order` itself. */
export function matchesEvent(pattern: string, name: string): boolean {
  return pattern.endsWith('*') ? name.startsWith(pattern.slice(0, -1)) : name === pattern
}

/** Who wants to hear of an event of this name. */
export function hearersOf(subscribers: JobsConfig['subscribers'], name: string): [name: string, Subscriber][] {
  return Object.entries(subscribers).filter(([, { events }]) => events.some((pattern) => matchesEvent(pattern, name)))
}
