// The rules that hold the tree together, as a function over source texts: which file may import which, what the pure
// core may not name, and what may lie at the top. It reads no file itself.
import { posix } from 'node:path'
import { transformSync } from 'esbuild'

export interface SourceFile {
  /** From the top of the repository, such as `shared/http/date.ts`. */
  readonly path: string
  readonly text: string
}

/** Parts of the tree that a part may import beside itself; `any` is every file. */
const mayImport: Readonly<Record<string, readonly string[] | 'any'>> = {
  shared: [],
  'shared/http': ['shared'],
  'shared/balance': ['shared'],
  core: ['shared', 'shared/http', 'shared/balance'],
  db: ['shared', 'shared/http', 'shared/balance', 'core'],
  adapters: ['shared', 'shared/http', 'shared/balance', 'core', 'db'],
  admin: ['shared', 'shared/http', 'shared/balance', 'core', 'db'],
  client: ['shared', 'shared/http', 'shared/balance', 'core'],
  durable: ['shared', 'shared/http', 'shared/balance', 'core', 'db'],
  jobs: ['shared', 'shared/http', 'shared/balance', 'core', 'db'],
  shop: ['shared', 'shared/http', 'shared/balance', 'core', 'db', 'client'],
  index: [
    ...['shared', 'shared/http', 'shared/balance', 'core', 'db'],
    ...['adapters', 'admin', 'client', 'durable', 'jobs', 'shop'],
  ],
  cli: 'any',
  test: 'any',
}

/** The pure core is one part to itself, but for its two halves, which must not know each other. */
const sharedParts = new Set(['shared', 'shared/http', 'shared/balance'])

/** What knows the platform by its ports alone, by the themes of shared/: one part with the life of a request. */
const coreFolders = new Set(['balance', 'cache', 'collapse', 'media', 'ports', 'services', 'session', 'state'])

const sharedPackages = new Set(['zod', 'jsonc-parser', 'structured-headers'])

function partOf(path: string): string {
  const [top = '', second = '', third] = path.split('/')
  if (top === 'shared') return second === 'http' || second === 'balance' ? `shared/${second}` : 'shared'
  if (top !== 'workers') return top
  if (third !== undefined) return coreFolders.has(second) ? 'core' : second
  return second === 'index.ts' ? 'index' : 'core'
}

/** What each file does against the rules, as `path: what`. */
export function violations(files: readonly SourceFile[]): string[] {
  return files.flatMap((file) =>
    [...importViolations(file), ...impurities(file), ...modifiers(file)].map((what) => `${file.path}: ${what}`),
  )
}

// Imports ─────────────────────────────────────────────────────────────────────────────────────────────────────────

