// A file that changes between the look at its name and the reading of its bytes.
import { expect, test } from 'vitest'
import { assetsOrigin } from '../../../workers/media/assets.ts'
import type { KeptObject, ObjectPort } from '../../../workers/ports/object-port.ts'

/** Is replaced as often as is said, each time just before somebody reads it. */
function replaced(times: number) {
  const contents = Array.from({ length: times + 1 }, (_, version) => `version ${version}`)
  let current = 0
  const described = (): KeptObject => {
    const text = contents[current]!
    return { etag: `"${current}"`, version: `${current}`, size: text.length, storedAt: 0, type: 'text/plain' }
  }
  const get: ObjectPort['get'] = async (_, etag, range) => {
    if (current < times) current++
    if (etag !== `"${current}"`) return undefined
    const { first, last } = range ?? { first: 0, last: Number.POSITIVE_INFINITY }
    return new Response(contents[current]!.slice(first, last + 1)).body!
  }
  const objects = { head: async () => described(), get } as Partial<ObjectPort> as ObjectPort
  return assetsOrigin({ objects, now: () => 0 })
}

const ask = (range?: string) => new Request('https://a.test/a.txt', { headers: range === undefined ? {} : { range } })

test('is sent as it is then, with the fields of those bytes', async () => {
  const response = await replaced(2)(ask())
  expect([response.headers.get('etag'), await response.text()]).toEqual(['"2"', 'version 2'])
  const part = await replaced(1)(ask('bytes=8-'))
  expect([part.status, part.headers.get('content-range'), await part.text()]).toEqual([206, 'bytes 8-8/9', '1'])
})

test('is given up where it never holds still', async () => {
  const response = await replaced(9)(ask())
  expect([response.status, await response.json()]).toEqual([
    503,
    expect.objectContaining({ reason: 'assets-unavailable' }),
  ])
})
