import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it, test } from 'vitest'
import { inexact, strays, violations } from './architecture.ts'

const root = fileURLToPath(new URL('..', import.meta.url))

const filesOf = (folder: string) =>
  readdirSync(`${root}${folder}`, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => ({ path: `${folder}/${name}`, text: readFileSync(`${root}${folder}/${name}`, 'utf8') }))

describe('this repository', () => {
  it('keeps its rules in every file', () => {
    const files = ['shared', 'workers', 'test'].flatMap(filesOf)
    expect(files.map(({ path }) => path)).toContain('workers/proxy.ts')
    expect(violations(files)).toEqual([])
  })

  it('has nothing at its top that does not belong there', () => {
    expect(strays(readdirSync(root))).toEqual([])
  })

  it('depends on exact versions', () => {
    expect(inexact(JSON.parse(readFileSync(`${root}package.json`, 'utf8')))).toEqual([])
  })
})

/** What is found in one file of one line. */
const found = (path: string, text: string) => violations([{ path, text }]).join('\n')

describe('imports that are found out', () => {
  test.each([
    ['core to adapters', 'workers/proxy.ts', "import { a } from './adapters/cache-api-store.ts'"],
    ['core to admin', 'workers/relay.ts', "import { a } from './admin/authorise.ts'"],
    ['core to the composition root', 'workers/proxy.ts', "import worker from './index.ts'"],
    ['core to the commands', 'workers/proxy.ts', "import { a } from './cli/port.ts'"],
    ['core to a package', 'workers/proxy.ts', "import { Hono } from 'hono'"],
    ['an adapter to the proxy', 'workers/adapters/fetch-origin.ts', "import { proxy } from '../proxy.ts'"],
    ['an adapter to another', 'workers/adapters/fetch-origin.ts', "import { a } from './kv-configuration.ts'"],
    ['a part of an adapter to another', 'workers/adapters/decoder.ts', "import { a } from './kv-configuration.ts'"],
    ['an adapter to admin', 'workers/adapters/fetch-origin.ts', "import { a } from '../admin/config-api.ts'"],
    ['an adapter to the root', 'workers/adapters/fetch-origin.ts', "import a from '../index.ts'"],
    ['admin to an adapter', 'workers/admin/config-api.ts', "import { a } from '../adapters/kv-configuration.ts'"],
    ['an object to an adapter', 'workers/durable/flight.ts', "import { a } from '../adapters/fetch-origin.ts'"],
    ['a job to admin', 'workers/jobs/resize.ts', "import { a } from '../admin/authorise.ts'"],
    ['the tables to an adapter', 'workers/db/schema.ts', "import { a } from '../adapters/d1-configuration.ts'"],
    ['the root to the commands', 'workers/index.ts', "import { a } from './cli/port.ts'"],
    ['the Worker to the tests', 'workers/admin/authorise.ts', "import { a } from '../../test/e2e/support/wire.ts'"],
    ['shared to the Worker', 'shared/snapshot.ts', "import type { Ports } from '../workers/ports.ts'"],
    ['shared to the tests', 'shared/key.ts', "import { a } from '../test/a.ts'"],
    ['shared to a package of others', 'shared/key.ts', "import { Hono } from 'hono'"],
    ['shared to Node', 'shared/key.ts', "import { readFileSync } from 'node:fs'"],
    ['shared to the platform', 'shared/key.ts', "import { env } from 'cloudflare:workers'"],
    ['http to balance', 'shared/http/age.ts', "import { a } from '../balance/rank.ts'"],
    ['balance to http', 'shared/balance/rank.ts', "import { a } from '../http/age.ts'"],
    ['a service to another', 'workers/shop/catalog/service.ts', "import { a } from '../account/tables.ts'"],
    ['a service to an adapter', 'workers/shop/catalog/service.ts', "import { a } from '../../adapters/d1-state.ts'"],
    ['the core to the shop', 'workers/proxy.ts', "import { a } from './shop/index.ts'"],
    ['a part without a rule', 'workers/plugins/a.ts', "import { a } from '../ports.ts'"],
    ['types alone', 'shared/key.ts', "import type { Env } from '../workers/env.ts'"],
    ['over several lines', 'shared/key.ts', "import {\n  a,\n  b,\n} from '../workers/env.ts'"],
    ['handed on', 'shared/key.ts', "export * from '../workers/env.ts'"],
    ['handed on by name', 'shared/key.ts', "export { a } from '../workers/env.ts'"],
    ['for its effect', 'shared/key.ts', "import '../workers/env.ts'"],
    ['later', 'shared/key.ts', "const a = await import('../workers/env.ts')"],
    ['a type, in place', 'shared/key.ts', "type A = import('../workers/env.ts').Env"],
    ['in double quotes', 'shared/key.ts', 'import { a } from "../workers/env.ts"'],
  ])('%s', (_, path, text) => expect(found(path, text)).toMatch(new RegExp(`^${path}: imports `)))
})

