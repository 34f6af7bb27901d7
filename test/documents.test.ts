// What the documents promise that can be tried without a gateway: their links, their commands, and every configuration that
// they show. What is not a whole one says by a word behind `jsonc` where it belongs: `route`, `pools` and so on.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type ParseError, parse } from 'jsonc-parser'
import { describe, expect, test } from 'vitest'
import { parseConfig } from '../shared/config/parse.ts'
import { readLog } from '../workers/cli/simulate/log.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
const textOf = (path: string) => readFileSync(join(root, path), 'utf8')
const first = 'README.md'
const paths = [
  first,
  ...['shared', 'workers', 'migrations', 'test'].flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.md'))
      .map((name) => join(folder, name)),
  ),
]
const documents = new Map(paths.map((path) => [path, textOf(path)]))
const { scripts, dependencies } = JSON.parse(textOf('package.json')) as Record<string, Record<string, string>>

const withoutFences = (text: string) => text.replace(/^```.*?^```$/gms, '')

/** As GitHub names them. */
const anchorsOf = (text: string) =>
  [...withoutFences(text).matchAll(/^#+ (.+)$/gm)].map(([, title]) =>
    title!
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .replaceAll(' ', '-'),
  )

/** Those within the repository. */
const linksOf = (path: string, text: string) =>
  [...withoutFences(text).matchAll(/\]\((?!https?:)([^)#]*)(?:#([^)]*))?\)/g)].map(([, file = '', anchor]) => ({
    target: file === '' ? path : join(dirname(path), file),
    anchor,
  }))

interface Block {
  readonly title: string
  readonly info: string
  readonly text: string
}

/** What stands between fences in some language, with the line where it begins. */
const blocks = (language: string): Block[] =>
  [...documents].flatMap(([path, text]) =>
    [...text.matchAll(/^```(\w+) ?(.*)\n([\s\S]*?)^```$/gm)]
      .filter(([, name]) => name === language)
      .map(({ 2: info = '', 3: text = '', index, input }) => ({
        title: `${path}:${input.slice(0, index).split('\n').length}`,
        info,
        text,
      })),
  )

describe.each([...documents])('%s', (path, text) => {
  test('its links lead somewhere', () => {
    const broken = linksOf(path, text).filter(({ target, anchor }) => {
      if (!existsSync(join(root, target))) return true
      return anchor !== undefined && !anchorsOf(documents.get(target) ?? '').includes(anchor)
    })
    expect(broken).toEqual([])
  })

  test('its commands are there, with their options', () => {
    const commands = [...text.matchAll(/\bnpm run (?:-s )?([\w:-]+)([^`#\n]*)/g)]
    const unknown = commands.flatMap(([, name = '', rest = '']) => {
      const script = scripts?.[name]
      if (script === undefined) return [name]
      const program = /node (\S+)$/.exec(script)?.[1]
      const source = program === undefined ? '' : textOf(program)
      const options = [...rest.matchAll(/--[a-z][a-z-]+/g)].map(([option]) => option)
      return options.filter((option) => !source.includes(option)).map((option) => `${name} ${option}`)
    })
    expect(unknown).toEqual([])
  })
})

test('the first one is read in fifteen minutes, the others are two clicks away and lead back', () => {
  expect(textOf(first).split(/\s+/).length).toBeLessThan(3500)
  const reached = new Set([first])
  for (const _ of ['click', 'click']) {
    for (const path of [...reached]) {
      for (const { target } of linksOf(path, documents.get(path) ?? '')) reached.add(target)
    }
  }
  expect(paths.filter((path) => !reached.has(path))).toEqual([])
  const leadsBack = ([path, text]: [string, string]) => linksOf(path, text).some(({ target }) => target === first)
  expect([...documents].filter((each) => each[0] !== first && !leadsBack(each))).toEqual([])
})

test('every dependency has its reason, every command and every path of the gateway its place', () => {
  const all = [...documents.values()].join('\n')
  const decisions = textOf(first).split('## Decisions')[1]
  expect(Object.keys(dependencies ?? {}).filter((name) => !decisions?.includes(`*${name}*`))).toEqual([])
  const commands = Object.keys(scripts ?? {}).filter((name) => name !== 'start' && name !== 'test')
  expect(commands.filter((name) => !all.includes(`npm run ${name}`) && !all.includes(`\`${name}\``))).toEqual([])
  const served = readdirSync(join(root, 'workers/admin'))
    .filter((name) => name.endsWith('.ts'))
    .flatMap((name) => [...textOf(`workers/admin/${name}`).matchAll(/'(\/_weir\/(?:api\/)?[a-z]+)'/g)])
    .map(([, path]) => path!)
  expect(served.length).toBeGreaterThan(15)
  expect(served.filter((path) => !documents.get('workers/admin/README.md')?.includes(path))).toEqual([])
})

describe('every configuration is a good one', () => {
  test.each(blocks('jsonc').map((block) => [block.title, block] as const))('%s', (_, block) => {
    const parsed = parseConfig(complete(block))
    expect(parsed.ok ? [] : parsed.error).toEqual([])
  })
})

test('every line of a log can be replayed', () => {
  const lines = blocks('json').map(({ text }) => text)
  expect(lines.length).toBeGreaterThan(0)
  expect(readLog(lines.join(''), 'www.example.com').bad).toEqual([])
})

type Members = Readonly<Record<string, unknown>>

/** The rest of a configuration of which a document shows a part. */
function complete({ info, text }: Block): string {
  if (info === '' && text.startsWith('{')) return text
  const pool = { origins: [{ url: 'https://origin.example.com' }] }
  const web = { ...pool, credentials: [`sha256:${'0'.repeat(64)}`] }
  const others = ['backup', 'us', 'eu', 'next', 'shadow', 'workers']
  const pools: Members = { web, ...Object.fromEntries(others.map((name) => [name, pool])) }
  const route = { id: 'catalogue', path: '/catalogue/*', pools: ['web'] }
  const media = { thumbnails: { card: { width: 320 } } }
  const whole = (members: Members) =>
    JSON.stringify({ routes: [route], media, ...members, pools: { ...pools, ...(members.pools as Members) } })
  switch (info) {
    case '':
      return whole(members(text))
    case 'pool':
      return whole({ pools: { web: { ...web, ...members(text) } } })
    case 'pools':
      return whole({ pools: members(text) })
    case 'route':
      return whole({ routes: [{ ...route, ...members(text) }] })
    case 'routes':
      return whole({ routes: [route, ...(members(`"routes": [${text}]`).routes as Members[])] })
    case 'namespaces':
      return whole({ state: { namespaces: members(text) } })
    default:
      throw new Error(`"${info}" is no part of a configuration.`)
  }
}

function members(text: string): Members {
  const errors: ParseError[] = []
  const object = parse(`{${text}\n}`, errors, { allowTrailingComma: true }) as Members
  expect(errors).toEqual([])
  return object
}
