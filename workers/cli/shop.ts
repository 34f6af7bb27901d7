// `npm run shop -- configuration`: the shop's pools and routes, to be put at a gateway. `npm run shop -- fill --url URL
// --token TOKEN`: lists there what the demo sells, over the shop's own API; a deployed shop begins empty.
import { parseArgs } from 'node:util'
import { shopConfiguration } from './demo/shop-configuration.ts'
import { fillShop } from './shop/fill.ts'
import { commandLine, fail } from './terminal.ts'

const usage = `Usage: npm run -s shop -- configuration            prints the configuration of the shop alone
       npm run shop -- fill                        lists what the demo sells, and leaves what is listed already
       with --url URL of the gateway (http://127.0.0.1:8787) and --token TOKEN (or ADMIN_TOKEN in the environment)`

const { command, url, token } = commandLine(usage, readOptions)
if (command === 'configuration') console.log(JSON.stringify(shopConfiguration, undefined, 2))
else await fillShop(url, token, console.log).catch((error: unknown) => fail(error))

function readOptions() {
  const options = { url: { type: 'string' }, token: { type: 'string' } } as const
  const { values, positionals } = parseArgs({ options, allowPositionals: true })
  const [command, ...more] = positionals
  if ((command !== 'configuration' && command !== 'fill') || more.length > 0)
    throw new Error(`Say one of "configuration" and "fill", not "${positionals.join(' ')}".`)
  const { url = 'http://127.0.0.1:8787', token = process.env.ADMIN_TOKEN ?? '' } = values
  if (!/^https?:$/.test(URL.parse(url)?.protocol ?? ''))
    throw new Error(`--url takes an http or https URL, not ${url}.`)
  if (command === 'fill' && token === '') throw new Error('There is no token: give --token, or set ADMIN_TOKEN.')
  return { command, url, token }
}
