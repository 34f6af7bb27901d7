// `npm run dev` as its users run it: what it prints, what it refuses, what it keeps, and that it ends without trace.
import { once } from 'node:events'
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startOrigin, type TestOrigin } from './support/origin.ts'
import {
  accepts,
  type Program,
  type ProgramOptions,
  projectFolder,
  runProgram,
  startProgram,
  withoutNetwork,
} from './support/program.ts'
import { rawGet } from './support/wire.ts'

const patience = { timeout: 120_000 }
const token = 'a-token-for-tests'
const authorization = `Bearer ${token}`

let folder: string
let one: TestOrigin
let two: TestOrigin
let file: string
const started: Program[] = []

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'weir-dev-'))
  one = await startOrigin((request, response) => {
    if (request.url === '/kept') response.setHeader('Cache-Control', 'max-age=3600')
    response.end('one')
  })
  two = await startOrigin((_, response) => void response.end('two'))
  file = write('weir.jsonc', configuration(one.url))
})

afterAll(async () => {
  await Promise.all(started.map((program) => program.kill()))
  await Promise.all([one.close(), two.close()])
  rmSync(folder, { recursive: true, force: true })
})

/** JSONC, with all that JSON does not have. */
function configuration(originUrl: string): string {
  return `{
    // One pool of one origin.
    "pools": { "web": { "origins": [{ "id": "a", "url": "${originUrl}" }] } },
    "routes": [
      { "id": "all", "path": "/*", "pools": ["web"] }, /* and no other */
    ],
  }`
}

function write(name: string, text: string): string {
  const path = join(folder, name)
  writeFileSync(path, text)
  return path
}

/**
 * A port of loopback that is free and stays so: below those that are given to who asks for any (from 32,768 up), and
 * different in each process.
 */
async function portForLater(): Promise<number> {
  for (let tries = 0; ; tries++) {
    const port = 20_000 + ((process.pid + tries * 97) % 10_000)
    const server = createServer()
    try {
      await once(server.listen(port, '127.0.0.1'), 'listening')
    } catch (error) {
      if (tries < 20) continue
      throw error
    }
    await new Promise((done) => server.close(done))
    return port
  }
}

/** What is started, with a folder of its own for what it keeps for a while. */
type Started = Program & { readonly scratch: string }
type Dev = Started & { readonly url: string }

const npmRun = (...args: string[]): string[] => ['run', '-s', 'dev', '--', ...args]

/** Not yet ready. Ends with the tests at the latest. */
function begin(command: string, args: readonly string[], options?: ProgramOptions): Started {
  const scratch = mkdtempSync(join(folder, 'scratch-'))
  const program = startProgram(command, args, { ...options, env: { TMPDIR: scratch } })
  started.push(program)
  return Object.assign(program, { scratch })
}

async function ready(program: Started): Promise<Dev> {
  const [, url] = await program.printed(/^Gateway {2}(http:\/\/127\.0\.0\.1:\d+)$/m)
  return Object.assign(program, { url: url! })
}

const dev = (...args: string[]): Promise<Dev> => ready(begin('npm', npmRun('--port', '0', ...args)))

async function stop(program: Program): Promise<void> {
  program.signal('SIGTERM')
  await program.ended
  await program.gone()
}

async function bodyOf(url: string): Promise<string> {
  return (await fetch(url)).text()
}

/** The version of the newest configuration. */
async function versionOf({ url }: Dev): Promise<string | null> {
  const response = await fetch(`${url}/_weir/api/config`, { headers: { authorization } })
  return response.headers.get('etag')
}

async function put({ url }: Dev, body: string): Promise<void> {
  const response = await fetch(`${url}/_weir/api/config`, { method: 'PUT', headers: { authorization }, body })
  expect(response.status).toBe(200)
}

const runs = (program: Program, name: string) => program.processes().some((line) => line.includes(name))

/** Ends it so, and holds it to leaving nothing behind: no process, no port, no file, no last word. */
async function endsWithoutTrace(gateway: Dev, end: (gateway: Dev) => void): Promise<void> {
  // What has to be gone afterwards was there, and was seen.
  expect(runs(gateway, 'npm')).toBe(true)
  expect(runs(gateway, 'workers/cli/dev.ts')).toBe(true)
  expect(runs(gateway, 'workerd serve')).toBe(true)
  expect(await accepts(gateway.url)).toBe(true)
  expect(readdirSync(gateway.scratch)).not.toEqual([])
  const said = gateway.stderr
  end(gateway)
  await gateway.gone()
  expect(await accepts(gateway.url)).toBe(false)
  expect(readdirSync(gateway.scratch)).toEqual([])
  expect(gateway.stderr).toBe(said)
}

