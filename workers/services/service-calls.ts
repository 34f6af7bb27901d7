// How one service calls another, and a pool's origins a service: by the policy, with an identity that the callee checks at its
// door. What is not allowed is refused there and then, and remembered for the administrator.
import { defaultServices, type ServicesRule } from '../../shared/config/services.ts'
import { contentLength } from '../../shared/http/fields.ts'
import {
  formatIdentity,
  type Identity,
  identityField,
  identityMs,
  isCurrent,
  parseIdentity,
  signedText,
} from '../../shared/services/identity.ts'
import { mayCall } from '../../shared/services/policy.ts'
import type { Refusal } from '../../shared/services/refusal.ts'
import { attemptClock, upload } from '../balance/upload.ts'
import type { RefusalPort } from '../ports/refusal-port.ts'
import type { InnerOrigin, SealPort } from '../ports.ts'
import { type Problem, problemResponse } from '../problem.ts'
import { late } from '../within.ts'

export interface ServiceCalls {
  /** Sends a request in the caller's name: a service, `pool:NAME`, or `admin`, who may call all. At most 30 s, from the last byte sent to the head. */
  call(from: string, to: string, request: Request, callee: InnerOrigin): Promise<Response>
  /** The service `name` behind its door: whoever shows no good identity is refused. It reads the caller in `Weir-Caller`. */
  behindDoor(name: string, service: InnerOrigin): InnerOrigin
}

export interface ServiceCallsPorts {
  readonly seal: SealPort
  readonly refusals: RefusalPort
  /** As it is in force; undefined before there is a configuration. */
  readonly rule: () => Promise<ServicesRule | undefined>
  /** What each service was built to call. */
  readonly own: Readonly<Record<string, readonly string[]>>
  readonly now: () => number
}

const callerField = 'weir-caller'

const patienceMs = 30_000

export function serviceCalls({ seal, refusals, rule, own, now }: ServiceCallsPorts): ServiceCalls {
  const refuse = async (request: Request, caller: string, callee: string, problem: Problem): Promise<Response> => {
    await refusals.record(refusalOf(request, caller, callee, problem.reason, now()))
    return problemResponse(problem)
  }
  return {
    async call(from, to, request, callee) {
      const { policy } = (await rule()) ?? defaultServices
      if (from !== 'admin' && !mayCall(policy, own, from, to)) return refuse(request, from, to, notAllowed(from, to))
      const identity = identityFor(request, from, to, now() + identityMs)
      const shown = formatIdentity(identity, await seal.mac(signedText(identity)))
      const clock = attemptClock(patienceMs)
      const response = await clock.inTime(() => {
        const body = request.body && upload(request.body, contentLength(request.headers), clock)
        const named = new Request(request, body ? { body } : {})
        named.headers.set(identityField, shown)
        return callee(named)
      })
      return response === late ? problemResponse(silent(to)) : response
    },

    behindDoor: (name, service) => async (request, more) => {
      const shown = parseIdentity(request.headers.get(identityField))
      if (shown === undefined) return refuse(request, 'nobody', name, anonymous(name))
      const identity = identityFor(request, shown.caller, name, shown.expires)
      const isGenuine = await seal.isMac(signedText(identity), shown.mac)
      if (!isGenuine || !isCurrent(identity, now())) return refuse(request, 'nobody', name, forged(name))
      const admitted = new Request(request)
      admitted.headers.delete(identityField)
      admitted.headers.set(callerField, shown.caller)
      return service(admitted, more)
    },
  }
}

function identityFor({ method, url }: Request, caller: string, callee: string, expires: number): Identity {
  const { pathname, search } = new URL(url)
  return { caller, callee, method, target: `${pathname}${search}`, expires }
}

export function refusalOf(
  { method, url }: Pick<Request, 'method' | 'url'>,
  caller: string,
  callee: string,
  because: string,
  at: number,
): Refusal {
  return { at, caller, callee, method, path: new URL(url).pathname, because }
}

function notAllowed(from: string, to: string): Problem {
  return {
    status: 403,
    reason: 'service-not-allowed',
    detail: `${from} may not call the service ${to}: "services.policy" of the configuration does not say that it may.`,
  }
}

const anonymous = (name: string): Problem => ({
  status: 403,
  reason: 'service-no-identity',
  detail: `The service ${name} answers those alone who show who they are.`,
})

const forged = (name: string): Problem => ({
  status: 403,
  reason: 'service-identity',
  detail: `What was shown to the service ${name} is no identity for this request, or not any more.`,
})

const silent = (name: string): Problem => ({
  status: 504,
  reason: 'service-timeout',
  detail: `The service ${name} gave no answer within ${patienceMs / 1000} seconds, and may have done what it was asked.`,
})
