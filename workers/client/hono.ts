// Sessions in a Hono app of this deployment, as `context.var.session`. The answer goes out when all changes that were begun
// are durable. Where one was refused and the handler has not caught that, the client hears it instead of the answer.
//
//   app.use(session<{ cart: string[] }>(ports))
import type { MiddlewareHandler } from 'hono'
import { problemResponse } from '../problem.ts'
import { type ClientSession, type SessionPorts, SessionRefused, sessionOf } from './session.ts'

/** What an app's handlers get. */
export interface SessionVariables<V extends object> {
  readonly session: ClientSession<V>
}

export function session<V extends object>(ports: SessionPorts): MiddlewareHandler<{ Variables: SessionVariables<V> }> {
  return async function sessionMiddleware(context, next) {
    const own = sessionOf<V>(context.req.raw, ports)
    context.set('session', own)
    await next()
    const unheeded = (await own.settled()) ?? context.error
    const answer = unheeded instanceof SessionRefused ? problemResponse(unheeded.problem) : context.res
    // Hono gives a new answer the fields of the one before.
    context.res = undefined
    context.res = own.passOn(answer)
  }
}
