// `npm run shards`, against a gateway that serves.
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { adminToken, startGateway, type TestGateway } from './support/gateway.ts'
import { runProgram } from './support/program.ts'

let gateway: TestGateway

beforeAll(async () => {
  gateway = await startGateway({
    pools: { web: { origins: [{ id: 'a', url: 'http://127.0.0.1:9' }] } },
    routes: [{ id: 'all', path: '/*', pools: ['web'] }],
  })
})
afterAll(() => gateway.close())

const run = (...args: string[]) =>
  runProgram('npm', ['run', '-s', 'shards', '--', ...args, '--url', gateway.url], { env: { ADMIN_TOKEN: adminToken } })

test('buckets are counted, moved, and spread again', async () => {
  const before = JSON.parse((await run('status')).stdout)
  expect(before).toMatchObject({ shards: [{ shard: 'orders-0' }, { shard: 'orders-1' }], moving: [] })
  const moved = JSON.parse((await run('move', '--account', 'ada', '--to', '0')).stdout)
  const back = await run('move', '--bucket', String(moved.bucket), '--to', '1')
  expect(JSON.parse(back.stdout)).toEqual({ bucket: moved.bucket, to: 'orders-1', kind: 'moved', rows: 0 })
  const spread = await run('spread')
  expect(spread.stdout).toMatch(/^[01] buckets with 0 rows moved, 0 left\n$/)
})

test('what cannot be done is said', async () => {
  const wrong = await run('move', '--bucket', '5', '--to', '9')
  expect([wrong.code, wrong.stderr]).toEqual([1, expect.stringContaining('a shard from 0 to 1. Nothing was changed.')])
  expect((await run('shuffle')).stderr).toContain('There is no command shuffle.\nUsage: npm run shards -- status')
})

test('it goes on with what one call cannot move, ends where somebody else moves all, and where no gateway answers', async () => {
  let asked = 0
  let moves = 0
  const busy = createServer(({ url }, response) => {
    if (url?.endsWith('/move')) {
      response.end(++moves === 1 ? '{"kind": "under-way", "rows": 3}' : '{"kind": "moved", "rows": 2}')
      return
    }
    response.statusCode = ++asked === 1 ? 409 : 200
    response.end('{"moved": 0, "rows": 0, "left": 3}')
  }).listen(0, '127.0.0.1')
  await once(busy, 'listening')
  const url = `http://127.0.0.1:${(busy.address() as AddressInfo).port}`
  const spread = await runProgram(process.execPath, ['workers/cli/shards.ts', 'spread', '--url', url, '--token', 't'])
  expect([spread.code, spread.stderr]).toEqual([1, expect.stringContaining('moves the 3 buckets that are left')])
  const move = ['workers/cli/shards.ts', 'move', '--bucket', '1', '--to', '1', '--url', url, '--token', 't']
  const moved = await runProgram(process.execPath, move)
  expect(moved.stdout.split('\n')).toEqual(['{"kind":"under-way","rows":3}', '{"kind":"moved","rows":5}', ''])
  busy.closeAllConnections()
  busy.close()
  await once(busy, 'close')
  const status = await runProgram(process.execPath, ['workers/cli/shards.ts', 'status', '--url', url, '--token', 't'])
  expect([status.code, status.stderr]).toEqual([1, expect.stringContaining(`No gateway answers at ${url}: connect`)])
})
