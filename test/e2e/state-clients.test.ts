// Many clients at once, and what they have seen against what one after the other would have seen.
import { describe, expect, test } from 'vitest'
import type { Operation, Reply } from '../../shared/state/operation.ts'
import { startGateway } from './support/gateway.ts'
import { contradictions, type Event } from './workers/history.ts'
import type { ClientsReport } from './workers/many-clients.ts'

const pools = { web: { origins: [{ url: 'http://127.0.0.1:9' }] } }
const routes = [{ path: '/*', pools: ['web'] }]

test.each([
  ['', '4,4,4,4,4'],
  [' and while the shards change', '4,7,2,5,3'],
])(
  '4,000 operations of 200 clients on 40 keys, with lost objects in between%s, are those of the model',
  { timeout: 120_000 },
  async (_, shards) => {
    const gateway = await startGateway({ pools, routes }, 'test/e2e/workers/many-clients.ts')
    try {
      const answer = await fetch(`${gateway.url}/_clients?shards=${shards}`)
      const { operations, answers, wrong } = (await answer.json()) as ClientsReport
      expect(wrong).toEqual([])
      expect(operations).toBe(4000)
      for (const kind of ['found', 'absent', 'written', 'removed', 'counted', 'changed'])
        expect(answers[kind], kind).toBeGreaterThan(100)
    } finally {
      await gateway.close()
    }
  },
)

describe('the check of histories finds', () => {
  const content = (text: string) => ({ type: 'text/plain', bytes: new TextEncoder().encode(text) })
  const named = { namespace: 'n', key: 'k', write: 'none' } as const
  const put = (text: string): Operation => ({ ...named, kind: 'put', content: content(text) })
  const written = (version: number, created: boolean): Reply => ({ kind: 'written', version, created })
  const found = (version: number, text: string): Reply => ({ kind: 'found', version, content: content(text) })
  const reads = (reply: Reply, began: number, ended: number): Event => ({
    operation: { ...named, kind: 'read' },
    reply,
    began,
    ended,
  })
  const first: Event = { operation: put('1'), reply: written(1, true), began: 1, ended: 2 }
  const next: Event = { operation: put('2'), reply: written(2, false), began: 3, ended: 6 }

  test.each<[string, Event[], number]>([
    ['nothing where nothing is wrong', [first, next, reads(found(1, '1'), 4, 5), reads(found(2, '2'), 7, 8)], 0],
    ['a stale read', [first, next, reads(found(1, '1'), 7, 8)], 1],
    ['a read of what was not there yet', [first, reads(found(2, '2'), 1.5, 2.5), next], 1],
    [
      'a read that goes back behind another',
      [first, next, reads(found(2, '2'), 3.1, 3.2), reads(found(1, '1'), 4, 5)],
      1,
    ],
    ['a lost update', [first, { ...next, reply: written(2, true) }], 1],
    ['what nobody has written', [first, reads(found(1, 'x'), 3, 4)], 1],
    ['an absence behind a write', [first, reads({ kind: 'absent' }, 3, 4)], 1],
    ['a version that came twice', [first, { ...next, reply: written(1, false) }], 1],
  ])('%s', (_, history, count) => expect(contradictions(history).length > 0 ? 1 : 0).toBe(count))
})
