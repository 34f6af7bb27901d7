// Ranges that are asked for at the same time, and lie close together, on the wire: one aligned request to the origin, of
// which each client gets its own bytes, and what becomes of that when things go wrong.
import { once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type CacheBench, reply, startCacheBench } from './support/cache.ts'

const sliceBytes = 65_536
const size = 1_000_000

let bench: CacheBench
beforeAll(async () => {
  const flight = { gatherMs: 20 }
  bench = await startCacheBench({
    '/small': { sliceBytes, flight },
    '/narrow': { sliceBytes, flight: { ...flight, windowBytes: 4 * sliceBytes } },
    '/alone': { sliceBytes, flight: { gatherMs: 0 } },
    '/off': { sliceBytes, flight, collapse: 'off' },
    '/global': { sliceBytes, flight, collapse: 'global' },
  })
  // Connections that are open already, so that those who come together arrive together.
  await Promise.all(Array.from({ length: 50 }, () => fetch(`${bench.gateway.url}/_weir/health`)))
})
afterAll(() => bench?.close())

function textOf(version: string, length = size): string {
  const lines = Array.from({ length: Math.ceil(length / 10) }, (_, index) => version + String(index).padStart(9, '0'))
  return lines.join('').slice(0, length)
}

const text = textOf('a')
const tagged = { 'cache-control': 'max-age=60', etag: '"1"', 'content-type': 'video/mp4' }

interface Waiting {
  readonly request: IncomingMessage
  readonly response: ServerResponse
}

/** Answers as an origin does that has this content. */
function send({ request, response }: Waiting, content = text, fields: Record<string, string> = tagged): void {
  const { range = '', 'if-range': ifRange, 'if-none-match': ifNoneMatch } = request.headers
  const [, from, to] = /^bytes=(\d*)-(\d*)$/.exec(range) ?? []
  const first = from === '' ? content.length - Number(to) : Number(from)
  const last = from === '' ? content.length - 1 : Math.min(Number(to || content.length), content.length - 1)
  const says = (stated: string) => ({ ...fields, 'content-range': `bytes ${stated}/${content.length}` })
  const isSame = ifRange === undefined || ifRange === fields.etag
  if (ifNoneMatch !== undefined && ifNoneMatch === fields.etag) response.writeHead(304, fields).end()
  else if (from === undefined || !isSame) reply(response, content, fields)
  else if (first > last) reply(response, '', says('*'), 416)
  else reply(response, content.slice(first, last + 1), says(`${first}-${last}`), 206)
}

function serve(content = text, fields: Record<string, string> = tagged): void {
  bench.origin.handle = (request, response) => send({ request, response }, content, fields)
}

/** An origin that answers when it is told to. */
function stall(): Waiting[] {
  const waiting: Waiting[] = []
  bench.origin.handle = (request, response) => void waiting.push({ request, response })
  return waiting
}

const asked = (path: string) => bench.seen.filter(({ url }) => url === path).map(({ headers }) => headers.range)

async function part(path: string, range: string, headers: Record<string, string> = {}, signal?: AbortSignal) {
  const answer = await bench.ask(path, { headers: { range: `bytes=${range}`, ...headers }, signal: signal ?? null })
  return { ...answer, range: answer.headers.get('content-range'), length: answer.headers.get('content-length') }
}

/** They arrive together. */
const parts = (path: string, ranges: readonly string[], headers?: Record<string, string>) =>
  Promise.all(ranges.map((range) => part(path, range, headers)))

type Part = Awaited<ReturnType<typeof part>>

/** That a client got what it has asked for, to the byte. */
function expectExact(answer: Part, range: string, content = text): void {
  const [from = '', to = ''] = range.split('-')
  const first = from === '' ? content.length - Number(to) : Number(from)
  const last = from === '' || to === '' ? content.length - 1 : Math.min(Number(to), content.length - 1)
  expect([answer.status, answer.range]).toEqual([206, `bytes ${first}-${last}/${content.length}`])
  expect(answer.length).toBe(String(last - first + 1))
  expect(answer.text === content.slice(first, last + 1)).toBe(true)
}

const exactly = (answers: readonly Part[], ranges: readonly string[], content = text) => {
  for (const [index, answer] of answers.entries()) expectExact(answer, ranges[index]!, content)
}

