// `npm run simulate`: who would have got what, as its users run it; and the replay itself, request by request.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { parseDocument } from '../../shared/config/parse.ts'
import type { Config } from '../../shared/config/schema.ts'
import { type Log, readLog } from '../../workers/cli/simulate/log.ts'
import { replay } from '../../workers/cli/simulate/replay.ts'
import { runProgram } from './support/program.ts'

const startMs = 1_700_000_000_000

interface Given {
  readonly pool?: object
  readonly route?: object
  readonly ids?: string
}

/** One pool of origins that are called by single letters, and one route. */
function documentOf({ pool = {}, route = {}, ids = 'abc' }: Given = {}) {
  const origins = [...ids].map((id) => ({ id, url: `https://${id}.example.com` }))
  return { pools: { web: { origins, ...pool } }, routes: [{ id: 'all', path: '/*', pools: ['web'], ...route }] }
}

function configOf(given?: Given): Config {
  const parsed = parseDocument(documentOf(given))
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.error))
  return parsed.value.config
}

const textOf = (lines: readonly object[]): string => lines.map((line) => `${JSON.stringify(line)}\n`).join('')
const logOf = (...lines: object[]): Log => readLog(textOf(lines), 'localhost')

async function fatesOf(config: Config, lines: readonly object[], seed = 1) {
  const { requests, bad } = logOf(...lines)
  expect(bad).toEqual([])
  return replay(config, requests, seed)
}

/** A request of so many seconds after the first. */
const at = (seconds: number, more: object = {}) => ({ at: startMs + seconds * 1000, url: 'https://h/a', ...more })
const says = (cacheControl: string, more: Record<string, string> = {}) => ({
  response: { 'cache-control': cacheControl, ...more },
})

describe('what the store would have had', () => {
  test.each<[string, object, readonly object[], readonly string[]]>([
    [
      'for as long as it is fresh',
      {},
      [0, 5, 9, 11, 12].map((second) => at(second, says('max-age=10'))),
      ['miss', 'hit', 'hit', 'miss', 'hit'],
    ],
    [
      'by the age that it came with',
      {},
      [0, 5, 9].map((second) => at(second, says('max-age=10', { age: '4' }))),
      ['miss', 'hit', 'miss'],
    ],
    ['what is nobody else’s', {}, [0, 1, 2].map((second) => at(second, says('private'))), ['miss', 'pass', 'pass']],
    [
      'in its grace, with a refresh behind it',
      { graceSeconds: 60 },
      [0, 15, 16].map((second) => at(second, says('max-age=10'))),
      ['miss', 'stale', 'hit'],
    ],
    [
      'as long as its validator is good',
      {},
      [
        at(0, says('no-cache', { etag: '"1"' })),
        at(1, says('no-cache', { etag: '"1"' })),
        at(2, says('no-cache', { etag: '"2"' })),
      ],
      ['miss', 'validated', 'miss'],
    ],
    [
      'for whom it varies',
      {},
      ['de', 'en', 'de'].map((language, second) =>
        at(second, { headers: { 'accept-language': language }, ...says('max-age=60', { vary: 'accept-language' }) }),
      ),
      ['miss', 'miss', 'hit'],
    ],
    [
      'by the key of the route',
      { key: { query: { except: ['utm'] } } },
      ['?a=1', '?a=1&utm=2', '?a=2'].map((query, second) =>
        at(second, { url: `https://h/${query}`, ...says('max-age=60') }),
      ),
      ['miss', 'hit', 'miss'],
    ],
    ['on a route that is not cached', { mode: 'off' }, [0, 1].map((second) => at(second)), ['pass', 'pass']],
    ['by the route’s word', { mode: 'force', ttlSeconds: 9 }, [0, 8, 10].map((s) => at(s)), ['miss', 'hit', 'miss']],
    [
      'in each data centre',
      {},
      ['FRA', 'IAD', 'FRA'].map((colo, second) => at(second, { cf: { colo }, ...says('max-age=60') })),
      ['miss', 'miss', 'hit'],
    ],
    [
      'after a POST',
      {},
      [at(0, says('max-age=60')), at(1, { method: 'POST' }), at(2, says('max-age=60'))],
      ['miss', 'pass', 'miss'],
    ],
  ])('%s', async (_, cache, lines, verdicts) => {
    const fates = await fatesOf(configOf({ route: { cache } }), lines)
    expect(fates.map(({ verdict }) => verdict)).toEqual(verdicts)
  })

  test('who asks for the same at once shares one request, unless it is somebody’s own', async () => {
    const crowd = (cacheControl: string) => [0, 0.01, 0.02].map((second) => at(second, says(cacheControl)))
    const shared = await fatesOf(configOf(), crowd('max-age=60'))
    expect(shared.map(({ asked }) => asked.length)).toEqual([1, 0, 0])
    expect(new Set(shared.map(({ by }) => by?.origin)).size).toBe(1)
    const own = await fatesOf(configOf(), crowd('private'))
    expect(own.map(({ asked }) => asked.length)).toEqual([1, 1, 1])
  })
})

