// `npm run deploy` as far as it goes without an account: everything but the sending.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { transform } from 'esbuild'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { runProgram, withoutNetwork } from './support/program.ts'

const patience = { timeout: 120_000 }
/** Jobs are 17,000 of them, sessions and images 12,000 each, media 7,000, the shared state 15,000, the shop 24,000. */
const limitBytes = 236_000

let folder: string

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'weir-deploy-'))
})

afterAll(() => rmSync(folder, { recursive: true, force: true }))

test('a dry run works without a network, names the bindings, and says that a domain is missing', patience, async () => {
  const command: [string, string[]] = ['npm', ['run', '-s', 'deploy', '--', '--dry-run', '--outdir', folder]]
  const { code, stdout, stderr } = await runProgram(...(withoutNetwork(...command) ?? command))
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  expect(stdout).toMatch(/env\.DB\b.*D1 Database/)
  expect(stdout).toMatch(/env\.SHOP\b.*D1 Database/)
  expect(stdout).toMatch(/env\.CONFIG\b.*KV Namespace/)
  expect(stdout).toMatch(/env\.CHECKOUT\b.*Workflow/)
  expect(stdout).toMatch(/^No domain: the Cache API keeps nothing on workers\.dev\./m)
  expect(stdout).toContain('npx wrangler secret put ADMIN_TOKEN')
})

test(`the Worker, minified and gzipped, is under ${limitBytes} bytes`, async () => {
  const { code } = await transform(readFileSync(join(folder, 'index.js'), 'utf8'), { minify: true, format: 'esm' })
  const bytes = gzipSync(code).length
  expect(bytes, `the Worker has ${bytes} bytes, minified and gzipped`).toBeLessThan(limitBytes)
  // It is the Worker that was measured, and not something empty.
  expect(bytes).toBeGreaterThan(20_000)
})

test('where wrangler fails it fails, and promises nothing', patience, async () => {
  const { code, stdout } = await runProgram('npm', ['run', '-s', 'deploy', '--', '--dry-run', '--no-such-option'])
  expect(code).not.toBe(0)
  expect(stdout).not.toContain('Next:')
})
