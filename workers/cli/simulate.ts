// `npm run simulate -- --config FILE --log FILE [--against FILE2] [--seed N] [--host HOST] [--skip-bad]`: who would have
// got what. Asks nobody, and prints the same for the same seed.
import { readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { here, readConfigurationFile } from './configuration-file.ts'
import { type BadLine, type Log, readLog } from './simulate/log.ts'
import { replay } from './simulate/replay.ts'
import { report } from './simulate/report.ts'
import { commandLine, fail } from './terminal.ts'

const usage =
  'Usage: npm run simulate -- --config FILE --log FILE [--against FILE2] [--seed N] [--host HOST] [--skip-bad]'
const mostTold = 20

const options = commandLine(usage, readOptions)
const { config } = readConfigurationFile(options.config)
const other = options.against === undefined ? undefined : readConfigurationFile(options.against).config
const { requests, bad, commonLines } = readLogFile(options.log)
if (bad.length > 0) {
  console.error(complaint(options.log, bad))
  if (!options.skipBad) process.exit(2)
}
if (requests.length === 0) fail(new Error(`${options.log} has no request to replay.`))
if (commonLines > 0) console.error(howRead(commonLines))
const fates = await replay(config, requests, options.seed)
const against = other && (await replay(other, requests, options.seed))
console.log(report(fates, against))

function readOptions() {
  const text = { type: 'string' } as const
  const { values } = parseArgs({
    options: { config: text, log: text, against: text, seed: text, host: text, 'skip-bad': { type: 'boolean' } },
  })
  for (const [name, value] of Object.entries(values)) {
    if (value === '') throw new Error(`--${name} is empty.`) // from a shell variable that is not set, as a rule
  }
  const { config, log, against, seed = '1', host = 'localhost', 'skip-bad': skipBad = false } = values
  if (config === undefined) throw new Error('--config FILE is missing.')
  if (log === undefined) throw new Error('--log FILE is missing.')
  if (!/^\d{1,9}$/.test(seed)) throw new Error(`--seed takes a whole number of up to nine digits, not ${seed}.`)
  if (!/^[A-Za-z0-9.-]+(?::\d+)?$/.test(host)) throw new Error(`--host takes the name of a host, not ${host}.`)
  return { config, log, against, seed: Number(seed), host, skipBad }
}

function readLogFile(file: string): Log {
  try {
    return readLog(readFileSync(here(file), 'utf8'), options.host)
  } catch (error) {
    return fail(new Error(`Cannot read the log ${file}: ${error instanceof Error ? error.message : error}`))
  }
}

function complaint(file: string, lines: readonly BadLine[]): string {
  const told = lines.slice(0, mostTold).map(({ line, because }) => `  line ${line}: ${because}`)
  const more = lines.length > mostTold ? [`  and ${lines.length - mostTold} more`] : []
  const advice = options.skipBad ? 'They are left out.' : 'Mend them, or leave them out with --skip-bad.'
  return [`${file} has lines that are no requests:`, ...told, ...more, advice].join('\n')
}

function howRead(lines: number): string {
  return [
    `${lines} lines are in the common or combined log format, for https://${options.host} (--host HOST names another).`,
    'It tells no fields of the response: of these only what a route gives "ttlSeconds" is ever fresh.',
  ].join('\n')
}