/** A path of a content of which the first slice is stored. */
async function held(prefix = '/small'): Promise<string> {
  serve()
  const path = bench.fresh(prefix)
  await part(path, '0-9')
  await expect.poll(async () => (await part(path, '0-9')).cache).toContain('hit')
  bench.seen.length = 0
  return path
}

describe('one request for ranges that lie close', () => {
  test.each(['/small', '/global'])('fifty within one slice: %s', async (prefix) => {
    serve()
    const path = bench.fresh(prefix)
    const ranges = Array.from({ length: 50 }, (_, index) => `${index * 1000}-${index * 1000 + 999}`)
    const answers = await parts(path, ranges)
    exactly(answers, ranges)
    expect(asked(path)).toEqual(['bytes=0-65535'])
    const told = answers.map(({ cache }) => cache)
    expect(told.filter((cache) => cache === 'weir; fwd=uri-miss; fwd-status=206; stored')).toHaveLength(1)
    expect(told.filter((cache) => cache === 'weir; fwd=uri-miss; fwd-status=206; collapsed')).toHaveLength(49)
    await expect.poll(async () => (await part(path, '60000-60009')).cache).toContain('hit')
  })

  test('over several slices, with one between them that nobody has asked for', async () => {
    serve()
    const path = bench.fresh('/small')
    const ranges = ['65600-65700', '131000-131100', '262200-262300', '5-9']
    exactly(await parts(path, ranges), ranges)
    expect(asked(path)).toEqual(['bytes=0-327679'])
    // What each has stored stands under one note.
    for (const range of ranges) await expect.poll(async () => (await part(path, range)).cache).toContain('hit')
    expect(asked(path)).toHaveLength(1)
  })

  test('each gets its own bytes, wherever they lie', async () => {
    serve()
    const path = bench.fresh('/small')
    const ranges = Array.from({ length: 60 }, (_, index) => {
      const first = (index * 104_729) % 900_000
      return `${first}-${first + ((index * 7919) % 99_000)}`
    })
    exactly(await parts(path, ranges), ranges)
    expect(asked(path).length).toBeLessThan(10)
  })

  test('far apart they are two', async () => {
    serve()
    const path = bench.fresh('/small')
    const ranges = ['0-9', '600000-600009', '65536-65540', '599999-600000']
    exactly(await parts(path, ranges), ranges)
    expect(asked(path).sort()).toEqual(['bytes=0-131071', 'bytes=589824-655359'])
  })

  test('more of them than an object has connections: the others ask for themselves', async () => {
    const long = textOf('l', 2_000_000)
    serve(long)
    const path = bench.fresh('/small')
    const positions = Array.from({ length: 10 }, (_, index) => index * 3 * sliceBytes)
    const ranges = positions.flatMap((first) => [`${first}-${first + 9}`, `${first + 10}-${first + 19}`])
    exactly(await parts(path, ranges), ranges, long)
    expect(asked(path).length).toBeLessThan(20)
  })

  test('no larger than the window', async () => {
    serve()
    const path = bench.fresh('/narrow')
    const ranges = ['0-150000', '150000-350000']
    exactly(await parts(path, ranges), ranges)
    expect(asked(path).sort()).toEqual(['bytes=0-196607', 'bytes=131072-393215'])
  })

  test('of known content what is missing, as one', async () => {
    const path = await held()
    const ranges = ['70000-70009', '131072-131080', '140000-140009', '70000-70500']
    const answers = await parts(path, ranges)
    exactly(answers, ranges)
    expect(asked(path)).toEqual(['bytes=65536-196607'])
    expect(bench.seen[0]!.headers['if-range']).toBe('"1"')
    expect(answers.filter(({ cache }) => cache.includes('collapsed'))).toHaveLength(3)
    for (const range of ranges) await expect.poll(async () => (await part(path, range)).cache).toContain('hit')
    expect(asked(path)).toHaveLength(1)
  })

  test('who comes while it is under way joins it, and gets its beginning too', async () => {
    const waiting = stall()
    const path = bench.fresh('/small')
    const early = part(path, '0-130000')
    await expect.poll(() => waiting.length).toBe(1)
    const { response } = waiting[0]!
    const fields = { ...tagged, 'content-range': `bytes 0-131071/${size}`, 'content-length': '131072' }
    response.writeHead(206, fields).write(text.slice(0, 70_000))
    // The first half of it has passed the flight by then.
    expectExact(await part(path, '10-60009'), '10-60009')
    const rest = part(path, '100000-100009')
    response.end(text.slice(70_000, 131_072))
    exactly([await early, await rest], ['0-130000', '100000-100009'])
    expect(asked(path)).toHaveLength(1)
  })

  test('open at the end, and larger than all of it', async () => {
    serve()
    const path = bench.fresh('/small')
    const ranges = ['900000-', '940000-', '950000-2000000', '999999-']
    exactly(await parts(path, ranges), ranges)
    expect(asked(path)).toEqual(['bytes=851968-1507327'])
  })

  test('of what is no larger than a slice, whatever its version', async () => {
    const small = textOf('s', 1000)
    serve(small, { 'cache-control': 'max-age=60', 'content-type': 'video/mp4' })
    const path = bench.fresh('/small')
    const ranges = ['0-9', '500-', '990-2000']
    exactly(await parts(path, ranges), ranges, small)
    expect(asked(path)).toEqual(['bytes=0-524287'])
    await expect.poll(async () => (await bench.ask(path)).cache).toContain('hit')
  })

  test('a crowd that finds it stale makes one validation', async () => {
    serve(text, { ...tagged, 'cache-control': 'max-age=60', age: '59' })
    const path = bench.fresh('/small')
    await part(path, '0-9')
    await new Promise((resolve) => setTimeout(resolve, 1050))
    serve(text, { ...tagged, 'cache-control': 'max-age=60' })
    bench.seen.length = 0
    const ranges = ['0-9', '10-19', '20-60000']
    exactly(await parts(path, ranges), ranges)
    expect(bench.seen.map(({ headers }) => headers['if-none-match'])).toEqual(['"1"'])
  })
})

