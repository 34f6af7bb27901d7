// Turns what was measured into Markdown: medians, ratios to the baseline of the same round, and calls.

/** One burst of load on one contestant. */
export interface Sample {
  readonly requestsPerSecond: number
  /** Processor time of the workerd a request; undefined where that cannot be told. */
  readonly cpuMicroseconds: number | undefined
}

export interface Row {
  readonly name: string
  readonly samples: readonly Sample[]
  readonly baseline?: string
  readonly goal?: number
}

/** The samples of all rows were taken in the same rounds, in the same order. */
export function resultTable(rows: readonly Row[]): string {
  const body = rows.map((row) => {
    const base = rows.find(({ name }) => name === row.baseline)
    return [
      row.name,
      format(median(row.samples.map(speed)), 0),
      format(median(row.samples.map(cost)), 0),
      row.baseline ?? '',
      base === undefined ? '' : format(medianRatio(row, base, speed), 2),
      row.goal === undefined ? '' : `≥ ${row.goal}`,
      base === undefined ? '' : format(medianRatio(row, base, cost), 2),
    ]
  })
  return table(['', 'requests/s', 'CPU µs', 'against', 'requests/s ratio', 'goal', 'CPU ratio'], body)
}

export function table(head: readonly string[], body: readonly (readonly string[])[]): string {
  const widths = head.map((title, column) => Math.max(title.length, ...body.map((row) => row[column]!.length)))
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell, column) => (column === 0 ? cell.padEnd(widths[0]!) : cell.padStart(widths[column]!))).join(' | ')} |`
  const rule = `|${widths.map((width, column) => (column === 0 ? `${'-'.repeat(width + 2)}` : `${'-'.repeat(width + 1)}:`)).join('|')}|`
  return [line(head), rule, ...body.map(line)].join('\n')
}

const speed = (sample: Sample) => sample.requestsPerSecond
const cost = (sample: Sample) => sample.cpuMicroseconds

/** The median over the rounds of how the row did compared with the baseline in the same round: drift cancels out. */
function medianRatio(row: Row, base: Row, measure: (sample: Sample) => number | undefined): number | undefined {
  return median(
    row.samples.map((sample, round) => {
      const [own, other] = [measure(sample), measure(base.samples[round]!)]
      return own === undefined || other === undefined ? undefined : own / other
    }),
  )
}

export function median(values: readonly (number | undefined)[]): number | undefined {
  const sorted = values.filter((value) => value !== undefined).sort((left, right) => left - right)
  const middle = (sorted.length - 1) / 2
  return sorted.length === 0 ? undefined : (sorted[Math.floor(middle)]! + sorted[Math.ceil(middle)]!) / 2
}

export const format = (value: number | undefined, digits: number) => (value === undefined ? '–' : value.toFixed(digits))
