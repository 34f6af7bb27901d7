// `npm start` as a newcomer meets it: the shop, and every line that it says to try, taken from its own words and run.
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { sniff } from '../../shared/image/sniff.ts'
import { type Demo, startDemo } from './support/demo.ts'
import { cacheStatus } from './support/gateway.ts'
import { accepts, type Program, runProgram } from './support/program.ts'

const patience = { timeout: 120_000 }

const started: Program[] = []
let demo: Demo

beforeAll(async () => {
  demo = await start()
}, patience.timeout)

afterAll(() => Promise.all(started.map((program) => program.kill())))

async function start(): Promise<Demo> {
  const demo = await startDemo()
  started.push(demo)
  return demo
}

/** Runs one of the lines, which must succeed in silence, and gives what it prints. */
async function tryLine(line: string | undefined): Promise<string> {
  const { code, stdout, stderr } = await runProgram('sh', ['-c', line!])
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  return stdout
}

/** Nothing of it is left: no process, and nobody listens where it did. */
async function expectGone(ended: Demo): Promise<void> {
  await ended.gone()
  const listening = await Promise.all([ended.url, ...ended.origins, ended.control].map(accepts))
  expect(listening).toEqual([false, false, false, false, false])
  expect(ended.stderr).toBe('')
}

const ask = (path: string, init?: RequestInit) => fetch(demo.url + path, { redirect: 'manual', ...init })
const asAdmin = () => ({ authorization: `Bearer ${demo.token}` })
const policyNow = async () => {
  const response = await ask('/_weir/api/config', { headers: asAdmin() })
  const document = (await response.json()) as { pools: { shop: { policy: string } } }
  return { etag: response.headers.get('etag'), policy: document.pools.shop.policy }
}

test('says where everything is, and eight lines to try', async () => {
  expect(demo.origins).toHaveLength(3)
  expect(demo.lines).toHaveLength(8)
  const listening = await Promise.all([demo.url, ...demo.origins, demo.control].map(accepts))
  expect(listening).toEqual([true, true, true, true, true])
  // What has to be gone at the end is here now, and is seen.
  for (const name of ['workers/cli/demo.ts', '--id a', '--id b', '--id c', 'workerd serve']) {
    expect(demo.processes().filter((line) => line.includes(name))).toHaveLength(1)
  }
})

