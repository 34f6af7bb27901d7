// A real origin server for one test file: whatever handler the test gives it, on a free port of loopback.
import { once } from 'node:events'
import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface TestOrigin {
  /** Without a slash at the end. */
  readonly url: string
  readonly server: Server
  /** How many requests have reached it. */
  requests: number
  handle: RequestListener
  close(): Promise<void>
}

export async function startOrigin(handle: RequestListener): Promise<TestOrigin> {
  const server = createServer((request: IncomingMessage, response: ServerResponse) => {
    origin.requests++
    origin.handle(request, response)
  })
  server.keepAliveTimeout = 60_000
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const close = async () => {
    const closed = once(server, 'close')
    server.close()
    server.closeAllConnections()
    await closed
  }
  const origin: TestOrigin = { url: `http://127.0.0.1:${port}`, server, requests: 0, handle, close }
  return origin
}

/** A URL on loopback that refuses connections: nobody is ever given this port, as one that was free may be. */
export const deadUrl = 'http://127.0.0.1:1'

/** The whole body of a request. */
export async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}
