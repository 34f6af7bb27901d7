// The demo's origins as they are: real processes on real sockets, asked, killed, revived and orphaned.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders, request } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { buffer, text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { type Origins, startOrigins } from '../../workers/cli/demo/origins.ts'

type Asked = { method?: string; headers?: Record<string, string>; body?: string | Buffer }
type Answered = { status: number; headers: IncomingHttpHeaders; body: Buffer }

const originProgram = fileURLToPath(new URL('../../workers/cli/demo/origin.ts', import.meta.url))
const supervisor = new URL('../../workers/cli/demo/origins.ts', import.meta.url).href

let shop: Origins
let base: string

beforeAll(async () => {
  shop = await startOrigins(['a', 'b', 'c'])
  base = shop.origins[0]!.url
})
afterAll(() => shop.close())

/** One request on a connection of its own; the body as it came, still encoded. */
function ask(url: string, { method = 'GET', headers = {}, body }: Asked = {}): Promise<Answered> {
  return new Promise((resolve, reject) => {
    const outgoing = request(url, { method, headers, agent: false }, async (incoming) => {
      resolve({ status: incoming.statusCode ?? 0, headers: incoming.headers, body: await buffer(incoming) })
    })
    outgoing.on('error', reject)
    outgoing.end(body)
  })
}

async function askJson(url: string, asked?: Asked): Promise<{ status: number; value: unknown }> {
  const { status, body } = await ask(url, asked)
  return { status, value: JSON.parse(body.toString()) }
}

function accepts(url: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(Number(new URL(url).port), '127.0.0.1')
    socket.on('connect', () => resolve(true)).on('error', () => resolve(false))
    socket.on('connect', () => socket.destroy())
  })
}

function run(args: string[]): ChildProcess {
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] })
  onTestFinished(() => void child.kill('SIGKILL'))
  return child
}

async function firstLine(child: ChildProcess): Promise<string> {
  let said = ''
  for await (const chunk of child.stdout!) {
    said += chunk
    if (said.includes('\n')) break
  }
  return said
}

describe('what an origin answers by itself', () => {
  const json = 'application/json'
  const table: [path: string, status: number, type: string][] = [
    ['/now', 200, json],
    ['/slow?ms=20', 200, json],
    ['/slow?ms=soon', 400, json],
    ['/fail?status=503', 503, json],
    ['/fail?status=599', 599, json],
    ['/fail?status=404', 400, json],
    ['/healthz', 200, 'text/plain; charset=utf-8'],
    ['/', 503, json],
    ['//now', 503, json],
  ]
  test.each(table)('GET and HEAD %s: %i', async (path, status, type) => {
    const got = await ask(base + path)
    const head = await ask(base + path, { method: 'HEAD' })
    const expected = { 'content-type': type, 'cache-control': 'no-store', 'x-origin': 'a' }
    expect(got).toMatchObject({ status, headers: expected })
    expect(head).toMatchObject({ status, headers: expected, body: Buffer.alloc(0) })
    expect(Number(got.headers['content-length'])).toBe(got.body.length)
    expect(head.headers['content-length']).toBe(got.headers['content-length'])
    if (type === json) JSON.parse(got.body.toString())
  })

  test.each(['POST', 'DELETE'])('%s /now: 405 with Allow', async (method) => {
    const expected = { status: 405, headers: { allow: 'GET, HEAD', 'x-origin': 'a' } }
    expect(await ask(`${base}/now`, { method, body: 'x'.repeat(100_000) })).toMatchObject(expected)
  })

  test('/now names the process', async () => {
    const { value } = await askJson(`${base}/now`)
    expect(value).toEqual({ origin: 'a', now: expect.stringMatching(/Z$/), pid: shop.origins[0]!.pid() })
  })

  test('/slow waits for as long as it says', async () => {
    const startMs = performance.now()
    expect((await askJson(`${base}/slow?ms=120`)).value).toEqual({ origin: 'a', waitedMs: 120 })
    expect(performance.now() - startMs).toBeGreaterThan(115)
  })

  test('/events: an event at once and one a second later; the origin goes on when the client has left', async () => {
    const response = await fetch(`${base}/events`)
    expect(response.headers.get('content-type')).toBe('text/event-stream')
    let said = ''
    for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) {
      said += chunk
      if (said.split('\n\n').length > 2) break
    }
    expect(said).toMatch(/^data: \{"origin":"a","now":"[^"]+"\}\n\ndata: \{"origin":"a"/)
    expect((await ask(`${base}/healthz`)).body.toString()).toBe('ok')
  })
})

/** What a gateway was asked for, and by whom. */
type Call = { method: string; target: string; headers: IncomingHttpHeaders; body: Buffer }

