// Jobs over HTTP. /_weir/jobs: whoever has a credential has work done, and sees what becomes of it; to watch one job its
// own link is enough, so that a browser may have it. /_weir/api/jobs: the administrator sees all jobs, and what to do
// with the dead ones.
import { type Context, Hono } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import { maxEnvelopeBytes } from '../../shared/jobs/envelope.ts'
import { isOver, type JobStatus, mayKnow } from '../../shared/jobs/journal.ts'
import { statusAlone } from '../../shared/jobs/listing.ts'
import {
  cursorOf,
  parseDropRequest,
  parseJobRequest,
  parseListRequest,
  parseProgress,
  parseReplayRequest,
  type ReplayRequest,
} from '../../shared/jobs/requests.ts'
import { jobPath, mayTellOf, mayWatch, watchLink } from '../job-links.ts'
import { noSuchJob } from '../job-problems.ts'
import type { Changed, Posted, Swept } from '../ports/job-port.ts'
import type { SealPort } from '../ports.ts'
import { noConfiguration, type Problem, problemResponse } from '../problem.ts'
import { type Caller, requireCaller } from './authorise.ts'
import type { GatewayEnvironment, GatewayServices } from './gateway-app.ts'
import { jsonBody } from './json-body.ts'
import { invalid, wrongMethod } from './problems.ts'

/** The path of one: an id that is none names no book. */
const aJob = '/:id{[0-9a-f]{32}}'
const noStore = { 'cache-control': 'no-store' }
/** Beside the payload there is little. */
const maxBodyBytes = maxEnvelopeBytes + 8192
const longestKey = 255
const maxProgressBytes = 8192
const shownDead = 100

/** `/_weir/jobs`. */
export function jobsApi(services: GatewayServices): Hono<GatewayEnvironment> {
  const { jobs, books, seal } = services
  const api = new Hono<GatewayEnvironment>()
  const credential = requireCaller(services)

  /** Who shows the link of a job sees that one job, and no more. */
  const credentialOrLink = async (context: Context<GatewayEnvironment>, next: () => Promise<void>) => {
    const [id, token] = [context.req.param('id') ?? '', context.req.query('token')]
    if (token === undefined) return credential(context, next)
    if (!(await mayWatch(id, token, seal))) return problemResponse(wrongLink)
    context.set('caller', { kind: 'admin' })
    return next()
  }

  api.post(
    '/',
    credential,
    bodyLimit({ maxSize: maxBodyBytes, onError: () => problemResponse(tooLong) }),
    async (context) => {
      const body = await jsonBody(context, '{"type": "report", "payload": {"month": "2026-10"}}')
      if (!body.ok) return problemResponse(body.error)
      const parsed = parseJobRequest(body.value)
      if (!parsed.ok) return problemResponse(invalid('job', parsed.error))
      const key = context.req.header('idempotency-key')
      if (key !== undefined && !/^[!-~](?:[ -~]{0,253}[!-~])?$/.test(key)) return problemResponse(badKey)
      const caller = nameOf(context.var.caller)
      const traceparent = context.req.header('traceparent')
      const posted = await jobs.post({ ...parsed.value, key, caller, traceparent }, context.env.background)
      return postedResponse(posted, seal)
    },
  )

  api.get(aJob, credentialOrLink, async (context) => {
    const found = await books.read(context.req.param('id') ?? '')
    if (found === undefined) return problemResponse(booksAway)
    if (found.kind === 'absent' || !mayKnow(nameOf(context.var.caller), found.job)) return problemResponse(noSuchJob)
    return statusResponse(statusAlone(found.job), context.req.header('if-none-match'))
  })

  api.get(`${aJob}/events`, credentialOrLink, async (context) => {
    const lastEventId = context.req.header('last-event-id') ?? null
    const watched = await books.watch(context.req.param('id') ?? '', nameOf(context.var.caller), lastEventId)
    return watched === undefined ? problemResponse(booksAway) : new Response(watched.body, watched)
  })

  api.delete(aJob, credential, async (context) => {
    return changedResponse(await books.change(context.req.param('id'), nameOf(context.var.caller), 'cancel'))
  })

  api.post(`${aJob}/retry`, credential, async (context) => {
    return changedResponse(await books.change(context.req.param('id'), nameOf(context.var.caller), 'retry'))
  })

  /** Who does the job has been given the link, which is good for this run alone. */
  api.post(
    `${aJob}/progress`,
    bodyLimit({ maxSize: maxProgressBytes, onError: () => problemResponse(tooLong) }),
    async (context) => {
      const id = context.req.param('id') ?? ''
      const { run = '', token = '' } = context.req.query()
      if (!(await mayTellOf(id, run, token, seal))) return problemResponse(wrongRun)
      const body = await jsonBody(context, '{"percent": 40, "note": "page 4 of 10"}')
      if (!body.ok) return problemResponse(body.error)
      const parsed = parseProgress(body.value)
      if (!parsed.ok) return problemResponse(invalid('progress', parsed.error))
      const isHeard = await books.advance(id, Number(run), parsed.value)
      if (isHeard === undefined) return problemResponse(booksAway)
      return isHeard ? new Response(null, { status: 204, headers: noStore }) : problemResponse(runOver)
    },
  )

  api.all('/', () => problemResponse(wrongMethod('Send a job with POST.', 'POST')))
  const uses = 'A job can be read with GET, and cancelled with DELETE.'
  api.all(aJob, () => problemResponse(wrongMethod(uses, 'GET', 'DELETE')))
  api.all(`${aJob}/events`, () => problemResponse(wrongMethod('The events of a job can be read with GET.', 'GET')))
  api.all(`${aJob}/progress`, () => problemResponse(wrongMethod('Progress is told with POST.', 'POST')))
  api.all(`${aJob}/retry`, () => problemResponse(wrongMethod('A job is queued again with POST.', 'POST')))
  return api
}

