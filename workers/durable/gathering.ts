// Single reads on their way into one request: who waits, when the request is sent, and what each is told of its answer,
// in frames as of a flight: a head, the bytes of the part, an end. No answer is held beyond those who wait for it.
import { batchTarget, longestTarget } from '../../shared/collapse/batch.ts'
import { encodeFrame, type Frame, type Notice } from '../../shared/collapse/frames.ts'
import type { BatchRule } from '../../shared/config/schema.ts'
import type { Result } from '../../shared/result.ts'
import { joined } from '../bytes.ts'
import type { BatchBoarding } from '../ports.ts'
import { type Asking, askForParts, type Parts } from './parts.ts'

/** So long nobody waits for a batch after one has failed: some id may have been to blame, or the origin knows none. */
const firstRestMs = 2000
const longestRestMs = 10_000
/** An object waits for six heads at once at most; who comes meanwhile goes into the next batch. */
const mostUnderWay = 4

/** Somebody who waits for a part. */
interface Asker {
  readonly boarding: BatchBoarding
  readonly told: PromiseWithResolvers<readonly Frame[]>
}

export class Gathering {
  #open: Batch | undefined
  readonly #underWay = new Set<Batch>()
  #restsUntil = 0
  /** In a row. */
  #failures = 0

  /** A body of frames, which begins at once. All who join the batches of one name ask in the same way. */
  join(boarding: BatchBoarding, asking: Asking): ReadableStream<Uint8Array> {
    const asker: Asker = { boarding, told: Promise.withResolvers() }
    const batch = this.#batchFor(boarding, asking)
    const isAboard = batch?.take(asker) === true
    if (!isAboard) asker.told.resolve([direct])
    if (batch?.isFull && batch === this.#open) this.#depart()
    return new ReadableStream<Uint8Array>(
      {
        async pull(controller) {
          controller.enqueue(joined((await asker.told.promise).flatMap(encodeFrame)))
          controller.close()
        },
        cancel: () => batch?.leave(asker),
      },
      { highWaterMark: 0 },
    )
  }

  /** Undefined where nobody waits for batches now. */
  #batchFor(boarding: BatchBoarding, asking: Asking): Batch | undefined {
    if (Date.now() < this.#restsUntil) return undefined
    const underWay = [...this.#underWay].find((batch) => batch.willDo(boarding))
    if (underWay !== undefined) return underWay
    if (this.#open?.hasPlaceFor(boarding.id) === false) this.#depart()
    if (this.#open === undefined) {
      this.#open = new Batch(boarding, asking)
      this.#open.timer = setTimeout(() => this.#depart(), boarding.rule.windowMs)
    }
    return this.#open
  }

  #depart(): void {
    const batch = this.#open
    if (batch === undefined) return
    batch.isDue = true
    if (this.#underWay.size >= mostUnderWay) return
    clearTimeout(batch.timer ?? null)
    this.#open = undefined
    if (batch.ids.length > 0) void this.#send(batch)
  }

  async #send(batch: Batch): Promise<void> {
    this.#underWay.add(batch)
    const parts = await batch.send()
    this.#underWay.delete(batch)
    if (parts.ok) this.#failures = 0
    else this.#rest(batch, parts.error)
    if (this.#open?.isDue) this.#depart()
  }

  /** Those who have gathered meanwhile do not wait either. */
  #rest({ rule }: Batch, because: string): void {
    const restMs = Math.min(longestRestMs, firstRestMs * 2 ** this.#failures++)
    console.warn(`A batch to ${rule.to} was of no use, so each is asked for alone for ${restMs} ms: ${because}`)
    this.#restsUntil = Date.now() + restMs
    clearTimeout(this.#open?.timer ?? null)
    this.#open?.tell(undefined)
    this.#open = undefined
  }
}

/** Those who are asked for in one request. */
class Batch {
  timer: ReturnType<typeof setTimeout> | undefined
  /** Whether its time has come, and it waits for another one alone. */
  isDue = false
  readonly rule: BatchRule
  readonly #maxWaitMs: number
  readonly #asking: Asking
  readonly #askers = new Map<string, Set<Asker>>()
  #size = 0
  #targetLength: number
  /** Once it is sent (ms). */
  #askedAt: number | undefined
  /** The newest purge that is sure to have been before that. */
  #epoch = 0

  constructor({ rule, limits }: BatchBoarding, asking: Asking) {
    this.rule = rule
    this.#maxWaitMs = limits.maxWaitMs
    this.#asking = asking
    this.#targetLength = batchTarget(rule, []).length
  }

  get ids(): string[] {
    return [...this.#askers.keys()]
  }

  get isFull(): boolean {
    return this.#askers.size >= this.rule.max
  }

  hasPlaceFor(id: string): boolean {
    return this.#askers.has(id) || (!this.isFull && this.#targetLength + lengthOf(id) <= longestTarget)
  }

  /** Whether it is under way, and its answer is what the asker wants. */
  willDo({ id, after, epoch }: BatchBoarding): boolean {
    return this.#askedAt !== undefined && this.#askers.has(id) && this.#askedAt >= after && this.#epoch >= epoch
  }

  /** False where there is no place for the asker. */
  take(asker: Asker): boolean {
    const { id, epoch, limits } = asker.boarding
    if (!this.hasPlaceFor(id) || this.#size >= limits.maxReaders) return false
    const others = this.#askers.get(id)
    if (others === undefined) {
      this.#askers.set(id, new Set([asker]))
      this.#targetLength += lengthOf(id)
    } else others.add(asker)
    this.#size++
    if (this.#askedAt === undefined) this.#epoch = Math.max(this.#epoch, epoch)
    return true
  }

  leave(asker: Asker): void {
    const { id } = asker.boarding
    const others = this.#askers.get(id)
    if (others?.delete(asker) !== true) return
    this.#size--
    if (others.size > 0) return
    this.#askers.delete(id)
    this.#targetLength -= lengthOf(id)
  }

  /** Asks for all of them, and tells them. */
  async send(): Promise<Result<Parts, string>> {
    this.#askedAt = Date.now()
    const parts = await askForParts(this.rule, this.ids, this.#asking, this.#maxWaitMs)
    this.tell(parts.ok ? parts.value : undefined)
    return parts
  }

  /** Without parts each asks by itself. */
  tell(parts: Parts | undefined): void {
    let isFirst = true
    for (const [id, askers] of this.#askers) {
      const part = parts?.byId.get(id)
      const bytes = part === undefined ? undefined : encoder.encode(part)
      const colos = new Set<string>()
      for (const { boarding, told } of askers) {
        const collapsed = !isFirst
        if (parts !== undefined && bytes !== undefined) {
          told.resolve(framesOf(parts, bytes, { stores: !colos.has(boarding.colo), collapsed }))
          colos.add(boarding.colo)
        } else told.resolve([parts?.isComplete && boarding.staleSince === 0 ? missing(collapsed) : direct])
        isFirst = false
      }
    }
  }
}

/** In the target, with its comma. */
const lengthOf = (id: string): number => encodeURIComponent(id).length + 1

const encoder = new TextEncoder()

const direct: Frame = { kind: 'notice', notice: { kind: 'direct' } }

/** Who still has something old asks by itself instead: it may have been taken away, or be listed no more. */
function missing(collapsed: boolean): Frame {
  const problem = {
    status: 404,
    reason: 'not-in-batch',
    detail: 'The origin was asked for this together with others, and its answer has nothing of this id.',
  }
  return { kind: 'notice', notice: { kind: 'fail', problem, collapsed } }
}

function framesOf(
  { fields }: Parts,
  bytes: Uint8Array,
  share: Pick<Extract<Notice, { kind: 'head' }>, 'stores' | 'collapsed'>,
): Frame[] {
  const length: [string, string] = ['content-length', String(bytes.byteLength)]
  const notice: Notice = { kind: 'head', status: 200, fields: [...fields, length], ...share }
  return [{ kind: 'notice', notice }, { kind: 'bytes', bytes }, { kind: 'end' }]
}
