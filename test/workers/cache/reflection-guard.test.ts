import { beforeEach, describe, expect, it, test } from 'vitest'
import { decoderFor } from '../../../workers/adapters/decoder.ts'
import { reflectionGuard } from '../../../workers/cache/reflection-guard.ts'
import type { BodySink } from '../../../workers/ports.ts'
import { bytesOf, cutInto, difference, joined } from '../support/bytes.ts'

interface Kept extends BodySink {
  wanted: boolean
  readonly chunks: Uint8Array[]
  /** What became of it. */
  outcome: 'open' | 'ended' | 'aborted'
}

let inner: Kept

beforeEach(() => {
  inner = keep()
})

function keep(): Kept {
  const sink: Kept = {
    wanted: true,
    chunks: [],
    outcome: 'open',
    write: (chunk) => void sink.chunks.push(chunk),
    end: async () => {
      sink.outcome = 'ended'
    },
    abort: () => {
      sink.wanted = false
      if (sink.outcome === 'open') sink.outcome = 'aborted'
    },
  }
  return sink
}

const text = (content: string) => new TextEncoder().encode(content)

/** Sends a body in pieces through a guard to the end. */
async function send(pieces: readonly Uint8Array[], values = [needle], coding: string | null = null) {
  const guard = reflectionGuard(inner, { values, decoderFor }, coding)
  for (const piece of pieces) guard.write(piece)
  await guard.end()
  return guard
}

async function coded(bytes: Uint8Array, coding: 'gzip' | 'deflate'): Promise<Uint8Array> {
  const stream = new Response(bytes).body!.pipeThrough(new CompressionStream(coding))
  return new Uint8Array(await new Response(stream).arrayBuffer())
}

const fromBase64 = (content: string) => Uint8Array.from(atob(content), (character) => character.charCodeAt(0))

const needle = 'evilexample'
const echoes = { values: [needle], decoderFor }
const large = bytesOf(200_000)

it('is not there where there is nothing to look for', () => {
  expect(reflectionGuard(inner, { values: [], decoderFor }, 'gzip')).toBe(inner)
})

describe('what is innocent reaches the store, byte for byte', () => {
  test.each<[string, Uint8Array[]]>([
    ['in one piece', [large]],
    ['in pieces', cutInto(large, 1, 70_000, 2, 65_536)],
    ['with empty pieces', [new Uint8Array(0), large, new Uint8Array(0)]],
    ['empty', []],
    ['with almost that', [text('evil.exampl; '), text('some evil.exampl'), text(' or so')]],
  ])('%s', async (_, pieces) => {
    await send(pieces, [needle])
    expect(inner.outcome).toBe('ended')
    expect(difference(joined(inner.chunks), joined(pieces))).toBeUndefined()
  })
})

describe('what says one of the values again is not stored', () => {
  test.each([[['not evil.example.']], [['x evil', '.example x']], [['x', 'EVIL%2e', '', 'example']]])(
    '%j',
    async (pieces) => {
      const guard = await send(pieces.map(text), ['somethingelse', needle])
      expect([inner.outcome, guard.wanted]).toEqual(['aborted', false])
    },
  )

  it('at once, and nothing more is taken', async () => {
    const guard = reflectionGuard(inner, echoes, null)
    guard.write(text('before '))
    expect(guard.wanted).toBe(true)
    guard.write(text('evil.example'))
    expect([inner.outcome, guard.wanted]).toEqual(['aborted', false])
    guard.write(text('behind'))
    await guard.end()
    expect(inner.chunks).toHaveLength(1)
    expect(inner.outcome).toBe('aborted')
  })
})