/** `/_weir/api/jobs`, for the administrator. */
export function jobsAdminApi({ books }: GatewayServices): Hono<GatewayEnvironment> {
  const api = new Hono<GatewayEnvironment>()

  const list = async (context: Context<GatewayEnvironment>, query: Record<string, string>) => {
    const parsed = parseListRequest(query)
    if (!parsed.ok) return problemResponse(invalid('query', parsed.error))
    const { state: states, limit, ...rest } = parsed.value
    const { jobs, isWhole } = await books.list({ ...rest, states, limit })
    const last = jobs.at(-1)
    const next = jobs.length === limit && last !== undefined ? cursorOf(last.createdAt, last.id) : undefined
    return context.json({ jobs, ...(next !== undefined && { next }), ...incomplete(isWhole) }, { headers: noStore })
  }

  const sweep = async (how: 'replay' | 'drop', { dryRun, ...filter }: ReplayRequest) => {
    const swept = await books.sweep(how, { ...filter, limit: shownDead }, dryRun)
    return sweptResponse(how, dryRun, swept)
  }

  api.get('/', (context) => list(context, context.req.query()))
  api.get('/dead', (context) => list(context, { ...context.req.query(), state: 'dead' }))
  api.post(
    '/dead/replay',
    bodyLimit({ maxSize: maxBodyBytes, onError: () => problemResponse(tooLong) }),
    async (context) => {
      const body = await jsonBody(context, '{"type": "report", "dryRun": false}', {})
      if (!body.ok) return problemResponse(body.error)
      const parsed = parseReplayRequest(body.value)
      return parsed.ok ? sweep('replay', parsed.value) : problemResponse(invalid('replay', parsed.error))
    },
  )
  api.delete('/dead', (context) => {
    const parsed = parseDropRequest(context.req.query())
    return parsed.ok ? sweep('drop', parsed.value) : problemResponse(invalid('query', parsed.error))
  })
  api.get(aJob, async (context) => {
    const found = await books.read(context.req.param('id'))
    if (found === undefined) return problemResponse(booksAway)
    return found.kind === 'absent' ? problemResponse(noSuchJob) : context.json(found.job, { headers: noStore })
  })

  api.all('/', () => problemResponse(wrongMethod('Jobs can be listed with GET.', 'GET')))
  const uses =
    'Dead letters can be listed with GET and dropped with DELETE; POST to /_weir/api/jobs/dead/replay queues them again.'
  api.all('/dead', () => problemResponse(wrongMethod(uses, 'GET', 'DELETE')))
  api.all('/dead/replay', () => problemResponse(wrongMethod('Dead letters are queued again with POST.', 'POST')))
  api.all(aJob, () => problemResponse(wrongMethod('A job can be read with GET.', 'GET')))
  return api
}

