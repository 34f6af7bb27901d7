// `npm run shards -- status | move … | spread …`: where the buckets of the orders are, and moves them while the gateway
// serves. It asks the admin API; a move that fails is taken up again, by this or by the gateway itself.
import { setTimeout as pause } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { commandLine, fail } from './terminal.ts'

const usage = `Usage: npm run shards -- status                              how many buckets each shard has
       npm run shards -- move --bucket N --to SHARD          or --account ID: moves one bucket
       npm run shards -- spread [--over SHARDS]              moves all to where they belong over so many shards
       with --url URL of the gateway (http://127.0.0.1:8787) and --token TOKEN (or ADMIN_TOKEN in the environment)`

/** Together they take longer than a move is kept for somebody who is dead. */
const tries = 7
const idleTries = 5
const idlePauseMs = 250

const act = commandLine(usage, readAction)
await act().catch((error: unknown) => fail(error))

function readAction(): () => Promise<void> {
  const text = { type: 'string' } as const
  const options = { url: text, token: text, bucket: text, account: text, to: text, over: text }
  const { values, positionals } = parseArgs({ options, allowPositionals: true })
  const [command, ...more] = positionals
  if (more.length > 0) throw new Error(`One command at a time, not ${positionals.join(' ')}.`)
  const ask = asking(values.url ?? 'http://127.0.0.1:8787', values.token ?? process.env.ADMIN_TOKEN)
  const { account, bucket, to, over } = values
  if (command === 'status') return async () => console.log(JSON.stringify(await ask('GET', ''), undefined, 2))
  if (command === 'move') {
    const named = account === undefined ? { bucket: number('bucket', bucket) } : { account }
    const wanted = { ...named, to: number('to', to) }
    return () => move(ask, wanted)
  }
  if (command === 'spread') {
    const wanted = over === undefined ? {} : { over: number('over', over) }
    return () => spread(ask, wanted)
  }
  throw new Error(command === undefined ? 'Say what to do.' : `There is no command ${command}.`)
}

type Ask = (method: string, path: string, body?: object) => Promise<Record<string, unknown>>

function asking(url: string, token: string | undefined): Ask {
  if (token === undefined) throw new Error('There is no token: give --token TOKEN, or set ADMIN_TOKEN.')
  return async (method, path, body) => {
    for (let tried = 1; ; tried++) {
      const response = await fetch(new URL(`/_weir/api/shards${path}`, url), {
        method,
        headers: { authorization: `Bearer ${token}` },
        ...(body !== undefined && { body: JSON.stringify(body) }),
      }).catch((error: Error) => {
        throw new Error(
          `No gateway answers at ${url}: ${(error.cause as Error | undefined)?.message ?? error.message}.`,
        )
      })
      const answer = (await response.json().catch(() => undefined)) as Record<string, unknown> | undefined
      if (answer === undefined)
        throw new Error(`What answers at ${url} is no gateway: ${response.status}, and no JSON.`)
      if (response.ok) return answer
      // 409: the cron may just end what was begun before.
      if (![409, 503].includes(response.status) || tried === tries) throw new Error(String(answer.detail))
      await pause(1000 * tried)
    }
  }
}

/** Of a bucket that has more rows than one call can copy the next copies on. */
async function move(ask: Ask, wanted: object): Promise<void> {
  for (let rows = 0; ; ) {
    const answer = await ask('POST', '/move', wanted)
    if (typeof answer.rows === 'number') answer.rows = rows += answer.rows
    console.log(JSON.stringify(answer))
    if (answer.kind !== 'under-way') return
  }
}

async function spread(ask: Ask, over: object): Promise<void> {
  let idle = 0
  for (;;) {
    const answer = await ask('POST', '/spread', over)
    const left = Number(answer.left)
    console.log(`${answer.moved} buckets with ${answer.rows} rows moved, ${left} left`)
    idle = answer.moved === 0 && answer.rows === 0 ? idle + 1 : 0
    if (left === 0) return
    if (idle === idleTries) throw new Error(`Somebody else moves the ${left} buckets that are left: try again later.`)
    await pause(idlePauseMs * idle)
  }
}

function number(name: string, text: string | undefined): number {
  if (text === undefined || !/^\d{1,4}$/.test(text)) throw new Error(`--${name} takes a whole number, not ${text}.`)
  return Number(text)
}
