// A bucket of several pages goes from one shard to another, and both are lost on the way.
import { applyD1Migrations, evictDurableObject, runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { beforeAll, expect, it, vi } from 'vitest'
import { defaultState, namespaceRule } from '../../../shared/config/state.ts'
import { shardName } from '../../../shared/key.ts'
import type { Operation, Reply } from '../../../shared/state/operation.ts'
import { bucketOf, ownerOf } from '../../../shared/state/place.ts'
import { objectState } from '../../../workers/adapters/object-state.ts'
import type { StateShardObject } from '../../../workers/env.ts'

const layouts = {
  four: { shards: 4, version: 1 },
  seven: { shards: 7, version: 2 },
  fourAgain: { shards: 4, version: 3 },
}
type Layout = (typeof layouts)['four']

const rule = namespaceRule(defaultState, 'n')
const state = objectState(env.STATE, Date.now)

/** A bucket that is another shard's with seven of them, and keys of it. */
const bucket = Array.from({ length: 4096 }, (_, each) => each).find((each) => ownerOf(each, 4) !== ownerOf(each, 7))!
const keys: string[] = []
for (let index = 0; keys.length < 9; index++) if (bucketOf('n', `k${index}`) === bucket) keys.push(`k${index}`)

const from = () => env.STATE.getByName(shardName(ownerOf(bucket, 4)))
const to = () => env.STATE.getByName(shardName(ownerOf(bucket, 7)))

/** With all that it was doing. */
const lose = (shard: () => DurableObjectStub<StateShardObject>) =>
  runInDurableObject(shard(), (_, context) => context.abort('lost, for a test')).catch(() => undefined)

beforeAll(() => applyD1Migrations(env.DB, env.MIGRATIONS))

const ask = (operation: object, layout: Layout) =>
  state.apply({ namespace: 'n', write: 'behind', ...operation } as Operation, rule, layout) as Promise<Reply>

/** Three keys fill a page. */
const longText = (key: string, version: string) => `${version} ${key} `.padEnd(200_000, '.')
const put = (key: string, version: string, layout: Layout) =>
  ask(
    { kind: 'put', key, content: { type: 'text/plain', bytes: new TextEncoder().encode(longText(key, version)) } },
    layout,
  )

async function expectAll(version: string, layout: Layout): Promise<void> {
  for (const key of keys) {
    const reply = await ask({ kind: 'read', key }, layout)
    expect(reply.kind === 'found' && new TextDecoder().decode(reply.content.bytes)).toBe(longText(key, version))
  }
}

const unsaved = async () => (await to().report(layouts.seven)).unsaved.keys

// The alarms ring when the test says so.
beforeAll(() => env.DB.exec('ALTER TABLE state RENAME TO away'))

it('goes on after both were lost in the middle of it, keeps versions, leases and what D1 is to have, and comes back', async () => {
  vi.spyOn(console, 'warn').mockReturnValue()
  for (const key of keys) await put(key, 'first', layouts.four)
  const leased = await ask({ kind: 'lease', key: keys[0], holder: 'me', seconds: 600 }, layouts.four)
  // Of which D1 hears nothing: what it is to have does not say how far the versions had come.
  const removed = await ask({ kind: 'remove', key: keys[8], write: 'none' }, layouts.four)
  // Everybody asks the new shard at once, and one of the two is lost; then the same with the other.
  for (const shard of [to, from]) {
    const reading = Promise.allSettled(keys.slice(0, 8).map((key) => ask({ kind: 'read', key }, layouts.seven)))
    await lose(shard)
    await reading
  }
  const again = await put(keys[8]!, 'first', layouts.seven)
  expect('version' in again && 'version' in removed && again.version! > removed.version!).toBe(true)
  await expectAll('first', layouts.seven)
  await evictDurableObject(from())
  // Whoever still goes by the old layout finds it too.
  await expectAll('first', layouts.four)
  expect(await ask({ kind: 'lease', key: keys[0], holder: 'you', seconds: 5 }, layouts.four)).toMatchObject({
    because: 'held',
  })
  const { token } = leased as Extract<Reply, { kind: 'leased' }>
  expect(await ask({ kind: 'lease', key: keys[0], holder: 'me', seconds: 5 }, layouts.seven)).toMatchObject({ token })
  expect(await unsaved()).toBe(9)
  await vi.waitFor(async () => expect((await from().report(layouts.seven)).keys).toBe(0))
  for (const key of keys) await put(key, 'second', layouts.seven)
  await expectAll('second', layouts.fourAgain)
  expect((await from().report(layouts.fourAgain)).keys).toBe(9)
  await runDurableObjectAlarm(to())
  await vi.waitFor(async () => expect((await to().report(layouts.fourAgain)).keys).toBe(0))
}, 20_000)
