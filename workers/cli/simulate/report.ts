// What a replay shows, as text: tables of who answered and who was asked, beside those of another configuration.
import type { Fate, Refusal, Verdict } from './replay.ts'
import type { OriginName } from './world.ts'

const verdicts: readonly (Verdict | Refusal)[] = [
  ...(['hit', 'stale', 'validated', 'miss', 'pass', 'failed'] as const),
  ...(['no route', 'method not allowed', 'bad target', 'the gateway itself'] as const),
]

/** `against` are the fates of the same requests under another configuration. */
export function report(fates: readonly Fate[], against?: readonly Fate[]): string {
  const runs = against === undefined ? [fates] : [fates, against]
  const routed = runs.map((run) => counted(run.flatMap(({ route, verdict }) => (route ? [[route, verdict]] : []))))
  const totals = runs.map((run) => counted(run.map(({ verdict }) => ['all', verdict])))
  const asked = runs.map((run) => counted(run.flatMap((fate) => fate.asked.map(({ pool, origin }) => [pool, origin]))))
  const parts = [
    table(['route', 'answered by'], [...rowsOf(routed, verdicts), ...rowsOf(totals, verdicts)], runs.length),
    table(['pool', 'origin'], rowsOf(asked), runs.length),
    ...(against === undefined ? [] : [changes(fates, against)]),
  ]
  return `${parts.join('\n\n')}\n`
}

// Counts ──────────────────────────────────────────────────────────────────────────────────────────────────────────

type Counts = ReadonlyMap<string, ReadonlyMap<string, number>>

function counted(pairs: readonly (readonly string[])[]): Counts {
  const counts = new Map<string, Map<string, number>>()
  for (const [group = '', member = ''] of pairs) {
    const members = counts.get(group) ?? new Map<string, number>()
    counts.set(group, members.set(member, (members.get(member) ?? 0) + 1))
  }
  return counts
}

interface Row {
  readonly group: string
  readonly member: string
  /** For each run: how many, and of how many. */
  readonly counts: readonly (readonly [count: number, of: number])[]
}

/** A row for whatever occurs in one of the runs; the members in the given order, or by name. */
function rowsOf(runs: readonly Counts[], order?: readonly string[]): Row[] {
  const groups = [...new Set(runs.flatMap((run) => [...run.keys()]))].sort()
  return groups.flatMap((group) => {
    const found = new Set(runs.flatMap((run) => [...(run.get(group)?.keys() ?? [])]))
    const members = order?.filter((member) => found.has(member)) ?? [...found].sort()
    const sums = runs.map((run) => [...(run.get(group)?.values() ?? [])].reduce((sum, count) => sum + count, 0))
    return members.map((member) => ({
      group,
      member,
      counts: runs.map((run, index) => [run.get(group)?.get(member) ?? 0, sums[index]!] as const),
    }))
  })
}

// Text ────────────────────────────────────────────────────────────────────────────────────────────────────────────

function table(names: readonly [string, string], rows: readonly Row[], runs: number): string {
  const numbers = ['requests', 'share']
  const head = [...names, ...numbers, ...(runs > 1 ? [...numbers.map((name) => `${name} against`), 'difference'] : [])]
  const lines = rows.map(({ group, member, counts }, index) => [
    // A group is named once.
    group === rows[index - 1]?.group ? '' : group,
    member,
    ...counts.flatMap(([count, of]) => [String(count), percent(count, of)]),
    ...(runs > 1 ? [signed(counts[1]![0] - counts[0]![0])] : []),
  ])
  const widths = head.map((title, column) => Math.max(title.length, ...lines.map((line) => line[column]!.length)))
  const pad = (cell: string, column: number) =>
    column < names.length ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!)
  return [head, ...lines].map((line) => line.map(pad).join('  ').trimEnd()).join('\n')
}

const percent = (count: number, of: number): string => (of === 0 ? '–' : `${((100 * count) / of).toFixed(1)} %`)

const signed = (count: number): string => (count > 0 ? `+${count}` : String(count))

/** How many requests would fare differently. */
function changes(fates: readonly Fate[], against: readonly Fate[]): string {
  const pairs = fates.map((fate, index) => [fate, against[index]!] as const)
  const both = pairs.flatMap(([{ by: one }, { by: other }]) => (one && other ? [[one, other] as const] : []))
  const pool = both.filter(([one, other]) => one.pool !== other.pool).length
  const origin = both.filter(([one, other]) => !isSame(one, other)).length
  const verdict = pairs.filter(([one, other]) => one.verdict !== other.verdict).length
  const route = pairs.filter(([one, other]) => one.route !== other.route).length
  return [
    `Against the other configuration, of ${fates.length} requests:`,
    `  another route    ${route}`,
    `  another verdict  ${verdict}`,
    `  another pool     ${pool} of ${both.length} that an origin answers in both`,
    `  another origin   ${origin} of these`,
  ].join('\n')
}

const isSame = (one: OriginName, other: OriginName): boolean => one.pool === other.pool && one.origin === other.origin
