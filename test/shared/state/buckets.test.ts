import { describe, expect, it, test } from 'vitest'
import {
  admit,
  type BucketState,
  type Claim,
  compareClaims,
  elect,
  type Heeded,
  heed,
  heirOf,
  isEmpty,
  isHeld,
  isTakingIn,
  mayShow,
  release,
  tookIn,
  unseen,
} from '../../../shared/state/buckets.ts'
import { ownerOf } from '../../../shared/state/place.ts'

const me = 1
const claimOf = (version: number, shard: number): Claim => ({ version, shard })
const held = (claim: Claim): BucketState => ({ claim, copy: claim })
const [mine, theirs, newer] = [claimOf(5, me), claimOf(4, 2), claimOf(6, 3)]
const position = { namespace: 'n', key: 'k' }

it('claims are in a total order: by version, then by shard', () => {
  const claims = [claimOf(2, 0), claimOf(1, 9), claimOf(1, 2)]
  expect(claims.sort(compareClaims)).toEqual([claimOf(1, 2), claimOf(1, 9), claimOf(2, 0)])
})

test.each<[string, BucketState | undefined, boolean]>([
  ['whoever has the copy of its own claim', held(mine), true],
  ['not who knows nothing', undefined, false],
  ['not who has no copy yet', { claim: mine }, false],
  ['not who has the copy of an older claim of its own', { claim: mine, copy: claimOf(3, me) }, false],
  ['not who has heeded another', { claim: newer, copy: mine }, false],
  ['not who has what another holds', held(theirs), false],
])('a bucket is held by %s', (_, state, is) => expect(isHeld(state, me)).toBe(is))

describe('a request', () => {
  test.each<[string, BucketState | undefined, number, ReturnType<typeof admit>]>([
    ['is served by who holds it', held(mine), 5, { kind: 'held' }],
    ['is served by who holds it, whatever newer is known', held(mine), 9, { kind: 'held' }],
    ['makes who knows nothing claim it', undefined, 5, { kind: 'claim', state: { claim: mine } }],
    ['makes who has begun to claim it go on', { claim: mine }, 9, { kind: 'claim', state: { claim: mine } }],
    ['is sent to whose claim was heeded', held(theirs), 3, { kind: 'moved', to: 2, version: 4 }],
    ['is sent there in the name of that very version too', held(theirs), 4, { kind: 'moved', to: 2, version: 4 }],
    [
      'of a newer version makes it claim it back, with its copy',
      { claim: theirs, copy: claimOf(3, me) },
      5,
      { kind: 'claim', state: { claim: mine, copy: claimOf(3, me) } },
    ],
  ])('%s', (_, state, version, admission) => expect(admit(state, me, version)).toEqual(admission))
})

it('of a bucket that was never seen the owner by the newest layout is taken to have claimed it', () => {
  expect(unseen(7, undefined)).toBeUndefined()
  expect(unseen(7, { shards: 4, version: 3 })).toEqual({ claim: claimOf(3, ownerOf(7, 4)) })
})

describe('the claim of another', () => {
  test.each<[string, BucketState | undefined, Claim, ReturnType<typeof heed>]>([
    ['is heeded by who knows nothing', undefined, theirs, { said: { kind: 'heeded' }, state: { claim: theirs } }],
    [
      'is refused where a newer one was heeded',
      held(mine),
      theirs,
      { said: { kind: 'refused', claim: mine }, state: held(mine) },
    ],
    [
      'is heeded again, with the same answer',
      { claim: newer, copy: mine },
      newer,
      { said: { kind: 'heeded', copy: mine }, state: { claim: newer, copy: mine } },
    ],
    [
      'ends what was held, which is told',
      held(mine),
      newer,
      { said: { kind: 'heeded', copy: mine }, state: { claim: newer, copy: mine } },
    ],
    [
      'ends what was coming in, of which nothing is told',
      { claim: mine, incoming: { from: 2, copy: theirs, after: position } },
      newer,
      { said: { kind: 'heeded' }, state: { claim: newer } },
    ],
  ])('%s', (_, state, claim, heeded) => expect(heed(state, claim)).toEqual(heeded))
})

