// Which shard holds a bucket of the shared state, and how a bucket goes from one to another: claims, as in Paxos, with
// the shards themselves as acceptors. A shard that wants a bucket claims it of every shard that may ever have held it.
// Whoever heeds a claim serves the bucket no more, whatever it knew, and heeds no older claim; so at most one holds a
// bucket at any time, whatever configurations the isolates go by, and wherever a shard fails on the way. Knows nothing of
// what is in a bucket, and moves nothing itself.
import { type Layout, ownerOf, type Place } from './place.ts'

/** Claims of one bucket are in a total order: a newer configuration wins. */
export interface Claim {
  readonly version: number
  /** Who claims. */
  readonly shard: number
}

/** What a shard knows of a bucket. Persists. */
export interface BucketState {
  /** The newest claim that this shard has heard of, maybe its own. */
  readonly claim: Claim
  /** The claim under which the entries that are here were held: they are all there were. Absent: there are none. */
  readonly copy?: Claim
  /** Where the copy of another shard is coming in; then there is no other. */
  readonly incoming?: Incoming
}

export interface Incoming {
  readonly from: number
  readonly copy: Claim
  /** The last entry that has come; absent: none yet. */
  readonly after?: Position
}

/** Of an entry within its bucket. */
export interface Position {
  readonly namespace: string
  readonly key: string
}

// Claims ──────────────────────────────────────────────────────────────────────────────────────────────────────────

export const compareClaims = (left: Claim, right: Claim): number =>
  left.version - right.version || left.shard - right.shard

const isSame = (left: Claim, right: Claim): boolean => compareClaims(left, right) === 0
const isOlder = (left: Claim, right: Claim): boolean => compareClaims(left, right) < 0

/** Whether this shard may serve the bucket. */
export const isHeld = (state: BucketState | undefined, me: number): boolean =>
  state?.copy !== undefined && state.claim.shard === me && isSame(state.copy, state.claim)

export type Admission =
  | { readonly kind: 'held' }
  /** Ask that one, in the name of this version. */
  | { readonly kind: 'moved'; readonly to: number; readonly version: number }
  /** It is this shard's to claim; `state` is to be saved before anybody is asked. */
  | { readonly kind: 'claim'; readonly state: BucketState }

/** What becomes of a request that takes this shard for the owner by `version` of the configuration. */
export function admit(state: BucketState | undefined, me: number, version: number): Admission {
  if (state === undefined) return { kind: 'claim', state: { claim: { version, shard: me } } }
  if (state.claim.shard === me) return isHeld(state, me) ? { kind: 'held' } : { kind: 'claim', state }
  if (version <= state.claim.version) return { kind: 'moved', to: state.claim.shard, version: state.claim.version }
  return { kind: 'claim', state: { ...state, claim: { version, shard: me } } }
}

/**
 * What a shard that knows this layout knows of a bucket that it has never had to do with: it takes the layout for the
 * claim of whoever owns the bucket by it. So one word about a layout stands for all those buckets.
 */
export function unseen(bucket: number, layout: Layout | undefined): BucketState | undefined {
  return layout && { claim: { version: layout.version, shard: ownerOf(bucket, layout.shards) } }
}

/** What a shard has had to do with by the time that it knows a layout. */
export interface Survey {
  /** The newest it knows. */
  readonly layout: Layout
  readonly buckets: readonly number[]
}

/** What a shard says to the claim of another. */
export type Heeded =
  /** With the claim under which it held what it has, if it has all. */
  { readonly kind: 'heeded'; readonly copy?: Claim } | { readonly kind: 'refused'; readonly claim: Claim }

/** What is to be saved, before it is said. What was coming in is of no use any more. */
export function heed(
  state: BucketState | undefined,
  claim: Claim,
): { readonly said: Heeded; readonly state: BucketState } {
  if (state !== undefined && isOlder(claim, state.claim))
    return { said: { kind: 'refused', claim: state.claim }, state }
  if (state?.copy === undefined) return { said: { kind: 'heeded' }, state: { claim } }
  return { said: { kind: 'heeded', copy: state.copy }, state: { claim, copy: state.copy } }
}

/**
 * The state of the claiming shard once all others have spoken: it holds the bucket, or takes the newest copy in, or has
 * lost it to a newer claim. Undefined where that claim is not its own any more.
 */
export function elect(
  state: BucketState | undefined,
  claim: Claim,
  said: ReadonlyMap<number, Heeded>,
): BucketState | undefined {
  if (state === undefined || !isSame(state.claim, claim)) return undefined
  const newer = [...said.values()].flatMap((each) => (each.kind === 'refused' ? [each.claim] : []))
  const winner = newer.sort(compareClaims).at(-1)
  if (winner !== undefined) return { claim: winner, ...(state.copy && { copy: state.copy }) }
  const source = newestCopy(said)
  if (source === undefined || (state.copy !== undefined && isOlder(source.copy, state.copy))) return held(claim)
  const { incoming } = state
  const goesOn = incoming?.from === source.from && isSame(incoming.copy, source.copy)
  return { claim, incoming: goesOn ? incoming : source }
}

function newestCopy(said: ReadonlyMap<number, Heeded>): Incoming | undefined {
  const copies = [...said].flatMap(([from, each]) =>
    each.kind === 'heeded' && each.copy !== undefined ? [{ from, copy: each.copy }] : [],
  )
  return copies.sort((left, right) => compareClaims(left.copy, right.copy)).at(-1)
}

const held = (claim: Claim): BucketState => ({ claim, copy: claim })

/** Whether what comes in is still wanted: nobody has claimed the bucket since. */
export const isTakingIn = (state: BucketState | undefined, claim: Claim, { from, copy }: Incoming): boolean =>
  state?.incoming?.from === from && isSame(state.claim, claim) && isSame(state.incoming.copy, copy)

/** When the entries up to `after` have come; held when they were the last. */
export const tookIn = (claim: Claim, { from, copy }: Incoming, after: Position | undefined): BucketState =>
  after === undefined ? held(claim) : { claim, incoming: { from, copy, after } }

/** Whether this copy may be read for the shard that has claimed it and is still taking it in. */
export const mayShow = (state: BucketState | undefined, claim: Claim, copy: Claim): boolean =>
  state?.copy !== undefined && isSame(state.claim, claim) && isSame(state.copy, copy)

/** When the bucket is held by this claim: an older copy is of no use any more. */
export function release(state: BucketState, holder: Claim): BucketState {
  if (state.copy === undefined || !isOlder(state.copy, holder)) return state
  return { claim: isOlder(state.claim, holder) ? holder : state.claim }
}

/** Whether no entries of the bucket are to be here. */
export const isEmpty = (state: BucketState): boolean => state.copy === undefined && state.incoming?.after === undefined

/** Whom this shard has to tell of the bucket, so that it goes where it belongs without anybody asking for it. */
export function heirOf(bucket: number, state: BucketState, me: number, layout: Layout): Place | undefined {
  const { claim, copy } = state
  if (copy === undefined) return undefined
  if (claim.shard !== me) return { bucket, shards: layout.shards, version: claim.version }
  const leaves = layout.version > claim.version && ownerOf(bucket, layout.shards) !== me
  return leaves ? { bucket, ...layout } : undefined
}
