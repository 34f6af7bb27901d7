// What is remembered of a call that was refused: enough to find who tried what, and nothing that a query may hold.

export interface Refusal {
  /** Milliseconds since the epoch. */
  readonly at: number
  /** A service, `pool:NAME`, `admin`, or `nobody`. */
  readonly caller: string
  /** A service, or the origin of a URL outside. */
  readonly callee: string
  readonly method: string
  /** Without its query. */
  readonly path: string
  /** The reason that the caller was told. */
  readonly because: string
}

/** Of somebody who has not shown who he is. */
export const isOfNobody = ({ caller }: Refusal): boolean => caller === 'nobody'

const longestText = 256

/** Bounded, whatever was tried. */
export function boundedRefusal(refusal: Refusal): Refusal {
  const { at, caller, callee, method, path, because } = refusal
  const [called, tried, where] = [callee, method, path.split('?', 1)[0]!].map((text) => text.slice(0, longestText))
  return { at, caller, callee: called!, method: tried!, path: where!, because }
}