describe('who would have been asked', () => {
  const off = { cache: { mode: 'off' } }
  const visits = Array.from({ length: 300 }, (_, index) => at(index, { ip: `192.0.2.${index % 100}` }))
  const originsOf = async (config: Config, lines: readonly object[], seed?: number) =>
    (await fatesOf(config, lines, seed)).map(({ by }) => by?.origin)

  test('an origin that leaves under hash moves its own clients alone', async () => {
    const pool = { policy: 'hash' }
    const before = await originsOf(configOf({ pool, route: off }), visits)
    const after = await originsOf(configOf({ pool, route: off, ids: 'ab' }), visits)
    expect(new Set(before)).toEqual(new Set(['a', 'b', 'c']))
    const moved = before.filter((origin, index) => origin !== after[index])
    expect(moved.length).toBeGreaterThan(0)
    expect(moved).toEqual(before.filter((origin) => origin === 'c'))
  })

  test('what is under way counts for as long as it takes', async () => {
    const together = Array.from({ length: 60 }, (_, index) => at(index / 1000, { ms: 5000 }))
    const config = configOf({ pool: { policy: 'least-request' }, route: off, ids: 'ab' })
    const counts = (origins: readonly unknown[]) => origins.filter((origin) => origin === 'a').length
    // Two choices of two origins differ where the same is drawn twice.
    expect(Math.abs(counts(await originsOf(config, together)) - 30)).toBeLessThan(4)
  })

  test('a client keeps its origin by its cookie', async () => {
    const pool = { policy: 'random', affinity: {} }
    const origins = await originsOf(configOf({ pool, route: off }), visits)
    expect(new Set(origins).size).toBe(3)
    expect(origins.slice(100, 200)).toEqual(origins.slice(0, 100))
    expect(origins.slice(200)).toEqual(origins.slice(0, 100))
  })

  test('pools by place', async () => {
    const { pools } = documentOf()
    const steering = { by: 'country', map: { DE: ['eu'], '*': ['web'] } }
    const parsed = parseDocument({
      pools: { ...pools, eu: { origins: [{ id: 'e', url: 'https://e.example.com' }] } },
      routes: [{ path: '/*', pools: ['web', 'eu'], steering, ...off }],
    })
    if (!parsed.ok) throw new Error(JSON.stringify(parsed.error))
    const lines = ['DE', 'US'].map((country, second) => at(second, { cf: { country } }))
    const fates = await fatesOf(parsed.value.config, lines)
    expect(fates.map(({ by }) => by?.pool)).toEqual(['eu', 'web'])
  })

  test('attempts that fail go on, and in the end nobody answers', async () => {
    // Between them all is well: a pool that is known to fail gets no retry that its traffic has not earned.
    const [dead, , slow, , busy] = await fatesOf(configOf({ route: off }), [
      at(0, { status: 522 }),
      at(30),
      at(60, { ms: 20_000 }),
      at(90),
      at(120, { status: 503 }),
    ])
    expect([dead?.verdict, dead?.asked.length]).toEqual(['failed', 2])
    expect([slow?.verdict, slow?.asked.length]).toEqual(['failed', 2])
    expect([busy?.verdict, busy?.asked.length]).toEqual(['pass', 2])
  })

  test('the same seed gives the same, another one does not', async () => {
    const config = configOf({ pool: { policy: 'random' }, route: off })
    const first = await originsOf(config, visits, 7)
    expect(await originsOf(config, visits, 7)).toEqual(first)
    expect(await originsOf(config, visits, 8)).not.toEqual(first)
  })

  test('what gets to no route', async () => {
    const config = configOf({ route: { host: 'h', methods: ['GET'] } })
    const urls = ['https://other/', 'https://h/%2f..%2f', 'https://h/_weir/health']
    const lines = [...urls.map((url) => ({ url })), { url: 'https://h/', method: 'POST' }, { url: 'https://h/' }]
    expect((await fatesOf(config, lines)).map(({ verdict }) => verdict)).toEqual([
      ...['no route', 'bad target', 'the gateway itself', 'method not allowed', 'miss'],
    ])
  })
})

