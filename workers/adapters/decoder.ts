// Decodes bodies with node:zlib, which has what DecompressionStream has not: brotli, gzip of several members, and an
// output that waits for nothing, so that a bomb is seen before it has filled the memory. (One chunk of gzip made 1.6 GB
// there.)
// @ts-expect-error The types of Workers do not know it, and those of Node do not go with them.
import * as zlib from 'node:zlib'
import type { Decoder } from '../ports.ts'

/** What is needed of a stream of node:zlib. */
interface ZlibStream {
  readonly writableLength: number
  write(chunk: Uint8Array, taken: () => void): void
  end(): void
  destroy(): void
  on(event: 'data' | 'end' | 'close' | 'error', listener: (piece: Uint8Array) => void): void
}

const begins = new Map<string, (options: { chunkSize: number }) => ZlibStream>([
  ['gzip', zlib.createGunzip],
  ['x-gzip', zlib.createGunzip],
  ['deflate', zlib.createInflate],
  ['br', zlib.createBrotliDecompress],
  ['zstd', zlib.createZstdDecompress],
])

/** A stream may call itself for every piece that it gives: of 32 MiB these are as many as the stack can surely bear. */
const chunkSize = 128 * 1024

/** Gives what is decoded to `onPiece`. Undefined where nobody here knows the coding. */
export function decoderFor(coding: string, onPiece: (piece: Uint8Array) => void): Decoder | undefined {
  const stream = begins.get(coding)?.({ chunkSize })
  if (stream === undefined) return undefined
  const over = new Promise<void>((resolve) => {
    for (const event of ['end', 'close', 'error'] as const) stream.on(event, () => resolve())
  })
  stream.on('data', onPiece)
  return {
    get waitingBytes() {
      return stream.writableLength
    },
    write: (chunk) => Promise.race([new Promise<void>((resolve) => stream.write(chunk, resolve)), over]),
    end() {
      stream.end()
      return over
    },
    stop: () => stream.destroy(),
  }
}
