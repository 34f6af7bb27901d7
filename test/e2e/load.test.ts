// The load generator against servers whose faults are known: it must count every one of them, and hide no stall.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { describe, expect, onTestFinished, test } from 'vitest'
import { runLoad } from '../../workers/cli/load.ts'

const program = fileURLToPath(new URL('../../workers/cli/load.ts', import.meta.url))

/** A server for one test; its URL. */
async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener).listen(0, '127.0.0.1')
  onTestFinished(() => {
    server.close()
    server.closeAllConnections()
  })
  await once(server, 'listening')
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

/** Every n-th request is `odd`, the others are fine. */
function mostlyFine(n: number, odd: RequestListener): RequestListener {
  let seen = 0
  return (request, response) => (++seen % n === 0 ? odd(request, response) : void response.end('fine'))
}

describe('counts', () => {
  test('rate times seconds requests reach the server, on few connections', async () => {
    let seen = 0
    const connections = new Set<unknown>()
    const url = await serve((request, response) => {
      seen++
      connections.add(request.socket)
      response.end('x'.repeat(10_000))
    })
    const startMs = performance.now()
    const report = await runLoad({ url, ratePerSecond: 400, seconds: 0.75 })
    expect(performance.now() - startMs).toBeGreaterThan(740)
    expect(seen).toBe(300)
    expect(report).toMatchObject({ sent: 300, failed: 0, statuses: { 200: 300 }, errors: {} })
    expect(connections.size).toBeLessThanOrEqual(256)
    expect(report.p50Ms).toBeGreaterThan(0)
    expect(report.p50Ms).toBeLessThanOrEqual(report.p99Ms)
    expect(report.p99Ms).toBeLessThanOrEqual(report.slowestMs)
  })

  test('a status from 500 has failed, one below has not', async () => {
    const statuses = [200, 304, 404, 429, 500, 503]
    let seen = 0
    const url = await serve((_, response) => void response.writeHead(statuses[seen++ % statuses.length]!).end())
    const report = await runLoad({ url, ratePerSecond: 120, seconds: 0.5 })
    const each = Object.fromEntries(statuses.map((status) => [status, 10]))
    expect(report).toMatchObject({ sent: 60, failed: 20, statuses: each, errors: {} })
  })

  test('a body cut short has failed, with a length and without', async () => {
    const sized = mostlyFine(5, (_, response) => {
      response.writeHead(200, { 'Content-Length': 100 })
      response.write('x', () => response.destroy())
    })
    const chunked = mostlyFine(5, (_, response) => void response.write('x', () => response.destroy()))
    for (const listener of [sized, chunked]) {
      const report = await runLoad({ url: await serve(listener), ratePerSecond: 100, seconds: 0.5 })
      expect(report).toMatchObject({ sent: 50, failed: 10, statuses: { 200: 40 }, errors: { 'cut body': 10 } })
    }
  })

  test('a lost connection has failed, and is not asked again', async () => {
    let seen = 0
    const count: RequestListener = (request, response) => {
      seen++
      lose(request, response)
    }
    const lose = mostlyFine(5, (request) => void request.socket.destroy())
    const report = await runLoad({ url: await serve(count), ratePerSecond: 100, seconds: 0.5 })
    expect(report).toMatchObject({ sent: 50, failed: 10, statuses: { 200: 40 }, errors: { ECONNRESET: 10 } })
    expect(seen).toBe(50)
  })

  test('nobody listens: all have failed', async () => {
    const server = createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    await new Promise((resolve) => server.close(resolve))
    const report = await runLoad({ url: `http://127.0.0.1:${port}/`, ratePerSecond: 100, seconds: 0.2 })
    expect(report).toMatchObject({ sent: 20, failed: 20, statuses: {}, errors: { ECONNREFUSED: 20 } })
  })
})

test('open loop: a stall stops no request, and each counts from when it was due', async () => {
  const held: (() => void)[] = []
  let arrivedInStall = 0
  const endStall = (): void => {
    arrivedInStall = held.length
    for (const release of held) release()
  }
  const url = await serve((_, response) => {
    if (held.length === 0) setTimeout(endStall, 800)
    if (arrivedInStall === 0) held.push(() => response.end('late'))
    else response.end('prompt')
  })
  const report = await runLoad({ url, ratePerSecond: 1000, seconds: 0.6 })
  // No more than the sockets there are; the rest waited in line, and their waiting is in the times.
  expect(arrivedInStall).toBe(256)
  expect(report).toMatchObject({ sent: 600, failed: 0 })
  expect(report.slowestMs).toBeGreaterThan(750)
  expect(report.p50Ms).toBeGreaterThan(450)
})

describe('half time', () => {
  test('atHalf is called once, and requests go on meanwhile', async () => {
    let seen = 0
    let calls = 0
    const during: number[] = []
    const url = await serve((_, response) => {
      seen++
      response.end()
    })
    const atHalf = async (): Promise<void> => {
      calls++
      during.push(seen)
      await expect.poll(() => seen, { timeout: 2000 }).toBe(100)
      during.push(seen)
    }
    const report = await runLoad({ url, ratePerSecond: 100, seconds: 1, atHalf })
    expect(calls).toBe(1)
    expect(during[0]).toBeGreaterThan(0)
    expect(during[0]).toBeLessThan(100)
    expect(during[1]).toBe(100)
    expect(report).toMatchObject({ sent: 100, failed: 0 })
  })

  test('what atHalf throws is thrown when the run is over', async () => {
    let seen = 0
    const url = await serve((_, response) => {
      seen++
      response.end()
    })
    const atHalf = (): Promise<void> => Promise.reject(new Error('no such origin'))
    await expect(runLoad({ url, ratePerSecond: 100, seconds: 0.3, atHalf })).rejects.toThrow('no such origin')
    expect(seen).toBe(30)
  })
})

