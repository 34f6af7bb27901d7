// Moves the buckets of the shared state between shards, by the judgement of shared/state/buckets.ts. The one that claims
// a bucket asks the others, and takes the newest copy in page by page; nobody writes to it meanwhile, and reads go to
// the copy. What persists is saved before anything is said, so that a move goes on after a failure at any point.
import {
  admit,
  type BucketState,
  type Claim,
  elect,
  type Heeded,
  heed,
  type Incoming,
  isHeld,
  isTakingIn,
  mayShow,
  type Position,
  release,
  type Survey,
  tookIn,
  unseen,
} from '../../shared/state/buckets.ts'
import { type Layout, ownerOf, type Place, possibleOwners } from '../../shared/state/place.ts'
import type { Elsewhere } from '../ports/state-port.ts'
import { late, orLate } from '../within.ts'

/** Entries of a bucket, in the order of their positions. */
export interface Page {
  /** That of its last entry; absent: these were the last. */
  readonly after?: Position
}

/** Synchronous, all of it. */
export interface BucketRows<P extends Page> {
  /** The newest that the shard knows. */
  layout(): Layout | undefined
  learn(layout: Layout): void
  /** Those that it has had to do with. */
  seen(): number[]
  read(bucket: number): BucketState | undefined
  /** Lets go of entries that are not to be here any more. */
  save(bucket: number, state: BucketState): void
  pageOf(bucket: number, after: Position | undefined): P
  /** Adds what has come in, and saves, or does neither. */
  keep(bucket: number, page: P, state: BucketState): void
}

/** The other shards. All reject where one cannot be reached in time. */
export interface OtherShards<P extends Page> {
  learn(shard: number, layout: Layout): Promise<Survey>
  heed(shard: number, bucket: number, claim: Claim): Promise<Heeded>
  /** Undefined where the copy is not to be had any more. */
  page(bucket: number, claim: Claim, incoming: Incoming): Promise<P | undefined>
  release(shard: number, bucket: number, holder: Claim): Promise<void>
}

/** How the answer is had from the copy of another shard while that is taken in; undefined where it is not to be had. */
export type Show<T> = (claim: Claim, incoming: Incoming) => Promise<T | undefined>

interface Pull {
  /** When it is known who has the newest copy. */
  readonly elected: Promise<unknown>
  readonly done: Promise<void>
}

/** How long a request waits for a claim, and how often one that is lost meanwhile is made again. */
const patienceMs = 2_000
const claimsAtOnce = 3

/** `behind` takes work that nobody waits for, and that does not reject. */
export class BucketMoves<P extends Page> {
  readonly #me: number
  readonly #rows: BucketRows<P>
  readonly #others: OtherShards<P>
  readonly #behind: (work: Promise<unknown>) => void
  readonly #pulls = new Map<number, Pull>()
  /** What other shards have said of this layout. */
  #surveys: { readonly version: number; readonly said: Map<number, Promise<Survey>> } | undefined

  constructor(me: number, rows: BucketRows<P>, others: OtherShards<P>, behind: (work: Promise<unknown>) => void) {
    this.#me = me
    this.#rows = rows
    this.#others = others
    this.#behind = behind
  }

