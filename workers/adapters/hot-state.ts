// The first level of the shared state cache: what this isolate has read of namespaces that allow it, in its memory. It
// is `staleSeconds` old at most, counted from when it was asked for; what is written here is forgotten here at once, so
// that the next read sees it.
import type { Position } from '../../shared/state/buckets.ts'
import type { Reply } from '../../shared/state/operation.ts'
import type { StatePort } from '../ports/state-port.ts'

type Found = Extract<Reply, { kind: 'found' | 'absent' }>

interface Held {
  readonly reply: Found
  readonly cost: number
  /** What was true then, in ms. */
  readonly askedAt: number
}

const totalBytes = 8_388_608
const maxEntryBytes = 65_536
/** What an entry costs beside its key and its value. */
const entryOverhead = 500

/** `now` gives milliseconds. */
export function hotState(behind: StatePort, now: () => number): StatePort {
  const held = new Map<string, Held>()
  /** Who reads a key last; a change of the key takes it away, since what is being read may be older. */
  const reading = new Map<string, symbol>()
  let total = 0

  const drop = (name: string) => {
    total -= held.get(name)?.cost ?? 0
    held.delete(name)
  }

  const hold = (name: string, reply: Found, askedAt: number) => {
    drop(name)
    const size = reply.kind === 'found' ? reply.content.bytes.byteLength : 0
    if (size > maxEntryBytes) return
    const cost = entryOverhead + 2 * name.length + size
    held.set(name, { reply, cost, askedAt })
    total += cost
    // The least recently used go first.
    for (const oldest of held.keys()) {
      if (total <= totalBytes) break
      drop(oldest)
    }
  }

  const heldReply = (name: string, staleSeconds: number): Reply | undefined => {
    const found = held.get(name)
    if (found === undefined || now() >= heldUntil(found, staleSeconds)) return undefined
    held.delete(name)
    held.set(name, found)
    return found.reply
  }

  const readWith = async (name: string, ask: () => Promise<Reply | undefined>) => {
    const mark = Symbol()
    reading.set(name, mark)
    const askedAt = now()
    const reply = await ask()
    if (reading.get(name) !== mark) return reply
    reading.delete(name)
    if (reply?.kind === 'found' || reply?.kind === 'absent') hold(name, reply, askedAt)
    return reply
  }

  const read: StatePort['apply'] = async (operation, rule, layout) => {
    const name = nameOf(operation)
    return heldReply(name, rule.staleSeconds) ?? (await readWith(name, () => behind.apply(operation, rule, layout)))
  }

  const forget = (name: string) => {
    reading.delete(name)
    drop(name)
  }

  return {
    async fill(name, rule, layout, ask) {
      const fill = () => behind.fill(name, rule, layout, ask)
      return rule.consistency === 'bounded' ? readWith(nameOf(name), fill) : fill()
    },
    report: behind.report,
    async apply(operation, rule, layout) {
      if (operation.kind === 'lease') return behind.apply(operation, rule, layout)
      if (operation.kind === 'read')
        return rule.consistency === 'bounded' ? read(operation, rule, layout) : behind.apply(operation, rule, layout)
      const name = nameOf(operation)
      forget(name)
      const reply = await behind.apply(operation, rule, layout)
      forget(name)
      return reply
    },
  }
}

/** No namespace has a slash in its name. */
const nameOf = ({ namespace, key }: Position): string => `${namespace}/${key}`

function heldUntil({ reply, askedAt }: Held, staleSeconds: number): number {
  const until = askedAt + staleSeconds * 1000
  return reply.kind === 'found' ? Math.min(until, reply.expiresAt ?? until) : until
}