describe('each asks for itself', () => {
  test.each([
    ['where ranges are not gathered', '/alone', {}],
    ['where nothing is collapsed', '/off', {}],
    ['with credentials', '/small', { authorization: 'Basic eA==' }],
    ['with cookies', '/small', { cookie: 'user=ada' }],
    ['with a field that nobody knows', '/small', { debug: '1' }],
    ['with no-cache', '/small', { 'cache-control': 'no-cache' }],
  ])('%s', async (_, prefix, headers) => {
    serve()
    const path = bench.fresh(prefix)
    const ranges = ['0-9', '10-19', '20-29']
    const answers = await parts(path, ranges, headers)
    exactly(answers, ranges)
    expect(asked(path)).toHaveLength(3)
    for (const { cache } of answers) expect(cache).not.toContain('collapsed')
  })

  test.each(['-10', '0-9,20-29'])('whose range begins nobody knows where: %s', async (range) => {
    serve()
    const path = bench.fresh('/small')
    await parts(path, [range, range])
    expect(asked(path)).toEqual([`bytes=${range}`, `bytes=${range}`])
  })

  test('who wants a part, and who wants the whole', async () => {
    const waiting = stall()
    const path = bench.fresh('/small')
    const whole = bench.ask(path)
    const some = parts(path, ['0-9', '10-19'])
    await expect.poll(() => waiting.length).toBe(2)
    for (const each of waiting) send(each)
    expect((await whole).text === text).toBe(true)
    exactly(await some, ['0-9', '10-19'])
  })
})