  isHeld(bucket: number): boolean {
    return isHeld(this.#rows.read(bucket), this.#me)
  }

  /**
   * What `serve` gives, called in the turn in which the bucket is known to be held; at most 6 s until then. Where it is
   * given, `show` is tried while the bucket is taken in.
   */
  async serve<T>(place: Place, serve: () => T, show?: Show<Awaited<T>>): Promise<Awaited<T> | Elsewhere> {
    const { bucket, version } = place
    this.learn(place)
    for (let claims = 0; claims < claimsAtOnce; claims++) {
      const admission = admit(this.#stateOf(bucket), this.#me, version)
      if (admission.kind === 'held') return await serve()
      if (admission.kind === 'moved') return admission
      const pull = this.#pull(bucket, admission.state)
      try {
        const shown = show && (await orLate(patienceMs, this.#shown(bucket, pull, show)))
        if (shown !== undefined && shown !== late) return shown
        if ((await orLate(patienceMs, pull.done)) === late) break
      } catch (error) {
        console.warn(`The bucket ${bucket} is not to be had:`, error)
        break
      }
    }
    return { kind: 'busy' }
  }

  /** Whether the layout was news. */
  learn({ shards, version }: Layout): boolean {
    const known = this.#rows.layout()
    const isNews = known === undefined || version > known.version
    if (isNews) this.#rows.learn({ shards, version })
    return isNews
  }

  survey(layout: Layout): Survey {
    this.learn(layout)
    return { layout: this.#rows.layout()!, buckets: this.#rows.seen() }
  }

  /** From then on this shard serves the bucket no more, but to one that claims it later. */
  heed(bucket: number, claim: Claim): Heeded {
    const { said, state } = heed(this.#stateOf(bucket), claim)
    if (said.kind === 'heeded') this.#rows.save(bucket, state)
    return said
  }

  /** Undefined where it is not this shard that has the copy, or somebody has claimed the bucket since. */
  page(bucket: number, claim: Claim, { copy, after }: Incoming): P | undefined {
    return mayShow(this.#rows.read(bucket), claim, copy) ? this.#rows.pageOf(bucket, after) : undefined
  }

  mayShow(bucket: number, claim: Claim, { copy }: Incoming): boolean {
    return mayShow(this.#rows.read(bucket), claim, copy)
  }

  release(bucket: number, holder: Claim): void {
    const state = this.#rows.read(bucket)
    if (state === undefined) return
    const next = release(state, holder)
    if (next !== state) this.#rows.save(bucket, next)
  }

  /** Under which claim the bucket is held here; it is claimed if that is this shard's to do. */
  async adopt(place: Place): Promise<Claim | undefined> {
    const claimOf = () => this.#rows.read(place.bucket)!.claim
    const adopted = await this.serve(place, claimOf)
    return 'kind' in adopted ? undefined : adopted
  }

  /** `state` is this shard's claim. */
  #pull(bucket: number, state: BucketState): Pull {
    const going = this.#pulls.get(bucket)
    if (going !== undefined) return going
    this.#rows.save(bucket, state)
    const elected = this.#elect(bucket, state.claim)
    const done = elected
      .then((copies) => this.#takeIn(bucket, state.claim, copies))
      .finally(() => this.#pulls.delete(bucket))
    const pull = { elected, done }
    this.#pulls.set(bucket, pull)
    // Those who wait hear of it; nobody may.
    elected.catch(() => undefined)
    done.catch(() => undefined)
    return pull
  }

  /** Claims it of the others; those that have a copy. */
  async #elect(bucket: number, claim: Claim): Promise<number[]> {
    const asked = this.#othersOf(bucket).map(async (shard) => [shard, await this.#ask(shard, bucket, claim)] as const)
    const said = new Map(await Promise.all(asked))
    const state = elect(this.#rows.read(bucket), claim, said)
    if (state !== undefined) this.#rows.save(bucket, state)
    return [...said].flatMap(([shard, each]) => (each.kind === 'heeded' && each.copy !== undefined ? [shard] : []))
  }

  /** A shard that has never had to do with the bucket, and knows the layout of the claim, heeds it without being asked. */
  async #ask(shard: number, bucket: number, claim: Claim): Promise<Heeded> {
    const layout = this.#rows.layout()
    if (layout?.version === claim.version && ownerOf(bucket, layout.shards) === claim.shard) {
      const survey = await this.#surveyOf(shard, layout)
      const { version, shards } = survey.layout
      const isSame = version === layout.version && shards === layout.shards
      if (isSame && !survey.buckets.includes(bucket)) return { kind: 'heeded' }
    }
    return this.#others.heed(shard, bucket, claim)
  }

  #surveyOf(shard: number, layout: Layout): Promise<Survey> {
    if (this.#surveys?.version !== layout.version) this.#surveys = { version: layout.version, said: new Map() }
    const { said } = this.#surveys
    const known = said.get(shard)
    if (known !== undefined) return known
    const survey = this.#others.learn(shard, layout)
    said.set(shard, survey)
    survey.catch(() => said.delete(shard))
    return survey
  }

  async #takeIn(bucket: number, claim: Claim, copies: readonly number[]): Promise<void> {
    for (;;) {
      const incoming = this.#rows.read(bucket)?.incoming
      if (incoming === undefined) break
      const page = await this.#others.page(bucket, claim, incoming)
      if (page === undefined || !isTakingIn(this.#rows.read(bucket), claim, incoming)) return
      this.#rows.keep(bucket, page, tookIn(claim, incoming, page.after))
    }
    if (!this.isHeld(bucket)) return
    const told = copies.map((shard) => this.#others.release(shard, bucket, claim))
    // Who does not hear it asks again: see `heirOf`.
    this.#behind(Promise.allSettled(told))
  }

  async #shown<T>(bucket: number, { elected }: Pull, show: Show<T>): Promise<T | undefined> {
    await elected
    const state = this.#rows.read(bucket)
    return state?.incoming && show(state.claim, state.incoming)
  }

  #stateOf(bucket: number): BucketState | undefined {
    return this.#rows.read(bucket) ?? unseen(bucket, this.#rows.layout())
  }

  #othersOf(bucket: number): number[] {
    return possibleOwners(bucket).filter((shard) => shard !== this.#me)
  }
}
