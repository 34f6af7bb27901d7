// `npm run sync`, as its users run it: it uploads what has changed, removes what is gone where it is told to, purges what
// somebody may have been shown, and nothing else.
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { adminToken, cacheStatus, startGateway, type TestGateway } from './support/gateway.ts'
import { runProgram, startProgram } from './support/program.ts'

let gateway: TestGateway
let folder: string
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'weir-sync-'))
  gateway = await startGateway({
    pools: { site: { origins: [{ url: 'r2:assets' }], static: { fallback: '/index.html' } } },
    routes: [{ path: '/*', pools: ['site'] }],
  })
})
afterAll(async () => {
  rmSync(folder, { recursive: true, force: true })
  await gateway?.close()
})

function write(name: string, content: string): void {
  mkdirSync(dirname(join(folder, name)), { recursive: true })
  writeFileSync(join(folder, name), content)
}

const sync = (...args: string[]) =>
  runProgram(process.execPath, ['workers/cli/sync.ts', '--dir', folder, '--url', gateway.url, ...args], {
    env: { ADMIN_TOKEN: adminToken },
  })
/** What it printed, each as it is, in an order of its own: several files are sent at the same time. */
const linesOf = ({ stdout, stderr }: { stdout: string; stderr: string }) =>
  (stdout + stderr).trimEnd().split('\n').toSorted()
const read = async (path: string) => (await fetch(gateway.url + path)).text()
const statusOf = async (path: string) => cacheStatus(await fetch(gateway.url + path)).split(';')[1]

test('a folder goes there, and then what has changed', async () => {
  write('index.html', 'one')
  write('about/index.html', 'about')
  write('js/app.3f2a9c1b.js', 'script')
  write('a b&ü.txt', 'text')
  write('.env', 'SECRET=1')
  symlinkSync('/etc/hostname', join(folder, 'link'))
  expect(linesOf(await sync())).toEqual([
    'Uploaded 4, deleted 0, purged 2; unchanged: 0.',
    'add     /a%20b%26%C3%BC.txt',
    'add     /about/index.html',
    'add     /index.html',
    'add     /js/app.3f2a9c1b.js',
    'skip    .env (hidden)',
    'skip    link (no file)',
  ])
  expect(await read('/a%20b%26%c3%bc.txt')).toBe('text')
  for (const path of ['/', '/about/', '/js/app.3f2a9c1b.js']) await read(path)

  rmSync(join(folder, '.env'))
  rmSync(join(folder, 'link'))
  rmSync(join(folder, 'js'), { recursive: true })
  write('index.html', 'two')
  write('js/app.77aa00ff.js', 'new script')
  expect(linesOf(await sync('--dry-run', '--delete'))).toEqual([
    'Would upload 2, delete 1; unchanged: 2.',
    'add     /js/app.77aa00ff.js',
    'change  /index.html',
    'delete  /js/app.3f2a9c1b.js',
  ])
  expect(await read('/')).toBe('one')
  const { stdout } = await sync()
  // Whoever gets the new page finds the script that it names.
  expect(stdout.split('\n').slice(0, 2)).toEqual(['add     /js/app.77aa00ff.js', 'change  /index.html'])
  expect(stdout).toContain(
    'Uploaded 2, deleted 0, purged 1; unchanged: 2. There are 1 files that the folder does not have: --delete removes them.',
  )
  expect(await read('/')).toBe('two')
  // Exactly what has changed was purged.
  expect(await statusOf('/about/')).toBe(' hit')
  expect(await statusOf('/js/app.3f2a9c1b.js')).toBe(' hit')

  expect(linesOf(await sync('--delete'))).toEqual([
    'Uploaded 0, deleted 1, purged 1; unchanged: 4.',
    'delete  /js/app.3f2a9c1b.js',
  ])
  expect((await fetch(`${gateway.url}/js/app.3f2a9c1b.js`)).status).toBe(404)
  expect(await statusOf('/about/')).toBe(' hit')
})

test('a path of its own, and what is elsewhere is left alone', async () => {
  expect(linesOf(await sync('--under', '/next', '--delete')).filter((line) => line.startsWith('delete'))).toEqual([])
  expect(await read('/next/about/')).toBe('about')
  expect(await read('/')).toBe('two')
})

