// `npm run bench:simulation`: the slow-host trace for every policy, in isolates that know only their own requests and in
// some that share their estimates, without and with a hedge. Prints Markdown; the same at every run.
import { parseArgs } from 'node:util'
import type { Policy } from '../../shared/config/schema.ts'
import { commandLine } from '../../workers/cli/terminal.ts'
import { slowHost } from './slow-host.ts'
import { table } from './table.ts'

commandLine('Usage: npm run bench:simulation', () => parseArgs({ options: {} }))

const policies: readonly Policy[] = ['round-robin', 'random', 'hash', 'least-request', 'peak-ewma']
const shareEveryMs = 2000

const rows: string[][] = []
for (const isolates of [1, 200, 1000]) {
  for (const policy of policies) {
    // Only peak-ewma goes by estimates; an isolate alone has nobody to share them with.
    const sharings = policy === 'peak-ewma' && isolates > 1 ? [undefined, shareEveryMs] : [undefined]
    for (const sharing of sharings) {
      for (const hedged of [false, true]) {
        const { withinASecond, p50Ms, p99Ms, extra } = slowHost(policy, hedged, {
          isolates,
          shareEveryMs: sharing,
          seed: 1,
        })
        rows.push([
          policy + (sharing === undefined ? '' : ', shared'),
          String(isolates),
          hedged ? 'yes' : '',
          percent(withinASecond, 3),
          p50Ms.toFixed(0),
          p99Ms.toFixed(0),
          percent(extra, 2),
        ])
      }
    }
  }
}
console.log(table(['', 'isolates', 'hedge', 'within 1 s', 'p50 ms', 'p99 ms', 'extra requests'], rows))

function percent(share: number, digits: number): string {
  return `${(100 * share).toFixed(digits)} %`
}