describe('a log', () => {
  test.each<[string, string, RegExp]>([
    ['no JSON', '{"url": }', /^is not JSON: /],
    ['nothing known', 'GET /a', /^is neither a JSON object nor a line of the common log format$/],
    ['no URL', '{}', /^url: is missing/],
    ['a path alone', '{"url": "/a"}', /^url: must be absolute/],
    ['a misspelt field', '{"url": "https://h/", "metod": "GET"}', /^unknown field "metod": did you mean "method"\?$/],
    ['no field', '{"url": "https://h/", "headers": {"a b": ""}}', /^headers: has a name or a value/],
    ['no status', '{"url": "https://h/", "status": 42}', /^status: /],
    ['no date', '192.0.2.1 - - [99/Foo/2023:13:55:36 -0700] "GET / HTTP/1.1" 200 1', /^has a time that cannot be read/],
  ])('a line with %s', (_, line, because) => {
    const { bad, requests } = readLog(`{"url": "https://h/"}\n\n${line}\n`, 'localhost')
    expect(bad).toEqual([{ line: 3, because: expect.stringMatching(because) }])
    expect(requests).toHaveLength(1)
  })

  test('common and combined lines', () => {
    const lines = [
      '192.0.2.1 - bob [10/Oct/2023:13:55:36 -0700] "GET /a?b=c HTTP/1.1" 200 2326',
      '2001:db8::1 - - [10/Oct/2023:20:55:36 +0000] "HEAD /d HTTP/2.0" 304 - "https://r/" "curl/8"',
    ]
    const { requests, commonLines } = readLog(lines.join('\r\n'), 'www.example.com')
    const at = Date.UTC(2023, 9, 10, 20, 55, 36)
    expect(commonLines).toBe(2)
    expect(requests).toMatchObject([
      {
        at,
        method: 'GET',
        url: 'https://www.example.com/a?b=c',
        headers: { 'cf-connecting-ip': '192.0.2.1' },
        answer: { status: 200, headers: { 'content-length': '2326' } },
      },
      {
        at: at + 1,
        method: 'HEAD',
        url: 'https://www.example.com/d',
        headers: { referer: 'https://r/', 'user-agent': 'curl/8' },
        answer: { status: 304, headers: {} },
      },
    ])
  })

  test('in the order of time; a line without one is a millisecond after the one before', () => {
    const { requests } = logOf(at(2), { url: 'https://h/next' }, at(1))
    expect(requests.map((request) => request.at - startMs)).toEqual([1000, 2000, 2001])
  })
})

