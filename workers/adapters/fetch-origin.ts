// Sends a request to an origin with the platform's fetch, and turns its many ways of failing into values.
import { type Failure, failureOfStatus } from '../../shared/balance/attempt.ts'
import { contentLength } from '../../shared/http/fields.ts'
import type { Attempt, Exchange, OriginPort, OriginRequest } from '../ports.ts'
import { upload } from './upload.ts'

export const fetchOrigin: OriginPort = { send }

function send(request: OriginRequest): Exchange {
  const controller = new AbortController()
  return { attempt: exchange(request, controller), abandon: () => controller.abort() }
}

async function exchange(request: OriginRequest, controller: AbortController): Promise<Attempt> {
  const { url, method, fields, body, headersMs, leftMs } = request
  let timedOut = false
  let timer: number | null = null
  let answered = false
  let clientLeft = false
  const expire = () => {
    timedOut = true
    controller.abort()
  }
  const last = leftMs === undefined ? null : setTimeout(expire, leftMs)
  const clock = {
    stop: () => clearTimeout(timer),
    start() {
      clock.stop()
      if (answered) return
      timer = setTimeout(expire, headersMs)
    },
    clientLeft() {
      clientLeft = true
    },
  }
  clock.start()
  try {
    const response = await fetch(url, {
      method,
      headers: fields,
      body: body instanceof ReadableStream ? upload(body, contentLength(fields), clock) : body,
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
    return { kind: 'failed', failure: timedOut ? 'timeout' : failureOfError(error), clientLeft }
  } finally {
    answered = true
    clock.stop()
    clearTimeout(last)
  }
}

/** workerd says "internal error; reference = …" where the name does not resolve or TLS fails. */
function failureOfError(error: unknown): Failure {
  return error instanceof Error && error.message.startsWith('internal error') ? 'unreachable' : 'connection'
}
