// Requests as bytes on a socket, for what a well-behaved client cannot say, and answers as bytes, for what a client
// library would hide.
import { once } from 'node:events'
import { connect } from 'node:net'

export interface WireAnswer {
  /** 0 where no status line came. */
  readonly status: number
  /** In lower case; of repeated fields the last. */
  readonly headers: Readonly<Record<string, string>>
  /** Everything behind the head, as it came, chunked framing and all. */
  readonly body: string
  readonly raw: string
}

/** Sends `text` and reads until the other side closes; `Connection: close` in the request makes it. */
export async function sendRaw(url: string, text: string): Promise<WireAnswer> {
  const { hostname, port } = new URL(url)
  const socket = connect(Number(port), hostname)
  socket.setEncoding('latin1')
  socket.setTimeout(10_000, () => socket.destroy(new Error('The gateway did not close the connection.')))
  let raw = ''
  socket.on('data', (chunk: string) => {
    raw += chunk
  })
  socket.write(text, 'latin1')
  await once(socket, 'close')
  return parse(raw)
}

/** `GET target` on a connection of its own. */
export function rawGet(url: string, target: string, ...headers: string[]): Promise<WireAnswer> {
  const lines = [`GET ${target} HTTP/1.1`, 'Host: gateway.test', 'Connection: close', ...headers]
  return sendRaw(url, `${lines.join('\r\n')}\r\n\r\n`)
}

function parse(raw: string): WireAnswer {
  const end = raw.indexOf('\r\n\r\n')
  const [statusLine = '', ...lines] = raw.slice(0, end < 0 ? raw.length : end).split('\r\n')
  const headers = Object.fromEntries(
    lines.map((line) => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 1).trim()]),
  )
  return { status: Number(statusLine.split(' ')[1] ?? 0), headers, body: end < 0 ? '' : raw.slice(end + 4), raw }
}
