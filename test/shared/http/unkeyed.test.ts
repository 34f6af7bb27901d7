import { describe, expect, test } from 'vitest'
import { isPersonal, unlisted } from '../../../shared/http/unkeyed.ts'

describe('names that an answer may depend on', () => {
  test.each<[string, string[], string[], string[]]>([
    ['what nobody knows', ['foo', 'debug'], [], ['debug', 'foo']],
    ['in lower case, each once', ['Foo', 'foo'], [], ['foo']],
    ['but not what is keyed', ['foo', 'debug'], ['debug'], ['foo']],
    ['nor what no origin gets to see', ['x-forwarded-host', 'x_y', 'cf-ray', 'te'], [], []],
    ['nor what has rules of its own', ['authorization', 'cookie'], [], []],
    [
      'but what makes a request another one',
      ['origin', 'prefer', 'accept-version'],
      [],
      ['accept-version', 'origin', 'prefer'],
    ],
    ['and what asks for an application', ['x-requested-with', 'x-api-key'], [], ['x-api-key', 'x-requested-with']],
    ['nothing of nothing', [], [], []],
  ])('%s', (_, names, keyed, verdict) => expect(unlisted(names, keyed)).toEqual(verdict))

  test.each([
    'x-api-key',
    'x-anything',
    'api-key',
    'my-token',
    'remote-user',
    'session',
    'xsrf',
    'jwt-assertion',
    'client-cert',
    'cookie2',
    'php-auth-pw',
    'password',
    'signature-input',
    'client-secret',
    'csrf',
    'credential-id',
    'account',
    'tenant',
    'login-hint',
    'email',
  ])('%s may say who asks', (name) => expect(isPersonal(name)).toBe(true))

  test.each(['foo', 'origin', 'debug', 'x-requested-with', 'hx-request', 'prefer', 'icy-metadata'])(
    '%s hardly says who asks',
    (name) => expect(isPersonal(name)).toBe(false),
  )
})