describe('imports that may be', () => {
  test.each([
    ['shared to its packages', 'shared/config/schema.ts', "import * as z from 'zod'"],
    ['shared to its halves', 'shared/snapshot.ts', "import { a } from './balance/rank.ts'"],
    ['a half to what is common', 'shared/http/target.ts', "import { ok } from '../result.ts'"],
    ['core to shared', 'workers/proxy.ts', "import { a } from '../shared/http/age.ts'"],
    ['core to core', 'workers/proxy.ts', "import { a } from './ports.ts'"],
    ['an adapter to the ports', 'workers/adapters/fetch-origin.ts', "import type { OriginPort } from '../ports.ts'"],
    ['an adapter to the tables', 'workers/adapters/d1-configuration.ts', "import { a } from '../db/schema.ts'"],
    ['an adapter in two files', 'workers/adapters/cache-api-store.ts', "import { a } from './cache-api-sink.ts'"],
    ['an adapter to a part of it', 'workers/adapters/fetch-origin.ts', "import { a } from './decoder.ts'"],
    ['an adapter to its package', 'workers/adapters/d1-configuration.ts', "import { sql } from 'drizzle-orm'"],
    ['a service to its tables', 'workers/shop/catalog/service.ts', "import { a } from './tables.ts'"],
    ['a service to what all use', 'workers/shop/catalog/service.ts', "import { a } from '../calls.ts'"],
    ['the shop to its services', 'workers/shop/index.ts', "import { a } from './catalog/service.ts'"],
    ['admin to admin', 'workers/admin/gateway-app.ts', "import { a } from './authorise.ts'"],
    ['the root to all', 'workers/index.ts', "import { a } from './adapters/fetch-origin.ts'"],
    ['a command to anything', 'workers/cli/dev.ts', "import { a } from '../adapters/d1-configuration.ts'"],
    ['a test to anything', 'test/a.test.ts', "import { a } from '../workers/cli/port.ts'"],
    ['words in a comment', 'shared/key.ts', "// What the Worker will import: 'nothing'"],
  ])('%s', (_, path, text) => expect(found(path, text)).toBe(''))
})

describe('what the pure core may not name', () => {
  test.each([
    ['Date.now', 'const now = () => Date.now()'],
    ['a date of now', 'const a = new Date()'],
    ['a date of now without brackets', 'const a = new Date'],
    ['the date as text', 'const a = Date()'],
    ['performance', 'const a = performance.now()'],
    ['Math.random', 'const random = Math.random'],
    ['crypto', 'const id = crypto.randomUUID()'],
    ['fetch', "const a = fetch ('https://a.test')"],
    ['caches', 'const a = caches.default'],
    ['setTimeout', 'setTimeout(() => 1, 10)'],
    ['setInterval', 'setInterval(() => 1, 10)'],
    ['process', 'const a = process.argv'],
    ['process, by another way', "const a = process['argv']"],
    ['env', 'export const a = (env) => env.DB'],
    ['globalThis', "const a = globalThis['Date']"],
  ])('%s', (_, text) => {
    expect(found('shared/key.ts', text)).toMatch(/^shared\/key\.ts: names /)
    expect(found('workers/cli/dev.ts', text)).toBe('')
  })

  test.each([
    ['a date of an instant', 'export const a = (now: number) => new Date(now).getUTCFullYear()'],
    ['an instant of a date', 'const a = Date.UTC(2026, 0)'],
    ['words in comments', '// Date.now, fetch(…) and caches\n/* setTimeout */\nexport const a = 1'],
    ['types', 'export type A = typeof globalThis\nexport interface B { readonly env: string }'],
    ['names that hold such a word', 'export const prefetch = (now: number) => now\nprefetch(1)'],
    ['a parameter for randomness', 'export const a = (random: () => number) => random()'],
  ])('what it may: %s', (_, text) => expect(found('shared/key.ts', text)).toBe(''))

  test('caches are for adapters', () => {
    const text = "export const a = () => caches.open('a')"
    expect(found('workers/proxy.ts', text)).toContain('names caches')
    expect(found('workers/admin/config-api.ts', text)).toContain('names caches')
    expect(found('workers/adapters/cache-api-store.ts', text)).toBe('')
    expect(found('workers/index.ts', text)).toBe('')
  })
})

describe('TypeScript’s private', () => {
  test.each([
    ['a method', 'class A {\n  private run() {}\n}'],
    ['a field', 'class A {\n  private readonly a = 1\n}'],
    ['a static field', 'class A {\n  static private a = 1\n}'],
    // In pieces, since this file is checked too.
    ['a class on one line', ['class A {', 'private a = 1', '}'].join(' ')],
    ['a parameter', ['class A { constructor', '(readonly b: B, private readonly a: A) {} }'].join('')],
  ])('%s', (_, text) => {
    for (const path of ['workers/durable/flight.ts', 'shared/key.ts', 'test/a.ts'])
      expect(found(path, text)).toContain('#private')
  })

  test.each([
    ['a hash', 'class A {\n  #run() {}\n}'],
    ['a directive of that name', 'interface A {\n  readonly private: boolean\n}\nconst a = {\n  private: false,\n}'],
    ['a comment', '// What is\n// private stays so'],
  ])('not: %s', (_, text) => expect(found('workers/durable/flight.ts', text)).toBe(''))
})

test('what lies at the top', () => {
  const names = ['workers', 'shared', '.ci', '.npmrc', 'node_modules', 'README.md', 'src', 'vitest.config.ts', 'dist']
  expect(strays(names)).toEqual(['src', 'vitest.config.ts', 'dist'])
})

test('versions that are not exact', () => {
  const dependencies = { a: '1.2.3', b: '^1.2.3', c: '1.2', d: 'latest', e: '5.20261023.2-beta', f: 'github:a/f' }
  expect(inexact({ dependencies, devDependencies: { g: '~1.0.0', h: '1.0.0' }, peerDependencies: { i: '*' } })).toEqual(
    [...['b@^1.2.3', 'c@1.2', 'd@latest', 'f@github:a/f', 'g@~1.0.0', 'i@*']],
  )
})
