// One origin server of the demo, a process of its own: a facade of the shop behind the gateway, and paths that are slow,
// fail or stream on request. It prints one line of JSON when it listens, and keeps nothing.
//   node workers/cli/demo/origin.ts --id a --port 9001
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { parseArgs } from 'node:util'
import { answerAsService, type Gateway } from './facade.ts'
import { type Answer, match, refusal } from './routes.ts'

/**
 * An origin that does not listen yet.
 * @param origin its id, sent as X-Origin with every answer
 * @param gateway where it asks the services, as soon as it knows
 */
function createOrigin(origin: string, gateway: () => Gateway | undefined): Server {
  const server = createServer((request, response) => {
    respond(origin, gateway(), request, response).catch((cause: unknown) => {
      if (response.destroyed) return // the client has left: nobody is there to be told
      process.stderr.write(`origin ${origin}: ${String(cause)}\n`)
      if (response.headersSent) response.destroy()
      else send(origin, request, response, refusal(502, 'this origin could not answer'))
    })
  })
  // The gateway keeps connections; a short idle limit would close them just as it sends the next request.
  server.keepAliveTimeout = 75_000
  return server
}

async function respond(
  origin: string,
  gateway: Gateway | undefined,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const at = new Date()
  const gone = new AbortController()
  response.on('close', () => gone.abort())
  const found = match(request)
  if (found.kind === 'found') {
    const answer = await found.route({ origin, url: found.url, at, gone: gone.signal })
    return send(origin, request, response, answer)
  }
  if (found.kind === 'service' && gateway !== undefined) {
    return answerAsService(gateway, origin, request, response, gone.signal)
  }
  send(
    origin,
    request,
    response,
    found.kind === 'refused' ? found.answer : refusal(503, 'this origin knows no gateway'),
  )
}

function send(origin: string, request: IncomingMessage, response: ServerResponse, answer: Answer): void {
  if (response.destroyed) return
  request.resume() // whatever was sent with it
  const headers: Record<string, string | number> = { ...answer.headers, 'X-Origin': origin }
  if (answer.stream === undefined) headers['Content-Length'] = Buffer.byteLength(answer.body)
  response.writeHead(answer.status, headers)
  if (answer.stream === undefined || request.method === 'HEAD') response.end(answer.body)
  else answer.stream(response)
}

/** Standard output is for the line that says where this origin listens; complaints go to standard error. */
function main(): void {
  const wanted = parseArguments()
  if (typeof wanted === 'string') leave(2, wanted)
  leaveWithParent()
  process.on('SIGTERM', () => process.exit(0))
  const { id, port } = wanted
  let gateway: Gateway | undefined
  // By this way and no other, so that the credential stands on no command line.
  process.on('message', (message) => {
    gateway = message as Gateway
  })
  const server = createOrigin(id, () => gateway)
  server.on('error', (error: NodeJS.ErrnoException) => {
    leave(1, `origin ${id}: ${error.code === 'EADDRINUSE' ? `port ${port} is in use` : error.message}`)
  })
  server.listen(port, '127.0.0.1', () => {
    process.stdout.write(`${JSON.stringify({ id, port: (server.address() as AddressInfo).port })}\n`)
  })
}

/**
 * When the parent dies, however it dies, the system closes its end of the IPC channel: nothing has to be sent. An
 * origin that was started by hand has no such channel, and stays until it is told to go.
 */
function leaveWithParent(): void {
  if (process.connected === false) process.exit(0)
  process.on('disconnect', () => process.exit(0))
}

function parseArguments(): { id: string; port: number } | string {
  const usage = 'usage: origin.ts --id NAME [--port N], NAME of at most 32 letters, digits, - and _; N from 0 to 65535'
  try {
    const { id = '', port = '0' } = parseArgs({ options: { id: { type: 'string' }, port: { type: 'string' } } }).values
    const right = /^[a-z0-9][a-z0-9_-]{0,31}$/i.test(id) && /^\d{1,5}$/.test(port) && Number(port) <= 65_535
    return right ? { id, port: Number(port) } : usage
  } catch (error) {
    return `${(error as Error).message}\n${usage}`
  }
}

function leave(code: number, why: string): never {
  process.stderr.write(`${why}\n`)
  process.exit(code)
}

if (import.meta.main) main()
