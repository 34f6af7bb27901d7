// Is what several clients have seen of one key what one after the other could have seen? Versions tell the order of the
// changes; what is left to check is that each answer is that of the model at its place, and that no place contradicts
// the time: what had ended before something began lies before it (linearizability).
import { applied, type Entry } from '../../../shared/state/entry.ts'
import type { Operation, Reply } from '../../../shared/state/operation.ts'

export interface Event {
  readonly operation: Operation
  readonly reply: Reply
  /** Of a clock that counts beginnings and ends. */
  readonly began: number
  readonly ended: number
}

interface State {
  /** Of the change that made it; 0 for the beginning. */
  readonly version: number
  readonly entry: Entry | undefined
  readonly began: number
}

/** What is wrong with the history of one key without times to live and leases; empty where nothing is. */
export function contradictions(history: readonly Event[]): string[] {
  const wrong: string[] = []
  const changes = history
    .filter(({ reply }) => isChange(reply))
    .sort((a, b) => versionOf(a.reply)! - versionOf(b.reply)!)
  const states: State[] = [{ version: 0, entry: undefined, began: 0 }]
  for (const { operation, reply, began } of changes) {
    const before = states.at(-1)!
    const { reply: expected, next } = applied(before.entry, before.version, operation, 0)
    if (!isSame(expected, reply)) wrong.push(`${show(operation)} gave ${show(reply)}, not ${show(expected)}`)
    states.push({ version: versionOf(reply)!, entry: next, began })
  }
  // Each is put as early as it may be, which leaves the most room to what comes later.
  const placed: { at: number; ended: number }[] = []
  for (const event of [...history].sort((a, b) => a.began - b.began)) {
    const from = Math.max(0, ...placed.filter(({ ended }) => ended < event.began).map(({ at }) => at))
    const at = states.findIndex((state, index) => index >= from && fits(event, state, states[index - 1]))
    if (at < 0) wrong.push(`${show(event.operation)} gave ${show(event.reply)}, which was over before it began`)
    else if (states[at]!.began > event.ended) wrong.push(`${show(event.operation)} saw ${at}, which came later`)
    placed.push({ at: Math.max(at, from), ended: event.ended })
  }
  return wrong
}

/** Whether the event is the change that made this state, or has seen this state. */
function fits({ operation, reply }: Event, state: State, before: State | undefined): boolean {
  if (isChange(reply)) return before !== undefined && state.version === versionOf(reply)
  if (versionOf(reply) !== (state.entry?.content && state.version)) return false
  return isSame(applied(state.entry, state.version, operation, 0).reply, reply)
}

const isChange = ({ kind }: Reply): boolean => kind === 'written' || kind === 'counted' || kind === 'removed'

const versionOf = (reply: Reply): number | undefined => ('version' in reply ? reply.version : undefined)

const isSame = (a: Reply, b: Reply): boolean => show(a) === show(b)

/** With bytes as text, and fields in the order of their names. */
const show = (value: object): string =>
  JSON.stringify(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, each]) => [name, name === 'content' ? new TextDecoder().decode(each.bytes) : each]),
  )
