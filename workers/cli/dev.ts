// `npm run dev -- --config FILE [--port N] [--admin-token T] [--state DIR]`: the gateway alone, on that configuration.
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { parseConfig } from '../../shared/config/parse.ts'
import { startLocalGateway } from './local-gateway.ts'
import { fail, untilStopped } from './terminal.ts'

const usage = 'Usage: npm run dev -- --config FILE [--port N] [--admin-token T] [--state DIR]'

const options = readOptions()
const document = readConfiguration(options.config)
const gateway = await startLocalGateway({ ...options, document, onLog: (line) => console.error(line) }).catch(fail)
console.log(`Gateway  ${gateway.url}`)
if (options.adminToken === undefined) console.log('Admin    closed; --admin-token T opens /_weir/api')
await untilStopped()
await gateway.close()
process.exit(0)

function readOptions() {
  try {
    const { values } = parseArgs({
      options: {
        config: { type: 'string' },
        port: { type: 'string' },
        'admin-token': { type: 'string' },
        state: { type: 'string' },
      },
    })
    if (values.config === undefined) throw new Error('--config FILE is missing.')
    const port = values.port === undefined ? undefined : Number(values.port)
    if (port !== undefined && !(Number.isInteger(port) && port >= 0 && port < 65_536)) {
      throw new Error(`--port takes a number from 0 to 65535, not ${values.port}.`)
    }
    const adminToken = values['admin-token']
    return {
      config: values.config,
      ...(port !== undefined && { port }),
      ...(adminToken !== undefined && { adminToken }),
      ...(values.state !== undefined && { stateFolder: resolve(values.state) }),
    }
  } catch (error) {
    return fail(error, usage)
  }
}

/** The document as JSON text; ends the program with every error where there are any. */
function readConfiguration(file: string): string {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (error) {
    return fail(new Error(`Cannot read the configuration ${file}: ${error instanceof Error ? error.message : error}`))
  }
  const parsed = parseConfig(text)
  if (!parsed.ok)
    return fail(new Error([`${file} is not a valid configuration:`, ...parsed.error.map(line)].join('\n')))
  for (const warning of parsed.value.warnings) console.error(`Warning${line(warning)}`)
  return JSON.stringify(parsed.value.document)
}

function line({ path, message }: { path: string; message: string }): string {
  return `  ${path}: ${message}`
}
