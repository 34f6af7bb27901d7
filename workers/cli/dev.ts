// `npm run dev -- --config FILE [--port N] [--admin-token T] [--state DIR]`: the gateway alone, on that configuration.
// Secrets beside the admin token it takes from the environment, by the names that `wrangler secret put` has for them.
import { mkdirSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { here, readConfigurationFile } from './configuration-file.ts'
import { commandLine, fail, untilStopped } from './terminal.ts'

const usage = 'Usage: npm run dev -- --config FILE [--port N] [--admin-token T] [--state DIR]'

const options = commandLine(usage, readOptions)
const document = JSON.stringify(readConfigurationFile(options.config).document)
// What runs the gateway takes a while to load: mistakes are told before, and terminal.ts has noted its parent.
const { startLocalGateway } = await import('./local-gateway.ts')
const onLog = (line: string) => console.error(line)
const gateway = await startLocalGateway({ ...options, document, variables: secrets(), onLog }).catch(fail)
console.log(`Gateway  ${gateway.url}`)
if (options.adminToken === undefined) console.log('Admin    closed; --admin-token T opens /_weir/api')
await untilStopped()
await gateway.close()
process.exit(0)

function readOptions() {
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
}

function secrets(): Record<string, string> {
  const names = ['COOKIE_SECRET', 'WEBHOOK_SECRET', 'IMAGE_KEYS']
  const set = names.map((name) => [name, process.env[name] ?? ''] as const)
  return Object.fromEntries(set.filter(([, text]) => text !== ''))
}

function stateFolder(folder: string): string {
  try {
    mkdirSync(here(folder), { recursive: true })
    return here(folder)
  } catch (error) {
    return fail(new Error(`Cannot keep the state in ${folder}: ${error instanceof Error ? error.message : error}`))
  }
}
