import { describe, expect, test } from 'vitest'
import {
  type Failure,
  failureOfStatus,
  isUnwell,
  mayRetry,
  proxyError,
  statusOfFailure,
} from '../../../shared/balance/attempt.ts'

describe('a status that is no answer of an origin', () => {
  test.each<[string, number, Failure | undefined]>([
    ['RFC 9110 §15.3: success', 200, undefined],
    ['RFC 9110 §15.4: redirection', 302, undefined],
    ['RFC 9110 §15.5: the client’s error', 404, undefined],
    ['RFC 9110 §15.6: the origin’s own error', 500, undefined],
    ['RFC 9110 §15.6: the origin’s own 502', 502, undefined],
    ['RFC 9110 §15.6: the origin’s own 503', 503, undefined],
    ['RFC 9110 §15.6: the origin’s own 504', 504, undefined],
    ['RFC 9110 §15: the greatest', 599, undefined],
    ['RFC 9110 §15.2: an interim one as the last', 103, 'protocol'],
    ['RFC 9110 §15: below all classes', 99, 'protocol'],
    ['RFC 9110 §15: beyond all classes', 999, 'protocol'],
    ['Cloudflare: unknown error', 520, 'connection'],
    ['Cloudflare: server is down', 521, 'connection'],
    ['Cloudflare: connection timed out', 522, 'timeout'],
    ['Cloudflare: unreachable', 523, 'unreachable'],
    ['Cloudflare: a timeout', 524, 'timeout'],
    ['Cloudflare: TLS handshake', 525, 'unreachable'],
    ['Cloudflare: certificate', 526, 'unreachable'],
    ['Cloudflare: name resolution', 530, 'unreachable'],
  ])('%s: %i', (_, status, verdict) => expect(failureOfStatus(status)).toBe(verdict))
})

describe('what the client is told of a failure', () => {
  test.each<[Failure, number, number, string]>([
    ['connection', 502, 503, 'connection_terminated'],
    ['unreachable', 502, 503, 'destination_unavailable'],
    ['timeout', 504, 504, 'http_response_timeout'],
    ['protocol', 502, 502, 'http_protocol_error'],
    ['deadline', 504, 504, 'http_response_timeout'],
  ])('RFC 9110 §15.6, RFC 9209 §2.3: %s is %i, %i where it may be sent again, %s', (failure, once, again, error) => {
    expect(statusOfFailure(failure, false)).toBe(once)
    expect(statusOfFailure(failure, true)).toBe(again)
    expect(proxyError(failure)).toBe(error)
  })
})

describe('RFC 9110 §9.2.2: whether a request may be sent again', () => {
  const methods = ['GET', 'HEAD', 'OPTIONS']

  test.each<[string, string, string[], boolean, boolean]>([
    ['a GET', 'GET', methods, false, true],
    ['a POST', 'POST', methods, false, false],
    ['a PUT, which the route does not name', 'PUT', methods, false, false],
    ['a PUT that the route names', 'PUT', [...methods, 'PUT'], false, true],
    ['a POST that may come twice', 'POST', methods, true, true],
    ['a GET on a route that names nothing', 'GET', [], false, false],
    ['methods are case-sensitive', 'get', methods, false, false],
  ])('%s', (_, method, retryMethods, hasKey, verdict) => expect(mayRetry(method, retryMethods, hasKey)).toBe(verdict))
})

test.each([
  [200, false],
  [429, false],
  [500, false],
  [501, false],
  [502, true],
  [503, true],
  [504, true],
])('RFC 9110 §15.6: %i says that another origin may do better: %s', (status, verdict) => {
  expect(isUnwell(status)).toBe(verdict)
})