/** A gateway as far as an origin can tell: what it says to each path of a service. */
async function startGateway(answers: Record<string, [number, Record<string, string | string[]>, Buffer]>) {
  const calls: Call[] = []
  const server = createServer(async (incoming, response) => {
    const { method = '', url = '', headers } = incoming
    if (url.endsWith('/early')) return response.writeHead(413).end('too large')
    calls.push({ method, target: url, headers, body: await buffer(incoming) })
    const [status, fields, body] = answers[url] ?? [404, {}, Buffer.from('nothing')]
    response.writeHead(status, fields).end(method === 'HEAD' ? undefined : body)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => void server.close())
  return { calls, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }
}

describe('what the services answer', () => {
  let facade: Origins
  beforeAll(async () => {
    facade = await startOrigins(['a'])
  })
  afterAll(() => facade.close())

  async function introduced(answers: Parameters<typeof startGateway>[0]) {
    const gateway = await startGateway({
      '/_weir/service/pages/ready': [200, {}, Buffer.from(String(Math.random()))],
      ...answers,
    })
    facade.introduce({ url: gateway.url, credential: 'of the pool' })
    // The message goes to another process.
    const { url } = facade.origins[0]!
    await expect.poll(async () => (await ask(`${url}/ready`)).status).toBe(200)
    await expect.poll(() => gateway.calls.length).toBeGreaterThan(0)
    gateway.calls.length = 0
    return { url, calls: gateway.calls }
  }

  test('is asked for with the credential, and with the token of the session', async () => {
    const answer: [number, Record<string, string | string[]>, Buffer] = [
      201,
      { 'Cache-Control': 'private', ETag: '"1"', 'Set-Cookie': ['a=1', 'b=2'], 'Cache-Tag': 'items' },
      Buffer.alloc(200_000, 'pixels'),
    ]
    const { url, calls } = await introduced({ '/_weir/service/pages/cart?a=%20b': answer })
    const body = Buffer.alloc(1_000_000, 'photograph')
    const asked = {
      'Weir-Session-Token': 'token',
      'Content-Type': 'image/png',
      Authorization: 'Bearer x',
      'X-Odd': '1',
    }
    const got = await ask(`${url}/cart?a=%20b`, { method: 'POST', headers: asked, body })
    // A matcher would compare the bytes one by one, which takes seconds.
    expect([got.status, got.body.equals(answer[2])]).toEqual([201, true])
    expect(got.headers).toMatchObject({
      'x-origin': 'a',
      etag: '"1"',
      'set-cookie': ['a=1', 'b=2'],
      'cache-tag': 'items',
    })
    expect(calls).toHaveLength(1)
    expect([calls[0]!.method, calls[0]!.body.equals(body)]).toEqual(['POST', true])
    expect(calls[0]!.headers).toMatchObject({
      authorization: 'Bearer of the pool',
      'content-type': 'image/png',
      'weir-session-token': 'token',
    })
    expect(calls[0]!.headers).not.toHaveProperty('x-odd')
  })

  test('comes from the checkout for the cart of a program, and for HEAD without a body', async () => {
    const { url, calls } = await introduced({
      '/_weir/service/checkout/api/cart': [200, { 'Content-Length': '2' }, Buffer.from('{}')],
    })
    expect((await ask(`${url}/api/cart`)).body.toString()).toBe('{}')
    expect(await ask(`${url}/api/cart`, { method: 'HEAD' })).toMatchObject({ status: 200, body: Buffer.alloc(0) })
    expect(calls.map(({ method }) => method)).toEqual(['GET', 'HEAD'])
  })

  test('may come before all has been sent, and the connection goes on', async () => {
    const { url } = await introduced({})
    for (let i = 0; i < 3; i++) {
      const answer = await fetch(`${url}/early`, { method: 'POST', body: new Uint8Array(3_000_000) })
      expect([answer.status, await answer.text()]).toEqual([413, 'too large'])
    }
  })

  test('is known again to an origin that was revived; 502 where nobody listens any more', async () => {
    const { url } = await introduced({})
    await facade.kill('a')
    await facade.revive('a')
    await expect.poll(async () => (await ask(`${url}/ready`)).status).toBe(200)
    facade.introduce({ url: 'http://127.0.0.1:1', credential: 'of the pool' })
    await expect.poll(async () => (await ask(`${url}/ready`)).status).toBe(502)
  })
})

describe('kill and revive', () => {
  test('a killed origin refuses connections, a revived one listens on the same port', async () => {
    const b = shop.origins[1]!
    const before = b.pid()
    await shop.kill('b')
    expect(b.pid()).toBeUndefined()
    expect(await accepts(b.url)).toBe(false)
    expect(await accepts(shop.origins[2]!.url)).toBe(true)
    await shop.kill('b')
    await shop.revive('b')
    await shop.revive('b')
    expect((await ask(`${b.url}/now`)).headers['x-origin']).toBe('b')
    expect(b.pid()).not.toBe(before)
  })

  test('over the control server', async () => {
    const control = shop.controlUrl
    const post = (path: string) => askJson(control + path, { method: 'POST' })
    expect(await post('/kill/b')).toEqual({ status: 200, value: { origin: 'b', state: 'dead' } })
    expect(await accepts(shop.origins[1]!.url)).toBe(false)
    const { value } = await askJson(control)
    const [a, b, c] = shop.origins
    expect(value).toEqual({
      origins: [
        { id: 'a', url: a!.url, state: 'alive', pid: a!.pid() },
        { id: 'b', url: b!.url, state: 'dead' },
        { id: 'c', url: c!.url, state: 'alive', pid: c!.pid() },
      ],
    })
    expect(await post('/revive/b')).toEqual({ status: 200, value: { origin: 'b', state: 'alive' } })
    expect(await accepts(b!.url)).toBe(true)
    expect(await post('/kill/z')).toMatchObject({ status: 404, value: { ids: ['a', 'b', 'c'] } })
    expect(await ask(`${control}/kill/b`)).toMatchObject({ status: 405, headers: { allow: 'POST' } })
    expect((await post('/drain/b')).status).toBe(404)
  })

  test('concurrent changes of one origin happen one after another', async () => {
    const { url } = shop.origins[1]!
    await Promise.all([shop.kill('b'), shop.revive('b'), shop.revive('b'), shop.kill('b'), shop.revive('b')])
    expect(await accepts(url)).toBe(true)
    await Promise.all([shop.revive('b'), shop.kill('b'), shop.kill('b')])
    expect(await accepts(url)).toBe(false)
    await shop.revive('b')
  })

  test('an origin that dies by itself is known to be dead, and can be revived', async () => {
    const b = shop.origins[1]!
    process.kill(b.pid()!, 'SIGTERM')
    await expect.poll(() => b.pid()).toBeUndefined()
    await shop.revive('b')
    expect(await accepts(b.url)).toBe(true)
  })

  test('unknown and equal ids are refused', async () => {
    await expect(shop.kill('z')).rejects.toThrow('no origin z')
    await expect(startOrigins(['a', 'a'])).rejects.toThrow('must differ')
    await expect(startOrigins(['fine', 'not fine'])).rejects.toThrow('usage')
  })

  test('after close nothing listens and nothing is revived', async () => {
    const brief = await startOrigins(['x'])
    await brief.close()
    expect(await accepts(brief.origins[0]!.url)).toBe(false)
    expect(await accepts(brief.controlUrl)).toBe(false)
    await expect(brief.revive('x')).rejects.toThrow('closed')
    await brief.close()
  })
})

describe('an origin as a process', () => {
  test('says one line when it listens, and leaves on SIGTERM', async () => {
    const child = run([originProgram, '--id', 'solo', '--port', '0'])
    const line = await firstLine(child)
    const { id, port } = JSON.parse(line) as { id: string; port: number }
    expect(line).toBe(`{"id":"solo","port":${port}}\n`)
    expect((await ask(`http://127.0.0.1:${port}/healthz`)).headers['x-origin']).toBe(id)
    child.kill('SIGTERM')
    expect(await once(child, 'exit')).toEqual([0, null])
  })

  test('a port in use: exit code 1, and the reason', async () => {
    const { port } = new URL(base)
    const child = run([originProgram, '--id', 'late', '--port', port])
    const [said, complaint, [code]] = await Promise.all([text(child.stdout!), text(child.stderr!), once(child, 'exit')])
    expect({ said, complaint, code }).toEqual({ said: '', complaint: `origin late: port ${port} is in use\n`, code: 1 })
  })

  test.each([[[]], [['--id', 'a b']], [['--id', 'a', '--port', '65536']], [['--id', 'a', '--what']]])(
    'wrong arguments %j: exit code 2, and the usage',
    async (args) => {
      const child = run([originProgram, ...args])
      const [complaint, [code]] = await Promise.all([text(child.stderr!), once(child, 'exit')])
      expect(complaint).toContain('usage')
      expect(code).toBe(2)
    },
  )

  test('leaves when its parent is killed without warning', async () => {
    const script = `import { startOrigins } from ${JSON.stringify(supervisor)}
      console.log(JSON.stringify((await startOrigins(['a', 'b'])).origins.map(({ url }) => url)))`
    const parent = run(['--input-type=module', '--eval', script])
    const urls = JSON.parse(await firstLine(parent)) as string[]
    expect(await Promise.all(urls.map(accepts))).toEqual([true, true])
    parent.kill('SIGKILL')
    await once(parent, 'exit')
    await expect.poll(() => Promise.all(urls.map(accepts)), { timeout: 5000 }).toEqual([false, false])
  })
})
