// The origin that the benchmark asks, in a process of its own: 1 KiB, or 64 KiB where the path ends with `/64-kib`, that
// may be cached for an hour; and lists of items, for batches. Sends its URL to the process that forked it, and ends with it.
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

const small = Buffer.alloc(1024, 'x')
const large = Buffer.alloc(65_536, 'x')

const server = createServer(({ url = '' }, response) => {
  const ids = /^\/items\?ids=(.*)/.exec(url)?.[1]?.split(',')
  if (ids !== undefined) return answer(response, items(ids), 'application/json')
  answer(response, url.endsWith('/64-kib') ? large : small)
})
server.keepAliveTimeout = 600_000
server.listen(0, '127.0.0.1', () => process.send?.(`http://127.0.0.1:${(server.address() as AddressInfo).port}`))
process.once('disconnect', () => process.exit())

function items(ids: readonly string[]): Buffer {
  return Buffer.from(JSON.stringify(ids.map((id) => ({ id, name: `item ${id}` }))))
}

function answer(response: ServerResponse, body: Buffer, type = 'text/plain'): void {
  const { byteLength } = body
  response.writeHead(200, {
    'Content-Type': type,
    'Content-Length': byteLength,
    'Cache-Control': 'max-age=3600',
  })
  response.end(body)
}
