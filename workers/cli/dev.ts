// `npm run dev -- --config FILE [--port N] [--admin-token T] [--state DIR]`: the gateway alone, on that configuration.
import { mkdirSync, readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { parseConfig } from '../../shared/config/parse.ts'
import { fail, untilStopped } from './terminal.ts'

const usage = 'Usage: npm run dev -- --config FILE [--port N] [--admin-token T] [--state DIR]'

const options = readOptions()
const document = readConfiguration(options.config)
// What runs the gateway takes a while to load: mistakes are told before, and terminal.ts has noted its parent.
const { startLocalGateway } = await import('./local-gateway.ts')
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
    for (const [name, value] of Object.entries(values)) {
      if (value === '') throw new Error(`--${name} is empty.`) // from a shell variable that is not set, as a rule
    }
    const { config, port, 'admin-token': adminToken, state } = values
    if (config === undefined) throw new Error('--config FILE is missing.')
    if (port !== undefined && !(/^\d+$/.test(port) && Number(port) < 65_536)) {
      throw new Error(`--port takes a number from 0 to 65535, not ${port}.`)
    }
    return {
      config,
      ...(port !== undefined && { port: Number(port) }),
      ...(adminToken !== undefined && { adminToken }),
      ...(state !== undefined && { stateFolder: stateFolder(state) }),
    }
  } catch (error) {
    return fail(error, usage)
  }
}

/** Where the user stands: npm runs this in the project's folder, and says where it was called. */
function here(path: string): string {
  return resolve(process.env.INIT_CWD ?? process.cwd(), path)
}

function stateFolder(folder: string): string {
  try {
    mkdirSync(here(folder), { recursive: true })
    return here(folder)
  } catch (error) {
    return fail(new Error(`Cannot keep the state in ${folder}: ${error instanceof Error ? error.message : error}`))
  }
}

/** The document as JSON text; ends the program with every error where there are any. */
function readConfiguration(file: string): string {
  let text: string
  try {
    text = readFileSync(here(file), 'utf8')
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