describe('when the others have spoken, who has claimed a bucket', () => {
  const nothing: Heeded = { kind: 'heeded' }
  const copyOf = (copy: Claim): Heeded => ({ kind: 'heeded', copy })
  const refusedFor = (claim: Claim): Heeded => ({ kind: 'refused', claim })
  const after = { from: 2, copy: theirs, after: position }

  test.each<[string, BucketState | undefined, [number, Heeded][], BucketState | undefined]>([
    [
      'holds it where nobody has anything',
      { claim: mine },
      [
        [2, nothing],
        [3, nothing],
      ],
      held(mine),
    ],
    ['holds what it had last itself', { claim: mine, copy: theirs }, [[3, copyOf(claimOf(3, 3))]], held(mine)],
    [
      'takes in the newest copy',
      { claim: mine },
      [
        [2, copyOf(theirs)],
        [3, copyOf(claimOf(3, 3))],
      ],
      { claim: mine, incoming: { from: 2, copy: theirs } },
    ],
    [
      'takes in a copy that is newer than its own',
      { claim: mine, copy: claimOf(3, me) },
      [[2, copyOf(theirs)]],
      { claim: mine, incoming: { from: 2, copy: theirs } },
    ],
    ['goes on where it was', { claim: mine, incoming: after }, [[2, copyOf(theirs)]], { claim: mine, incoming: after }],
    [
      'begins anew with the copy of another shard',
      { claim: mine, incoming: after },
      [[3, copyOf(theirs)]],
      { claim: mine, incoming: { from: 3, copy: theirs } },
    ],
    [
      'begins anew with another copy of that shard',
      { claim: mine, incoming: after },
      [[2, copyOf(claimOf(4, 9))]],
      { claim: mine, incoming: { from: 2, copy: claimOf(4, 9) } },
    ],
    [
      'yields to the newest claim of which it hears',
      { claim: mine, copy: theirs },
      [
        [2, refusedFor(claimOf(6, 2))],
        [3, refusedFor(newer)],
      ],
      { claim: newer, copy: theirs },
    ],
    [
      'yields, though others have heeded it',
      { claim: mine },
      [
        [2, copyOf(theirs)],
        [3, refusedFor(newer)],
      ],
      { claim: newer },
    ],
    [
      'does nothing where it has heeded another meanwhile',
      { claim: newer },
      [
        [2, nothing],
        [3, nothing],
      ],
      undefined,
    ],
    [
      'does nothing where it has heeded another meanwhile, who then yields',
      { claim: newer, copy: theirs },
      [[2, copyOf(theirs)]],
      undefined,
    ],
    ['does nothing where it knows nothing any more', undefined, [[2, nothing]], undefined],
  ])('%s', (_, state, said, elected) => expect(elect(state, mine, new Map(said))).toEqual(elected))
})

describe('a copy', () => {
  const incoming = { from: 2, copy: theirs }
  const taking: BucketState = { claim: mine, incoming: { ...incoming, after: position } }

  test.each<[string, BucketState | undefined, boolean]>([
    ['is wanted while it comes in', taking, true],
    ['is not wanted under a newer claim', { ...taking, claim: newer }, false],
    ['is not wanted from another shard', { claim: mine, incoming: { from: 3, copy: theirs } }, false],
    ['is not wanted where a newer one comes in', { claim: mine, incoming: { from: 2, copy: claimOf(4, 3) } }, false],
    ['is not wanted by who holds the bucket', held(mine), false],
    ['is not wanted by who knows nothing', undefined, false],
  ])('%s', (_, state, is) => expect(isTakingIn(state, mine, incoming)).toBe(is))

  it('is held when the last of it has come', () => {
    expect(tookIn(mine, incoming, position)).toEqual(taking)
    expect(tookIn(mine, incoming, undefined)).toEqual(held(mine))
  })

  test.each<[string, BucketState | undefined, boolean]>([
    ['may be read for who has claimed it', { claim: mine, copy: theirs }, true],
    ['may not once another has claimed it', { claim: newer, copy: theirs }, false],
    ['may not where it is another one', { claim: mine, copy: claimOf(3, 2) }, false],
    ['may not where it is gone', { claim: mine }, false],
    ['may not where nothing is known', undefined, false],
  ])('%s', (_, state, may) => expect(mayShow(state, mine, theirs)).toBe(may))

  test.each<[string, BucketState, Claim, BucketState]>([
    ['is let go of when a newer claim holds the bucket', { claim: mine, copy: theirs }, mine, { claim: mine }],
    ['is let go of by who has not heard of that claim', held(theirs), mine, { claim: mine }],
    ['is let go of, and a still newer claim is remembered', { claim: newer, copy: theirs }, mine, { claim: newer }],
    ['stays where the holder is an older one', held(mine), theirs, held(mine)],
    ['stays where it is the holder’s own', held(mine), mine, held(mine)],
    ['is none', { claim: mine }, newer, { claim: mine }],
  ])('%s', (_, state, holder, next) => expect(release(state, holder)).toEqual(next))

  test.each<[BucketState, boolean]>([
    [{ claim: mine }, true],
    [held(mine), false],
    [{ claim: mine, incoming }, true],
    [taking, false],
  ])('of %j there is nothing: %s', (state, is) => expect(isEmpty(state)).toBe(is))
})

describe('what nobody asks for', () => {
  const bucket = Array.from({ length: 100 }, (_, each) => each).find((each) => ownerOf(each, 4) !== ownerOf(each, 7))!
  const [before, after] = [ownerOf(bucket, 4), ownerOf(bucket, 7)]
  const seven = { shards: 7, version: 6 }
  const old = claimOf(5, before)

  test.each<[string, BucketState, number, { version: number; shards: number } | undefined]>([
    ['is for the owner by a newer layout', held(old), before, seven],
    ['stays by the layout that it is held by', held(claimOf(6, before)), before, undefined],
    ['stays with its owner', held(claimOf(5, after)), after, undefined],
    [
      'is for whose claim was heeded, in the name of that',
      { claim: claimOf(8, after), copy: old },
      before,
      { shards: 7, version: 8 },
    ],
    ['is nobody’s where there is nothing', { claim: old }, before, undefined],
  ])('%s', (_, state, shard, place) => {
    expect(heirOf(bucket, state, shard, seven)).toEqual(place && { bucket, ...place })
  })
})