describe('nobody gets what is not for all', () => {
  const ranges = ['0-9', '10-70000', '70000-70009']

  test.each<[string, Record<string, string>]>([
    ['private', { ...tagged, 'cache-control': 'private' }],
    ['with a cookie', { ...tagged, 'set-cookie': 'user=ada' }],
    ['of a weak version', { ...tagged, etag: 'W/"1"' }],
    ['of no version', { 'cache-control': 'max-age=60' }],
    ['coded', { ...tagged, 'content-encoding': 'x-odd' }],
  ])('%s', async (_, fields) => {
    let served = 0
    bench.origin.handle = (request, response) => send({ request, response }, textOf(String(served++)), fields)
    const path = bench.fresh('/small')
    const answers = await parts(path, ranges, { 'accept-encoding': 'identity' })
    // Each has a version to itself.
    expect(new Set(answers.map((answer) => answer.text[0])).size).toBe(3)
    for (const [index, answer] of answers.entries()) expectExact(answer, ranges[index]!, textOf(answer.text[0]!))
  })

  test('nor more than it has asked for, of what is its own', async () => {
    serve(text, { ...tagged, 'cache-control': 'private' })
    const path = bench.fresh('/small')
    exactly(await parts(path, ['0-9', '70000-70009']), ['0-9', '70000-70009'])
    expect(asked(path).slice(1).sort()).toEqual(['bytes=0-65535', 'bytes=65536-131071'])
  })

  test('in another version', async () => {
    serve()
    const path = bench.fresh('/small')
    const [current, other] = await Promise.all(['"1"', '"0"'].map((tag) => part(path, '0-9', { 'if-range': tag })))
    expectExact(current!, '0-9')
    expect([other!.status, other!.text === text]).toEqual([200, true])
    const tags = bench.seen.filter(({ url }) => url === path).map(({ headers }) => headers['if-range'])
    expect(tags.sort()).toEqual(['"0"', '"1"'])
  })

  test('in another language', async () => {
    const waiting = stall()
    const path = bench.fresh('/small')
    const crowds = ['de', 'fr'].map((language) => parts(path, ranges, { 'accept-language': language }))
    const speak = ({ request, response }: Waiting) => {
      const language = request.headers['accept-language']!
      send({ request, response }, textOf(language[0]!), { ...tagged, etag: `"${language}"`, vary: 'accept-language' })
    }
    await expect.poll(() => waiting.length).toBe(1)
    bench.origin.handle = (request, response) => speak({ request, response })
    for (const each of waiting) speak(each)
    const [german, french] = await Promise.all(crowds)
    exactly(german!, ranges, textOf('d'))
    exactly(french!, ranges, textOf('f'))
  })

  test('that may repeat what another one has said', async () => {
    bench.origin.handle = (request, response) => {
      const page = `${request.headers['user-agent']}`.padEnd(200_000, '.')
      send({ request, response }, page, { ...tagged, 'content-type': 'text/html' })
    }
    const path = bench.fresh('/small')
    const evil = '"><script src=//evil.example></script>'
    const agents = [evil, 'Innocent/1.0 of the first', 'Innocent/1.0 of the second']
    const answers = await Promise.all(agents.map((agent) => part(path, '0-199', { 'user-agent': agent })))
    expect(answers.map((answer) => answer.text.startsWith(evil))).toEqual([true, false, false])
    for (const agent of agents.slice(1)) {
      expect((await part(path, '0-199', { 'user-agent': agent })).text).not.toContain('evil')
    }
  })
})

describe('an origin that does not send what it was asked for', () => {
  test('ignores ranges', async () => {
    bench.origin.handle = (_, response) => reply(response, text, tagged)
    const path = bench.fresh('/small')
    const answers = await parts(path, ['0-9', '10-19', '70000-70009'])
    for (const answer of answers) expect([answer.status, answer.text === text]).toEqual([200, true])
  })

  test('has nothing there', async () => {
    serve()
    const path = bench.fresh('/small')
    const answers = await parts(path, ['2000000-2000009', '2000010-', '2065536-2065540'])
    expect(answers.map(({ status, range }) => [status, range])).toEqual(Array(3).fill([416, `bytes */${size}`]))
  })

  test('ends before the last of them begins', async () => {
    serve(textOf('a', 100_000))
    const path = bench.fresh('/small')
    const [inside, outside] = await parts(path, ['70000-70009', '140000-140009'])
    expectExact(inside!, '70000-70009', textOf('a', 100_000))
    expect([outside!.status, outside!.range]).toEqual([416, 'bytes */100000'])
  })

  test('sends less', async () => {
    bench.origin.handle = (request, response) => {
      const [, first = ''] = /=(\d+)-/.exec(request.headers.range!) ?? []
      const some = text.slice(Number(first), Number(first) + 100)
      const stated = `bytes ${first}-${Number(first) + 99}/${size}`
      reply(response, some, { ...tagged, 'content-range': stated }, 206)
    }
    const path = bench.fresh('/small')
    for (const { text: got } of await parts(path, ['0-9', '70000-70009'])) expect(text).toContain(got)
  })

  test('has another version by now, and says so', async () => {
    const path = await held()
    const other = textOf('b')
    serve(other, { ...tagged, etag: '"2"' })
    const answers = await parts(path, ['70000-70009', '131072-131080', '70020-70029'])
    for (const answer of answers) {
      if (answer.status === 200) expect(answer.text === other).toBe(true)
      else expect(other).toContain(answer.text)
    }
  })

  test('or does not say so', async () => {
    const path = await held()
    const other = textOf('b')
    bench.origin.handle = (request, response) => {
      delete request.headers['if-range']
      send({ request, response }, other, { ...tagged, etag: '"2"' })
    }
    const ranges = ['70000-70009', '131072-131080', '70020-70029']
    exactly(await parts(path, ranges), ranges, other)
    await expect.poll(async () => (await part(path, '0-9')).text).toBe(other.slice(0, 10))
  })

  test('changes between two runs of one answer: it is cut', async () => {
    const path = bench.fresh('/small')
    bench.origin.handle = (request, response) => {
      send({ request, response })
      serve(textOf('b'), { ...tagged, etag: '"2"' })
    }
    const outcomes = await Promise.allSettled(['0-', '0-'].map((range) => part(path, range)))
    for (const outcome of outcomes) {
      if (outcome.status === 'fulfilled') expectExact(outcome.value, '0-', textOf('b'))
    }
    expect(outcomes.some(({ status }) => status === 'rejected')).toBe(true)
  })

  test('fails: everybody hears of it, and no herd is let loose', async () => {
    bench.origin.handle = (_, response) => response.socket?.destroy()
    const path = bench.fresh('/small')
    const ranges = Array.from({ length: 20 }, (_, index) => `${index}-${index + 9}`)
    for (const answer of await parts(path, ranges)) {
      expect([answer.status, JSON.parse(answer.text).reason]).toEqual([503, 'origin-connection'])
    }
    expect(asked(path).length).toBeLessThan(10)
  })
})

