// Sends a request to an origin with the platform's fetch, and turns its many ways of failing into values.
import { type Failure, failureOfStatus } from '../../shared/balance/attempt.ts'
import { contentLength } from '../../shared/http/fields.ts'
import { attemptClock, upload } from '../balance/upload.ts'
import type { Attempt, Exchange, OriginPort, OriginRequest } from '../ports.ts'
import { late } from '../within.ts'

export const fetchOrigin: OriginPort = { send }

function send(request: OriginRequest): Exchange {
  const controller = new AbortController()
  return { attempt: exchange(request, controller), abandon: () => controller.abort() }
}

async function exchange(request: OriginRequest, controller: AbortController): Promise<Attempt> {
  const { url, method, fields, body, headersMs, leftMs } = request
  const clock = attemptClock(headersMs, leftMs)
  try {
    const response = await clock.inTime(() =>
      fetch(url, {
        method,
        headers: fields,
        body: body instanceof ReadableStream ? upload(body, contentLength(fields), clock) : body,
        redirect: 'manual',
        signal: controller.signal,
        // Coded bytes pass as they came, also where we read them.
        encodeResponseBody: 'manual',
      }),
    )
    if (response === late) {
      controller.abort()
      return { kind: 'failed', failure: 'timeout', clientLeft: clock.hasClientLeft }
    }
    const failure = failureOfStatus(response.status)
    if (failure === undefined || response.webSocket) {
      return { kind: 'answer', response, abandon: () => controller.abort() }
    }
    controller.abort()
    return { kind: 'failed', failure }
  } catch (error) {
    return { kind: 'failed', failure: failureOfError(error), clientLeft: clock.hasClientLeft }
  }
}

/** workerd says "internal error; reference = …" where the name does not resolve or TLS fails. */
function failureOfError(error: unknown): Failure {
  return error instanceof Error && error.message.startsWith('internal error') ? 'unreachable' : 'connection'
}