// A start takes seconds: each of these gateways is ended in a way of its own.
describe.concurrent('a right FILE', () => {
  test('without --port: 8787, or the next that is free, also for two that start at once', patience, async () => {
    // Where somebody else has 8787 already, it is in use as well.
    const occupant = createServer()
    await new Promise<void>((resolve) => {
      occupant.once('error', () => resolve())
      occupant.listen(8787, '127.0.0.1', () => resolve())
    })
    const args = npmRun('--config', file)
    const [closed, other] = await Promise.all([ready(begin('npm', args)), ready(begin('npm', args))])
    const ports = [closed, other].map(({ url }) => Number(new URL(url).port))
    expect(new Set(ports).size).toBe(2)
    for (const port of ports) {
      expect(port).toBeGreaterThan(8787)
      expect(port).toBeLessThan(8887)
    }
    occupant.close()

    // It serves from the first moment on, says where and no more, and keeps the admin API closed.
    expect(await bodyOf(`${closed.url}/`)).toBe('one')
    for (const headers of [{}, { authorization }, { authorization: 'Bearer' }, { authorization: 'Bearer undefined' }]) {
      expect((await fetch(`${closed.url}/_weir/api/config`, { headers })).status).toBe(403)
    }
    expect(await (await fetch(`${closed.url}/_weir/health`)).json()).toEqual({ status: 'ok' })
    await endsWithoutTrace(closed, (gateway) => gateway.signal('SIGTERM'))
    expect(closed.stdout).toBe(`Gateway  ${closed.url}\nAdmin    closed; --admin-token T opens /_weir/api\n`)
    expect(closed.stderr).toBe('')

    expect(await bodyOf(other.url)).toBe('one')
    expect(other.stderr).toBe('')
    // npm killed, the gateway an orphan.
    await endsWithoutTrace(other, (gateway) => gateway.signal('SIGKILL'))
  })

  test(
    '--admin-token opens the admin API to whoever shows it; warnings do not stop a start; without --state every run is the first',
    patience,
    async () => {
      const shadowed = configuration(one.url).replace(
        '/* and no other */',
        '{ "id": "b", "path": "/b", "pools": ["web"] }',
      )
      const args = ['--config', write('shadowed.jsonc', shadowed), '--admin-token', token]
      const gateway = await dev(...args)
      const statusWith = async (headers: Record<string, string>) =>
        (await fetch(`${gateway.url}/_weir/api/config`, { headers })).status
      expect(await statusWith({})).toBe(401)
      expect(await statusWith({ authorization: 'Bearer another' })).toBe(401)
      expect(await statusWith({ authorization })).toBe(200)
      await put(gateway, configuration(two.url))
      expect(await bodyOf(gateway.url)).toBe('two')
      expect(await versionOf(gateway)).toBe('"2"')
      // Ctrl-C in a terminal.
      await endsWithoutTrace(gateway, ({ signalGroup }) => signalGroup('SIGINT'))
      expect(gateway.stdout).toBe(`Gateway  ${gateway.url}\n`)
      expect(gateway.stderr).toMatch(/^Warning {2}routes\[1\]\S*: .+\n$/)

      const after = await dev(...args)
      expect(await bodyOf(after.url)).toBe('one')
      expect(await versionOf(after)).toBe('"1"')
      await stop(after)
    },
  )

  test('a request that comes before the line finds no half-made gateway', patience, async () => {
    const port = await portForLater()
    const url = `http://127.0.0.1:${port}`
    const starting = begin('npm', npmRun('--config', file, '--port', `${port}`))
    const early = new Set<string>()
    let isReady = false
    const asking = (async () => {
      while (!isReady) {
        await bodyOf(url).then(
          (body) => early.add(body),
          () => pause(5), // nobody listens yet
        )
      }
    })()
    const gateway = await ready(starting)
    isReady = true
    await asking
    expect(gateway.url).toBe(url)
    early.add(await bodyOf(url))
    expect([...early]).toEqual(['one'])
    await endsWithoutTrace(gateway, ({ signal }) => signal('SIGINT'))
    expect(gateway.stderr).toBe('')
  })

  test.skipIf(withoutNetwork('true', []) === undefined)('needs no network', patience, async () => {
    const gateway = await ready(begin(...withoutNetwork('npm', npmRun('--port', '0', '--config', file))!))
    expect(gateway.stderr).toBe('')
    await stop(gateway)
  })

  test.each<[title: string, signal: NodeJS.Signals]>([
    ['SIGTERM while it starts', 'SIGTERM'],
    ['npm killed while it starts', 'SIGKILL'],
  ])('%s: it ends', patience, async (_, signal) => {
    const starting = begin('npm', npmRun('--port', '0', '--config', file))
    await expect.poll(() => runs(starting, 'workerd serve'), { timeout: 60_000, interval: 20 }).toBe(true)
    starting.signal(signal)
    await starting.gone(30_000)
  })

  test('--state: versions and the cache go on; a FILE that differs replaces what was stored', patience, async () => {
    // Both paths are those of the folder in which the user stands.
    const paths = ['--config', 'weir.jsonc', '--state', 'kept/state']
    const args = ['--prefix', projectFolder, ...npmRun('--port', '0', '--admin-token', token, ...paths)]
    const run = () => ready(begin('npm', args, { cwd: folder }))
    const kept = async ({ url }: Dev) => (await rawGet(url, '/kept')).headers['cache-status']
    const first = await run()
    expect(await kept(first)).toMatch(/^weir; fwd=uri-miss;.* stored$/)
    await stop(first)

    const second = await run()
    expect(await kept(second)).toMatch(/^weir; hit; ttl=3\d\d\d$/)
    expect(await versionOf(second)).toBe('"1"')
    await put(second, configuration(two.url))
    expect(await bodyOf(second.url)).toBe('two')
    await stop(second)

    const third = await run()
    expect(await versionOf(third)).toBe('"3"')
    expect(await bodyOf(third.url)).toBe('one')
    expect(await kept(third)).toMatch(/^weir; hit; ttl=3\d\d\d$/)
    await stop(third)
    expect([first, second, third].map((gateway) => gateway.stderr)).toEqual(['', '', ''])
    expect(existsSync(join(folder, 'kept', 'state'))).toBe(true)
    expect(existsSync(join(projectFolder, 'kept'))).toBe(false)
  })
})