describe('the shop', () => {
  test('the front page, and from then on from the store, with all that it shows', async () => {
    const first = await ask('/')
    const page = await first.text()
    expect(page).toContain('<h1>Prints of moving water</h1>')
    expect(cacheStatus(first)).toMatch(/^weir; fwd=uri-miss;.* stored$/)
    const again = await ask('/')
    expect(cacheStatus(again)).toMatch(/^weir; hit; ttl=\d+$/)
    expect(await again.text()).toBe(page)
    const paths = new Set([...page.matchAll(/(?:src|href)="(\/(?:photos|style)[^"]*)"/g)].map((found) => found[1]!))
    expect(paths.size).toBeGreaterThan(6)
    for (const path of paths) expect((await ask(path)).status).toBe(200)
    const photo = await ask('/photos/dawn.png')
    expect(photo.headers.get('content-type')).toBe('image/png')
    expect(cacheStatus(photo)).toMatch(/^weir; hit; ttl=/)
    const bytes = Buffer.from(await photo.arrayBuffer())
    expect(bytes.subarray(1, 4).toString('latin1')).toBe('PNG')
    expect(bytes.subarray(-8, -4).toString('latin1')).toBe('IEND')
  })

  test('a visitor signs in, and sees a page of their own that nobody else is ever given', async () => {
    const personal = async (cookie?: string) => {
      const response = await ask('/me', { headers: cookie === undefined ? {} : { cookie } })
      expect(cacheStatus(response)).toMatch(/^weir; fwd=bypass/)
      expect(cacheStatus(response)).not.toContain('stored')
      expect(response.headers.get('age')).toBeNull()
      return response.text()
    }
    const signIn = async (user: string, cookie = '') => {
      const login = await ask(`/login?user=${user}`, { method: 'POST', headers: { cookie } })
      expect([login.status, login.headers.get('location')]).toEqual([303, '/me'])
      return login.headers.getSetCookie()[0]!.split(';')[0]!
    }
    expect(await personal()).toContain('Nobody is signed in')
    const [ada, grace] = [await signIn('ada'), await signIn('grace')]
    expect(await personal(ada)).toContain('Hello, ada')
    expect(await personal()).toContain('Nobody is signed in')
    expect(await personal(grace)).toContain('Hello, grace')
    expect(await personal(await signIn('linus', ada))).toContain('Hello, linus')
    expect(await personal(ada)).toContain('Nobody is signed in')
  })
})

const curl = spawnSync('curl', ['--version']).status === 0

// In this order: each line leaves the demo as the next one finds it.
describe.skipIf(!curl)('the lines to try', () => {
  const line = (n: number) => demo.lines[n - 1]
  const originsIn = (text: string) => [...text.matchAll(/^\{"origin":"(\w)","now":/gm)].map((found) => found[1])

  test('1: from an origin, then from the cache', async () => {
    const [first, second, ...more] = (await tryLine(line(1))).trim().split(/\r?\n/)
    expect(first).toMatch(/^cache-status: weir; fwd=uri-miss;.* stored$/i)
    expect(second).toMatch(/^cache-status: weir; hit; ttl=\d+$/i)
    expect(more).toEqual([])
  })

  test('2: an origin is killed, and the page comes all the same', async () => {
    const output = await tryLine(line(2))
    expect(output).toMatch(/^\{"origin":"b","state":"dead"\}$/m)
    const origins = originsIn(output)
    expect(origins).toHaveLength(6)
    expect(origins).not.toContain('b')
    expect(await accepts(demo.origins[1]!)).toBe(false)
  })

  test('3: revived, it takes its turns again', async () => {
    const output = await tryLine(line(3))
    expect(output).toMatch(/^\{"origin":"b","state":"alive"\}$/m)
    expect(originsIn(output)).toHaveLength(6)
    const more = await Promise.all(Array.from({ length: 6 }, async () => (await ask('/now')).text()))
    expect(originsIn(output + more.join(''))).toContain('b')
  })

  test('4: the configuration is replaced', async () => {
    expect(await policyNow()).toEqual({ etag: '"1"', policy: 'round-robin' })
    expect(JSON.parse(await tryLine(line(4)))).toEqual({ version: 2, published: true, warnings: [] })
    expect(await policyNow()).toEqual({ etag: '"2"', policy: 'random' })
  })

  test('4, with a slip of the pen: 422, the place of it, and the old configuration goes on', async () => {
    const slip = line(4)!.replace(/sed '[^']*'/, `sed 's/"policy"/"polcy"/'`)
    expect(slip).not.toBe(line(4))
    const answer = await tryLine(`${slip} --write-out '\\n%{http_code} %{content_type}'`)
    const [body, outcome] = [answer.slice(0, answer.lastIndexOf('\n')), answer.slice(answer.lastIndexOf('\n') + 1)]
    expect(outcome).toBe('422 application/problem+json')
    expect(JSON.parse(body).errors).toEqual([{ path: 'pools.shop.polcy', message: expect.stringContaining('policy') }])
    expect(await policyNow()).toEqual({ etag: '"2"', policy: 'random' })
    expect((await ask('/now')).status).toBe(200)
  })

  test('5: ten seconds of load, an origin killed halfway, and none failed', patience, async () => {
    expect(await tryLine(line(5))).toMatch(/^2000 sent, 0 failed, /m)
    expect(await accepts(demo.origins[1]!)).toBe(true)
  })

  test('6: whichever origin dies, the cart is there', async () => {
    const said = (await tryLine(line(6)))
      .trim()
      .split('\n')
      .map((text) => JSON.parse(text))
    for (const [i, origin] of ['a', 'b', 'c'].entries()) {
      const [dead, cart, alive] = said.slice(3 * i)
      expect([dead, alive]).toEqual([
        { origin, state: 'dead' },
        { origin, state: 'alive' },
      ])
      expect(cart.origin).not.toBe(origin)
      expect(cart).toMatchObject({ cart: [{ id: 'moon', quantity: 1 }], totalPence: 2400 })
    }
    expect(said).toHaveLength(9)
  })

  test('7 and 8: an item is listed with a photograph, and its thumbnail made without anybody asking for it', async () => {
    const photo = /photo=@(\S+)/.exec(line(7)!)![1]!
    expect(existsSync(photo)).toBe(true)
    const answer = await tryLine(line(7))
    expect(answer).toMatch(/^HTTP\/1\.1 201 /)
    const item = JSON.parse(answer.slice(answer.indexOf('{')))
    const jobs = async () => JSON.parse(await tryLine(line(8))).jobs as { state: string; payload: object }[]
    await expect
      .poll(async () => (await jobs()).map(({ state }) => state), { timeout: 20_000 })
      .toEqual(['done', 'done'])
    const paths = (await jobs()).map(({ payload }) => payload)
    expect(paths).toEqual(Array(2).fill({ path: item.image.replace('/_weir/media/', ''), preset: 'card' }))
    expect(await pictureAt(item.image)).toMatchObject({ type: 'image/png', width: 720, height: 480 })
    expect(await pictureAt(item.thumbnail)).toMatchObject({ type: 'image/webp', width: 320, height: 240 })
    expect(await (await ask(`/items/${item.id}`)).text()).toContain(`<img class="large" src="${item.image}"`)
    // A copy of the front page that nobody has asked for yet.
    expect(await (await ask('/?fresh')).text()).toContain(`<img src="${item.thumbnail}"`)
  })

  test('an item from the form: its page, and its thumbnail within seconds', async () => {
    const form = new FormData()
    form.set('name', 'From a browser')
    form.set('price', '12')
    const photo = await (await ask('/photos/moon.png')).blob()
    form.set('photo', photo, 'moon.png')
    const listed = await ask('/sell', { method: 'POST', body: form })
    expect(listed.status).toBe(303)
    const media = `/_weir/media${listed.headers.get('location')}`
    const made = async () => {
      const all = await ask('/_weir/api/jobs?type=thumbnail&state=done', { headers: asAdmin() })
      return (await all.text()).split(media.replace('/_weir/media/', '')).length - 1
    }
    await expect.poll(made, { timeout: 20_000 }).toBe(2)
    expect(await pictureAt(`${media}?preset=card`)).toMatchObject({ type: 'image/webp', width: 320, height: 240 })
  })
})

/** What the first bytes of the file at this path say, whatever it is called. */
async function pictureAt(path: string) {
  const judged = sniff(new Uint8Array(await (await ask(path)).arrayBuffer()), true)
  return judged.kind === 'picture' ? judged.picture : judged
}

test('a second one beside it steps over its port, and ends by itself when npm is killed', patience, async () => {
  const second = await start()
  const [port, next] = [demo.url, second.url].map((url) => Number(new URL(url).port))
  expect(port).toBeGreaterThanOrEqual(8787)
  expect(next).toBeGreaterThanOrEqual(8787)
  expect(next).not.toBe(port)
  expect((await fetch(`${second.url}/now`)).status).toBe(200)
  expect((await ask('/now')).status).toBe(200)
  second.signal('SIGKILL')
  await expectGone(second)
})

test('Ctrl-C ends everything', patience, async () => {
  demo.signalGroup('SIGINT')
  await expectGone(demo)
})
