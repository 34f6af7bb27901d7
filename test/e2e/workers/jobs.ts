// Weir with a queue and books that can be made to fail, and a queue that delivers some messages twice. `/_test` says which:
// `queue` and `books` are `well` or `away`; a message with `"twice": true` in its payload is sent twice. `/_test/message`
// puts a message into the queue as it is; `/_test/post` sends each job of a list to /_weir/jobs in the name of who asks;
// `/_test/watches` tells how often books were asked by who watches.
import weir, { JobBook as WeirJobBook } from '../../../workers/index.ts'

export * from '../../../workers/index.ts'

type Fetch = Parameters<typeof weir.fetch>
type Env = Fetch[1]

let away = { queue: false, books: false }

const isDoubled = ({ body }: MessageSendRequest) =>
  (body as { readonly payload?: { readonly twice?: boolean } } | null)?.payload?.twice === true

function watched(queue: Queue): Queue {
  const fail = () => {
    if (away.queue) throw new Error('The queue is away, for a test.')
  }
  return {
    metrics: () => queue.metrics(),
    send(...given) {
      fail()
      return queue.send(...given)
    },
    sendBatch(messages, options) {
      fail()
      const all = [...messages]
      return queue.sendBatch([...all, ...all.filter(isDoubled)], options)
    },
  }
}

function reachable(books: Env['JOB_BOOKS']): Env['JOB_BOOKS'] {
  return {
    getByName(name) {
      if (away.books) throw new Error('The books are away, for a test.')
      return books.getByName(name)
    },
  }
}

const testEnv = (env: Env): Env => ({ ...env, JOBS: watched(env.JOBS), JOB_BOOKS: reachable(env.JOB_BOOKS) })

/** How often who watches has asked a book. */
let watches = 0

export class JobBook extends WeirJobBook {
  constructor(context: DurableObjectState, env: Env) {
    super(context, testEnv(env))
  }

  override watch(id: string, since: number) {
    watches++
    return super.watch(id, since)
  }
}

let env: Env | undefined

/** The adapters are made once, and keep what they are given first. */
function boundOnce(given: Env): Env {
  env ??= testEnv(given)
  return env
}

const postedAtOnce = 20

/** How many were taken. */
async function postAll(request: Request, given: Env, context: ExecutionContext): Promise<number> {
  const waiting = await request.json<unknown[]>()
  let taken = 0
  const post = async () => {
    for (let job = waiting.shift(); job !== undefined; job = waiting.shift()) {
      const [headers, body] = [request.headers, JSON.stringify(job)]
      const each = new Request(new URL('/_weir/jobs', request.url), { method: 'POST', headers, body })
      const { status } = await weir.fetch(each as unknown as Fetch[0], given, context)
      if (status === 202) taken++
    }
  }
  await Promise.all(Array.from({ length: postedAtOnce }, post))
  return taken
}

async function control(request: Request, given: Env, context: ExecutionContext): Promise<Response> {
  const { pathname, searchParams } = new URL(request.url)
  if (pathname === '/_test/watches') return new Response(String(watches))
  if (pathname === '/_test/post') return Response.json(await postAll(request, boundOnce(given), context))
  if (pathname === '/_test/message') await given.JOBS.send(await request.json(), { contentType: 'json' })
  else away = { queue: searchParams.get('queue') === 'away', books: searchParams.get('books') === 'away' }
  return new Response()
}

export default {
  ...weir,
  fetch(...[request, given, context]: Fetch) {
    if (new URL(request.url).pathname.startsWith('/_test'))
      return control(request as unknown as Request, given, context)
    return weir.fetch(request, boundOnce(given), context)
  },
  queue(batch: MessageBatch, given: Env, context: ExecutionContext) {
    return weir.queue(batch, boundOnce(given), context)
  },
}
