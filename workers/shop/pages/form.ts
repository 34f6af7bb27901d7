// What a form on a page was sent with. It is held in memory for a moment, and so has to say how long it is.
import { contentLength } from '../../../shared/http/fields.ts'
import type { Problem } from '../../problem.ts'
import { Refused, type ShopContext } from '../service.ts'

const mostBytes = 65_536
const longestHeldMs = 120_000

/** Of several fields of one name the last. Refuses what is no form, or has more than `most` bytes. */
export async function formOf({ req }: ShopContext, most = mostBytes): Promise<Record<string, string | File>> {
  const length = contentLength(req.raw.headers)
  if (length === undefined) throw new Refused(noLength)
  if (length > most) throw new Refused(tooLarge(most))
  try {
    return await req.parseBody()
  } catch {
    throw new Refused(noForm)
  }
}

/** What all requests of an isolate may hold in memory at once, of what people send: many large forms would end it. */
export class Room {
  readonly #bytes: number
  readonly #now: () => number
  readonly #held = new Set<{ readonly bytes: number; readonly until: number }>()

  constructor(bytes: number, now: () => number) {
    this.#bytes = bytes
    this.#now = now
  }

  /** Refuses where there is too little left; what is held is let go of when `work` is done, or after two minutes. */
  async hold<T>(bytes: number, work: () => Promise<T>): Promise<T> {
    let left = this.#bytes - bytes
    for (const held of this.#held) {
      // The platform may end a request whose client has left without a word, and a client may send for ever.
      if (held.until <= this.#now()) this.#held.delete(held)
      else left -= held.bytes
    }
    if (left < 0) throw new Refused(noRoom)
    const held = { bytes, until: this.#now() + longestHeldMs }
    this.#held.add(held)
    try {
      return await work()
    } finally {
      this.#held.delete(held)
    }
  }
}

const noRoom: Problem = {
  status: 503,
  reason: 'no-room',
  detail: 'Many send photographs at this moment: go back, and send yours again in a few seconds.',
  headers: { 'retry-after': '5' },
}

const noForm: Problem = {
  status: 400,
  reason: 'no-form',
  detail: 'What was sent cannot be read as a form: send it again.',
}

const noLength: Problem = {
  status: 411,
  reason: 'no-length',
  detail: 'A form has to say how long it is: send it with Content-Length.',
}

const tooLarge = (most: number): Problem => ({
  status: 413,
  reason: 'too-large',
  detail: `All of the form may have ${most >= 1_048_576 ? `${most / 1_048_576} MiB` : `${most / 1024} KiB`} at most.`,
})
