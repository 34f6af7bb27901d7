// What visitors send: short bodies as a whole, and forms with a file (RFC 7578), whose file is a stream. Nothing here holds
// more of a body than its limit.
import type { IncomingMessage } from 'node:http'
import { Refused } from './answers.ts'

const limitBytes = 64 * 1024

/** The whole body, or undefined when it is longer than 64 KiB. The rest of it is then read and dropped. */
export async function readText(request: IncomingMessage): Promise<string | undefined> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes > limitBytes) {
      request.resume()
      return undefined
    }
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

/** The fields of a short form. */
export async function readFields(request: IncomingMessage): Promise<URLSearchParams> {
  const text = await readText(request)
  if (text === undefined) throw new Refused(413, `a form without a file has at most ${limitBytes} bytes`)
  return new URLSearchParams(text)
}

/** A form with a file, which comes last: the fields before it, and its bytes as they come. */
export type FileForm = { fields: Map<string, string>; file: AsyncIterable<Buffer> }

/**
 * Reads such a form as far as its file, which is for `use` to read; what nobody has read by then is dropped, so that the
 * connection may be used again.
 * @throws Refused where it is no such form
 */
export async function withFileForm<T>(request: IncomingMessage, use: (form: FileForm) => Promise<T>): Promise<T> {
  const chunks = request.iterator({ destroyOnReturn: false }) as AsyncIterator<Buffer>
  try {
    return await use(await fileFormOf(request.headers['content-type'] ?? '', chunks))
  } finally {
    const ended = chunks.return?.().then(() => request.resume())
    ended?.catch(() => undefined) // the client has left
  }
}

async function fileFormOf(type: string, chunks: AsyncIterator<Buffer>): Promise<FileForm> {
  const [, quoted, bare] = /^multipart\/form-data\s*;.*?\bboundary=(?:"([^"]+)"|([^\s;"]+))/i.exec(type) ?? []
  const boundary = quoted ?? bare
  if (boundary === undefined) throw new Refused(415, 'send a form with a file: multipart/form-data')
  const body = new Body(chunks)
  const delimiter = `\r\n--${boundary}`
  await body.text(delimiter)
  const fields = new Map<string, string>()
  for (;;) {
    // After the last boundary stand two dashes, after all others a line end and the header of a part.
    if ((await body.text('\r\n')).startsWith('--')) throw new Refused(400, 'the form has no file')
    const header = await body.text('\r\n\r\n')
    const disposition = /^content-disposition:.*$/im.exec(header)?.[0] ?? ''
    if (/;\s*filename\*?=/i.test(disposition)) return { fields, file: body.until(delimiter) }
    fields.set(/;\s*name="([^"]*)"/i.exec(disposition)?.[1] ?? '', await body.text(delimiter))
  }
}

/** A body that is read from one delimiter to the next. */
class Body {
  readonly #chunks: AsyncIterator<Buffer>
  // The first boundary may stand at the very beginning, without a line end before it.
  #ahead: Buffer = Buffer.from('\r\n')
  #textBytes = 0

  constructor(chunks: AsyncIterator<Buffer>) {
    this.#chunks = chunks
  }

  /** What stands before the delimiter, which is passed over. All such texts of a body together are short. */
  async text(delimiter: string): Promise<string> {
    const pieces: Buffer[] = []
    for await (const piece of this.until(delimiter)) {
      this.#textBytes += piece.length
      if (this.#textBytes > limitBytes) throw new Refused(413, `the fields of a form have at most ${limitBytes} bytes`)
      pieces.push(piece)
    }
    return Buffer.concat(pieces).toString('utf8')
  }

  async *until(delimiter: string): AsyncGenerator<Buffer, void> {
    for (;;) {
      const at = this.#ahead.indexOf(delimiter)
      if (at >= 0) {
        const piece = this.#take(at)
        this.#take(delimiter.length)
        if (piece.length > 0) yield piece
        return
      }
      // The end of it may be the beginning of the delimiter.
      const sure = this.#ahead.length - Buffer.byteLength(delimiter) + 1
      if (sure > 0) yield this.#take(sure)
      const { done, value } = await this.#chunks.next()
      if (done) throw new Refused(400, 'the form ends before its last boundary')
      this.#ahead = Buffer.concat([this.#ahead, value])
    }
  }

  #take(bytes: number): Buffer {
    const taken = this.#ahead.subarray(0, bytes)
    this.#ahead = this.#ahead.subarray(bytes)
    return taken
  }
}
