// A share of the reads that reach an origin goes to another pool too, to see how it fares. Nobody waits for it, nobody
// reads its answer, and it leaves no trace in what is known of any pool.
import { rankRandom } from '../../shared/balance/random.ts'
import type { Life } from '../life.ts'
import { isWebSocketUpgrade } from '../messages.ts'

/** A pool that hangs must not fill the isolate with requests. */
const mostAtOnce = 64
/** When each began. One that takes longer than the platform lets it is over. */
const underWay = new Set<{ readonly since: number }>()
const longestMs = 30_000

/** `pathAndQuery` and `fields` are those that the origin gets. */
export function mirror(life: Life, fields: Headers, pathAndQuery: string): void {
  const { route, method, ports, background, request } = life
  if (route.mirror === undefined || (method !== 'GET' && method !== 'HEAD') || isWebSocketUpgrade(request)) return
  if (ports.random() * 100 >= route.mirror.percent) return
  if (underWay.size >= mostAtOnce) forgetLost(ports.now())
  if (underWay.size >= mostAtOnce) return
  background(send(life, route.mirror.pool, new Headers(fields), pathAndQuery))
}

async function send({ snapshot, method, ports }: Life, name: string, fields: Headers, pathAndQuery: string) {
  const { pool } = snapshot.pools.get(name)!
  const ready = pool.origins.filter(({ state }) => state === 'ready')
  const [chosen = -1] = rankRandom(
    ready.map(({ weight }) => weight),
    ports.random,
  )
  const origin = ready[chosen]
  if (origin === undefined) return
  const own = { since: ports.now() }
  underWay.add(own)
  const { headersMs } = pool.timeouts
  const url = `${origin.url}${pathAndQuery}`
  const { attempt, abandon } = ports.origins.send({ url, method, fields, body: null, headersMs })
  await attempt
  abandon()
  underWay.delete(own)
}

function forgetLost(now: number): void {
  for (const each of underWay) if (now - each.since > longestMs) underWay.delete(each)
}