describe('the command', () => {
  let folder: string
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'weir-simulate-'))
    const pool = { policy: 'hash', hashOn: 'path' }
    write('three.json', JSON.stringify(documentOf({ pool })))
    write('two.json', JSON.stringify(documentOf({ pool, ids: 'ab' })))
    write('wrong.json', '{"pools": {}, "routes": 7}')
    const lines = Array.from({ length: 20 }, (_, index) =>
      at(index, { url: `https://h/${index % 10}`, ...says('max-age=60') }),
    )
    write('log', textOf(lines))
    write('bad-log', `${textOf(lines)}\nwhat is this\n{"url": 1}\n`)
  })
  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  const write = (name: string, text: string) => writeFileSync(join(folder, name), text)
  const simulate = (...args: string[]) =>
    runProgram('npm', ['run', '-s', 'simulate', '--', ...args], { env: { INIT_CWD: folder } })

  test('prints tables, the same at every run', async () => {
    const runs = [1, 2].map(() => simulate('--config', join(folder, 'three.json'), '--log', join(folder, 'log')))
    const [first, second] = await Promise.all(runs)
    expect(first).toMatchObject({ code: 0, stderr: '' })
    expect(second?.stdout).toBe(first?.stdout)
    const shown = first!.stdout.split('\n')
    expect(shown[0]).toMatch(/^route +answered by +requests +share$/)
    expect(shown).toContainEqual(expect.stringMatching(/^all +hit +10 +50\.0 %$/))
    expect(shown).toContainEqual(expect.stringMatching(/^ +miss +10 +50\.0 %$/))
    expect(new Set(shown.slice(0, 3).map((line) => line.length)).size).toBe(1)
  })

  test('tells how another configuration differs, and that the same one does not', async () => {
    const args = ['--config', join(folder, 'three.json'), '--log', join(folder, 'log'), '--against']
    const [same, other] = await Promise.all([
      simulate(...args, join(folder, 'three.json')),
      simulate(...args, join(folder, 'two.json')),
    ])
    expect(same.stdout).toMatch(/another verdict +0\n +another pool +0 of 10 .*\n +another origin +0 of these/)
    expect(same.stdout).not.toMatch(/[+-][1-9]\d*$/m)
    const moved = /^ +c +(\d+) .* -(\d+)$/m.exec(other.stdout)!
    expect(moved[1]).toBe(moved[2])
    expect(other.stdout).toContain(`another origin   ${moved[1]} of these`)
  })

  test('lines that are no requests: exit code 2, and where; or left out', async () => {
    const args = ['--config', join(folder, 'three.json'), '--log', join(folder, 'bad-log')]
    const [refused, skipped] = await Promise.all([simulate(...args), simulate(...args, '--skip-bad')])
    expect(refused).toMatchObject({ code: 2, stdout: '' })
    expect(refused.stderr).toMatch(/ {2}line 22: is neither .*\n {2}line 23: url: .*\n.*--skip-bad/)
    expect(skipped).toMatchObject({ code: 0, stdout: expect.stringMatching(/^all +hit +10/m) })
  })

  test.each<[string, string[], string]>([
    ['no log', ['--config', 'three.json'], '--log FILE is missing'],
    ['a seed that is none', ['--config', 'three.json', '--log', 'log', '--seed', 'x'], '--seed takes a whole number'],
    ['a configuration with errors', ['--config', 'wrong.json', '--log', 'log'], 'is not a valid configuration'],
    ['a log that is not there', ['--config', 'three.json', '--log', 'none'], 'Cannot read the log'],
  ])('%s', async (_, args, why) => {
    const files = args.map((arg) => (/^(?:log|none|\w+\.json)$/.test(arg) ? join(folder, arg) : arg))
    const { code, stderr } = await simulate(...files)
    expect(code).toBe(1)
    expect(stderr).toContain(why)
  })
})
