// What the commands share in a terminal: ending with a message, and running until told to stop.

// Noted as the program starts: npm may be gone by the time the gateway is there.
const parent = process.ppid

/** Ends the program with a message for people, and no stack. */
export function fail(error: unknown, hint?: string): never {
  console.error(error instanceof Error ? messageOf(error) : String(error))
  if (hint !== undefined) console.error(hint)
  process.exit(1)
}

/** With the reason, which `fetch` keeps to itself. */
const messageOf = ({ message, cause }: Error): string =>
  cause instanceof Error && cause.message !== '' ? `${message}: ${cause.message}` : message

/** Resolves at the first Ctrl-C, SIGTERM or hang-up, or when the npm that started this program is gone. */
export function untilStopped(): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => resolve())
    if (process.env.npm_lifecycle_event === undefined) return
    const watch = setInterval(() => {
      if (process.ppid === parent) return
      clearInterval(watch)
      resolve()
    }, 500)
  })
}
