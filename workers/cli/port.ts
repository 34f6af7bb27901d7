// Ports on loopback: the one asked for or an error, else the first free one from a usual place on.
import { createServer } from 'node:net'

/**
 * `wanted` if it is free (an Error if not; 0 takes any), or the first free port from `usual` on where nothing
 * was asked for.
 */
export async function choosePort(wanted: number | undefined, usual: number): Promise<number> {
  if (wanted !== undefined) {
    const port = await tryPort(wanted)
    if (port === undefined) throw new Error(`Port ${wanted} is in use: choose another with --port, or 0 for any.`)
    return port
  }
  for (let port = usual; port < usual + 100; port++) if ((await tryPort(port)) !== undefined) return port
  throw new Error(`No free port between ${usual} and ${usual + 99}: choose one with --port.`)
}

function tryPort(port: number): Promise<number | undefined> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(undefined))
    server.listen(port, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : undefined))
    })
  })
}
