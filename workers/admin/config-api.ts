// GET and PUT /_weir/api/config: the configuration is read from its primary copy, and replaced as a whole or not
// at all. A writer who sends If-Match does not overwrite what somebody else has put there meanwhile, nor one who sends
// If-None-Match: * what is there at all (RFC 9110 §13.1).
import { Hono } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import { parseConfig } from '../../shared/config/parse.ts'
import { type ConfigurationRecord, publish } from '../configuration.ts'
import { type Problem, problemResponse } from '../problem.ts'
import { within } from '../within.ts'
import type { GatewayEnvironment, GatewayServices } from './gateway-app.ts'
import { databaseAway, invalid, maxBodyBytes, patienceMs, tooLarge, wrongMethod } from './problems.ts'

export function configApi({ configuration, sources, now }: GatewayServices): Hono<GatewayEnvironment> {
  const api = new Hono<GatewayEnvironment>()

  /** The newest record; its absence and a database that does not answer are two things. */
  const newest = () => within(patienceMs, async () => ({ record: await sources.database.read() }))

  api.get('/', async (context) => {
    const found = await newest()
    if (found === undefined) return problemResponse(databaseAway('Nothing was read.'))
    if (found.record === undefined) return problemResponse(nothingYet)
    const headers = { etag: etagOf(found.record), 'cache-control': 'no-store' }
    if (names(weakly(context.req.header('if-none-match')), found.record))
      return new Response(null, { status: 304, headers })
    return Response.json(JSON.parse(found.record.document), { headers })
  })

  api.put(
    '/',
    bodyLimit({ maxSize: maxBodyBytes, onError: () => problemResponse(tooLarge('A configuration')) }),
    async (context) => {
      const parsed = parseConfig(await context.req.text())
      if (!parsed.ok) return problemResponse(invalid('configuration', parsed.error))
      let expected: number | undefined
      const ifMatch = context.req.header('if-match')
      const ifNoneMatch = context.req.header('if-none-match')
      if (ifMatch !== undefined || ifNoneMatch !== undefined) {
        const found = await newest()
        if (found === undefined) return problemResponse(databaseAway('Nothing was changed.'))
        const isThis = ifMatch === undefined || names(ifMatch, found.record)
        if (!isThis || names(weakly(ifNoneMatch), found.record)) return problemResponse(changedMeanwhile(found.record))
        expected = found.record?.version ?? 0
      }
      const document = JSON.stringify(parsed.value.document)
      const added = await within(patienceMs, async () => ({
        record: await sources.database.append(document, expected, now()),
      }))
      if (added === undefined)
        return problemResponse(databaseAway('GET the configuration to see whether it was changed.'))
      const { record } = added
      if (record === undefined) return problemResponse(changedMeanwhile(undefined))
      configuration.adopt(record)
      const published = await publish(sources, patienceMs)
      return Response.json(
        { version: record.version, published, warnings: parsed.value.warnings },
        { headers: { etag: etagOf(record) } },
      )
    },
  )

  const use = 'The configuration can be read with GET and replaced with PUT.'
  api.all('/', () => problemResponse(wrongMethod(use, 'GET', 'PUT')))
  return api
}

const etagOf = ({ version }: ConfigurationRecord): string => `"${version}"`

/** Whether a list of entity tags names this record, compared strongly; `*` names any that exists. */
function names(list: string | undefined, record: ConfigurationRecord | undefined): boolean {
  if (list === undefined || record === undefined) return false
  return list.trim() === '*' || list.split(',').some((tag) => tag.trim() === etagOf(record))
}

/** Of If-None-Match, which compares weakly (RFC 9110 §13.1.2). */
const weakly = (list: string | undefined): string | undefined => list?.replaceAll('W/"', '"')

const nothingYet: Problem = {
  status: 404,
  reason: 'no-configuration',
  detail: 'There is no configuration yet: PUT one here.',
}

function changedMeanwhile(record: ConfigurationRecord | undefined): Problem {
  return {
    status: 412,
    reason: 'changed-meanwhile',
    detail:
      'The configuration is not what If-Match or If-None-Match ask for: GET it, and apply your change to that one.',
    ...(record && { headers: { etag: etagOf(record) } }),
  }
}
