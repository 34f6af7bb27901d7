// Sends a request to an origin with the platform's fetch, and turns its many ways of failing into values.
import { type Failure, failureOfStatus } from '../../shared/balance/attempt.ts'
import type { Attempt, OriginPort, OriginRequest } from '../ports.ts'

export const fetchOrigin: OriginPort = { send }

async function send(request: OriginRequest): Promise<Attempt> {
  const controller = new AbortController()
  let timedOut = false
  const timer = setTimeout(() => {
    timedOut = true
    controller.abort()
  }, request.headersMs)
  try {
    const response = await fetch(request.url, {
      method: request.method,
      headers: request.fields,
      body: request.body,
      redirect: 'manual',
      signal: controller.signal,
      // Coded bytes pass as they came, also where we read them.
      encodeResponseBody: 'manual',
    })
    const failure = failureOfStatus(response.status)
    if (failure === undefined || response.webSocket) {
      return { kind: 'answer', response, abandon: () => controller.abort() }
    }
    controller.abort()
    return { kind: 'failed', failure }
  } catch (error) {
    return { kind: 'failed', failure: timedOut ? 'timeout' : failureOfError(error) }
  } finally {
    clearTimeout(timer)
  }
}

/** workerd says "internal error; reference = …" where the name does not resolve or TLS fails. */
function failureOfError(error: unknown): Failure {
  return error instanceof Error && error.message.startsWith('internal error') ? 'unreachable' : 'connection'
}
