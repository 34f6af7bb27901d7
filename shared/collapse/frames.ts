// How a flight speaks to one reader, in a body that begins before anything is known: frames, each with its kind and
// its length, so that a body that broke off never looks whole.

/** The field in which a request to a flight says which flights will do, beside the fields for the origin. */
export const boardingField = 'weir-boarding'

/** What a reader is told. */
export type Notice =
  /** The head of the response. Whether this reader is to store it, and whether another one has begun the flight. */
  | {
      readonly kind: 'head'
      readonly status: number
      readonly fields: readonly (readonly [string, string])[]
      readonly stores: boolean
      readonly collapsed: boolean
      /** What the upper tier remembers of it, where it came from there. */
      readonly kept?: unknown
      /** What those call the exchange who keep parts of it, so that they keep them in one place. */
      readonly id?: string
      /** Which origin has answered; and below, which was the last to fail. */
      readonly by?: unknown
    }
  /** It asks for itself. */
  | { readonly kind: 'direct' }
  /** It gets an error: too many wait already, or it has waited too long. */
  | { readonly kind: 'refuse'; readonly because: 'crowded' | 'waited' }
  /** There is no response; what follows is for people and programs. */
  | { readonly kind: 'fail'; readonly problem: unknown; readonly collapsed: boolean; readonly by?: unknown }
  /** It asks by itself for the bytes from here on, with the tag in If-Range. */
  | { readonly kind: 'alone'; readonly from: number; readonly ifRange: string }

export type Frame =
  | { readonly kind: 'notice'; readonly notice: Notice }
  | { readonly kind: 'bytes'; readonly bytes: Uint8Array }
  | { readonly kind: 'end' }

const kinds = { notice: 1, bytes: 2, end: 3 } as const
const headBytes = 5

const encoder = new TextEncoder()
const decoder = new TextDecoder()

/** The pieces of a frame, to be sent one after the other. */
export function encodeFrame(frame: Frame): Uint8Array[] {
  const content = frame.kind === 'notice' ? encoder.encode(JSON.stringify(frame.notice)) : contentOf(frame)
  const head = new Uint8Array(headBytes)
  head[0] = kinds[frame.kind]
  new DataView(head.buffer).setUint32(1, content.byteLength)
  return content.byteLength === 0 ? [head] : [head, content]
}

const contentOf = (frame: Exclude<Frame, { kind: 'notice' }>) =>
  frame.kind === 'bytes' ? frame.bytes : new Uint8Array()

/**
 * Takes pieces as they come, cut anywhere, and gives what they complete. Bytes are given as they come, and not only when
 * their frame is complete. Throws where it is no frame.
 */
export function frameDecoder(): (piece: Uint8Array) => Frame[] {
  const head = new Uint8Array(headBytes)
  let headFilled = 0
  let kind = 0
  let missing = 0
  let held: Uint8Array[] = []
  return (piece) => {
    const frames: Frame[] = []
    let rest = piece
    while (rest.byteLength > 0) {
      if (missing === 0) {
        const part = rest.subarray(0, headBytes - headFilled)
        head.set(part, headFilled)
        headFilled += part.byteLength
        rest = rest.subarray(part.byteLength)
        if (headFilled < headBytes) return frames
        headFilled = 0
        kind = head[0]!
        missing = new DataView(head.buffer).getUint32(1)
        if (kind < 1 || kind > 3) throw new Error('This is no frame.')
        if (kind === kinds.end) frames.push({ kind: 'end' })
        continue
      }
      const part = rest.subarray(0, missing)
      missing -= part.byteLength
      rest = rest.subarray(part.byteLength)
      if (kind === kinds.bytes) {
        frames.push({ kind: 'bytes', bytes: part })
        continue
      }
      held.push(part.slice())
      if (missing > 0) continue
      const text = held.map((each) => decoder.decode(each, { stream: true })).join('') + decoder.decode()
      frames.push({ kind: 'notice', notice: JSON.parse(text) as Notice })
      held = []
    }
    return frames
  }
}
