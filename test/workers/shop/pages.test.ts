// The pages: whose forms they take, what of them they hold in memory, and what becomes of a picture whose item was refused.
import { beforeAll, beforeEach, describe, expect, it, test } from 'vitest'
import { problemResponse } from '../../../workers/problem.ts'
import { migrateShop, shopUnderTest } from '../support/shop.ts'

let pictures: string[]
let outside: Request[]
let answer: () => Response
let putting: Promise<void> | undefined
let waiting = 0
let passed = 0
const shop = shopUnderTest({
  now: () => Date.now() + passed,
  pictures: {
    async put(_, path, { size }) {
      waiting++
      await putting
      pictures.push(`put ${path}, ${size} bytes`)
      return new Response(null, { status: 201 })
    },
    async remove(_, path) {
      pictures.push(`remove ${path}`)
      return new Response(null, { status: 204 })
    },
  },
  async outside(from, request) {
    expect(from).toBe('pages')
    outside.push(request)
    return answer()
  },
})

beforeAll(migrateShop)
beforeEach(() => {
  pictures = []
  outside = []
  answer = () => new Response('a picture')
})

const item = { title: 'A raft', kind: 'other', place: 'Lock Seven', description: 'Logs.', price: '12.50', stock: '1' }

const problemOf = async (response: Response) => {
  const [, text] = /role="alert">([^<]*)/.exec(await response.text()) ?? []
  return [response.status, text]
}

describe('listing an item', () => {
  async function sell(fields: Record<string, string>, photograph?: Blob, headers = {}) {
    const client = shop.client()
    await client.register()
    const form = new FormData()
    for (const [name, value] of Object.entries({ ...item, ...fields })) form.set(name, value)
    if (photograph !== undefined) form.set('photograph', photograph, 'raft.png')
    return client.ask('pages', 'POST', '/sell', form, headers)
  }

  it('keeps the picture of an item that is there, and removes that of one that was refused', async () => {
    const photograph = new Blob(['pixels'])
    expect((await sell({}, photograph)).status).toBe(303)
    expect(pictures).toEqual([expect.stringMatching(/^put items\/[\w-]+, 6 bytes$/)])
    pictures = []
    expect((await sell({ price: 'much' }, photograph)).status).toBe(422)
    const [put, ...others] = pictures
    expect(others).toEqual([`remove ${put?.split(/[ ,]/)[1]}`])
  })

  it('holds so many bytes at once, and asks who comes then to come again', async () => {
    const { promise, resolve } = Promise.withResolvers<void>()
    putting = promise
    const photograph = new Blob(['pixels'])
    const large = { 'content-length': String(12 * 1024 * 1024) }
    // Whichever of them comes last.
    let waits = 3
    const all = [1, 2, 3].map(async () => {
      const response = await sell({}, photograph, large)
      if (--waits === 2) resolve()
      return [response.status, response.headers.get('retry-after')]
    })
    expect((await Promise.all(all)).sort()).toEqual([
      [303, null],
      [303, null],
      [503, '5'],
    ])
    putting = undefined
    const tooLarge = await sell({}, photograph, { 'content-length': String(100 * 1024 * 1024) })
    expect(tooLarge.status).toBe(413)
    expect((await sell({}, photograph, large)).status).toBe(303)
  })

  it('holds nothing for longer than two minutes for somebody of whom nothing is heard any more', async () => {
    const { promise, resolve } = Promise.withResolvers<void>()
    putting = promise
    const photograph = new Blob(['pixels'])
    const large = { 'content-length': String(12 * 1024 * 1024) }
    waiting = 0
    const silent = [sell({}, photograph, large), sell({}, photograph, large)]
    await expect.poll(() => waiting).toBe(2)
    expect((await sell({ price: 'much' }, undefined, large)).status).toBe(503)
    passed = 120_000
    expect((await sell({ price: 'much' }, undefined, large)).status).toBe(422)
    passed = 0
    putting = undefined
    resolve()
    expect((await Promise.all(silent)).map(({ status }) => status)).toEqual([303, 303])
  })

  it('takes the picture from an address, by a call out in its own name', async () => {
    expect((await sell({ address: 'https://pictures.example.com/raft.png' })).status).toBe(303)
    expect(outside.map(({ method, url }) => [method, url])).toEqual([['GET', 'https://pictures.example.com/raft.png']])
    expect(pictures).toEqual([expect.stringMatching(/^put .*, 9 bytes$/)])
  })

  it.each<[string, string, () => Response, number, string]>([
    ['no address', 'raft', () => new Response(), 422, 'The address of the photograph is none'],
    [
      'not there',
      'https://a.test/',
      () => new Response('<p>', { status: 404 }),
      422,
      'There is no photograph to be had',
    ],
    ['broken off', 'https://a.test/', () => new Response(brokenOff()), 422, 'There is no photograph to be had'],
    ['not allowed', 'https://a.test/', () => problemResponse(notAllowed), 422, 'or this shop may not ask there'],
  ])('from an address: %s', async (_, address, given, status, problem) => {
    answer = given
    expect(await problemOf(await sell({ address }))).toEqual([status, expect.stringContaining(problem)])
    expect(pictures).toEqual([])
  })

  const notAllowed = { status: 403, reason: 'egress-forbidden', detail: 'Calls may not go there.' }
  const brokenOff = () =>
    new ReadableStream({
      start(controller) {
        controller.enqueue(new Uint8Array(3))
        controller.error(new Error('It broke off, for a test.'))
      },
    })
})