describe('bounds', () => {
  test.each([
    ['http://192.0.2.1/', 'only 127.0.0.1, localhost and [::1]'],
    ['http://example.com/', 'only 127.0.0.1, localhost and [::1]'],
    ['http://127.0.0.1.example.com/', 'only 127.0.0.1, localhost and [::1]'],
    ['http://localhost@example.com/', 'only 127.0.0.1, localhost and [::1]'],
    ['http://0.0.0.0/', 'only 127.0.0.1, localhost and [::1]'],
    ['https://127.0.0.1/', 'not an http URL'],
    ['/now', 'is no URL'],
  ])('%s is refused', async (url, why) => {
    await expect(runLoad({ url, ratePerSecond: 1, seconds: 1 })).rejects.toThrow(why)
  })

  test.each([
    [0, 1],
    [2001, 1],
    [Number.NaN, 1],
    [1, 0],
    [1, 601],
    [0.1, 1],
  ])('a rate of %d for %d seconds is refused', async (ratePerSecond, seconds) => {
    await expect(runLoad({ url: 'http://127.0.0.1:9/', ratePerSecond, seconds })).rejects.toThrow(RangeError)
  })
})

describe('as a program', () => {
  const run = (...args: string[]): ChildProcess => {
    const child = spawn(process.execPath, [program, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
    onTestFinished(() => void child.kill('SIGKILL'))
    return child
  }
  const ended = async (child: ChildProcess): Promise<{ out: string; complaint: string; code: number }> => {
    const [out, complaint, [code]] = await Promise.all([text(child.stdout!), text(child.stderr!), once(child, 'exit')])
    return { out, complaint, code }
  }
  const summary = /\n(\d+) sent, (\d+) failed, p50 \d+\.\d ms, p99 \d+\.\d ms, slowest \d+ ms\n$/

  /** A supervisor that only remembers what it was told. */
  const control = async (): Promise<{ url: string; told: string[] }> => {
    const told: string[] = []
    const url = await serve((request, response) => {
      told.push(`${request.method} ${request.url}`)
      response.end('{}')
    })
    return { url, told }
  }

  test('kills at half time, revives at the end, reports, and ends with 0', async () => {
    const { url: controlUrl, told } = await control()
    const asked: number[] = []
    const url = await serve((_, response) => {
      asked.push(told.length)
      response.end()
    })
    const args = ['--rate', '100', '--seconds', '0.6', '--kill', controlUrl, '--origin', 'b']
    const { out, complaint, code } = await ended(run('--url', url, ...args))
    expect({ code, complaint }).toEqual({ code: 0, complaint: '' })
    expect(summary.exec(out)?.slice(1)).toEqual(['60', '0'])
    expect(told).toEqual(['POST /kill/b', 'POST /revive/b'])
    expect(new Set(asked)).toEqual(new Set([0, 1]))
  })

  test('ends with 1 when a request failed', async () => {
    const url = await serve(mostlyFine(10, (_, response) => void response.writeHead(502).end()))
    const { out, code } = await ended(run('--url', url, '--rate', '100', '--seconds', '0.3'))
    expect(code).toBe(1)
    expect(out).toContain('status 502: 3')
    expect(summary.exec(out)?.slice(1)).toEqual(['30', '3'])
  })

  test.each([
    [
      'it is not known',
      () => serve((_, response) => void response.writeHead(404).end('no origin z')),
      '404 no origin z',
    ],
    ['nobody listens', async () => 'http://127.0.0.1:1', 'bad port'],
  ])('ends with 1 when the origin could not be killed, since %s, and reports all the same', async (_, control, why) => {
    const url = await serve((_, response) => void response.end())
    const args = ['--url', url, '--seconds', '0.2', '--kill', await control(), '--origin', 'z']
    const { out, complaint, code } = await ended(run(...args))
    expect(code).toBe(1)
    expect(complaint).toContain(`could not kill origin z: ${why}`)
    expect(summary.exec(out)?.slice(1)).toEqual(['40', '0'])
  })

  test('revives when it is interrupted', async () => {
    const { url: controlUrl, told } = await control()
    const url = await serve((_, response) => void response.end())
    const child = run('--url', url, '--rate', '50', '--seconds', '1', '--kill', controlUrl, '--origin', 'b')
    await expect.poll(() => told, { timeout: 5000 }).toEqual(['POST /kill/b'])
    child.kill('SIGINT')
    expect(await once(child, 'exit')).toEqual([130, null])
    expect(told).toEqual(['POST /kill/b', 'POST /revive/b'])
  })

  test.each([
    [[], '--url is missing'],
    [['--url', 'http://198.51.100.7/'], '198.51.100.7 is refused'],
    [['--url', 'http://127.0.0.1:9/', '--rate', 'fast'], 'the rate is'],
    [['--url', 'http://127.0.0.1:9/', '--kill', 'http://127.0.0.1:9'], '--kill and --origin go together'],
    [['--url', 'http://127.0.0.1:9/', '--kill', 'http://example.com', '--origin', 'b'], 'example.com is refused'],
    [['--what'], '--what'],
  ])('wrong arguments %j: exit code 1, why, and how', async (args, why) => {
    const { complaint, code } = await ended(run(...args))
    expect(code).toBe(1)
    expect(complaint).toContain(why)
    expect(complaint).toContain('Usage: npm run load')
  })
})
