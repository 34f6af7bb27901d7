// A crowd that asks for one URL at the same moment, on bare sockets in a process of its own: every connection is open
// and idle before the first request is written. Takes a Crowd as a message, answers it with its Arrivals, and ends with
// the process that forked it.
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'

export interface Crowd {
  readonly url: string
  readonly size: number
}

/** In milliseconds since the first request was written, sorted; of those alone that got a whole 200. */
export interface Arrivals {
  readonly firstByteMs: number[]
  readonly lastByteMs: number[]
  readonly failed: number
}

interface Caller {
  readonly socket: Socket
  firstByteMs: number
  lastByteMs: number
  isFine: boolean
}

/** Read into by all: what is in it matters for the status alone. */
const buffer = Buffer.alloc(262_144)
const status200 = Buffer.from('HTTP/1.1 200')

process.on('message', async ({ url, size }: Crowd) => {
  const { hostname, port, pathname } = new URL(url)
  const callers = await Promise.all(Array.from({ length: size }, () => call(hostname, Number(port))))
  const ends = callers.map(({ socket }) => once(socket, 'close'))
  const request = Buffer.from(`GET ${pathname} HTTP/1.1\r\nHost: ${hostname}:${port}\r\nConnection: close\r\n\r\n`)
  const startMs = performance.now()
  for (const { socket } of callers) socket.write(request)
  await Promise.all(ends)
  const fine = callers.filter(({ isFine }) => isFine)
  const since = (times: number[]) => times.map((ms) => ms - startMs).sort((left, right) => left - right)
  process.send?.({
    firstByteMs: since(fine.map(({ firstByteMs }) => firstByteMs)),
    lastByteMs: since(fine.map(({ lastByteMs }) => lastByteMs)),
    failed: size - fine.length,
  } satisfies Arrivals)
})
process.once('disconnect', () => process.exit())

async function call(host: string, port: number): Promise<Caller> {
  const onread = { buffer, callback: (length: number) => arrived(caller, length) }
  const caller: Caller = { socket: connect({ host, port, onread }), firstByteMs: 0, lastByteMs: 0, isFine: false }
  // Whoever is cut has not got a whole 200.
  caller.socket.on('error', () => {
    caller.isFine = false
  })
  await once(caller.socket, 'connect')
  return caller
}

function arrived(caller: Caller, length: number): boolean {
  caller.lastByteMs = performance.now()
  if (caller.firstByteMs === 0) {
    caller.firstByteMs = caller.lastByteMs
    caller.isFine = length >= status200.length && buffer.subarray(0, status200.length).equals(status200)
  }
  return true
}
