// `npm run deploy`: sends the Worker to Cloudflare, then applies the migrations that its databases have not seen.
// In this order, because the first deploy creates the databases; until they are migrated the Worker answers 503.
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { migrationFolder } from './databases.ts'
import { declared } from './declared.ts'
import { commandLine, fail } from './terminal.ts'

const usage = 'Usage: npm run deploy [-- OPTIONS]: what `wrangler deploy` takes, such as --dry-run, which sends nothing'

const options = commandLine(usage, () => process.argv.slice(2))
const root = fileURLToPath(new URL('../..', import.meta.url))

wrangler('deploy', ...options)
if (!options.includes('--dry-run')) {
  const { d1Databases } = await declared(root)
  for (const binding of Object.keys(d1Databases)) {
    if (migrationFolder(binding) !== undefined) wrangler('d1', 'migrations', 'apply', binding, '--remote')
  }
}

const hasDomain = /^\s*(\[\[routes\]\]|routes?\s*=)/m.test(readFileSync(`${root}wrangler.toml`, 'utf8'))
if (!hasDomain) {
  console.log('\nNo domain: the Cache API keeps nothing on workers.dev. Name yours in wrangler.toml under `routes`.')
}
console.log(
  '\nNext: `npx wrangler secret put ADMIN_TOKEN`, then PUT a configuration to https://YOUR-DOMAIN/_weir/api/config',
)

function wrangler(...parameters: string[]): void {
  const { status, error } = spawnSync('wrangler', parameters, {
    cwd: root,
    stdio: 'inherit',
    env: { ...process.env, WRANGLER_SEND_METRICS: 'false' },
  })
  if (error !== undefined) fail(error, 'Run this as `npm run deploy`.')
  if (status !== 0) process.exit(status ?? 1)
}
