// The shards of the shared state on the wire: their number changes under load, and in the middle of it the gateway is
// started anew. Nothing is lost, and no addition counts twice or not at all.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { bucketOf, ownerOf } from '../../shared/state/place.ts'
import { type LocalGateway, startLocalGateway } from '../../workers/cli/local-gateway.ts'
import { adminToken } from './support/gateway.ts'

const authorization = { authorization: `Bearer ${adminToken}` }
const configuration = (shards: number) => ({
  pools: { web: { origins: [{ url: 'http://127.0.0.1:9' }] } },
  routes: [{ path: '/*', pools: ['web'] }],
  state: { shards },
})

const folder = mkdtempSync(join(tmpdir(), 'weir-state-'))
const keys = Array.from({ length: 100 }, (_, index) => `key ${index}`)
/** How much was added to each, as far as the gateway has said so. */
const added = new Map(keys.map((key) => [key, 0]))

let gateway: LocalGateway

const start = (shards: number) =>
  startLocalGateway({ document: JSON.stringify(configuration(shards)), port: 0, adminToken, stateFolder: folder })

beforeAll(async () => {
  gateway = await start(4)
})

afterAll(async () => {
  await gateway?.close()
  rmSync(folder, { recursive: true, force: true })
})

const ask = (path: string, init: RequestInit = {}) =>
  fetch(`${gateway.url}/_weir/${path}`, { ...init, headers: authorization })

async function add(key: string): Promise<void> {
  const response = await ask(`state/counts/${key}`, { method: 'POST', body: '{"add": 1}' })
  const text = await response.text()
  expect(`${response.status} ${text}`).toMatch(/^200 /)
  // Nobody else adds to this key at the same time: what is lost or counted twice shows at once.
  const count = added.get(key)! + 1
  expect(JSON.parse(text).value).toBe(count)
  added.set(key, count)
}

/** Several clients, each with keys of its own, until `work` has ended; everybody has added to each key at least once. */
async function underLoad(work: () => Promise<void>): Promise<void> {
  let isOver = false
  const clients = Array.from({ length: 10 }, async (_, client) => {
    const own = keys.filter((_, index) => index % 10 === client)
    do for (const key of own) await add(key)
    while (!isOver)
  })
  await work()
  isOver = true
  await Promise.all(clients)
}

const configure = async (shards: number) => {
  const put = await ask('api/config', { method: 'PUT', body: JSON.stringify(configuration(shards)) })
  expect(put.status).toBe(200)
}

interface Shards {
  readonly moving: number
  readonly list: readonly { readonly shard: number; readonly keys: number }[]
}

const shards = async () => (await (await ask('api/state')).json()) as Shards

/** How many keys lie where, once nothing is on its way any more. */
async function settled(count: number): Promise<number[]> {
  for (;;) {
    const { moving, list } = await shards()
    if (moving === 0 && list.length === count) return list.map((each) => each.keys)
    await new Promise((resolve) => setTimeout(resolve, 300))
  }
}

const expectedKeys = (count: number) =>
  Array.from(
    { length: count },
    (_, shard) => keys.filter((key) => ownerOf(bucketOf('counts', key), count) === shard).length,
  )

async function expectAll(): Promise<void> {
  const found = await Promise.all(
    keys.map(async (key) => [key, Number(await (await ask(`state/counts/${key}`)).text())]),
  )
  expect(found).toEqual([...added])
}

it('are four, then seven, under load: no key and no addition is lost, and the keys lie where they belong', async () => {
  await underLoad(async () => undefined)
  expect(await settled(4)).toEqual(expectedKeys(4))
  await underLoad(() => configure(7))
  await expectAll()
  expect(await settled(7)).toEqual(expectedKeys(7))
})

it('go on with a move after the gateway was started anew in the middle of it', async () => {
  await configure(3)
  // Some have moved, others have not.
  await Promise.all(keys.slice(0, 20).map(add))
  await gateway.close()
  gateway = await start(3)
  await expectAll()
  await underLoad(async () => undefined)
  expect(await settled(3)).toEqual(expectedKeys(3))
})

it('are seven again, then four: what nobody asks for is handed over as well', async () => {
  await configure(7)
  await add(keys[0]!)
  expect(await settled(7)).toEqual(expectedKeys(7))
  await underLoad(() => configure(4))
  expect(await settled(4)).toEqual(expectedKeys(4))
  await expectAll()
})
