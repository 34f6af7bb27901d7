// What is never sent, and what comes of a receiver that is not there. What is sent is tested on the wire.
import { expect, test } from 'vitest'
import { fetchHook } from '../../../workers/adapters/fetch-hook.ts'
import type { HookAnswer } from '../../../workers/ports/hook-port.ts'

const secret = 'a-secret-of-more-than-24-characters'
/** Nothing listens there. */
const here = 'http://127.0.0.1:9/hook'
const noSecret = expect.stringMatching(/^There is no WEBHOOK_SECRET to sign with: set one with/)

test.each<[title: string, url: string, secrets: string | undefined, isLocal: boolean, answer: HookAnswer]>([
  ['on a laptop to loopback', here, secret, true, { kind: 'none', because: 'No connection.' }],
  [
    'in production to loopback',
    here,
    secret,
    false,
    { kind: 'refused', because: 'The URL must start with "https://".' },
  ],
  [
    'in production to a private address',
    'https://192.168.1.1/hook',
    secret,
    false,
    { kind: 'refused', because: 'The URL must be on the public internet, and its host is not.' },
  ],
  ['without a secret', here, undefined, true, { kind: 'refused', because: noSecret }],
  ['with an empty one', here, '', true, { kind: 'refused', because: noSecret }],
  [
    'with a short one',
    here,
    `${secret},short`,
    true,
    { kind: 'refused', because: expect.stringMatching(/^Each WEBHOOK_SECRET must be/) },
  ],
])('%s', async (_, url, secrets, isLocal, answer) => {
  const hooks = fetchHook(secrets, isLocal, () => Date.now())
  const { signal } = new AbortController()
  expect(await hooks.send({ url, id: 'an-id', body: '{}', at: 0 }, signal)).toEqual(answer)
})

test('a run that was ended sends nothing', async () => {
  const hooks = fetchHook(secret, true, () => Date.now())
  const answer = await hooks.send({ url: here, id: 'an-id', body: '{}', at: 0 }, AbortSignal.abort())
  expect(answer).toEqual({ kind: 'none', because: 'No connection.' })
})
