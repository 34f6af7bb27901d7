// Ranges of one content that are asked for at the same time, and lie close together, are asked of an origin as one.
// Positions and sizes are in bytes; both ends of a range are inclusive.
import type { ByteRange } from '../http/ranges.ts'

/** What is asked of an origin at once. */
export interface Gathered {
  readonly range: ByteRange
  /** Those for whom it is asked, by their places among the asked. */
  readonly members: readonly number[]
}

/**
 * Unites what is asked into runs, each of which holds all that its members ask for. What lies between two members is
 * fetched too where that is `holeBytes` at most. A run is no larger than `mostBytes`, but for a single range that is:
 * so runs overlap only where together they would be too large.
 */
export function gather(asked: readonly ByteRange[], holeBytes: number, mostBytes: number): Gathered[] {
  const ascending = [...asked.entries()].sort(([, left], [, right]) => left.first - right.first)
  const runs: { range: ByteRange; members: number[] }[] = []
  for (const [member, range] of ascending) {
    const run = runs.find((each) => {
      const isClose = range.first - each.range.last - 1 <= holeBytes
      return covers(each.range, range) || (isClose && sizeOf(union(each.range, range)) <= mostBytes)
    })
    if (run === undefined) runs.push({ range, members: [member] })
    else {
      run.range = union(run.range, range)
      run.members.push(member)
    }
  }
  return runs
}

/** Whether all of the part lies within the whole. */
export function covers(whole: ByteRange, part: ByteRange): boolean {
  return whole.first <= part.first && part.last <= whole.last
}

export function sizeOf({ first, last }: ByteRange): number {
  return last - first + 1
}

function union(left: ByteRange, right: ByteRange): ByteRange {
  return { first: Math.min(left.first, right.first), last: Math.max(left.last, right.last) }
}
