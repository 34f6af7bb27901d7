// Results of the suite against the bar: what is wrong, and how it all looks as text.
import { table } from '../bench/table.ts'
import type { Kind, Result } from './suite.ts'

export interface Expected {
  readonly bar: { readonly required: number; readonly optimal: number; readonly unexplained: number }
  readonly reasons: Readonly<Record<string, string>>
}

const kinds: readonly Kind[] = ['required', 'optimal', 'check']

/** What keeps the results from the bar, one line each; none where all is well. */
export function regressions(results: readonly Result[], { bar, reasons }: Expected): string[] {
  const below = (['required', 'optimal'] as const).flatMap((kind) => {
    const passed = of(kind, results).filter(isPassed).length
    return passed < bar[kind] ? [`${passed} ${kind} tests passed, ${bar[kind]} have to`] : []
  })
  const failed = notPassed(results).map(({ id }) => id)
  const unexplained = failed.filter((id) => reasons[id] === undefined)
  const many = `${unexplained.length} tests failed without a reason, at most ${bar.unexplained} may: ${unexplained.join(', ')}`
  const needless = Object.keys(reasons).filter((id) => !failed.includes(id))
  return [
    ...below,
    ...(unexplained.length > bar.unexplained ? [many] : []),
    ...needless.map((id) => `${id} did not fail, but has a reason for it`),
  ]
}

/** Passed and all, by group and kind, and in total. */
export function summary(results: readonly Result[]): string {
  const row = (name: string, members: readonly Result[]) => [name, ...kinds.map((kind) => share(of(kind, members)))]
  const groups = [...new Set(results.map(({ group }) => group))]
  const membersOf = (name: string) => results.filter(({ group }) => group === name)
  const rows = groups.map((name) => row(name, membersOf(name)))
  return table(['Passed', ...kinds], [...rows, row('In total', results)])
}

/** Each required or optimal test that is not passed, with its reason. */
export function explanations(results: readonly Result[], reasons: Expected['reasons']): string {
  return notPassed(results)
    .map(({ id, kind, failure }) => `${kind} ${id}: ${reasons[id] ?? `UNEXPLAINED (${failure})`}`)
    .join('\n')
}

const isPassed = ({ failure }: Result) => failure === undefined
const of = (kind: Kind, results: readonly Result[]) => results.filter((result) => result.kind === kind)
const notPassed = (results: readonly Result[]) =>
  results.filter((result) => result.kind !== 'check' && !isPassed(result))

function share(results: readonly Result[]): string {
  return results.length === 0 ? '' : `${results.filter(isPassed).length}/${results.length}`
}
