import { afterEach, describe, expect, it, test, vi } from 'vitest'
import type { BodySink } from '../../workers/ports.ts'
import { relay } from '../../workers/relay.ts'
import {
  bytesOf,
  cutInto,
  difference,
  type Ending,
  joined,
  mostAgain,
  read,
  type Source,
  sourceOf,
} from './support/bytes.ts'

interface HeardSink extends BodySink {
  wanted: boolean
  readonly chunks: Uint8Array[]
  /** What became of it. */
  outcome: 'open' | 'ended' | 'aborted'
}

function hear(): HeardSink {
  const sink: HeardSink = {
    wanted: true,
    chunks: [],
    outcome: 'open',
    write: (chunk) => void sink.chunks.push(chunk.slice()),
    end: async () => {
      sink.outcome = 'ended'
    },
    abort: () => {
      sink.outcome = 'aborted'
    },
  }
  return sink
}

interface Options {
  readonly length?: number
  readonly idleMs?: number
  readonly sink?: BodySink
}

async function start(source: Source, { length, idleMs, sink }: Options) {
  const abandon = vi.fn()
  const relayed = await relay(source.stream, { length, idleMs, sink, abandon })
  return { ...relayed, abandon }
}

afterEach(() => {
  vi.useRealTimers()
})

const large = bytesOf(300_000)
const small = bytesOf(1000)

describe('a whole body reaches client and store, byte for byte', () => {
  test.each<[string, Uint8Array, number[], number | undefined]>([
    ['small, at once', small, [], 1000],
    ['small, in pieces', small, [1, 500], 1000],
    ['small, of unknown length', small, [400], undefined],
    ['a single byte', small.slice(0, 1), [], 1],
    ['empty', new Uint8Array(0), [], 0],
    ['empty, of unknown length', new Uint8Array(0), [], undefined],
    ['at the bound of small ones', bytesOf(65_536), [30_000], 65_536],
    ['just above it', bytesOf(65_537), [65_536], 65_537],
    ['large', large, [100_000, 7, 100_000], 300_000],
    ['large, in one piece', large, [], 300_000],
    ['large, of unknown length', large, [1, 200_000], undefined],
  ])('%s', async (_, bytes, sizes, length) => {
    const sink = hear()
    const pieces = bytes.byteLength === 0 ? [] : cutInto(bytes, ...sizes)
    const { body, done, abandon } = await start(sourceOf(pieces), {
      ...(length !== undefined && { length }),
      idleMs: 5000,
      sink,
    })
    expect(difference(await read(body), bytes)).toBeUndefined()
    await done
    expect(difference(joined(sink.chunks), bytes)).toBeUndefined()
    expect(sink.outcome).toBe('ended')
    expect(abandon).not.toHaveBeenCalled()
  })

  it('without a store', async () => {
    for (const length of [1000, undefined]) {
      const { body, done } = await start(sourceOf([small]), { ...(length !== undefined && { length }) })
      expect(difference(await read(body), small)).toBeUndefined()
      await done
    }
  })

  it('a stated length reaches the client', async () => {
    for (const bytes of [small, large]) {
      const { body } = await start(sourceOf([bytes]), { length: bytes.byteLength })
      const response = new Response(body)
      const served = await new Response(response.body, response).arrayBuffer()
      expect(served.byteLength).toBe(bytes.byteLength)
    }
  })
})

describe('a body that is cut looks cut, to client and store', () => {
  test.each<[string, Uint8Array[], Ending, number | undefined]>([
    ['fails, small', [small.slice(0, 10)], 'failure', 1000],
    ['fails at once', [], 'failure', 1000],
    ['fails, large', cutInto(large, 100_000).slice(0, 1), 'failure', 300_000],
    ['fails, of unknown length', [small], 'failure', undefined],
    ['fails at once, of unknown length', [], 'failure', undefined],
    ['falls silent, small', [small.slice(0, 10)], 'silence', 1000],
    ['falls silent, large', cutInto(large, 100_000).slice(0, 1), 'silence', 300_000],
    ['falls silent, of unknown length', [small], 'silence', undefined],
    ['is silent from the beginning', [], 'silence', 1000],
  ])('%s', async (_, pieces, ending, length) => {
    const sink = hear()
    const { body, done, abandon } = await start(sourceOf(pieces, ending), {
      ...(length !== undefined && { length }),
      idleMs: 50,
      sink,
    })
    await expect(read(body)).rejects.toThrow()
    await done
    expect(sink.outcome).toBe('aborted')
    expect(abandon).toHaveBeenCalledOnce()
  })

  it('ends before its stated length: the client sees it, and the store gets no more than came', async () => {
    const sink = hear()
    const { body, done } = await start(sourceOf([small.slice(0, 10)]), { length: 1000, sink })
    await expect(read(body)).rejects.toThrow()
    await done
    expect(difference(joined(sink.chunks), small.slice(0, 10))).toBeUndefined()
  })
})

