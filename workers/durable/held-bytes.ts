// The bytes of a body that have come and are still held, found by their offsets in it.

export class HeldBytes {
  #chunks: Uint8Array[] = []
  /** Offset of the first one that is held. */
  #start = 0

  push(chunk: Uint8Array): void {
    this.#chunks.push(chunk)
  }

  /** From this offset on to the end of its chunk. Throws where it is not held. */
  at(position: number): Uint8Array {
    let offset = this.#start
    for (const chunk of this.#chunks) {
      if (position < offset + chunk.byteLength) return chunk.subarray(position - offset)
      offset += chunk.byteLength
    }
    throw new Error('These bytes are not held.')
  }

  /** Lets go of chunks that end at or before this offset. */
  drop(before: number): void {
    while (this.#chunks[0] !== undefined && this.#start + this.#chunks[0].byteLength <= before) {
      this.#start += this.#chunks.shift()!.byteLength
    }
  }

  clear(): void {
    this.#chunks = []
  }
}
