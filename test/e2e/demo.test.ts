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
  expect({ code, stdout, stderr }).toEqual({ code: 0, stdout, stderr: '' })
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
  const document = (await response.json()) as { pools: { web: { policy: string } } }
  return { etag: response.headers.get('etag'), policy: document.pools.web.policy }
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
    const paths = new Set([...page.matchAll(/(?:src|href)="(\/[^"]*)"/g)].map((found) => found[1]!))
    expect(paths.size).toBeGreaterThan(30)
    // Not all of its pictures: each has to be made.
    for (const path of [...paths].slice(0, 8)) expect([path, (await ask(path)).status]).toEqual([path, 200])
    expect(await pictureAt('/_weir/media/seed/moon-6.png?preset=card')).toMatchObject({
      type: 'image/webp',
      width: 320,
    })
    expect(cacheStatus(await ask('/_weir/media/seed/moon-6.png?preset=card'))).toMatch(/^weir; hit; ttl=/)
  })

  test('a visitor registers, and sees a page of their own that nobody else is ever given', async () => {
    const personal = async (cookie = '') => {
      const response = await ask('/account', { headers: { cookie } })
      expect(cacheStatus(response)).toMatch(/^weir; fwd=bypass/)
      expect(cacheStatus(response)).not.toContain('stored')
      expect(response.headers.get('age')).toBeNull()
      return response.text()
    }
    const register = async (name: string) => {
      const body = new URLSearchParams({ name, email: `${name}@example.com`, password: 'long enough' })
      const registered = await ask('/account/register', { method: 'POST', body })
      expect([registered.status, registered.headers.get('location')]).toEqual([303, '/account'])
      return registered.headers.getSetCookie()[0]!.split(';')[0]!
    }
    expect(await personal()).toContain('Who are you?')
    const [lin, grace] = [await register('lin'), await register('grace')]
    expect(await personal(lin)).toContain('lin@example.com')
    expect(await personal()).toContain('Who are you?')
    expect(await personal(grace)).toContain('grace@example.com')
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
    expect(JSON.parse(body).errors).toEqual([{ path: 'pools.web.polcy', message: expect.stringContaining('policy') }])
    expect(await policyNow()).toEqual({ etag: '"2"', policy: 'random' })
    expect((await ask('/now')).status).toBe(200)
  })

  test('5: load, an origin killed halfway, and none failed', patience, async () => {
    // At a rate that a machine with much else to do manages as well: what it measures is not the machine.
    const gentle = line(5)!.replace('--rate 200 --seconds 10', '--rate 50 --seconds 8')
    expect(await tryLine(gentle)).toMatch(/^400 sent, 0 failed, /m)
    expect(await accepts(demo.origins[1]!)).toBe(true)
  })

  test('6: whichever origin dies, the cart is there', async () => {
    const said = (await tryLine(line(6)))
      .trim()
      .split(/\r?\n/)
      .filter((text) => text !== '')
    for (const [i, origin] of ['a', 'b', 'c'].entries()) {
      const [dead, by, cart, alive] = said.slice(4 * i)
      expect(JSON.parse(dead!)).toEqual({ origin, state: 'dead' })
      expect(by).toMatch(/^X-Origin: [abc]$/i)
      expect(by).not.toContain(`: ${origin}`)
      expect(JSON.parse(cart!).lines).toMatchObject([{ id: 'moon-6-print', quantity: 1 }])
      expect(JSON.parse(alive!)).toEqual({ origin, state: 'alive' })
    }
    expect(said).toHaveLength(12)
  })

  /** The jobs of line 8 for the picture at this path, as soon as there are so many and all are done. */
  async function jobsDone(picture: string, many: number): Promise<void> {
    const path = picture.replace(/^.*\/_weir\/media\/|\?.*$/g, '')
    const states = async () => {
      const { jobs } = JSON.parse(await tryLine(line(8))) as { jobs: { state: string; payload: object }[] }
      return jobs.filter(({ payload }) => (payload as { path: string }).path === path).map(({ state }) => state)
    }
    await expect.poll(states, { timeout: 20_000 }).toEqual(Array(many).fill('done'))
  }

  test('7 and 8: an item is listed with a photograph, and its thumbnail made without anybody asking for it', async () => {
    expect(existsSync(/photograph=@(\S+)/.exec(line(7)!)![1]!)).toBe(true)
    const answer = await tryLine(line(7))
    expect(answer).toMatch(/^HTTP\/1\.1 303 /)
    const item = /^location: (\/items\/[\w-]+)\r?$/im.exec(answer)![1]!
    const thumbnail = /<img src="([^"]+)" alt="Ripples"/.exec(await (await ask(item)).text())![1]!
    await jobsDone(thumbnail, 1)
    expect(await pictureAt(thumbnail.replace(/\?.*/, ''))).toMatchObject({ type: 'image/png', width: 720, height: 480 })
    expect(await pictureAt(thumbnail)).toMatchObject({ type: 'image/webp', width: 320, height: 240 })
    // Kept since the test above, and purged by what has been listed.
    expect(await (await ask('/')).text()).toContain(`<img src="${thumbnail}"`)
  })

  test('an item that a program lists: the route itself enqueues the thumbnail', async () => {
    const jar = /-sib (\S+)/.exec(line(7)!)![1]!
    const photo = /photograph=@(\S+)/.exec(line(7)!)![1]!
    const picture = '/_weir/media/items/mine.png'
    await tryLine(`curl -s -o /dev/null -H 'Authorization: Bearer ${demo.token}' -T ${photo} ${demo.url}${picture}`)
    const item = { title: 'Mine', place: 'Here', description: 'As it is', price: 1850, picture }
    const json = `-H 'Content-Type: application/json' -d '${JSON.stringify(item)}'`
    const listed = await tryLine(`curl -sb ${jar} -w ' %{http_code}' ${json} ${demo.url}/api/items`)
    expect(listed).toMatch(/ 201$/)
    await jobsDone(picture, 2)
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