/** A source that gives a piece when it is told to. */
function toldSource() {
  let controller!: ReadableByteStreamController
  const stream = new ReadableStream({
    type: 'bytes',
    start(given) {
      controller = given
    },
  })
  return {
    source: { stream, asked: 0, cancelled: undefined },
    say: (bytes: Uint8Array) => controller.enqueue(bytes.slice()),
    end: () => controller.close(),
  }
}

describe('silence', () => {
  it('is counted from one piece to the next', async () => {
    vi.useFakeTimers()
    const { source, say, end } = toldSource()
    const { body, done, abandon } = await start(source, { idleMs: 1000 })
    const received = read(body)
    for (let piece = 0; piece < 5; piece++) {
      await vi.advanceTimersByTimeAsync(900)
      say(small)
    }
    await vi.advanceTimersByTimeAsync(900)
    end()
    expect(difference(await received, joined([small, small, small, small, small]))).toBeUndefined()
    await done
    expect(abandon).not.toHaveBeenCalled()
  })

  it('may last where there is no bound', async () => {
    vi.useFakeTimers()
    const { source, say, end } = toldSource()
    const { body, done } = await start(source, {})
    const received = read(body)
    say(small)
    await vi.advanceTimersByTimeAsync(86_400_000)
    say(small)
    end()
    expect(difference(await received, joined([small, small]))).toBeUndefined()
    await done
  })
})

describe('a client that leaves', () => {
  const leave = async (body: ReadableStream | Uint8Array) => {
    const reader = (body as ReadableStream<Uint8Array>).getReader()
    await reader.read()
    await reader.cancel('The client left.')
  }

  it('ends the exchange where nothing is stored', async () => {
    const source = sourceOf([small], 'again')
    const { body, done, abandon } = await start(source, { idleMs: 5000 })
    await leave(body)
    await done
    expect(source.asked).toBeLessThan(mostAgain)
    expect(abandon).toHaveBeenCalledOnce()
  })

  it.each([300_000, undefined])('does not spoil the entry that is being filled (length %s)', async (length) => {
    const sink = hear()
    const source = sourceOf(cutInto(large, 100, 1000, 100_000))
    const { body, done, abandon } = await start(source, { ...(length !== undefined && { length }), idleMs: 5000, sink })
    await leave(body)
    await done
    expect(difference(joined(sink.chunks), large)).toBeUndefined()
    expect(sink.outcome).toBe('ended')
    expect(abandon).not.toHaveBeenCalled()
  })

  it('ends the exchange where the store gives up too', async () => {
    const sink = hear()
    const source = sourceOf([small], 'again')
    const { body, done, abandon } = await start(source, { idleMs: 5000, sink })
    await leave(body)
    sink.wanted = false
    await done
    expect(source.asked).toBeLessThan(mostAgain)
    expect(sink.outcome).toBe('aborted')
    expect(abandon).toHaveBeenCalledOnce()
  })
})

it('a store that gives up takes nothing from the client', async () => {
  const sink = hear()
  sink.wanted = false
  const { body, done, abandon } = await start(sourceOf(cutInto(large, 100_000)), { length: 300_000, sink })
  expect(difference(await read(body), large)).toBeUndefined()
  await done
  expect(abandon).not.toHaveBeenCalled()
})

it('a client that does not read holds the origin back', async () => {
  const source = sourceOf([large], 'again')
  const { body, done } = await start(source, {})
  const reader = (body as ReadableStream<Uint8Array>).getReader()
  await reader.read()
  const { asked } = source
  // Time in which a relay that reads ahead would have asked for more.
  await scheduler.wait(20)
  expect(source.asked - asked).toBeLessThanOrEqual(1)
  await reader.cancel()
  await done
})
