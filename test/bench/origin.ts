// The origin that the benchmark asks, in a process of its own: one small response that may be cached for an hour.
// Sends its URL to the process that forked it, and ends with it.
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

const body = Buffer.alloc(1024, 'x')
const fields = { 'Content-Type': 'text/plain', 'Content-Length': body.byteLength, 'Cache-Control': 'max-age=3600' }

const server = createServer((_, response) => response.writeHead(200, fields).end(body))
server.keepAliveTimeout = 600_000
server.listen(0, '127.0.0.1', () => process.send?.(`http://127.0.0.1:${(server.address() as AddressInfo).port}`))
process.once('disconnect', () => process.exit())