const importForms = [
  /(?:^|[\s;}])(?:import|export)\b[^'"`;]*?\bfrom\s*['"]([^'"]+)['"]/g,
  /(?:^|[\s;}])import\s*['"]([^'"]+)['"]/g,
  /\bimport\(\s*['"`]([^'"`]+)['"`]/g,
]

function importViolations({ path, text }: SourceFile): string[] {
  const specifiers = importForms.flatMap((form) => [...text.matchAll(form)].map((match) => match[1]!))
  return specifiers.flatMap((specifier) => {
    const target = specifier.startsWith('.') ? posix.join(posix.dirname(path), specifier) : undefined
    const because = target === undefined ? packageProblem(path, specifier) : fileProblem(path, target)
    return because === undefined ? [] : [`imports ${target ?? specifier}, ${because}`]
  })
}

function packageProblem(path: string, specifier: string): string | undefined {
  const part = partOf(path)
  if (sharedParts.has(part)) return sharedPackages.has(specifier) ? undefined : 'which is no package of the pure core'
  return part === 'core' ? 'a package, which is for the parts around the core' : undefined
}

function fileProblem(path: string, target: string): string | undefined {
  const [from, to] = [partOf(path), partOf(target)]
  const allowed = mayImport[from]
  if (allowed === undefined) return 'from a part of the tree that has no rule yet'
  if (allowed === 'any') return undefined
  if (from === 'shared' && sharedParts.has(to)) return undefined
  if (from === 'adapters' && target === 'workers/proxy.ts') return 'which adapters know nothing of'
  if (from === 'adapters' && to === 'adapters' && isOtherAdapter(path, target)) return 'another adapter'
  if (from === 'shop' && to === 'shop' && isOtherService(path, target)) return 'another service of the shop'
  return from === to || allowed.includes(to) ? undefined : `against the one way (${from} may not import ${to})`
}

/** Services have a folder each, and ask each other by `shop/calls.ts`. */
function isOtherService(path: string, target: string): boolean {
  const [own, other] = [serviceOf(path), serviceOf(target)]
  return own !== undefined && other !== undefined && own !== other
}

/** `catalog` of `workers/shop/catalog/service.ts`; undefined for what all of them use. */
const serviceOf = (path: string): string | undefined => /^workers\/shop\/([^/]+)\//.exec(path)?.[1]

/** Adapters are named `<technology>-<port>`; one technology may fill several files, and one word is no adapter. */
function isOtherAdapter(path: string, target: string): boolean {
  const technology = technologyOf(target)
  return technology !== undefined && technology !== technologyOf(path)
}

/** `cache-api` of `cache-api-store.ts`. */
const technologyOf = (path: string): string | undefined => /^(.+)-[^-]+\.ts$/.exec(posix.basename(path))?.[1]

// What the core may not name ──────────────────────────────────────────────────────────────────────────────────────

const impure: readonly (readonly [name: string, form: RegExp])[] = [
  [
    'the clock',
    /\bDate\.now\b|\bnew Date\b(?!\s*\(\s*[^\s)])|(?<!\bnew )\bDate\s*\(|\bperformance\b|\bTemporal\.Now\b/,
  ],
  ['randomness', /\bMath\.random\b|\bcrypto\b/],
  ['the network', /\bfetch\s*\(|\bcaches\b|\bWebSocket\b/],
  ['timers', /\b(?:set|clear)(?:Timeout|Interval|Immediate)\b|\bqueueMicrotask\b|\bscheduler\b/],
  ['its surroundings', /\bprocess\s*[.[]|\benv\b|\bglobalThis\b|\bnavigator\b/],
]

function impurities({ path, text }: SourceFile): string[] {
  const isCore = path.startsWith('shared/')
  const isPlatform = /^workers\/(?:adapters\/|durable\/|cli\/|index\.ts$)/.test(path)
  if (!isCore && (!path.startsWith('workers/') || isPlatform)) return []
  // What the compiler leaves: no comments, no types.
  const { code } = transformSync(text, { loader: 'ts', legalComments: 'none' })
  if (!isCore) return /\bcaches\b/.test(code) ? ['names caches, which is for adapters'] : []
  return impure.flatMap(([name, form]) => {
    const found = form.exec(code)
    return found === null ? [] : [`names ${name}: ${found[0]}`]
  })
}

// TypeScript's private ────────────────────────────────────────────────────────────────────────────────────────────

/** At the start of a line, where a member stands, or in the parameters of a constructor. */
const privateMember = /(?:^|[{;}])[ \t]*(?:(?:static|override|readonly|abstract|declare)\s+)*private\s+[\w$#[]/m
const privateParameter = /\bconstructor\s*\([^)]*\bprivate\s+[\w$]/

/** Over RPC a TypeScript `private` is public. */
function modifiers({ text }: SourceFile): string[] {
  return privateMember.test(text) || privateParameter.test(text) ? ['says private where #private is meant'] : []
}

// The top ─────────────────────────────────────────────────────────────────────────────────────────────────────────

const topLevel = new Set([
  ...['workers', 'shared', 'migrations', 'test'],
  ...['wrangler.toml', 'package.json', 'package-lock.json', 'tsconfig.json', 'README.md', 'LICENSE'],
])

/** The names at the top of the repository that have no business there. */
export function strays(names: readonly string[]): string[] {
  return names.filter((name) => !topLevel.has(name) && !name.startsWith('.') && name !== 'node_modules')
}

/** The dependencies of a package.json whose version is a range, a tag or an address. */
export function inexact(packageJson: Readonly<Record<string, unknown>>): string[] {
  const kinds = ['dependencies', 'devDependencies', 'optionalDependencies', 'peerDependencies']
  return kinds
    .flatMap((kind) => Object.entries((packageJson[kind] ?? {}) as Record<string, string>))
    .filter(([, version]) => !/^\d+\.\d+\.\d+(?:-[\w.]+)?$/.test(version))
    .map(([name, version]) => `${name}@${version}`)
}