describe('when it breaks off', () => {
  const fields = { ...tagged, 'content-range': `bytes 0-131071/${size}`, 'content-length': '131072' }

  test('the origin is cut: who has all its bytes is served, the others see it, and may ask again', async () => {
    const waiting = stall()
    const path = bench.fresh('/small')
    const near = part(path, '0-65535')
    const far = parts(path, ['65536-131071', '0-131071']).catch((error) => error)
    await expect.poll(() => waiting.length).toBe(1)
    const { response } = waiting[0]!
    response.writeHead(206, fields).write(text.slice(0, 100_000))
    expectExact(await near, '0-65535')
    response.socket?.destroy()
    expect(await far).toBeInstanceOf(Error)
    serve()
    exactly(await parts(path, ['65536-131071', '0-131071']), ['65536-131071', '0-131071'])
  })

  test('one client leaves: nothing happens to the others', async () => {
    const waiting = stall()
    const path = bench.fresh('/small')
    const controller = new AbortController()
    const first = part(path, '0-9', {}, controller.signal).catch(() => 'left')
    const others = parts(path, ['10-19', '70000-70009'])
    await expect.poll(() => waiting.length).toBe(1)
    controller.abort()
    expect(await first).toBe('left')
    send(waiting[0]!)
    exactly(await others, ['10-19', '70000-70009'])
    expect(asked(path)).toHaveLength(1)
  })

  test.each<[string, Record<string, string>, number]>([
    ['that they share', tagged, 1],
    ['that each has for itself', { ...tagged, 'cache-control': 'private' }, 2],
  ])('the last one leaves: the rest is not fetched of what comes %s', async (_, says, requests) => {
    const whole = 524_288
    const ends: Promise<number>[] = []
    const drip = async (response: ServerResponse) => {
      const closed = once(response, 'close')
      response.writeHead(206, { ...says, 'content-range': `bytes 0-${whole - 1}/${size}`, 'content-length': whole })
      let sent = 0
      for (; sent < whole && !response.destroyed; sent += 4096) {
        response.write(text.slice(sent, sent + 4096))
        await new Promise((resolve) => setTimeout(resolve, 5))
      }
      await closed
      return sent
    }
    bench.origin.handle = (_, response) => void ends.push(drip(response))
    const path = bench.fresh('/small')
    const controller = new AbortController()
    const headers = { range: `bytes=0-${whole - 1}`, 'cache-control': 'nothing-said' }
    const ask = () => fetch(bench.gateway.url + path, { headers, signal: controller.signal })
    const readers = await Promise.all([ask(), ask()])
    controller.abort()
    for (const reader of readers) await expect(reader.text()).rejects.toThrow()
    for (const sent of await Promise.all(ends)) expect(sent).toBeLessThan(whole)
    expect(asked(path)).toHaveLength(requests)
  })
})
