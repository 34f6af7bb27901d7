// The session after an origin's answer: what it says is to become of the session is done, durably, before the client gets
// the first byte of it; or the client is told that it was not.
import { changesSession } from '../../shared/http/fields.ts'
import { forThisClient } from '../../shared/http/set-cookie.ts'
import { readSaid, type Said } from '../../shared/session/fields.ts'
import type { SessionOutcome, SessionPolicy } from '../../shared/session/session.ts'
import type { Snapshot } from '../../shared/snapshot.ts'
import { deliverProblem } from '../cache/deliver.ts'
import { type Answer, type Forward, type Life, type Refused, refuse } from '../life.ts'
import type { Problem } from '../problem.ts'
import { sessionUnavailable, sessionUncertain } from './session.ts'
import { endedCookie, newSessionId, sessionCookie } from './session-cookie.ts'

/** Does what an answer says of the session, and then has it delivered; or a problem, where that could not be done. */
export async function settled(
  life: Life,
  found: Forward,
  got: Answer,
  deliver: () => Promise<Response>,
): Promise<Response> {
  const isOneClients = life.session !== undefined || changesSession(got.response.headers)
  // Of an answer that nobody reads, or on a route without sessions, nothing is done.
  if (!isOneClients || life.isForStore) return deliver()
  const settling = life.route.session ? settle(life, got) : Promise.resolve(nothingToDo)
  // A client that leaves does not take back what its request has done.
  life.background(settling.catch(() => undefined))
  const settlement = await settling
  if (settlement.kind === 'refused') {
    got.abandon()
    found.stored?.discard()
    return deliverProblem(life, found, settlement.problem)
  }
  const response = await deliver()
  const { cookie } = settlement
  if (cookie !== undefined) response.headers.append('set-cookie', cookie)
  forThisClient(response.headers)
  // What was made without the session is not what the client should go on seeing.
  if (life.session?.kind === 'unavailable') response.headers.set('cache-control', 'no-store')
  return response
}

type Settlement = Refused | { readonly kind: 'settled'; readonly cookie?: string | undefined }

const nothingToDo: Settlement = { kind: 'settled' }

async function settle(life: Life, { response }: Answer): Promise<Settlement> {
  const { route, session } = life
  const said = readSaid(response.headers)
  if (!said.ok) {
    console.warn(`Route ${route.id}: an origin says something of a session that is not understood. ${said.error}`)
    return refuse({ status: 502, reason: 'bad-session-header', detail: `${said.error} Nothing was changed.` })
  }
  const { change, ifVersion, regenerate, destroy } = said.value
  if (change === undefined && !regenerate && !destroy) return nothingToDo
  if (session === undefined) return beginSession(life, said.value)
  if (session.kind === 'unavailable') return refuse(sessionUnavailable)
  const { sessions, now } = life.ports
  if (destroy) return endSession(life, session.id, ifVersion)
  if (!regenerate) return written(life, change && (await sessions.write(session.id, change, ifVersion, now())))
  const id = newSessionId()
  return written(life, await sessions.regenerate(session.id, id, change, ifVersion, now()), id)
}

/** At the first value that is set. A session is made under an id that nobody else has ever had. */
async function beginSession(life: Life, { change, ifVersion, destroy }: Said): Promise<Settlement> {
  const isMeant = change !== undefined && Object.keys(change.values).length > 0 && !destroy
  if (!isMeant) return nothingToDo
  if (ifVersion !== undefined) return refuse(changed(undefined))
  const id = newSessionId()
  const { sessions, now } = life.ports
  return written(life, await sessions.create(id, change.values, policyOf(life.snapshot), now()), id)
}

export function policyOf({ config }: Snapshot): SessionPolicy {
  const { idleSeconds, absoluteSeconds, maxBytes } = config.sessions
  return { idleMs: idleSeconds * 1000, absoluteMs: absoluteSeconds * 1000, maxBytes }
}

/** `id` where the client is to have it from now on. */
async function written(life: Life, outcome: SessionOutcome | undefined, id?: string): Promise<Settlement> {
  if (outcome?.kind !== 'ok') return refuse(problemOf(outcome))
  if (id === undefined) return nothingToDo
  const { ports, target } = life
  return { kind: 'settled', cookie: await sessionCookie(ports.seal, target.scheme, id, outcome.until - ports.now()) }
}

/** Of the version that the origin has seen, where it says so. */
async function endSession({ target, ports }: Life, id: string, ifVersion: number | undefined): Promise<Settlement> {
  const isEnded = await ports.sessions.destroy(id, ports.now(), ifVersion)
  if (isEnded) return { kind: 'settled', cookie: endedCookie(target.scheme) }
  if (isEnded === undefined) return refuse(sessionUncertain)
  return refuse(ifVersion === undefined ? replaced : changed(undefined))
}

function problemOf(outcome: Exclude<SessionOutcome, { kind: 'ok' }> | undefined): Problem {
  switch (outcome?.kind) {
    case undefined:
      return sessionUncertain
    case 'late':
      return sessionUnavailable
    case 'conflict':
      return changed(outcome.version)
    case 'gone':
    case 'over':
      return replaced
    case 'tooLarge':
      return {
        status: 502,
        reason: 'session-too-large',
        detail: `The origin's change would make the session ${outcome.bytes} bytes of JSON, more than the ${outcome.maxBytes} of "sessions.maxBytes". Nothing was changed.`,
      }
    case 'invalid':
      return {
        status: 502,
        reason: 'bad-session-header',
        detail: `The origin's change ${outcome.because}. Nothing was changed.`,
      }
    default:
      return outcome satisfies never
  }
}

const replaced: Problem = {
  status: 409,
  reason: 'session-replaced',
  detail:
    'The session of this request has ended, or was replaced by another, while it was answered; nothing was changed. Send it again.',
}

const changed = (version: number | undefined): Problem => ({
  status: 409,
  reason: 'session-changed',
  detail:
    'The session has changed since it was read, and the origin wanted that not to be; nothing was changed. Send it again.',
  ...(version !== undefined && { more: { version } }),
})
