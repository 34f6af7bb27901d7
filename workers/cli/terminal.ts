// What the commands share in a terminal: to read their arguments, to end with a message, and to run until told to stop.

// Noted as the program starts: npm may be gone by the time the gateway is there.
const parent = process.ppid

/** Ends the program with a message for people, and no stack. */
export function fail(error: unknown, hint?: string): never {
  console.error(error instanceof Error ? messageOf(error) : String(error))
  if (hint !== undefined) console.error(hint)
  process.exit(1)
}

/**
 * What `read` makes of the arguments. Where they ask for help the usage is printed, and the program ends; where `read`
 * throws, it ends with the error's message and the usage.
 */
export function commandLine<T>(usage: string, read: () => T): T {
  if (process.argv.slice(2).some((argument) => argument === '--help' || argument === '-h')) {
    console.log(usage)
    process.exit(0)
  }
  try {
    return read()
  } catch (error) {
    return fail(error, usage)
  }
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