const nameOf = (caller: Caller): string => (caller.kind === 'admin' ? 'admin' : `pool:${caller.pool}`)

async function postedResponse(posted: Posted, seal: SealPort): Promise<Response> {
  switch (posted.kind) {
    case 'written':
    case 'sent': {
      const { id } = posted
      const watch = await watchLink(id, seal)
      const status = posted.kind === 'written' ? posted.status : { id, state: 'queued' }
      const headers = { ...noStore, location: jobPath(id) }
      return Response.json({ ...status, watch }, { status: 202, headers })
    }
    case 'other':
      return problemResponse({ ...keyReused, headers: { location: jobPath(posted.id) } })
    case 'refused':
      return problemResponse(invalid('job', posted.errors))
    case 'away':
      return problemResponse({
        ...booksAway,
        detail: 'Neither the journal of jobs nor their queue answers: send it again, with an Idempotency-Key.',
      })
    case 'unconfigured':
      return problemResponse(noConfiguration)
    default:
      return posted satisfies never
  }
}

function statusResponse(status: JobStatus, ifNoneMatch: string | undefined): Response {
  const etag = `"${status.changes}"`
  const headers = { ...noStore, etag, ...(!isOver(status) && { 'retry-after': '1' }) }
  const isKnown = ifNoneMatch?.split(',').some((tag) => tag.trim().replace(/^W\//, '') === etag)
  return isKnown === true ? new Response(null, { status: 304, headers }) : Response.json(status, { headers })
}

function changedResponse(changed: Changed | undefined): Response {
  if (changed === undefined) return problemResponse(booksAway)
  switch (changed.kind) {
    case 'absent':
      return problemResponse(noSuchJob)
    case 'refused':
      return problemResponse({
        status: 409,
        reason: 'job-state',
        detail: `The job is ${changed.state}: one that is over cannot be cancelled, and one that is done or under way is not queued again.`,
      })
    case 'changed':
      return Response.json(changed.status, { headers: noStore })
    default:
      return changed satisfies never
  }
}

function sweptResponse(how: 'replay' | 'drop', dryRun: boolean, { count, jobs, hasMore, isWhole }: Swept): Response {
  const done = how === 'replay' ? { replayed: dryRun ? 0 : count } : { dropped: dryRun ? 0 : count }
  const document = { dryRun, matched: count, ...done, jobs, ...(hasMore && { more: true }), ...incomplete(isWhole) }
  return Response.json(document, { headers: noStore })
}

const incomplete = (isWhole: boolean) =>
  isWhole ? {} : { incomplete: 'Some of the books in which jobs are kept did not answer: ask again.' }

const tooLong: Problem = {
  status: 413,
  reason: 'too-large',
  detail: `A job may have ${maxEnvelopeBytes} bytes at most: store the rest elsewhere and name it.`,
}

const badKey: Problem = {
  status: 400,
  reason: 'bad-idempotency-key',
  detail: `An Idempotency-Key has 1 to ${longestKey} characters of printable ASCII, with no space at either end.`,
}

const keyReused: Problem = {
  status: 422,
  reason: 'idempotency-key-reused',
  detail:
    'There is another job of this Idempotency-Key, with another type or payload: see Location, or choose a new key.',
}

const wrongRun: Problem = {
  status: 403,
  reason: 'wrong-link',
  detail: 'The link is not that of a run of this job: take the Weir-Job-Progress of the request as it is.',
}

const runOver: Problem = {
  status: 409,
  reason: 'run-over',
  detail: 'This run is over: the job was cancelled, is done, or is run by another. Stop working on it.',
}

const wrongLink: Problem = {
  status: 403,
  reason: 'wrong-link',
  detail: 'The token is not that of this job: take the "watch" of the answer to the POST as it is.',
}

const booksAway: Problem = {
  status: 503,
  reason: 'jobs-unavailable',
  detail: 'The journal of this job does not answer: ask again in a while.',
  headers: { 'retry-after': '5' },
}
