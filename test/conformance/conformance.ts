// `npm run conformance`: the public HTTP cache test suite on the gateway in workerd. Prints what passes by group and
// kind, and why the rest does not. Ends with 1 when the results are below the bar in expected.ts.
import { parseArgs } from 'node:util'
import { commandLine } from '../../workers/cli/terminal.ts'
import { bar, reasons } from './expected.ts'
import { runSuite } from './suite.ts'
import { explanations, regressions, summary } from './verdict.ts'

commandLine('Usage: npm run conformance', () => parseArgs({ options: {} }))
// workerd ends by Miniflare's own exit hook; the suite's server ends when this process does.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => process.exit(1))
const results = await runSuite(new Set(Object.keys(reasons)))
const wrong = regressions(results, { bar, reasons })
console.log(`${summary(results)}\n\nNot passed\n${explanations(results, reasons)}`)
if (wrong.length > 0) console.error(`\nAgainst expected.ts\n${wrong.join('\n')}`)
process.exitCode = wrong.length > 0 ? 1 : 0
