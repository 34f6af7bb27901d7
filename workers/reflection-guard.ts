// Keeps out of the store a body that says again what only its own request has said (shared/http/unkeyed.ts). The
// bytes go on to the sink as they come, and are searched on the way; where one of the values is found the sink is
// aborted, and nothing is stored. It never throws, and nobody waits for it but the store.
import type { BodySink } from './ports.ts'

/**
 * `inner`, unless one of these spellings (two characters at least) comes by in the body, in whatever case. A body in a
 * coding is searched decoded, as far as it can be decoded; one that becomes too long is not stored.
 */
export function reflectionGuard(inner: BodySink, spelled: readonly string[], coding: string | null): BodySink {
  if (spelled.length === 0) return inner
  const applied = coding?.trim().toLowerCase() ?? ''
  const search = searchFor(spelled)
  if (applied === '' || applied === 'identity') return searched(inner, search)
  const decoder = decoderOf(applied)
  return decoder === undefined ? inner : searchedDecoded(inner, search, decoder)
}

/** Tells whether something was found in what came so far. */
type Search = (chunk: Uint8Array) => boolean

function searched(inner: BodySink, search: Search): BodySink {
  let alive = true
  const abort = () => {
    alive = false
    inner.abort()
  }
  return {
    get wanted() {
      return alive && inner.wanted
    },
    write(chunk) {
      if (!alive) return
      if (search(chunk)) abort()
      else inner.write(chunk)
    },
    async end() {
      if (alive) await inner.end()
    },
    abort,
  }
}

// Bodies in a coding ──────────────────────────────────────────────────────────────────────────────────────────────

/** A body that is longer when decoded is a bomb, or a file that is not worth the time. */
const maxDecodedBytes = 32 * 1024 * 1024
/** A decoder may call itself for every piece that it gives: these are as many as the stack can surely bear. */
const pieceSize = maxDecodedBytes / 256
/** Where the decoder is this far behind, it is given up. */
const maxWaitingBytes = 4 * 1024 * 1024

function searchedDecoded(inner: BodySink, search: Search, decoder: Decoder): BodySink {
  let alive = true
  let searching = true
  let received = 0
  let decoded = 0
  const abort = () => {
    alive = false
    inner.abort()
    decoder.destroy()
  }
  const over = new Promise<void>((resolve) => {
    for (const event of ['end', 'close'] as const) decoder.on(event, resolve)
  })
  // What cannot be decoded leads nobody anywhere.
  const stopSearching = () => {
    searching = false
    decoder.destroy()
  }
  decoder.on('error', stopSearching)
  decoder.on('data', (piece) => {
    decoded += piece.byteLength
    if (alive && (decoded > maxDecodedBytes || search(piece))) abort()
  })
  const attempt = (step: () => void) => {
    try {
      step()
    } catch {
      stopSearching()
    }
  }
  return {
    get wanted() {
      return alive && inner.wanted
    },
    write(chunk) {
      if (!alive) return
      inner.write(chunk)
      received += chunk.byteLength
      if (searching) attempt(() => decoder.write(chunk))
      if (!inner.wanted || decoder.writableLength > maxWaitingBytes) abort()
    },
    async end() {
      if (searching && received > 0) {
        attempt(() => decoder.end())
        if (searching) await over
      }
      if (!alive) return
      await inner.end()
      decoder.destroy()
    },
    abort,
  }
}

/** What is needed of a stream of node:zlib. */
interface Decoder {
  readonly writableLength: number
  write(chunk: Uint8Array): void
  end(): void
  destroy(): void
  on(event: 'data', listener: (piece: Uint8Array) => void): void
  on(event: 'end' | 'close' | 'error', listener: () => void): void
}

/**
 * Of node:zlib, which has what DecompressionStream has not: brotli, gzip of several members, and an output that waits
 * for nothing, so that a bomb is seen before it has filled the memory. (One chunk of gzip made 1.6 GB there.)
 */
function decoderOf(coding: string): Decoder | undefined {
  const zlib = globalThis.process?.getBuiltinModule?.('node:zlib')
  const options = { chunkSize: pieceSize }
  switch (coding) {
    case 'gzip':
    case 'x-gzip':
      return zlib?.createGunzip(options)
    case 'deflate':
      return zlib?.createInflate(options)
    case 'br':
      return zlib?.createBrotliDecompress(options)
    case 'zstd':
      return zlib?.createZstdDecompress(options)
    default:
      return undefined
  }
}

// The search ──────────────────────────────────────────────────────────────────────────────────────────────────────

/** The search looks at the last two bytes of a window as long as the shortest needle, or this long. */
const maxWindow = 255
/** So many comparisons are made for each byte that is searched, on average: beyond them somebody plays with us. */
const maxComparedPerByte = 8

/**
 * Searches for many needles at once, across the borders of chunks (S. Wu and U. Manber, "A fast algorithm for
 * multi-pattern searching", 1994): the pair of bytes at the end of a window tells how far the next needle is at least.
 */
function searchFor(spelled: readonly string[]): Search {
  const needles = spelled.map((spelling) => encoder.encode(spelling))
  const lengths = needles.map((needle) => needle.byteLength)
  const window = Math.min(maxWindow, ...lengths)
  const overlap = Math.max(...lengths) - 1
  const skips = new Uint8Array(4096).fill(window - 1)
  const ending = new Map<number, Uint8Array[]>()
  for (const needle of needles) {
    for (let at = 1; at < window; at++) {
      const pair = hash(needle[at - 1]!, needle[at]!)
      skips[pair] = Math.min(skips[pair]!, window - 1 - at)
    }
    const last = hash(needle[window - 2]!, needle[window - 1]!)
    if (!ending.get(last)?.push(needle)) ending.set(last, [needle])
  }
  let allowance = 1_000_000

  /** Also true where the comparing has become too much. */
  const isIn = (bytes: Uint8Array): boolean => {
    allowance += bytes.byteLength * maxComparedPerByte
    for (let end = window - 1; end < bytes.byteLength; ) {
      const pair = hash(lower[bytes[end - 1]!]!, lower[bytes[end]!]!)
      const skip = skips[pair]!
      end += skip || 1
      if (skip > 0) continue
      for (const needle of ending.get(pair)!) {
        const same = sameBytes(bytes, end - window, needle)
        if (same === needle.byteLength) return true
        allowance -= same + 1
      }
      if (allowance < 0) return true
    }
    return false
  }

  let tail = new Uint8Array(0)
  return (chunk) => {
    const border = joined(tail, chunk.subarray(0, overlap))
    if (isIn(border) || isIn(chunk)) return true
    const last = chunk.byteLength < overlap ? border : chunk
    tail = last.slice(-overlap)
    return false
  }
}

/** A pair of bytes in 12 bits. */
const hash = (first: number, second: number) => ((first << 5) ^ second) & 4095

const encoder = new TextEncoder()
/** Each byte with ASCII letters in lower case. */
const lower = Uint8Array.from({ length: 256 }, (_, byte) => (byte >= 65 && byte <= 90 ? byte + 32 : byte))

/** How many bytes of the needle stand there. */
function sameBytes(bytes: Uint8Array, start: number, needle: Uint8Array): number {
  let same = 0
  while (same < needle.byteLength && lower[bytes[start + same] ?? 0] === needle[same]) same++
  return same
}

function joined(left: Uint8Array, right: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(left.byteLength + right.byteLength)
  bytes.set(left)
  bytes.set(right, left.byteLength)
  return bytes
}
