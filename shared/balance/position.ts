// Where a name falls between 0 and 1: always the same, and evenly for many names. What sticks to a client rests on it.

/** In (0, 1). 32 bits of FNV-1a, stirred by the finaliser of MurmurHash3, without which like names lie together. */
export function position(name: string): number {
  let hash = 0x811c9dc5
  for (let index = 0; index < name.length; index++) hash = Math.imul(hash ^ name.charCodeAt(index), 0x01000193)
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return (((hash ^ (hash >>> 16)) >>> 0) + 0.5) / 2 ** 32
}
