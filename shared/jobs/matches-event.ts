// Which events a subscriber wants: `order.paid` itself, all that begins like `order.*`, or everything: `*`.

/** Whether an event of this name is one of those that the pattern means. `order.*` is not `order` itself. */
export function matchesEvent(pattern: string, name: string): boolean {
  return pattern.endsWith('*') ? name.startsWith(pattern.slice(0, -1)) : name === pattern
}