describe.concurrent('what it refuses: exit code 1, the reason on stderr, no stack, no process left', () => {
  const refusal = async (command: string, args: readonly string[]): Promise<string> => {
    const run = await runProgram(command, args)
    expect({ code: run.code, stdout: run.stdout }).toEqual({ code: 1, stdout: '' })
    expect(run.stderr).not.toMatch(/^\s+at |node:|Error:/m)
    return run.stderr
  }
  // npm adds nothing but its own start, which one of them shows.
  const refused = (...args: string[]) => refusal(process.execPath, ['workers/cli/dev.ts', ...args])

  test('a wrong FILE: every error with its path', patience, async () => {
    const wrong = write(
      'wrong.jsonc',
      `{
        "pools": { "web": { "origins": [{ "id": "a", "url": "ftp://a.example" }], "polcy": "random" } },
        "routes": [{ "id": "x", "path": "/*", "pools": ["elsewhere"], "cache": { "mode": "maybe" } }]
      }`,
    )
    const [first, ...errors] = (await refusal('npm', npmRun('--config', wrong))).trimEnd().split('\n')
    expect(first).toBe(`${wrong} is not a valid configuration:`)
    expect(errors.map((line) => /^ {2}(\S+): \S.+/.exec(line)?.[1]).sort()).toEqual([
      'pools.web.origins[0].url',
      'pools.web.polcy',
      'routes[0].cache.mode',
      'routes[0].pools[0]',
    ])
  })

  test('unreadable JSON: line and column', patience, async () => {
    const broken = write('broken.json', '{\n  "pools": {},\n  routes: []\n}')
    expect(await refused('--config', broken)).toMatch(/^ {2}line 3, column 3: .+$/m)
  })

  test('no such file', patience, async () => {
    expect(await refused('--config', join(folder, 'none.json'))).toMatch(/^Cannot read the configuration .*none\.json/)
  })

  test('a folder for a file', patience, async () => {
    expect(await refused('--config', folder)).toMatch(/^Cannot read the configuration /)
  })

  test('a file for the folder of the state', patience, async () => {
    const taken = write('taken', '')
    expect(await refused('--config', file, '--state', taken)).toMatch(/^Cannot keep the state in .*taken/)
  })

  test('a port in use', patience, async () => {
    const { port } = new URL(one.url)
    expect(await refused('--config', file, '--port', port)).toMatch(new RegExp(`^Port ${port} is in use`))
  })

  const lines: [args: string[], reason: string][] = [
    [[], '--config FILE is missing.'],
    [['--config'], "'--config <value>' argument missing"],
    [['--config', ''], '--config is empty.'],
    [['--config', 'x', '--prot', '1'], "Unknown option '--prot'"],
    [['x'], "Unexpected argument 'x'"],
    [['--config', 'x', '--port', 'http'], '--port takes a number from 0 to 65535, not http.'],
    [['--config', 'x', '--port', '65536'], '--port takes a number from 0 to 65535, not 65536.'],
    [['--config', 'x', '--port', '8e3'], '--port takes a number from 0 to 65535, not 8e3.'],
    [['--config', 'x', '--port', ''], '--port is empty.'],
    [['--config', 'x', '--admin-token', ''], '--admin-token is empty.'],
    [['--config', 'x', '--state', ''], '--state is empty.'],
  ]
  test.each(lines)('%j', patience, async (args, reason) => {
    const stderr = await refused(...args)
    expect(stderr).toContain(reason)
    expect(stderr).toContain('Usage: npm run dev -- --config FILE')
  })
})