test('what it says no to', async () => {
  const unreachable = 'http://127.0.0.1:9'
  const cases: [string[], string][] = [
    [['--token', 'another'], 'GET http://127.0.0.1:'],
    [['--token', 'another'], ': 401. Send the admin token as'],
    [['--url', unreachable], `GET ${unreachable}/_weir/api/assets?under=%2F: no answer (`],
    [['--dir', mkdtempSync(join(folder, 'empty-')), '--delete'], ' has no files: --delete would remove all '],
    [['--dir', join(folder, 'none')], `Cannot read the folder ${join(folder, 'none')}: ENOENT`],
    [['--under', '/a%2Fb'], '--under /a%2Fb is no path. The path hides a slash'],
    [['--url', 'ftp://a'], '--url takes the URL of the gateway, not ftp://a.'],
    [['--nothing'], "Unknown option '--nothing'"],
  ]
  const ends = await Promise.all(cases.map(([args]) => sync(...args)))
  for (const [index, [args, message]] of cases.entries()) {
    expect([args, ends[index]?.code, ends[index]?.stdout]).toEqual([args, 1, ''])
    expect(ends[index]?.stderr).toContain(message)
  }
})

describe('in which order', () => {
  /** A gateway that has other files, and answers an upload as `upload` does: what it was told to change, in order. */
  async function startStandIn(upload: (request: IncomingMessage, response: ServerResponse) => void) {
    const told: string[] = []
    const server = createServer(async (request, response) => {
      let body = ''
      for await (const chunk of request) body += chunk
      const { method, url = '' } = request
      if (method === 'GET') {
        const kept = ['/a.js', '/index.html', '/old.js']
        const assets = kept.map((path) => ({ path, tag: `asset:${path.slice(1)}`, etag: '"old"' }))
        return void response.end(JSON.stringify({ assets }))
      }
      const what = method === 'POST' ? (JSON.parse(body) as { tags: string[] }).tags : new URL(url, 'http://a').pathname
      told.push(`${method} ${what}`.replace('/_weir/api/assets', ''))
      if (method === 'PUT') upload(request, response)
      else response.end('{}')
    })
    await once(server.listen(0, '127.0.0.1'), 'listening')
    const dir = mkdtempSync(join(folder, 'other-'))
    for (const name of ['a.js', 'index.html']) writeFileSync(join(dir, name), 'new')
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    const args = ['workers/cli/sync.ts', '--dir', dir, '--url', url, '--token', 'any', '--delete']
    const close = () => {
      server.closeAllConnections()
      server.close()
    }
    return { args, told, close }
  }

  const store = (_: IncomingMessage, response: ServerResponse) =>
    void response.writeHead(200, { etag: `"${createHash('md5').update('new').digest('hex')}"` }).end()

  test('a page goes after what it names, and nothing is removed while an old page is shown that names it', async () => {
    const { args, told, close } = await startStandIn(store)
    expect((await runProgram(process.execPath, args)).code).toBe(0)
    expect(told).toEqual([
      ...['PUT /a.js', 'POST asset:a.js'],
      ...['PUT /index.html', 'POST asset:index.html'],
      ...['DELETE /old.js', 'POST asset:old.js'],
    ])
    close()
  })

  test('an upload of which nobody knows whether it was done is purged all the same, and is the last', async () => {
    const { args, told, close } = await startStandIn((request) => request.socket.destroy())
    const { code, stdout, stderr } = await runProgram(process.execPath, args)
    expect([code, stdout, told]).toEqual([1, '', ['PUT /a.js', 'POST asset:a.js']])
    expect(stderr).toMatch(/^PUT http:.*\/a\.js\?purge=no: no answer/)
    close()
  })

  test('Ctrl-C: what is under way comes to its end and is purged, and nothing else is begun', async () => {
    const { args, told, close } = await startStandIn(async (request, response) => {
      program.signal('SIGINT')
      await program.printed(/^Stopping/)
      store(request, response)
    })
    const program = startProgram(process.execPath, args)
    expect(await program.ended).toEqual({ code: 1, signal: null })
    expect(told).toEqual(['PUT /a.js', 'POST asset:a.js'])
    expect(program.stderr).toBe('Stopped. Run it again: it does the rest.\n')
    close()
  })
})
