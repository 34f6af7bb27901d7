// Why a session cannot be had or changed, for whoever asks for one: at /_weir/session, and in the Workers beside.
import type { LeaseOutcome } from '../../shared/session/lease.ts'
import { etagOf, patchTypes, type Unread } from '../../shared/session/request.ts'
import type { SessionChange, SessionOutcome } from '../../shared/session/session.ts'
import type { Problem } from '../problem.ts'
import { sessionUnavailable, sessionUncertain } from './session.ts'

const nothing = 'Nothing was changed.'

/** `error` is a clause about what was sent. */
export const badBody = (error: string): Problem => ({
  status: 400,
  reason: 'bad-body',
  detail: `The body ${error}. ${nothing}`,
})

export const badRequest = (reason: string, detail: string): Problem => ({
  status: 400,
  reason,
  detail: `${detail} ${nothing}`,
})

export const nothingNamed: Problem = {
  status: 400,
  reason: 'no-session-named',
  detail:
    'Say which session you mean: pass on the Weir-Session-Token that came with the request, or the session cookie of the client as Cookie. What was sent is neither, or was not made by this gateway.',
}

export const foreignSession: Problem = {
  status: 403,
  reason: 'foreign-session',
  detail: `The Weir-Session-Token was given to another pool than that of the credential: use the token that your own pool was given. ${nothing}`,
}

export const noSession: Problem = {
  status: 404,
  reason: 'no-session',
  detail:
    'There is no such session, or none any more: it has ended, or goes on under another id. POST /_weir/session begins one.',
}

export const noUser: Problem = {
  status: 409,
  reason: 'no-user',
  detail: 'The session is nobody’s: write the name of its user under the key "user" when somebody logs in.',
}

export const noPrecondition: Problem = {
  status: 428,
  reason: 'precondition-required',
  detail: `A PUT replaces all values: send the ETag of what you have read as If-Match, or If-Match: * if you mean whatever is there. ${nothing}`,
}

export const usersUnavailable: Problem = {
  status: 503,
  reason: 'sessions-unavailable',
  detail: 'The sessions of this user cannot be listed now; ask again.',
  headers: { 'retry-after': '1' },
}

export const notAllEnded: Problem = {
  status: 503,
  reason: 'sessions-not-ended',
  detail:
    'Not all sessions of this user could be ended in time. It goes on by itself; send it again to hear when it is done.',
  headers: { 'retry-after': '5' },
}

export function unreadPatch(unread: Unread): Problem {
  if (unread.because !== 'type') return badBody(unread.detail)
  return {
    status: 415,
    reason: 'patch-type',
    detail: `A PATCH is one of ${patchTypes.join(', ')}; say which in Content-Type. ${nothing}`,
    headers: { 'accept-patch': patchTypes.join(', ') },
  }
}

/** Why a change was not made. */
export function changeProblem(
  outcome: Exclude<SessionOutcome, { kind: 'ok' }> | undefined,
  change: SessionChange['kind'],
): Problem {
  switch (outcome?.kind) {
    case undefined:
      return sessionUncertain
    case 'late':
      return sessionUnavailable
    case 'conflict':
      return changedMeanwhile(outcome.version)
    case 'gone':
      return noSession
    case 'over':
      return {
        status: 409,
        reason: 'session-replaced',
        detail: `The session was ${outcome.because}, and is refused from then on: go by the cookie of the next request. ${nothing}`,
      }
    case 'tooLarge':
      return {
        status: 413,
        reason: 'session-too-large',
        detail: `The session would be ${outcome.bytes} bytes of JSON, more than the ${outcome.maxBytes} of "sessions.maxBytes": keep large things elsewhere, such as under /_weir/state/. ${nothing}`,
      }
    case 'invalid':
      return change === 'jsonPatch'
        ? {
            status: 409,
            reason: 'patch-conflict',
            detail: `The patch does not fit what is there: ${outcome.because}. GET the session, and patch that. ${nothing}`,
          }
        : { status: 422, reason: 'bad-values', detail: `What would be the session ${outcome.because}. ${nothing}` }
    default:
      return outcome satisfies never
  }
}

export const changedMeanwhile = (version: number): Problem => ({
  status: 412,
  reason: 'changed-meanwhile',
  detail: `The session is not what If-Match asks for: GET it, and apply your change to that. ${nothing}`,
  headers: { etag: etagOf(version) },
})

export function leaseProblem(outcome: Exclude<LeaseOutcome, { kind: 'granted' }> | undefined): Problem {
  switch (outcome?.kind) {
    case undefined:
      return sessionUnavailable
    case 'held': {
      const until = new Date(outcome.until).toISOString()
      return {
        status: 409,
        reason: 'lease-held',
        detail: `"${outcome.holder}" has this lease until ${until}: ask again then.`,
        more: { holder: outcome.holder, until },
      }
    }
    case 'tooMany':
      return {
        status: 409,
        reason: 'too-many-leases',
        detail: `${outcome.max} leases of this session are held, and it has no more: give one back.`,
      }
    case 'gone':
      return noSession
    default:
      return outcome satisfies never
  }
}

export const notHeld: Problem = {
  status: 409,
  reason: 'lease-not-held',
  detail: 'This holder does not have this lease, or has it no more. Nothing was changed.',
}