test.each<[string, Record<string, string>, number]>([
  ['this shop', { 'sec-fetch-site': 'same-origin' }, 401],
  ['whoever has no browser', {}, 401],
  ['an old browser', { origin: 'http://shop.test' }, 401],
  ['another site', { 'sec-fetch-site': 'cross-site' }, 403],
  ['another host of this site', { 'sec-fetch-site': 'same-site' }, 403],
  ['another site, in an old browser', { origin: 'http://evil.test' }, 403],
  ['nobody knows where, in an old browser', { origin: 'null' }, 403],
])('a form from %s: %3$i', async (_, headers, status) => {
  const form = new URLSearchParams({ email: 'nobody@example.com', password: 'not the password' })
  expect((await shop.client().ask('pages', 'POST', '/account/login', form, headers)).status).toBe(status)
})

test.each<[string, Record<string, string>, number, string]>([
  ['no form', { 'content-type': 'multipart/form-data; boundary=x' }, 400, 'cannot be read as a form'],
  ['without its length', { 'content-length': 'none' }, 411, 'say how long it is'],
  ['too large', { 'content-length': '65537' }, 413, '64 KiB at most'],
])('%s is refused with a page', async (_, headers, status, text) => {
  const response = await shop.client().ask('pages', 'POST', '/account/login', new URLSearchParams({ a: 'b' }), headers)
  expect([response.status, response.headers.get('content-type')]).toEqual([status, 'text/html; charset=UTF-8'])
  expect(await response.text()).toContain(text)
})

test('who looks for what is not there is told so as a person', async () => {
  const response = await shop.client().ask('pages', 'GET', '/items/nothing')
  const page = await response.text()
  expect(response.status).toBe(404)
  expect(page).toContain('There is no such print, or it is not sold any more.')
  const orders = await shop.client().ask('pages', 'GET', '/orders/nothing')
  expect([orders.status, await orders.text()]).toEqual([401, expect.stringContaining('Who are you?')])
  expect(page).not.toMatch(/GET|POST|\/api/)
})

test('a page runs no script, and stands in nobody’s frame', async () => {
  const response = await shop.client().ask('pages', 'GET', '/account')
  expect(response.headers.get('content-security-policy')).toContain("default-src 'none'; ")
  expect(response.headers.get('content-security-policy')).toContain("frame-ancestors 'none'")
  expect(response.headers.get('x-content-type-options')).toBe('nosniff')
})
