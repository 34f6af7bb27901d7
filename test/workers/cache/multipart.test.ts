import { expect, it, test } from 'vitest'
import { multipartFraming } from '../../../shared/http/ranges.ts'
import { canPart, partsOf } from '../../../workers/cache/multipart.ts'
import type { StoredResponse } from '../../../workers/ports.ts'
import { holdBackground } from '../support/background.ts'
import { freshHead } from '../support/stored.ts'

const alphabet = new TextEncoder().encode('abcdefghijklmnopqrstuvwxyz')
const ranges = [
  { first: 0, last: 1 },
  { first: 3, last: 3 },
  { first: 10, last: 25 },
]
const framing = multipartFraming(ranges, 26, null, 'x')

/** The alphabet, up to a letter, in pieces of so many bytes. */
function storedIn(piece: number, count = 26): StoredResponse {
  const pieces = Array.from({ length: Math.ceil(count / piece) }, (_, each) =>
    alphabet.slice(each * piece, Math.min((each + 1) * piece, count)),
  )
  const body = async () =>
    new ReadableStream<Uint8Array>({
      pull(controller) {
        const next = pieces.shift()
        if (next === undefined) controller.close()
        else controller.enqueue(next)
      },
    })
  return { kind: 'response', head: freshHead, fields: {}, size: 26, body, discard: () => undefined }
}

async function told(stored: StoredResponse): Promise<string> {
  const held = holdBackground()
  const body = await partsOf(stored, ranges, framing, held.background)
  const text = await new Response(body).text()
  await held.settled()
  return text
}

test.each([1, 2, 3, 4, 11, 26])('the parts, whatever the pieces of the content are: %i bytes', async (piece) => {
  const text = await told(storedIn(piece))
  expect(text.length).toBe(framing.length)
  expect(text.split('\r\n').filter((line) => !/^(?:|--x|--x--|Content-Range.*)$/.test(line))).toEqual([
    'ab',
    'd',
    'klmnopqrstuvwxyz',
  ])
})

it('a content that is cut looks cut', async () => {
  await expect(told(storedIn(5, 20))).rejects.toThrow()
})

it('another order than the content’s own needs all of it in memory', () => {
  const turned = ranges.toReversed()
  expect([canPart(turned, 1_048_576), canPart(turned, 1_048_577), canPart(ranges, 2 ** 40)]).toEqual([
    true,
    false,
    true,
  ])
})