describe('a body in a coding is searched decoded', () => {
  const innocent = text(`${'Nothing to see here. '.repeat(20_000)}evil.exampl`)
  const guilty = text(`${'Nothing to see here. '.repeat(20_000)}evil.example`)

  describe.each(['gzip', 'deflate'] as const)('%s', (coding) => {
    test.each([1, 7, 1000, 1_000_000])('in pieces of %i', async (size) => {
      for (const [body, outcome] of [
        [innocent, 'ended'],
        [guilty, 'aborted'],
      ] as const) {
        inner = keep()
        const bytes = await coded(body, coding)
        const pieces = cutInto(bytes, ...Array.from({ length: Math.floor(bytes.byteLength / size) }, () => size))
        await send(pieces, [needle], coding)
        expect(inner.outcome).toBe(outcome)
        if (outcome === 'ended') expect(difference(joined(inner.chunks), bytes)).toBeUndefined()
      }
    })
  })

  // "one thing evil.example another"
  const br = fromBase64('Gx0A8I3UVndzJtVsbm92sswlLQvZpJUqc6i0aE/ZCA==')
  const zstd = fromBase64('KLUv/SAe8QAAb25lIHRoaW5nIGV2aWwuZXhhbXBsZSBhbm90aGVy')

  test.each<[string, Uint8Array, string]>([
    ['brotli', br, 'br'],
    ['Zstandard', zstd, 'zstd'],
    ['in capitals', br, ' BR '],
  ])('%s', async (_, bytes, coding) => {
    await send([bytes], [needle], coding)
    expect(inner.outcome).toBe('aborted')
    inner = keep()
    await send([bytes], ['somethingelse'], coding)
    expect(inner.outcome).toBe('ended')
  })

  it('gzip by its old name', async () => {
    await send([await coded(guilty, 'gzip')], [needle], 'x-gzip')
    expect(inner.outcome).toBe('aborted')
  })

  it('gzip of several members', async () => {
    const members = joined([await coded(innocent, 'gzip'), await coded(text('evil.example'), 'gzip')])
    await send([members], [needle], 'gzip')
    expect(inner.outcome).toBe('aborted')
  })

  it('identity is none', async () => {
    await send([innocent], [needle], 'identity')
    expect(inner.outcome).toBe('ended')
  })

  it('an empty body has none', async () => {
    await send([], [needle], 'gzip')
    expect(inner.outcome).toBe('ended')
  })

  test.each<[string, string, (bytes: Uint8Array) => Uint8Array]>([
    ['was cut', 'gzip', (bytes) => bytes.slice(0, -10)],
    ['goes on', 'gzip', (bytes) => joined([bytes, text('evil.example')])],
    ['is another', 'deflate', (bytes) => bytes],
    ['is none', 'gzip', () => innocent],
    ['nobody knows', 'compress', (bytes) => bytes],
    ['is two', 'gzip, gzip', (bytes) => bytes],
  ])('one that %s misleads nobody, and is stored', async (_, coding, change) => {
    const bytes = change(await coded(innocent, 'gzip'))
    for (const pieces of [[bytes], cutInto(bytes, ...Array.from({ length: 100 }, () => 10))]) {
      inner = keep()
      await send(pieces, [needle], coding)
      expect(inner.outcome).toBe('ended')
      expect(difference(joined(inner.chunks), bytes)).toBeUndefined()
    }
  })
})

describe('bombs', () => {
  // 64 MiB of nothing.
  const brotliBomb = fromBase64(
    'y///P/gnAOKxQCD3/o///3/wTwDEYRGA7v0f////4J8AiMMCAN37P/7//8E/ARCHBQC693/8//+DfwIgDgsAdO//+P//B/8EQBwWAOje' +
      '//H//w/+CYA4LADQvf/L//8//BMAcVgAoHv/Bw==',
  )

  it('one of gzip is not stored', async () => {
    const bomb = await coded(new Uint8Array(64 * 1024 * 1024), 'gzip')
    await send([bomb], [needle], 'gzip')
    expect(inner.outcome).toBe('aborted')
  })

  it('nor one of brotli, which a few bytes make', async () => {
    const guard = reflectionGuard(inner, echoes, 'br')
    guard.write(brotliBomb.slice(0, 20))
    expect(guard.wanted).toBe(true)
    guard.write(brotliBomb.slice(20))
    await guard.end()
    expect(inner.outcome).toBe('aborted')
  })

  it('what is merely large is', async () => {
    await send([await coded(new Uint8Array(30 * 1024 * 1024), 'gzip')], [needle], 'gzip')
    expect(inner.outcome).toBe('ended')
  })
})

describe('the store behind', () => {
  test.each([null, 'gzip'])('that gives up is not wanted any more (coding %s)', async (coding) => {
    const guard = reflectionGuard(inner, echoes, coding)
    inner.wanted = false
    expect(guard.wanted).toBe(false)
    guard.write(await coded(text('innocent'), 'gzip'))
    await guard.end()
  })

  test.each([null, 'gzip'])('gets nothing more once the body was cut (coding %s)', async (coding) => {
    const guard = reflectionGuard(inner, echoes, coding)
    guard.write(await coded(text('innocent'), 'gzip'))
    guard.abort()
    guard.abort()
    expect([inner.outcome, guard.wanted]).toEqual(['aborted', false])
    guard.write(text('more'))
    await guard.end()
    expect(inner.outcome).toBe('aborted')
  })
})
