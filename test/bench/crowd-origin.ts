// The origin of the crowds, in a process of its own. Below `/cacheable/` it sends its head and half of 2 KiB at once, and
// the other half after a pause; below `/private/` an answer for one client, after a while; below `/late/` one for all,
// after a longer while. Sends its URL to the process that forked it, tells it on request how often a path was asked for,
// and ends with it.
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'

/** Between the halves, and before what is private. */
const whileMs = 500
/** The time of two thousand to join. */
const longWhileMs = 3000

export interface Asked {
  readonly path: string
  readonly times: number
}

const half = Buffer.alloc(1024, 'x')
const asked = new Map<string, number>()

if (process.send !== undefined) {
  const server = createServer((request, response) => {
    const path = request.url!
    asked.set(path, (asked.get(path) ?? 0) + 1)
    if (path.includes('/private/')) return send(response, whileMs, 'private')
    return path.includes('/late/') ? send(response, longWhileMs, 'max-age=3600') : sendHalves(response)
  })
  server.keepAliveTimeout = 600_000
  server.listen({ port: 0, host: '127.0.0.1', backlog: 4096 }, () =>
    process.send!(`http://127.0.0.1:${(server.address() as AddressInfo).port}`),
  )
  process.on('message', (path: string) => process.send!({ path, times: asked.get(path) ?? 0 } satisfies Asked))
  process.once('disconnect', () => process.exit())
}

async function sendHalves(response: ServerResponse): Promise<void> {
  response.writeHead(200, { 'Content-Length': 2 * half.length, 'Cache-Control': 'max-age=3600' }).write(half)
  await pause(whileMs)
  response.end(half)
}

async function send(response: ServerResponse, afterMs: number, cacheControl: string): Promise<void> {
  await pause(afterMs)
  response.writeHead(200, { 'Content-Length': half.length, 'Cache-Control': cacheControl }).end(half)
}
